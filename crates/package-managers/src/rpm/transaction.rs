// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the transaction plugin writes down of a transaction: fields `key=value`, each ended by a zero byte, as its crate
//! describes them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use kbuild_guard::package_db::PackageId;
use kbuild_guard::sysroot::{RootPath, Sysroot};
use kbuild_guard::transaction::{Driver, Element, Files, Transaction};

use super::typed_words::{Names, why};

/// The only version there is, the first field.
const VERSION: &[u8] = b"kbuild-guard-rpm=1";

/// What is wrong with a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanError {
    /// It does not begin as it must.
    Version,
    /// It does not end with its last field.
    Cut,
    /// A field has no place where it stands; its number, from 1.
    Field {
        /// The field.
        number: usize,
    },
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Version => write!(f, "the plugin's plan does not begin with 'kbuild-guard-rpm=1'"),
            PlanError::Cut => write!(f, "the plugin's plan is cut short"),
            PlanError::Field { number } => write!(f, "field {number} of the plugin's plan is out of place"),
        }
    }
}

impl std::error::Error for PlanError {}

/// What rpm is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The root it works on, as the host sees it.
    pub root: PathBuf,
    packages: Vec<Planned>,
}

/// One package with one of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Planned {
    leaves: bool,
    name: String,
    evr: String,
    nevra: String,
    files: Vec<Vec<u8>>,
}

impl Plan {
    /// Reads what the plugin wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, PlanError> {
        let Some(bytes) = bytes.strip_suffix(b"\0") else { return Err(PlanError::Cut) };
        let mut fields = bytes.split(|byte| *byte == 0).enumerate().map(|(index, field)| (index + 1, field));
        if fields.next().map(|(_, field)| field) != Some(VERSION) {
            return Err(PlanError::Version);
        }
        let mut plan = Plan { root: PathBuf::from("/"), packages: Vec::new() };
        let mut is_whole = false;
        for (number, field) in fields {
            let wrong = PlanError::Field { number };
            let at = memchr::memchr(b'=', field).ok_or(wrong)?;
            let (key, value) = (field.get(..at).unwrap_or_default(), field.get(at + 1..).unwrap_or_default());
            let text = || String::from_utf8_lossy(value).into_owned();
            let last = plan.packages.last_mut();
            match (key, last) {
                _ if is_whole => return Err(wrong),
                (b"root", None) => plan.root = PathBuf::from(OsStr::from_bytes(value)),
                (b"test", None) => {}
                (b"leaving" | b"arriving", _) => plan.packages.push(Planned {
                    leaves: key == b"leaving",
                    name: text(),
                    evr: String::new(),
                    nevra: String::new(),
                    files: Vec::new(),
                }),
                (b"evr", Some(package)) => package.evr = text(),
                (b"nevra", Some(package)) => package.nevra = text(),
                (b"file", Some(package)) => package.files.push(value.to_vec()),
                (b"end", _) => is_whole = true,
                _ => return Err(wrong),
            }
        }
        if is_whole { Ok(plan) } else { Err(PlanError::Cut) }
    }

    /// Whether anything leaves.
    pub fn takes_away(&self) -> bool {
        self.packages.iter().any(|package| package.leaves)
    }

    /// The transaction on `root`. A package whose new version has some of the same files is one package all along, and goes
    /// by its name; any other version of a name is a package of its own.
    pub fn transaction(self, root: &Sysroot, driver: Driver) -> Transaction {
        let is_merged = root.link_target(&RootPath::new("/lib")).is_ok_and(|target| target.ends_with("usr/lib"));
        // The plugin tells of arriving packages' files only those that leaving ones have too.
        let replacing = self.packages.iter().filter(|package| !package.leaves && !package.files.is_empty());
        let replacing: HashSet<String> = replacing.map(|package| package.name.clone()).collect();
        let command = driver.command_line.clone().unwrap_or_default();
        let mut transaction = Transaction { driver, ..Transaction::default() };
        for package in self.packages {
            let id = if replacing.contains(&package.name) {
                PackageId::new(&package.name)
            } else {
                PackageId::new(&package.id())
            };
            let names = Names { name: &package.name, evr: &package.evr, arch: package.arch() };
            let why = why(&command, &names);
            let files = package.files.iter().map(|path| placed(path, is_merged)).collect();
            let element = Element { package: id, version: package.evr, files: Files::Given(files), why };
            if package.leaves { &mut transaction.leaving } else { &mut transaction.arriving }.push(element);
        }
        transaction
    }
}

impl Planned {
    /// What `rpm -q` prints, without the epoch.
    fn id(&self) -> String {
        let vr = self.evr.split_once(':').map_or(self.evr.as_str(), |(_, vr)| vr);
        format!("{}-{vr}.{}", self.name, self.arch())
    }

