// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which files make up the configuration, and what it comes to: vendor's, admin's, drop-ins; the last word
//! holds. Nothing that stands there stops anybody: what cannot be used is a warning.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::file::{read_file, shown};
use super::{Ignore, Mode, Policy, ReportSettings, Setting, Source, Warning};
use crate::error::Error;
use crate::sysroot::{Kind, RootPath, Sysroot};

/// What the distribution sets, in files that end in `.toml`. Our programs are there too.
const VENDOR: &str = "/usr/lib/kbuild-guard";
/// What the admin sets.
const SETTINGS: &str = "/etc/kbuild-guard";
/// The admin's own file.
const ADMIN: &str = "/etc/kbuild-guard/config.toml";
/// Files that end in `.toml`, by packages, tools and admins.
const DROP_INS: &str = "/etc/kbuild-guard/conf.d";

/// Larger than any configuration anybody writes.
const LARGEST: usize = 1 << 18;

/// More files than anybody has in one directory.
const MOST_FILES: usize = 256;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was read; there may be warnings about lines of it.
    Read,
    /// It is a link to /dev/null: an empty file, on purpose.
    Masked,
    /// It could not be used at all; a warning says why.
    Unusable,
    /// It is in the directory of drop-ins and its name does not end in `.toml`.
    NotToml,
}

/// The configuration with the place of every word in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    /// How far the guard goes.
    pub mode: Setting<Mode>,
    /// Findings the admin knows of. A later file's list replaces an earlier one's, so that an admin can take
    /// lines away.
    pub ignore: Setting<Vec<(Ignore, Source)>>,
    /// Whom the daily report goes to.
    pub report: ReportSettings,
    /// Every file that was found, in the order they were read.
    pub files: Vec<(RootPath, Fate)>,
    /// What is wrong.
    pub warnings: Vec<Warning>,
}

/// The policy in force in a root, and what is wrong with its files.
pub fn load(root: &Sysroot) -> (Policy, Vec<Warning>) {
    let configuration = Configuration::load(root);
    let policy = configuration.policy();
    (policy, configuration.warnings)
}

impl Configuration {
    /// Reads every file of a root.
    pub fn load(root: &Sysroot) -> Self {
        let mut all = Configuration::default();
        for file in all.toml_files(root, VENDOR, false) {
            all.read(root, file);
        }
        if all.is_directory(root, &RootPath::new(SETTINGS)) {
            all.read(root, RootPath::new(ADMIN));
            for file in all.toml_files(root, DROP_INS, true) {
                all.read(root, file);
            }
        }
        all
    }

    /// The same with the word that `KBUILD_GUARD_MODE` says, which only ever lowers the mode.
    pub fn lowered_by(mut self, word: Option<&OsStr>) -> Self {
        let Some(word) = word.filter(|word| !word.is_empty()) else { return self };
        match word.to_str().and_then(|word| word.parse().ok()) {
            Some(mode) if mode < self.mode.value => self.mode.set(mode, Source::Environment),
            Some(_) => {}
            None => self.warnings.push(Warning {
                at: Source::Environment,
                problem: format!("mode {} is none of {}; {} holds", shown(word), Mode::LIST, self.mode.value.as_str()),
                advice: format!("unset it, or set it to one of {}", Mode::LIST),
            }),
        }
        self
    }

    /// What it comes to.
    pub fn policy(&self) -> Policy {
        let ignore = self.ignore.value.iter().map(|(ignore, _)| ignore.clone()).collect();
        Policy { mode: self.mode.value, ignore, report_to: self.report.in_force() }
    }

    /// The files of a directory that end in `.toml`, by name.
    fn toml_files(&mut self, root: &Sysroot, dir: &str, is_ours_alone: bool) -> Vec<RootPath> {
        let dir = RootPath::new(dir);
        if !self.is_directory(root, &dir) {
            return Vec::new();
        }
        let entries = match root.list(&dir, MOST_FILES + 1) {
            Ok(entries) => entries,
            Err(error) => {
                self.pass_over(&dir, &error);
                return Vec::new();
            }
        };
        if entries.len() > MOST_FILES {
            let problem = format!("it has more than {MOST_FILES} files; the rest is not read");
            self.warnings.push(Warning { at: Source::whole(&dir), problem, advice: "take files away".to_owned() });
        }
        let mut files = Vec::new();
        for entry in entries.into_iter().take(MOST_FILES) {
            let name = entry.name.as_bytes();
            if name.starts_with(b".") {
                continue;
            }
            if name.ends_with(b".toml") {
                files.push(dir.join(entry.name));
            } else if is_ours_alone && entry.kind != Some(Kind::Directory) {
                self.files.push((dir.join(entry.name), Fate::NotToml));
            }
        }
        files
    }

    fn read(&mut self, root: &Sysroot, file: RootPath) {
        let fate = match root.read(&file, LARGEST) {
            _ if root.link_target(&file).is_ok_and(|target| target == Path::new("/dev/null")) => Fate::Masked,
            Ok(bytes) => read_file(&file, &bytes, self),
            Err(error) if error.is_not_found() && root.link_status(&file).is_err() => return,
            Err(error) => {
                self.pass_over(&file, &error);
                Fate::Unusable
            }
        };
        self.files.push((file, fate));
    }

