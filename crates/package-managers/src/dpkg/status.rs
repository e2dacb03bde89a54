// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is installed: /var/lib/dpkg/status with the journal in /var/lib/dpkg/updates merged in.
//!
//! While dpkg works, what it has done since the last checkpoint stands in the journal only: a paragraph
//! a file, numbered in order (dpkg's lib/dpkg/dbmodify.c). A maintainer script that reads the status file
//! alone reads the past.

use std::collections::{HashMap, HashSet};

use kbuild_guard::error::Result;
use kbuild_guard::package_db::PackageId;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::ADMIN_DIR;
use super::stanza::{Stanza, stanzas};

/// A status file of 10,000 packages is about 15 MB.
const LARGEST: usize = 256 << 20;

/// The journal is merged after 250 entries at the latest (dbmodify.c, `MAXUPDATES`).
const MOST_UPDATES: usize = 1000;

/// What the admin wants of a package (dpkg(1), "package selection states").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// It must not change: `apt-mark hold`.
    Hold,
    /// It is to be removed.
    Deinstall,
    /// It is to be purged.
    Purge,
    /// It is to be installed, or nothing is said.
    Install,
}

/// How far a package is installed (dpkg(1), "package states").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not there, or only its configuration files.
    NotInstalled,
    /// Fully installed.
    Installed,
    /// Anything between the two: half-installed, unpacked, half-configured, triggers awaited or
    /// pending. Its files may be there.
    Between,
}

/// One package of the status file.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// Its version.
    pub version: String,
    /// What the admin wants.
    pub want: Want,
    /// How far it is installed.
    pub state: State,
    /// `Depends` and `Pre-Depends`, joined by a comma.
    pub depends: String,
    /// `Recommends`.
    pub recommends: String,
    /// `Provides`.
    pub provides: String,
}

impl Package {
    fn of(stanza: Stanza<'_>) -> Option<Self> {
        let name = stanza.field("Package")?;
        let mut words = stanza.field("Status")?.split_ascii_whitespace();
        let (want, flag, state) = (words.next()?, words.next()?, words.next()?);
        let want = match want {
            "hold" => Want::Hold,
            "deinstall" => Want::Deinstall,
            "purge" => Want::Purge,
            _ => Want::Install,
        };
        let state = match (flag, state) {
            (_, "not-installed" | "config-files") => State::NotInstalled,
            ("ok", "installed") => State::Installed,
            _ => State::Between,
        };
        let depends: Vec<&str> =
            ["Depends", "Pre-Depends"].into_iter().filter_map(|field| stanza.field(field)).collect();
        Some(Package {
            name: name.to_owned(),
            arch: stanza.field("Architecture").unwrap_or_default().to_owned(),
            version: stanza.field("Version").unwrap_or_default().to_owned(),
            want,
            state,
            depends: depends.join(", "),
            recommends: stanza.field("Recommends").unwrap_or_default().to_owned(),
            provides: stanza.field("Provides").unwrap_or_default().to_owned(),
        })
    }

    /// The package as it is named elsewhere: with its architecture where that is not `native`.
    pub fn id(&self, native: &str) -> PackageId {
        if self.arch == native || self.arch == "all" || self.arch.is_empty() {
            PackageId::new(&self.name)
        } else {
            PackageId::new(&format!("{}:{}", self.name, self.arch))
        }
    }

    /// The names of the packages it depends on or recommends, alternatives included.
    pub fn needed_names(&self) -> impl Iterator<Item = &str> {
        names_in(&self.depends).chain(names_in(&self.recommends))
    }

    /// The names of the packages it depends on, alternatives included.
    pub(super) fn depended_names(&self) -> impl Iterator<Item = &str> {
        names_in(&self.depends)
    }

    /// The names it provides besides its own.
    pub fn provided_names(&self) -> impl Iterator<Item = &str> {
        names_in(&self.provides)
    }
}

/// The names in a relationship field (Debian Policy 7.1), without versions, architectures and profiles.
fn names_in(field: &str) -> impl Iterator<Item = &str> {
    field
        .split([',', '|'])
        .filter_map(|relation| relation.trim_start().split([' ', '(', ':', '[']).next())
        .filter(|name| !name.is_empty())
}

/// All packages dpkg knows of.
#[derive(Debug, Clone, Default)]
pub struct Status {
    packages: Vec<Package>,
    native: String,
}

