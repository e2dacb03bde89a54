// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protocol of `DPkg::Pre-Install-Pkgs`, version 3 (apt.conf(5); apt-pkg/deb/dpkgpm.cc,
//! `pkgDPkgPM::SendPkgsInfo`): `VERSION 3`, the configuration, an empty line, a line an action.

use std::fmt;
use std::path::{Path, PathBuf};

use kbuild_guard::package_db::PackageId;
use kbuild_guard::policy::Mode;
use kbuild_guard::transaction::{Driver, Element, Files, Transaction, Why};

use super::typed_words::{is_named, says_all};
use crate::told::Told;

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
    /// In which root: `None` if its settings contradict each other, so that nobody knows.
    pub root: Option<PathBuf>,
    /// What it tells of itself.
    pub told: Told,
}

/// Reads a stream. `dpkg_root` is the environment's DPKG_ROOT, which dpkg takes for `--root` (dpkg(1)); `typed` is the
/// command of a front end that does not put it into the stream ([`front_end::typed`](super::front_end::typed)).
pub fn parse(
    stream: &[u8],
    dpkg_root: Option<&Path>,
    typed: impl FnOnce() -> Option<String>,
) -> Result<Request, StreamError> {
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
    let takes_away = actions.iter().any(Action::takes_away);
    if takes_away && settings.command_line.is_none() {
        settings.command_line = typed();
    }
    let mut transaction = Transaction { driver: settings.driver(), ..Transaction::default() };
    // Most runs only install, some of them thousands of packages: then there is nothing to judge, and
    // the elements are not made.
    if takes_away {
        let names: Vec<(&str, &str)> = actions.iter().map(Action::name_and_arch).collect();
        settings.says_all = settings.typed().is_some_and(|command| says_all(command, &names));
        for action in &actions {
            action.add_to(&mut transaction, &settings);
        }
    }
    let root = settings.root(dpkg_root);
    let told = Told {
        native: Some(settings.native).filter(|native| !native.is_empty()),
        never_autoremoved: Some(settings.never_autoremoved),
    };
    Ok(Request { transaction, root, told })
}