    /// Whether there is a directory; something else in its place is a warning, nothing is not.
    fn is_directory(&mut self, root: &Sysroot, dir: &RootPath) -> bool {
        match root.status(dir) {
            Ok(status) if status.kind == Kind::Directory => return true,
            Ok(_) => {
                let problem = "it is no directory, and no file in it is read".to_owned();
                self.warnings.push(Warning {
                    at: Source::whole(dir),
                    problem,
                    advice: "make it a directory".to_owned(),
                });
            }
            Err(error) if error.is_not_found() && root.link_status(dir).is_err() => {}
            Err(error) => self.pass_over(dir, &error),
        }
        false
    }

    fn pass_over(&mut self, path: &RootPath, error: &Error) {
        let (problem, advice) = unreadable(error);
        self.warnings.push(Warning { at: Source::whole(path), problem, advice });
    }
}

/// Why a file or directory is passed over, and what to do.
fn unreadable(error: &Error) -> (String, String) {
    let (what, advice) = match error {
        Error::NotFound { .. } => {
            ("it is a link that leads nowhere".to_owned(), "mend the link, or remove it".to_owned())
        }
        Error::NotRegular { .. } => {
            ("it is not a regular file".to_owned(), "put a regular file there, or remove it".to_owned())
        }
        Error::TooLarge { limit, .. } => {
            (format!("it is larger than {limit} bytes"), "keep nothing but settings in it".to_owned())
        }
        Error::Io { operation, source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            (format!("cannot {operation} it: {}", words(source)), "ask as root, or make it readable for all".to_owned())
        }
        Error::Io { operation, source, .. } => {
            (format!("cannot {operation} it: {}", words(source)), "make it readable, or remove it".to_owned())
        }
        other => (other.to_string(), "ask again".to_owned()),
    };
    (format!("{what}; it is passed over"), advice)
}

