// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protocol of `DPkg::Pre-Install-Pkgs`, version 3 (apt.conf(5); apt-pkg/deb/dpkgpm.cc,
//! `pkgDPkgPM::SendPkgsInfo`): `VERSION 3`, the configuration, an empty line, a line an action.

use std::fmt;
use std::path::{Path, PathBuf};

use kbuild_guard::package_db::PackageId;
use kbuild_guard::policy::Mode;
use kbuild_guard::transaction::{Driver, Element, Files, Transaction, Why};

/// The only version we speak, and the highest apt does.
const VERSION: &str = "VERSION 3";

/// What is wrong with a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamError {
    /// It does not begin with `VERSION 3`.
    Version,
    /// It ended before the empty line that ends the configuration, or in the middle of a line.
    Cut,
    /// An action's line cannot be read; its number, from 1 at the top of the stream.
    Action {
        /// The line.
        line: usize,
    },
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Version => write!(f, "apt's stream does not begin with '{VERSION}'"),
            StreamError::Cut => write!(f, "apt's stream is cut short"),
            StreamError::Action { line } => write!(f, "line {line} of apt's stream is no action"),
        }
    }
}

impl std::error::Error for StreamError {}

/// What apt says: its configuration, as far as it concerns us, and what it is about to do. Where nothing
/// leaves, what arrives is not told either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it is about to do.
    pub transaction: Transaction,
    /// A one-run mode that is none: the word.
    pub wrong_mode: Option<String>,
    /// In which root: `None` if its settings contradict each other, so that nobody knows.
    pub root: Option<PathBuf>,
}

/// Reads a stream. `dpkg_root` is the environment's DPKG_ROOT, which dpkg takes for `--root` (dpkg(1)).
pub fn parse(stream: &[u8], dpkg_root: Option<&Path>) -> Result<Request, StreamError> {
    let text = String::from_utf8_lossy(stream);
    let text: &str = text.as_ref();
    // A whole stream ends with a line feed; what is behind the last one is a line that was cut.
    let (text, is_whole) = text.strip_suffix('\n').map_or((text, false), |text| (text, true));
    let mut lines = text.split('\n').enumerate().map(|(index, line)| (index + 1, line));
    if lines.next().map(|(_, line)| line) != Some(VERSION) {
        return Err(if VERSION.starts_with(text) { StreamError::Cut } else { StreamError::Version });
    }
    let mut settings = Settings::default();
    loop {
        match lines.next() {
            Some((_, "")) => break,
            Some((_, line)) => settings.read(line),
            None => return Err(StreamError::Cut),
        }
    }
    if !is_whole {
        return Err(StreamError::Cut);
    }
    let actions = lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(line, text)| Action::parse(text).ok_or(StreamError::Action { line }))
        .collect::<Result<Vec<Action<'_>>, StreamError>>()?;
    let mut transaction = Transaction { driver: settings.driver(), ..Transaction::default() };
    // Most runs only install, some of them thousands of packages: then there is nothing to judge, and
    // the elements are not made.
    if actions.iter().any(Action::takes_away) {
        for action in &actions {
            action.add_to(&mut transaction, &settings);
        }
    }
    let root = settings.root(dpkg_root);
    Ok(Request { transaction, wrong_mode: settings.wrong_mode, root })
}

/// The settings that concern us.
#[derive(Debug, Default)]
struct Settings {
    native: String,
    command_line: Option<String>,
    mode: Option<Mode>,
    wrong_mode: Option<String>,
    dir: String,
    root_dir: String,
    status: String,
    dpkg_options: Vec<String>,
}

impl Settings {
    fn read(&mut self, line: &str) {
        let Some((key, value)) = line.split_once('=') else { return };
        let value = || unquoted(value);
        // apt's keys are the same in any case.
        match key.to_ascii_lowercase().as_str() {
            "apt::architecture" => self.native = value(),
            "commandline::asstring" => self.command_line = Some(value()),
            "kbuildguard::mode" => {
                self.mode = value().parse().ok();
                self.wrong_mode = self.mode.is_none().then(value);
            }
            "dir" => self.dir = value(),
            "rootdir" => self.root_dir = value(),
            "dir::state::status" => self.status = value(),
            "dpkg::options::" => self.dpkg_options.push(value()),
            _ => {}
        }
    }

    fn driver(&self) -> Driver {
        Driver {
            // Only apt's own commands set it: unattended-upgrades, PackageKit and python-apt do not.
            attended: self.command_line.is_some(),
            override_mode: self.mode,
            command_line: self.command_line.clone(),
        }
    }