/// The settings that concern us.
#[derive(Debug, Default)]
struct Settings {
    native: String,
    command_line: Option<String>,
    /// Whether the command line tells of every package whether somebody asked for it.
    says_all: bool,
    mode: Option<Mode>,
    wrong_mode: Option<String>,
    dir: String,
    root_dir: String,
    status: String,
    dpkg_options: Vec<String>,
    never_autoremoved: Vec<String>,
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
            "apt::neverautoremove::" => self.never_autoremoved.push(value()),
            "dpkg::options::" => self.dpkg_options.push(value()),
            _ => {}
        }
    }

    fn driver(&self) -> Driver {
        Driver {
            attended: self.typed().is_some(),
            override_mode: self.mode,
            wrong_mode: self.wrong_mode.clone(),
            command_line: self.typed().map(str::to_owned),
        }
    }

    /// The command that was typed. unattended-upgrades and python-apt set none; PackageKit, a daemon whose caller sees
    /// nothing of what a hook says, sets `packagekit role='remove-packages'` (its backends/apt/apt-job.cpp).
    fn typed(&self) -> Option<&str> {
        self.command_line.as_deref().filter(|line| !line.starts_with("packagekit "))
    }

    /// The root of the dpkg that apt is going to run, if apt has read the database of that root. (Where `Dir` is given,
    /// apt sets `Dir::State::status` below it; where `RootDir` is, apt changes into it first.)
    fn root(&self, dpkg_root: Option<&Path>) -> Option<PathBuf> {
        let slashed = |path: &str| if path.is_empty() { PathBuf::from("/") } else { PathBuf::from(path) };
        let mut root = dpkg_root.filter(|root| !root.as_os_str().is_empty()).unwrap_or(Path::new("/")).to_owned();
        let mut admin_dir = None;
        for option in &self.dpkg_options {
            if let Some(value) = option.strip_prefix("--root=").or(option.strip_prefix("--instdir=")) {
                root = slashed(value);
            } else if let Some(dir) = option.strip_prefix("--admindir=") {
                admin_dir = Some(PathBuf::from(dir));
            }
        }
        // A path that is not absolute is below Dir. RootDir stands before all (apt.conf(5), "DIRECTORIES"), and dpkg and
        // its hooks run in it: in here it is not seen any more.
        let status = if self.status.is_empty() { "var/lib/dpkg/status" } else { &self.status };
        let status = slashed(&self.dir).join(status);
        let status = match status.strip_prefix(slashed(&self.root_dir)) {
            Ok(below) => Path::new("/").join(below),
            Err(_) => status,
        };
        let admin = root.join("var/lib/dpkg");
        (status == admin.join("status") && admin_dir.is_none_or(|dir| dir == admin)).then_some(root)
    }

    fn why(&self, name: &str, arch: &str) -> Why {
        match self.typed() {
            Some(command) if is_named(command, name, arch) => Why::Asked,
            Some(_) if self.says_all => Why::Auto,
            Some(_) | None => Why::Unknown,
        }
    }

    fn id(&self, name: &str, arch: &str) -> PackageId {
        if arch == self.native || matches!(arch, "all" | "none" | "-" | "") {
            PackageId::new(name)
        } else {
            PackageId::new(&format!("{name}:{arch}"))
        }
    }
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

    /// The package's name and the architecture it has or, where it is new, will have.
    fn name_and_arch(&self) -> (&'line str, &'line str) {
        (self.name, if self.old.0 == "-" { self.new.1 } else { self.old.1 })
    }

    /// Whether a version of a package leaves.
    fn takes_away(&self) -> bool {
        match self.what {
            "**REMOVE**" => true,
            "**CONFIGURE**" => false,
            _ => self.old.0 != "-",
        }
    }

    fn add_to(&self, transaction: &mut Transaction, settings: &Settings) {
        let element = |(version, arch): (&str, &str)| Element {
            package: settings.id(self.name, arch),
            version: version.to_owned(),
            files: Files::InDatabase,
            why: settings.why(self.name, arch),
        };
        match self.what {
            "**REMOVE**" => transaction.leaving.push(element(self.old)),
            // What is configured was unpacked by an earlier line, or in an earlier run.
            "**CONFIGURE**" => {}
            // A file; or `**ERROR**`, for one that apt has no absolute path of and is going to fail at.
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
        parse(format!("{HEAD}{settings}\n{actions}").as_bytes(), None, || None).unwrap()
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
    fn what_it_tells_of_itself() {
        let request = request("APT::NeverAutoRemove::=^a$\nAPT::NeverAutoRemove::=b%20c\nAPT::NeverAutoRemove=\n", "");
        assert_eq!(request.told.native.as_deref(), Some("amd64"));
        assert_eq!(request.told.never_autoremoved, Some(vec!["^a$".to_owned(), "b c".to_owned()]));
    }

    #[test]
    fn a_daemon_is_no_person() {
        let request = request(
            "CommandLine::AsString=packagekit%20role='remove-packages'\n",
            "linux-headers-1 6.1.190-1 amd64 none > - - none **REMOVE**\n",
        );
        assert!(!request.transaction.driver.attended);
        assert_eq!(names(&request.transaction.leaving), [("linux-headers-1", Why::Unknown)]);
    }

    #[test]
    fn a_name_is_asked_for_with_its_architecture() {
        for (command, asked) in [
            ("apt remove x", true),
            ("apt remove x:amd64", true),
            ("apt remove x:i386", false),
            ("apt remove x:any", true),
            ("apt install y x-", true),
            ("apt install y x:amd64-", true),
            ("apt install x+", true),
            ("apt install x=1.0 y/stable", true),
            ("apt install x-y", false),
            ("x remove y", false),
            ("apt remove x*", true),
        ] {
            assert_eq!(is_named(command, "x", "amd64"), asked, "{command}");
        }
        assert!(is_named("apt remove g++", "g++", "amd64"));
        assert!(!is_named("apt remove g++", "g", "amd64"));
        assert!(is_named("apt install g++-", "g++", "amd64"));
    }

    #[test]
    fn what_a_pattern_takes_is_not_known() {
        let why = |command: &str| {
            let actions = "linux-headers-6.1.0-50-amd64 6.1.190-1 amd64 none > - - none **REMOVE**\n\
                           g++ 4:12 amd64 none > - - none **REMOVE**\n\
                           other 1 amd64 none > - - none **REMOVE**\n";
            let request = request(&format!("CommandLine::AsString={}\n", command.replace(' ', "%20")), actions);
            request.transaction.leaving.last().unwrap().why
        };
        for command in [
            "apt-get remove ^linux-headers-6.1.0-50-",
            "apt-get remove linux-headers-6.1.0-50-amd6.",
            "apt remove ~nlinux-headers",
            "apt remove ?name(linux-headers)",
            "apt remove linux-headers-6.1.0-50-amd64 ?and(?installed, ?name(x))",
            "apt-get install some-server^",
            "apt-get remove oth[e]r",
            "apt-get dselect-upgrade",
            "aptitude",
            "aptitude -t bookworm",
        ] {
            assert_eq!(why(command), Why::Unknown, "{command}");
        }
        for command in [
            "apt autoremove",
            "apt-get -y -o APT::X=^y -t bookworm full-upgrade",
            "apt-get remove linux-headers-6.1.0-50-amd64",
            "apt-get remove linux-headers-6.1.0-50-amd64:amd64 g++",
            "apt-get install gcc=4:12.2 g++-",
            "apt remove linux-headers-*",
        ] {
            assert_eq!(why(command), Why::Auto, "{command}");
        }
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
            // As apt 2.6 sends it for -o Dir=/alt, with a dpkg that follows and with one that does not.
            ("Dir=/alt\nDir::State::status=/alt/var/lib/dpkg/status\nDPkg::Options::=--root=/alt\n", Some("/alt")),
            ("Dir=/alt\nDir::State::status=/alt/var/lib/dpkg/status\n", None),
            // apt changes into RootDir before it runs us and dpkg.
            ("RootDir=/alt\n", Some("/")),
            ("RootDir=/alt/\nDir::State::status=/alt/var/lib/dpkg/status\n", Some("/")),
            ("RootDir=/alt\nDPkg::Options::=--root=/alt\n", None),
            ("Dir=/alt\nDir::State::status=var/lib/dpkg/status\nDPkg::Options::=--root=/alt\n", Some("/alt")),
            // Somebody has set it back: archives and lists are there, what is read and changed is here.
            ("Dir=/alt\n", Some("/")),
            ("Dir=/alt\nDPkg::Options::=--root=/alt\n", None),
            ("DPkg::Options::=--root=/alt\n", None),
            ("DPkg::Options::=--force-confdef\n", Some("/")),
            ("DPkg::Options::=--admindir=/elsewhere\n", None),
            ("Dir::State::status=/elsewhere/status\n", None),
        ] {
            assert_eq!(request(settings, "").root, root.map(PathBuf::from), "{settings}");
        }
        let stream = format!("{HEAD}\n");
        assert_eq!(parse(stream.as_bytes(), Some(Path::new("/alt")), || None).unwrap().root, None, "apt does not know");
        assert_eq!(request("KbuildGuard::Mode=wran\n", "").transaction.driver.wrong_mode.as_deref(), Some("wran"));
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
            assert_eq!(parse(stream.as_bytes(), None, || None), Err(error), "{stream:?}");
        }
    }

    #[test]
    fn a_name_is_safe_to_print() {
        let request = request("", "a\x1b[31mb 1 amd64 none > - - none **REMOVE**\n");
        assert_eq!(names(&request.transaction.leaving), [("a[31mb", Why::Unknown)]);
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, None, || None);
        }

        #[test]
        fn a_stream_cut_anywhere_is_never_taken_for_a_whole_one(cut in 0usize..260) {
            let whole = format!("{HEAD}CommandLine::AsString=apt%20remove%20x\n\nx 1 amd64 none > - - none **REMOVE**\n");
            let cut = cut.min(whole.len() - 1);
            let answer = parse(whole.get(..cut).unwrap().as_bytes(), None, || None);
            // Cut between two lines nothing can tell; what is left must be a prefix of the truth.
            prop_assert!(answer.is_err() || answer.unwrap().transaction.leaving.len() <= 1);
        }
    }
}
