// SPDX-License-Identifier: MIT OR Apache-2.0
//! Golden layouts (tests/layouts, described in its README) put together, and the command run on them.

pub(crate) mod killed;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A layout on a layout on a layout is as deep as anybody can follow.
const DEEPEST: usize = 3;

/// One folder of tests/layouts.
pub(crate) struct Layout {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
}

/// A layout put together in a directory of its own, which goes with it.
pub(crate) struct System {
    holder: TempDir,
}

/// How a run of the command ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The exit status; -1 for a signal.
    pub(crate) code: i32,
}

impl Layout {
    /// Every layout, by name.
    pub(crate) fn all() -> Vec<Layout> {
        let mut all: Vec<Layout> = fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .map(|dir| Layout { name: dir.file_name().unwrap().to_str().unwrap().to_owned(), dir })
            .collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// The layout of this name.
    pub(crate) fn named(name: &str) -> Layout {
        Layout { name: name.to_owned(), dir: folder().join(name) }
    }

    /// Its file system: the base's, without what remove.txt lists, with root/ laid on top.
    pub(crate) fn assemble(&self) -> System {
        let system = System::empty();
        self.assemble_into(&system.root(), DEEPEST);
        system
    }

    fn base(&self) -> Option<Layout> {
        let name = fs::read_to_string(self.dir.join("base")).ok()?;
        Some(Layout::named(name.trim()))
    }

    fn assemble_into(&self, root: &Path, depth: usize) {
        if let Some(base) = self.base() {
            assert!(depth > 0, "{}: a base of a base of a base, or a circle", self.name);
            base.assemble_into(root, depth - 1);
        }
        let removals = fs::read_to_string(self.dir.join("remove.txt")).unwrap_or_default();
        for line in removals.lines().filter(|line| !line.trim().is_empty()) {
            match line.strip_suffix("/*") {
                // A directory that stays, empty: git has none.
                Some(dir) => fs::read_dir(root.join(dir))
                    .unwrap_or_else(|error| panic!("{}: remove.txt: {line}: {error}", self.name))
                    .for_each(|entry| remove(&entry.unwrap().path())),
                None => {
                    let path = root.join(line);
                    assert!(path.symlink_metadata().is_ok(), "{}: remove.txt: {line} is not there", self.name);
                    remove(&path);
                }
            }
        }
        let own = self.dir.join("root");
        if own.exists() {
            lay(&own, root);
        }
    }

    /// The lines of owners.tsv, package and path, of this layout or its base: for systems whose package
    /// manager is not supported yet.
    pub(crate) fn owners(&self) -> Option<Vec<(String, String)>> {
        let Ok(text) = fs::read_to_string(self.dir.join("owners.tsv")) else { return self.base()?.owners() };
        let row = |line: &str| {
            let (package, path) = line.split_once('\t').unwrap_or_else(|| panic!("{}: no tab: {line}", self.name));
            (package.to_owned(), path.to_owned())
        };
        Some(text.lines().filter(|line| !line.is_empty()).map(row).collect())
    }
}

impl System {
    /// A system without a single file.
    pub(crate) fn empty() -> System {
        // In memory, where that is possible: a copy waits for the disk, and the disk for everybody else's writing.
        let holder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        for name in ["root", "no-programs"] {
            fs::create_dir(holder.path().join(name)).unwrap();
        }
        System { holder }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.holder.path().join("root")
    }

    /// A path of this system, as the test sees it.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// Writes a file, with its directories.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Every path below the root with its length: to see that a run writes nothing.
    pub(crate) fn listing(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        list(&self.root(), &mut found);
        found.sort();
        found
    }

    /// The command with `--root` on this system, not yet started. Its environment is empty and its PATH
    /// has no program, so that the answer does not depend on whether this machine has apt.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kbuild-guard"));
        command.env_clear().env("PATH", self.holder.path().join("no-programs")).stdin(Stdio::null());
        command.arg("--root").arg(self.root()).args(arguments);
        command
    }

    /// Runs the command on this system.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        Run::of(&mut self.command(arguments))
    }
}

impl Run {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Run {
        let output = command.output().unwrap();
        Run {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// What it printed on stdout, as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the command and gives it ten seconds: what waits for a FIFO waits for ever.
pub(crate) fn run_in_time(system: &System, arguments: &[&str]) -> Run {
    let mut child = system.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Read while it runs: a pipe holds 64 kB.
    fn read(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        })
    }
    let (out, err) = (read(child.stdout.take().unwrap()), read(child.stderr.take().unwrap()));
    let until = Instant::now() + Duration::from_secs(10);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{arguments:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Run { stdout: out.join().unwrap(), stderr: err.join().unwrap(), code: status.code().unwrap_or(-1) }
}

/// Compares what is said with what a file expects, or writes it there where `KBUILD_GUARD_BLESS` is set.
pub(crate) fn compare(path: &Path, said: &str) -> String {
    if std::env::var_os("KBUILD_GUARD_BLESS").is_some() {
        fs::write(path, said).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    let mut difference = String::new();
    if expected != said {
        let (expected, said) = (snapbox::Data::text(expected), snapbox::Data::text(said.to_owned()));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let plain = snapbox::report::Palette::plain();
        snapbox::report::write_diff(&mut difference, &expected, &said, Some(&name), Some(&"said now"), plain).unwrap();
        difference.push('\n');
    }
    difference
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/layouts")
}

fn remove(path: &Path) {
    if path.symlink_metadata().unwrap().is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

/// Copies a tree over another. Modes are 755 and 644, whatever the umask was when git wrote the files.
fn lay(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        let kind = source.symlink_metadata().unwrap().file_type();
        let there = target.symlink_metadata().ok().map(|there| there.file_type());
        if kind.is_dir() {
            let is_other = there.is_some_and(|there| !there.is_dir());
            assert!(!is_other, "{} would be laid over a link: name the directory it leads to", source.display());
            lay(&source, &target);
            continue;
        }
        if there.is_some() {
            remove(&target);
        }
        if kind.is_symlink() {
            symlink(fs::read_link(&source).unwrap(), &target).unwrap();
        } else {
            let is_program = source.metadata().unwrap().permissions().mode() & 0o100 != 0;
            fs::copy(&source, &target).unwrap();
            fs::set_permissions(&target, Permissions::from_mode(if is_program { 0o755 } else { 0o644 })).unwrap();
        }
    }
}

fn list(dir: &Path, found: &mut Vec<(PathBuf, u64)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let status = path.symlink_metadata().unwrap();
        found.push((path.clone(), if status.is_dir() { 0 } else { status.len() }));
        if status.is_dir() {
            list(&path, found);
        }
    }
}