    /// The root that apt and the dpkg it is going to run agree upon.
    fn root(&self, dpkg_root: Option<&Path>) -> Option<PathBuf> {
        let slashed = |path: &str| if path.is_empty() { PathBuf::from("/") } else { PathBuf::from(path) };
        // RootDir stands before every other directory (apt.conf(5)).
        let apt = match slashed(&self.root_dir) {
            root if root == Path::new("/") => slashed(&self.dir),
            root => root,
        };
        let mut dpkg = dpkg_root.filter(|root| !root.as_os_str().is_empty()).unwrap_or(Path::new("/")).to_owned();
        let mut admin_dir = None;
        for option in &self.dpkg_options {
            if let Some(root) = option.strip_prefix("--root=").or(option.strip_prefix("--instdir=")) {
                dpkg = slashed(root);
            } else if let Some(dir) = option.strip_prefix("--admindir=") {
                admin_dir = Some(PathBuf::from(dir));
            }
        }
        let expected = apt.join("var/lib/dpkg");
        let status = PathBuf::from(&self.status);
        let status_agrees = self.status.is_empty() || !status.is_absolute() || {
            // Given relative to apt's root or as a path of the caller's.
            status == expected.join("status") || status == Path::new("/var/lib/dpkg/status")
        };
        let admin_agrees = admin_dir.is_none_or(|dir| dir == expected);
        (apt == dpkg && status_agrees && admin_agrees).then_some(apt)
    }

    fn why(&self, name: &str) -> Why {
        let Some(command) = &self.command_line else { return Why::Unknown };
        let names_it = |word: &str| {
            let word = word.trim_end_matches(['-', '+']);
            let word = word.split(['=', '/']).next().unwrap_or_default();
            word == name || word.split(':').next() == Some(name) || (word.contains('*') && matches_star(word, name))
        };
        if command.split_ascii_whitespace().skip(1).any(names_it) { Why::Asked } else { Why::Auto }
    }

    fn id(&self, name: &str, arch: &str) -> PackageId {
        if arch == self.native || matches!(arch, "all" | "none" | "-" | "") {
            PackageId::new(name)
        } else {
            PackageId::new(&format!("{name}:{arch}"))
        }
    }
}

/// Whether a word with stars, as apt takes them, names a package.
fn matches_star(word: &str, name: &str) -> bool {
    let mut rest = name;
    let mut parts = word.split('*').peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match rest.find(part) {
            Some(at) if !first || at == 0 => rest = rest.get(at + part.len()..).unwrap_or_default(),
            _ => return false,
        }
        if last {
            return part.is_empty() || name.ends_with(part);
        }
        first = false;
    }
    true
}

/// `%20` and its like undone (apt-pkg/contrib/strutl.cc, `QuoteString`).
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, code) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One line: `name oldver oldarch oldMA < newver newarch newMA ACTION`.
struct Action<'line> {
    name: &'line str,
    old: (&'line str, &'line str),
    new: (&'line str, &'line str),
    what: &'line str,
}

impl<'line> Action<'line> {
    fn parse(line: &'line str) -> Option<Self> {
        // The file of an action may have blanks in its path; it is the last field.
        let mut fields = line.splitn(9, ' ');
        let mut next = || fields.next().filter(|field| !field.is_empty());
        let (name, old_version, old_arch, _) = (next()?, next()?, next()?, next()?);
        let direction = next()?;
        let (new_version, new_arch, _) = (next()?, next()?, next()?);
        let what = next()?;
        let is_action = matches!(what, "**REMOVE**" | "**CONFIGURE**" | "**ERROR**") || what.starts_with('/');
        (is_action && matches!(direction, "<" | ">" | "=")).then_some(Action {
            name,
            old: (old_version, old_arch),
            new: (new_version, new_arch),
            what,
        })
    }

    /// Whether a version of a package leaves.
    fn takes_away(&self) -> bool {
        match self.what {
            "**REMOVE**" => true,
            "**CONFIGURE**" | "**ERROR**" => false,
            _ => self.old.0 != "-",
        }
    }