impl Status {
    /// Reads the status file and the journal.
    pub fn load(root: &Sysroot) -> Result<Self> {
        let bytes = root.read(&RootPath::new(ADMIN_DIR).join("status"), LARGEST)?;
        let mut status = Status::parse(&String::from_utf8_lossy(&bytes));
        for update in journal(root)? {
            match root.read(&update, LARGEST) {
                Ok(bytes) => status.merge(&String::from_utf8_lossy(&bytes)),
                // dpkg has merged its journal while we read: the status file has been replaced first.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(status)
    }

    /// From a status file's text alone.
    pub fn parse(text: &str) -> Self {
        let packages: Vec<Package> = stanzas(text).filter_map(Package::of).collect();
        let native = native_architecture(&packages);
        Status { packages, native }
    }

    /// Puts a journal entry's paragraphs in the place of the ones they replace.
    fn merge(&mut self, text: &str) {
        for package in stanzas(text).filter_map(Package::of) {
            let same = |other: &&mut Package| other.name == package.name && other.arch == package.arch;
            match self.packages.iter_mut().find(same) {
                Some(old) => *old = package,
                None => self.packages.push(package),
            }
        }
    }

    /// The packages of which files may be there.
    pub fn present(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.state != State::NotInstalled)
    }

    /// The present package of this name; with `name:arch`, of this architecture. A bare name means the native
    /// one, if there are several.
    pub fn find(&self, id: &PackageId) -> Option<&Package> {
        let (name, arch) = id.as_str().split_once(':').map_or((id.as_str(), None), |(name, arch)| (name, Some(arch)));
        let mut named = self.present().filter(|package| package.name == name).peekable();
        match arch {
            Some(arch) => named.find(|package| package.arch == arch),
            None => {
                let first = named.peek().copied();
                named.find(|package| package.id(&self.native) == *id).or(first)
            }
        }
    }

    /// The present packages that `package` depends on, each alternative of each clause.
    pub fn dependencies(&self, package: &PackageId) -> Vec<PackageId> {
        let Some(package) = self.find(package) else { return Vec::new() };
        let names: HashSet<&str> = names_in(&package.depends).collect();
        self.present()
            .filter(|other| {
                names.contains(other.name.as_str()) || other.provided_names().any(|name| names.contains(name))
            })
            .map(|other| other.id(&self.native))
            .collect()
    }

    /// The present packages that depend on one of `packages` by its own name.
    pub fn dependents(&self, packages: &[PackageId]) -> Vec<PackageId> {
        let names: HashSet<&str> =
            packages.iter().map(|package| package.as_str().split(':').next().unwrap_or_default()).collect();
        self.present()
            .filter(|other| names_in(&other.depends).any(|name| names.contains(name)))
            .map(|other| other.id(&self.native))
            .collect()
    }

    /// What depends on packages that leave, and on that in turn, where no alternative stays.
    pub fn dragged_along(&self, leaving: &[PackageId]) -> Vec<PackageId> {
        let (mut gone, mut staying): (Vec<&Package>, Vec<&Package>) =
            self.present().partition(|package| leaving.contains(&package.id(&self.native)));
        let mut dragged = Vec::new();
        loop {
            let names = |packages: &[&Package]| -> HashSet<String> {
                packages
                    .iter()
                    .flat_map(|package| package.provided_names().chain([package.name.as_str()]))
                    .map(str::to_owned)
                    .collect()
            };
            let (left, have) = (names(&gone), names(&staying));
            // Only what something here has provided counts: a clause that was unmet before is not our doing.
            let is_unmet = |clause: &str| {
                names_in(clause).any(|name| left.contains(name)) && !names_in(clause).any(|name| have.contains(name))
            };
            let (out, rest): (Vec<&Package>, Vec<&Package>) =
                staying.into_iter().partition(|package| package.depends.split(',').any(is_unmet));
            if out.is_empty() {
                return dragged;
            }
            dragged.extend(out.iter().map(|package| package.id(&self.native)));
            gone.extend(out);
            staying = rest;
        }
    }

    /// The architecture of the system.
    pub fn native(&self) -> &str {
        &self.native
    }

    /// Takes somebody's word for the architecture of the system.
    pub(crate) fn set_native(&mut self, native: &str) {
        native.clone_into(&mut self.native);
    }

    /// Whether nothing stands between installed and not installed.
    pub fn is_healthy(&self) -> bool {
        self.packages.iter().all(|package| package.state != State::Between)
    }
}

/// dpkg itself is always of the native architecture; without it, the most common one.
fn native_architecture(packages: &[Package]) -> String {
    if let Some(dpkg) = packages.iter().find(|package| package.name == "dpkg" && package.state == State::Installed) {
        return dpkg.arch.clone();
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for package in packages.iter().filter(|package| package.arch != "all") {
        *counts.entry(package.arch.as_str()).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(arch, count)| (*count, *arch)).map(|(arch, _)| arch.to_owned()).unwrap_or_default()
}

/// The journal's files in order; other names are being written.
fn journal(root: &Sysroot) -> Result<Vec<RootPath>> {
    let dir = RootPath::new(ADMIN_DIR).join("updates");
    let entries = match root.list(&dir, MOST_UPDATES) {
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        answer => answer?,
    };
    let is_number = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    Ok(entries
        .into_iter()
        .filter(|entry| entry.name.to_str().is_some_and(is_number))
        .map(|entry| dir.join(entry.name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21\n\n\
        Package: linux-image-6.1.0-50-amd64\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 6.1.1-1\n\
        Depends: kmod, linux-base (>= 4), initramfs-tools | dracut:any\nRecommends: apparmor\n\n\
        Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\n\n\
        Package: foreign\nStatus: install ok unpacked\nArchitecture: i386\n\n\
        Package broken\nStatus: install\n\n\
        Package: no-status\n";

    #[test]
    fn reads_what_is_there() {
        let status = Status::parse(TEXT);
        let names: Vec<String> = status.present().map(|package| package.id(status.native()).to_string()).collect();
        assert_eq!(names, ["dpkg", "linux-image-6.1.0-50-amd64", "foreign:i386"]);
        assert!(!status.is_healthy());
        let image = status.find(&PackageId::new("linux-image-6.1.0-50-amd64")).unwrap();
        assert_eq!(image.want, Want::Hold);
        let needs: Vec<&str> = image.needed_names().collect();
        assert_eq!(needs, ["kmod", "linux-base", "initramfs-tools", "dracut", "apparmor"]);
        assert!(status.find(&PackageId::new("gone")).is_none());
    }

    #[test]
    fn what_depends_goes_along_unless_an_alternative_stays() {
        let package = |name: &str, fields: &str| {
            format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\n{fields}\n")
        };
        let text = package("dpkg", "")
            + &package("kbuild", "")
            + &package("headers", "Depends: kbuild (>= 1), common (= 1)\n")
            + &package("meta", "Depends: headers\n")
            + &package("friend", "Recommends: headers\n")
            + &package("either", "Depends: kbuild | other\n")
            + &package("provider", "Provides: other (= 2)\n");
        let status = Status::parse(&text);
        let dragged = status.dragged_along(&[PackageId::new("kbuild")]);
        assert_eq!(dragged.iter().map(PackageId::as_str).collect::<Vec<&str>>(), ["headers", "meta"]);
    }

    #[test]
    fn a_bare_name_means_the_native_one() {
        let package = |name: &str, arch: &str, fields: &str| {
            format!("Package: {name}\nStatus: install ok installed\nArchitecture: {arch}\n{fields}\n")
        };
        let text = package("headers", "arm64", "")
            + &package("headers", "i386", "")
            + &package("headers", "amd64", "")
            + &package("only", "i386", "")
            + &package("dpkg", "amd64", "")
            + &package("meta", "all", "Depends: headers (= 1), virtual | nothing\n")
            + &package("real", "all", "Provides: virtual\nPre-Depends: headers:any\n")
            + &package("friend", "all", "Recommends: headers\n");
        let status = Status::parse(&text);
        let arch = |id: &str| status.find(&PackageId::new(id)).map(|package| package.arch.as_str());
        assert_eq!(arch("headers"), Some("amd64"));
        assert_eq!(arch("headers:i386"), Some("i386"));
        assert_eq!(arch("headers:amd64"), Some("amd64"));
        assert_eq!(arch("headers:mips"), None);
        assert_eq!(arch("only"), Some("i386"));
        let names = |ids: Vec<PackageId>| ids.iter().map(PackageId::to_string).collect::<Vec<String>>();
        let dependencies = names(status.dependencies(&PackageId::new("meta")));
        assert_eq!(dependencies, ["headers:arm64", "headers:i386", "headers", "real"]);
        assert_eq!(names(status.dependents(&[PackageId::new("headers:i386")])), ["meta", "real"]);
    }

    #[test]
    fn the_journal_is_newer_than_the_status_file() {
        let dir = tempfile::tempdir().unwrap();
        let updates = dir.path().join("var/lib/dpkg/updates");
        std::fs::create_dir_all(&updates).unwrap();
        std::fs::write(dir.path().join("var/lib/dpkg/status"), TEXT).unwrap();
        std::fs::write(
            updates.join("0001"),
            "Package: foreign\nStatus: install ok half-configured\nArchitecture: i386\n",
        )
        .unwrap();
        std::fs::write(updates.join("0002"), "Package: foreign\nStatus: install ok installed\nArchitecture: i386\n")
            .unwrap();
        std::fs::write(
            updates.join("tmp.i"),
            "Package: dpkg\nStatus: deinstall ok config-files\nArchitecture: amd64\n",
        )
        .unwrap();
        let status = Status::load(&Sysroot::open(dir.path()).unwrap()).unwrap();
        assert!(status.is_healthy());
        assert!(status.find(&PackageId::new("dpkg")).is_some());
    }

    proptest! {
        #[test]
        fn never_panics(text in "(Package|Status|Architecture|: |\\n|install ok|[a-z])*") {
            let status = Status::parse(&text);
            let _ = status.present().map(|package| package.needed_names().count()).sum::<usize>();
        }
    }
}