/// The system's words without its number, which tells nobody more.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(words, _)| words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::FindingId;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn system(files: &[(&str, &str)]) -> (tempfile::TempDir, Sysroot) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let root = Sysroot::open(dir.path()).unwrap();
        (dir, root)
    }

    fn said(configuration: &Configuration) -> Vec<String> {
        configuration.warnings.iter().map(Warning::to_string).collect()
    }

    #[test]
    fn nothing_said_is_the_default() {
        let (_dir, root) = system(&[]);
        let all = Configuration::load(&root);
        assert_eq!(all, Configuration::default());
        assert_eq!((all.mode.value, &all.mode.source), (Mode::Guard, &Source::Default));
    }

    #[test]
    fn the_last_word_holds() {
        let vendor =
            ("usr/lib/kbuild-guard/10-distribution.toml", "mode = \"warn\"\nignore = [{finding=\"KBG001\"}]\n");
        let later = ("usr/lib/kbuild-guard/20-site.toml", "mode = \"off\"\n");
        let admin = ("etc/kbuild-guard/config.toml", "\nmode = \"strict\"\n");
        let one = ("etc/kbuild-guard/conf.d/10-a.toml", "mode = \"guard\"\nignore = [{finding=\"KBG020\"}]\n");
        let two = ("etc/kbuild-guard/conf.d/9-b.toml", "\n\nmode = \"warn\"\n");
        let files = [vendor, later, admin, one, two];
        let expected = [
            ("warn", "/usr/lib/kbuild-guard/10-distribution.toml:1"),
            ("off", "/usr/lib/kbuild-guard/20-site.toml:1"),
            ("strict", "/etc/kbuild-guard/config.toml:2"),
            ("guard", "/etc/kbuild-guard/conf.d/10-a.toml:1"),
            // By byte order, in which 9 comes after 1.
            ("warn", "/etc/kbuild-guard/conf.d/9-b.toml:3"),
        ];
        for count in 1..=files.len() {
            let (_dir, root) = system(&files[..count]);
            let all = Configuration::load(&root);
            let (mode, source) = expected[count - 1];
            assert_eq!((all.mode.value.as_str(), all.mode.source.to_string().as_str()), (mode, source));
            let before: Vec<(&str, String)> =
                all.mode.overridden.iter().map(|(mode, source)| (mode.as_str(), source.to_string())).collect();
            assert_eq!(before[0], ("guard", "default".to_owned()));
            assert_eq!(before.len(), count);
            assert_eq!(all.files.len(), count);
            assert!(all.warnings.is_empty());
            let ignored = if count < 4 { FindingId::NoHeaders } else { FindingId::OtherRelease };
            assert_eq!(all.policy().ignore, [Ignore { finding: ignored, release: "*".to_owned() }]);
        }
    }

    #[test]
    fn the_environment_only_lowers() {
        for (file, word, mode, source) in [
            ("strict", "guard", Mode::Guard, Source::Environment),
            ("guard", "WARN", Mode::Warn, Source::Environment),
            ("guard", "off", Mode::Off, Source::Environment),
            ("warn", "strict", Mode::Warn, Source::File { path: RootPath::new(ADMIN), line: 1 }),
            ("warn", "warn", Mode::Warn, Source::File { path: RootPath::new(ADMIN), line: 1 }),
            ("warn", "", Mode::Warn, Source::File { path: RootPath::new(ADMIN), line: 1 }),
        ] {
            let (_dir, root) = system(&[("etc/kbuild-guard/config.toml", &format!("mode = \"{file}\""))]);
            let all = Configuration::load(&root).lowered_by(Some(OsStr::new(word)));
            assert_eq!((all.mode.value, all.mode.source), (mode, source), "{file} {word}");
            assert!(all.warnings.is_empty());
        }
        for word in [OsStr::new("loud"), OsStr::from_bytes(b"\xff\x1b[31m")] {
            let all = Configuration::default().lowered_by(Some(word));
            assert_eq!(all.mode, Setting::default());
            assert!(said(&all)[0].starts_with("KBUILD_GUARD_MODE: mode "), "{all:?}");
            assert!(!said(&all)[0].contains('\u{1b}'));
        }
    }

    #[test]
    fn what_is_no_file_is_a_warning() {
        type Put = fn(&Path);
        let cases: [(&str, Put, Fate, &str); 6] = [
            (
                "a FIFO",
                |path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
                Fate::Unusable,
                "regular",
            ),
            ("a directory", |path| fs::create_dir(path).unwrap(), Fate::Unusable, "regular"),
            ("a circle", |path| symlink(path.file_name().unwrap(), path).unwrap(), Fate::Unusable, "links"),
            ("a dead link", |path| symlink("nowhere", path).unwrap(), Fate::Unusable, "nowhere"),
            ("too large", |path| fs::write(path, " ".repeat(LARGEST + 1)).unwrap(), Fate::Unusable, "larger"),
            ("no text", |path| fs::write(path, b"mode = \"\xff\"").unwrap(), Fate::Unusable, "UTF-8"),
        ];
        for (what, put, fate, warning) in cases {
            for place in [ADMIN, "/etc/kbuild-guard/conf.d/x.toml", "/usr/lib/kbuild-guard/x.toml"] {
                let (dir, root) = system(&[("etc/kbuild-guard/conf.d/00.toml", "mode = \"warn\"\n")]);
                let path = dir.path().join(place.trim_start_matches('/'));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                put(&path);
                let all = Configuration::load(&root);
                assert_eq!(all.mode.value, Mode::Warn, "{what}");
                assert!(all.files.contains(&(RootPath::new(place), fate.clone())), "{what} {all:?}");
                let said = said(&all);
                assert_eq!(said.len(), 1, "{what} {said:?}");
                assert!(said[0].starts_with(&format!("{place}:")) && said[0].contains(warning), "{what} {said:?}");
            }
        }
    }

    #[test]
    fn what_is_no_directory_is_a_warning() {
        for place in ["etc/kbuild-guard", "etc/kbuild-guard/conf.d", "usr/lib/kbuild-guard"] {
            let (_dir, root) = system(&[(place, "")]);
            let all = Configuration::load(&root);
            assert_eq!(said(&all), [format!("/{place}: it is no directory, and no file in it is read")]);
        }
        let (dir, root) = system(&[]);
        fs::create_dir_all(dir.path().join("etc/kbuild-guard")).unwrap();
        symlink("conf.d", dir.path().join("etc/kbuild-guard/conf.d")).unwrap();
        assert!(said(&Configuration::load(&root))[0].contains("links"));
    }

    #[test]
    fn a_masked_file_and_other_names_are_silent() {
        let (dir, root) = system(&[
            ("etc/kbuild-guard/conf.d/README", "mode = "),
            ("etc/kbuild-guard/conf.d/.x.toml", "mode = "),
            ("etc/kbuild-guard/conf.d/x.toml~", "mode = "),
            ("usr/lib/kbuild-guard/apt-hook", "mode = "),
        ]);
        symlink("/dev/null", dir.path().join("etc/kbuild-guard/conf.d/50-x.toml")).unwrap();
        let all = Configuration::load(&root);
        assert!(all.warnings.is_empty(), "{all:?}");
        let fates: Vec<&Fate> = all.files.iter().map(|(_, fate)| fate).collect();
        assert_eq!(fates, [&Fate::NotToml, &Fate::NotToml, &Fate::Masked]);
    }

    #[test]
    fn more_files_than_anybody_has() {
        let (dir, root) = system(&[("etc/kbuild-guard/conf.d/000.toml", "mode = \"off\"\n")]);
        for number in 0..=MOST_FILES {
            fs::write(dir.path().join(format!("etc/kbuild-guard/conf.d/f{number}.toml")), "").unwrap();
        }
        let all = Configuration::load(&root);
        assert_eq!(all.mode.value, Mode::Off);
        assert_eq!(all.warnings.len(), 1, "{:?}", all.warnings);
    }
}