    fn add_to(&self, transaction: &mut Transaction, settings: &Settings) {
        let element = |(version, arch): (&str, &str)| Element {
            package: settings.id(self.name, arch),
            version: version.to_owned(),
            files: Files::InDatabase,
            why: settings.why(self.name),
        };
        match self.what {
            "**REMOVE**" => transaction.leaving.push(element(self.old)),
            // What is configured was unpacked by an earlier line, or in an earlier run.
            "**CONFIGURE**" | "**ERROR**" => {}
            _ => {
                if self.old.0 != "-" {
                    transaction.leaving.push(element(self.old));
                }
                transaction.arriving.push(element(self.new));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "VERSION 3\nAPT::Architecture=amd64\nDir=/\nDir::State::status=/var/lib/dpkg/status\n";

    fn request(settings: &str, actions: &str) -> Request {
        parse(format!("{HEAD}{settings}\n{actions}").as_bytes(), None).unwrap()
    }

    fn names(elements: &[Element]) -> Vec<(&str, Why)> {
        elements.iter().map(|element| (element.package.as_str(), element.why)).collect()
    }

    #[test]
    fn an_autoremove() {
        let request = request(
            "CommandLine::AsString=apt-get%20-y%20autoremove%20linux-headers-2%20x*\nKbuildGuard::Mode=warn\n",
            "linux-headers-1 6.1.190-1 amd64 none > - - none **REMOVE**\n\
             linux-headers-2 6.1.190-1 all foreign > - - none **REMOVE**\n\
             xserver 1 i386 same > - - none **REMOVE**\n",
        );
        let expected = [("linux-headers-1", Why::Auto), ("linux-headers-2", Why::Asked), ("xserver:i386", Why::Asked)];
        assert_eq!(names(&request.transaction.leaving), expected);
        assert!(request.transaction.arriving.is_empty());
        let driver = &request.transaction.driver;
        assert!(driver.attended);
        assert_eq!(driver.override_mode, Some(Mode::Warn));
        assert_eq!(driver.command_line.as_deref(), Some("apt-get -y autoremove linux-headers-2 x*"));
        assert_eq!(request.root, Some(PathBuf::from("/")));
    }

    #[test]
    fn installs_upgrades_and_configurations() {
        let request = request(
            "",
            "new - - none < 1.0 amd64 none /var/cache/apt/archives/new 1.deb\n\
             new - - none < 1.0 amd64 none **CONFIGURE**\n\
             old 1.0 amd64 none < 1.1 amd64 none /var/cache/apt/archives/old.deb\n\
             half 1.0 amd64 none = 1.0 amd64 none **CONFIGURE**\n",
        );
        assert!(!request.transaction.driver.attended);
        assert_eq!(names(&request.transaction.leaving), [("old", Why::Unknown)]);
        assert_eq!(names(&request.transaction.arriving), [("new", Why::Unknown), ("old", Why::Unknown)]);
    }

    #[test]
    fn the_root_is_where_apt_and_dpkg_agree() {
        for (settings, root) in [
            ("Dir=/alt\nDPkg::Options::=--root=/alt\n", Some("/alt")),
            ("RootDir=/alt\nDPkg::Options::=--root=/alt\n", Some("/alt")),
            ("Dir=/alt\n", None),
            ("DPkg::Options::=--root=/alt\n", None),
            ("DPkg::Options::=--force-confdef\n", Some("/")),
            ("DPkg::Options::=--admindir=/elsewhere\n", None),
            ("Dir::State::status=/elsewhere/status\n", None),
        ] {
            assert_eq!(request(settings, "").root, root.map(PathBuf::from), "{settings}");
        }
        let stream = format!("{HEAD}\n");
        assert_eq!(parse(stream.as_bytes(), Some(Path::new("/alt"))).unwrap().root, None, "apt does not know");
        assert_eq!(request("KbuildGuard::Mode=wran\n", "").wrong_mode.as_deref(), Some("wran"));
    }

    #[test]
    fn says_what_is_wrong_with_a_stream() {
        for (stream, error) in [
            ("", StreamError::Cut),
            ("VERSION 2\n\n", StreamError::Version),
            ("/var/cache/x.deb\n", StreamError::Version),
            ("VERSION 3\nDir=/\n", StreamError::Cut),
            ("VERSION 3\nDir=/\n\nx 1 amd64 none > - - none **REM", StreamError::Cut),
            ("VERSION 3\n\nx 1 amd64 none > - - none nonsense\n", StreamError::Action { line: 3 }),
            ("VERSION 3\n\nx 1\n", StreamError::Action { line: 3 }),
        ] {
            assert_eq!(parse(stream.as_bytes(), None), Err(error), "{stream:?}");
        }
    }

    #[test]
    fn a_name_is_safe_to_print() {
        let request = request("", "a\x1b[31mb 1 amd64 none > - - none **REMOVE**\n");
        assert_eq!(names(&request.transaction.leaving), [("a[31mb", Why::Unknown)]);
    }

    #[test]
    fn stars_as_apt_takes_them() {
        assert!(matches_star("linux-headers-*", "linux-headers-6.1"));
        assert!(matches_star("*-amd64", "linux-headers-6.1-amd64"));
        assert!(!matches_star("linux-*-rt", "linux-headers-amd64"));
        assert!(!matches_star("image-*", "linux-image-1"));
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, None);
        }

        #[test]
        fn a_stream_cut_anywhere_is_never_taken_for_a_whole_one(cut in 0usize..260) {
            let whole = format!("{HEAD}CommandLine::AsString=apt%20remove%20x\n\nx 1 amd64 none > - - none **REMOVE**\n");
            let cut = cut.min(whole.len() - 1);
            let answer = parse(whole.get(..cut).unwrap().as_bytes(), None);
            // Cut between two lines nothing can tell; what is left must be a prefix of the truth.
            prop_assert!(answer.is_err() || answer.unwrap().transaction.leaving.len() <= 1);
        }
    }
}