    /// rpm knows of none for its own keys.
    fn arch(&self) -> &str {
        let after = self.nevra.strip_prefix(self.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
        after.and_then(|rest| rest.strip_prefix(self.evr.as_str())?.strip_prefix('.')).unwrap_or("noarch")
    }
}

/// A path as the system has it: packages may spell /lib what is a link to /usr/lib.
fn placed(path: &[u8], is_merged: bool) -> RootPath {
    match path.strip_prefix(b"/lib/") {
        Some(rest) if is_merged => RootPath::new(Path::new("/usr/lib").join(OsStr::from_bytes(rest))),
        _ => RootPath::new(OsStr::from_bytes(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kbuild_guard::transaction::Why;
    use proptest::prelude::*;

    fn plan(fields: &[&str]) -> Vec<u8> {
        fields.iter().flat_map(|field| [field.as_bytes(), b"\0"].concat()).collect()
    }

    const HEAD: [&str; 3] = ["kbuild-guard-rpm=1", "root=/new/", "test=1"];

    fn package(kind: &str, name: &str, evr: &str, files: &[&str]) -> Vec<String> {
        let mut fields = vec![format!("{kind}={name}"), format!("evr={evr}"), format!("nevra={name}-{evr}.x86_64")];
        fields.extend(files.iter().map(|file| format!("file={file}")));
        fields
    }

    fn transaction(packages: &[Vec<String>], command: &str) -> Transaction {
        let fields: Vec<&str> = packages.iter().flatten().map(String::as_str).collect();
        let plan = Plan::parse(&plan(&[&HEAD, fields.as_slice(), &["end="]].concat())).unwrap();
        assert_eq!(plan.root, Path::new("/new/"));
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("usr/lib", dir.path().join("lib")).unwrap();
        let driver = Driver { command_line: Some(command.to_owned()), ..Driver::default() };
        plan.transaction(&Sysroot::open(dir.path()).unwrap(), driver)
    }

    #[test]
    fn versions_of_a_name_are_packages_of_their_own_unless_one_replaces_the_other() {
        let link = "/lib/modules/6.8.5-301.fc40/build";
        let made = transaction(
            &[
                package("arriving", "kernel-devel", "6.8.6-300.fc40", &[]),
                package("arriving", "zlib", "1:2-1", &["/usr/lib64/libz.so.1"]),
                package("leaving", "kernel-devel", "6.8.5-301.fc40", &[link, "/usr/src/a=b\nc"]),
                package("leaving", "zlib", "1:1-1", &["/usr/lib64/libz.so.1"]),
            ],
            "dnf upgrade kernel*",
        );
        let ids = |elements: &[Element]| elements.iter().map(|one| one.package.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(&made.leaving), ["kernel-devel-6.8.5-301.fc40.x86_64", "zlib"]);
        assert_eq!(ids(&made.arriving), ["kernel-devel-6.8.6-300.fc40.x86_64", "zlib"]);
        assert_eq!(ids(&made.leaving)[..1], made.gone().iter().map(PackageId::to_string).collect::<Vec<_>>());
        let files = ["/usr/lib/modules/6.8.5-301.fc40/build", "/usr/src/a=b\nc"].map(RootPath::new).to_vec();
        assert_eq!(made.leaving[0].files, Files::Given(files));
        assert_eq!(made.leaving.iter().map(|one| one.why).collect::<Vec<_>>(), [Why::Asked, Why::Unknown]);
    }

    #[test]
    fn who_asks_for_nothing_by_name_gets_what_is_no_longer_needed() {
        let made = transaction(&[package("leaving", "kernel-devel", "6-1", &[])], "dnf -y autoremove");
        assert_eq!(made.leaving[0].why, Why::Auto);
    }

    #[test]
    fn what_is_cut_or_out_of_place_is_no_plan() {
        let parse = |fields: &[&str]| Plan::parse(&plan(fields)).map(|plan| plan.takes_away());
        assert_eq!(parse(&[&HEAD[..], &["end="]].concat()), Ok(false));
        assert_eq!(parse(&[&HEAD[..], &["leaving=x", "end="]].concat()), Ok(true));
        assert_eq!(parse(&HEAD), Err(PlanError::Cut));
        assert_eq!(Plan::parse(b"kbuild-guard-rpm=1\0end="), Err(PlanError::Cut));
        assert_eq!(parse(&["kbuild-guard-rpm=2", "end="]), Err(PlanError::Version));
        assert_eq!(parse(&["kbuild-guard-rpm=1", "file=/x", "end="]), Err(PlanError::Field { number: 2 }));
        assert_eq!(parse(&["kbuild-guard-rpm=1", "end=", "root=/"]), Err(PlanError::Field { number: 3 }));
        assert_eq!(parse(&["kbuild-guard-rpm=1", "what", "end="]), Err(PlanError::Field { number: 2 }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Plan::parse(&[VERSION, b"\0", &bytes].concat());
        }
    }
}
