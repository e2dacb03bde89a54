// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two traits a package manager is seen through. Their implementations live elsewhere; nothing in
//! this crate knows which package manager it talks to.

use std::collections::HashMap;
use std::fmt;

use crate::error::Result;
use crate::kernels::Kernel;
use crate::sysroot::RootPath;
use crate::transaction::Transaction;

/// A package as its manager names it, for instance `linux-kbuild-6.1` or `libc6:i386`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageId(String);

impl PackageId {
    /// From a name the package manager itself gave. What a terminal could act upon is dropped, so
    /// that a name can be printed anywhere.
    pub fn new(name: &str) -> Self {
        PackageId(name.chars().filter(char::is_ascii_graphic).collect())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How a package came to be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Installed {
    /// Somebody asked for it by name, or put it there without a package.
    ByName,
    /// As a dependency of something else.
    Auto,
    /// The package manager does not say.
    #[default]
    Unknown,
}

/// What the package manager thinks of a kernel's image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageStanding {
    /// The package that owns the image.
    pub package: Option<PackageId>,
    /// Held, locked or pinned by the admin.
    pub held: bool,
    /// How it came to be installed.
    pub installed: Installed,
    /// The manager's own "remove what is no longer needed" would take it: it was installed as a
    /// dependency, is not held, not protected as running or among the newest, and no package that
    /// stays depends on or recommends it.
    pub autoremovable: bool,
    /// The manager is in the middle of several transactions that belong together, and one that is still to come takes
    /// this kernel away, or takes or brings its headers: nothing is said of it before.
    pub in_transit: bool,
}

/// No file has a longer name (PATH_MAX, limits.h): a line of a list that is, is no path.
const LONGEST_PATH: usize = 4096;

/// The paths of one package, as its manager lists them: absolute, one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileList {
    list: Vec<u8>,
    stamp: u64,
}

impl FileList {
    /// From the manager's own list. The stamp is another one whenever the list has been written again.
    pub fn new(list: Vec<u8>, stamp: u64) -> Self {
        FileList { list, stamp }
    }

    /// What tells this list from a later one.
    pub fn stamp(&self) -> u64 {
        self.stamp
    }

    /// The paths.
    pub fn paths(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        memchr::memchr_iter(b'\n', &self.list)
            .chain([self.list.len()])
            .filter_map(move |end| {
                let path = self.list.get(start..end);
                start = end + 1;
                path
            })
            .filter(|path| path.starts_with(b"/") && path.len() < LONGEST_PATH)
    }
}

/// The installed packages.
pub trait PackageDb {
    /// Whether there is a database at all, so that a path without an owner is nobody's.
    fn knows_owners(&self) -> bool {
        true
    }

    /// For each path, the installed packages that own it. Slow for some managers: for messages and
    /// for links that lead nowhere, not for deciding.
    fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>>;

    /// For each of `packages`, which leave together, the indexes of the paths among `paths` that go with
    /// it. This is the only question asked on the way of a transaction, and only about packages that leave.
    fn held_by(&self, packages: &[PackageId], paths: &[RootPath]) -> Result<Vec<Vec<usize>>>;

    /// Every path that a package owns. Long for a tree of headers: for the looks that somebody asked for.
    fn files(&self, package: &PackageId) -> Result<FileList>;

    /// Whether a package of this name is installed, fully or not.
    fn is_installed(&self, package: &PackageId) -> Result<bool>;

    /// The packages that cannot stay without `leaving`: what depends on them, and on that in turn.
    fn dragged_along(&self, leaving: &[PackageId]) -> Result<Vec<PackageId>>;

    /// The installed packages that `package` depends on directly.
    fn dependencies(&self, _package: &PackageId) -> Result<Vec<PackageId>> {
        Ok(Vec::new())
    }

    /// The installed packages that depend directly on one of `packages`.
    fn dependents(&self, _packages: &[PackageId]) -> Result<Vec<PackageId>> {
        Ok(Vec::new())
    }

    /// Whether an installed package has no files but documentation: it is there for what it depends on.
    fn brings_only_others(&self, _package: &PackageId) -> Result<bool> {
        Ok(false)
    }

    /// Whether every package is either fully installed or not at all, with nothing left to configure.
    fn is_healthy(&self) -> Result<bool>;

    /// Whether some package manager is at work just now, so that what is seen may be half done.
    fn is_busy(&self) -> Result<bool> {
        Ok(false)
    }

    /// What the manager thinks of each kernel's image, once the packages `leaving` have left.
    fn image_standings(&self, kernels: &[Kernel], leaving: &[PackageId]) -> Result<Vec<ImageStanding>>;
}

/// A database that was asked for the owners of some paths beforehand, all at once: a thousand kernels ask about their
/// own link one after the other, and each answer may need every package's list.
pub struct AskedAhead<'d> {
    db: &'d dyn PackageDb,
    owners: HashMap<RootPath, Vec<PackageId>>,
}

impl<'d> AskedAhead<'d> {
    /// Asks now. With no paths, nothing is asked.
    pub fn of(db: &'d dyn PackageDb, mut paths: Vec<RootPath>) -> Result<Self> {
        paths.sort();
        paths.dedup();
        let owners = if paths.is_empty() { Vec::new() } else { db.owners(&paths)? };
        Ok(AskedAhead { db, owners: paths.into_iter().zip(owners).collect() })
    }
}

impl PackageDb for AskedAhead<'_> {
    fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>> {
        let known: Option<Vec<Vec<PackageId>>> = paths.iter().map(|path| self.owners.get(path).cloned()).collect();
        known.map_or_else(|| self.db.owners(paths), Ok)
    }

    fn files(&self, package: &PackageId) -> Result<FileList> {
        self.db.files(package)
    }

    fn held_by(&self, packages: &[PackageId], paths: &[RootPath]) -> Result<Vec<Vec<usize>>> {
        self.db.held_by(packages, paths)
    }

    fn is_installed(&self, package: &PackageId) -> Result<bool> {
        self.db.is_installed(package)
    }

    fn dragged_along(&self, leaving: &[PackageId]) -> Result<Vec<PackageId>> {
        self.db.dragged_along(leaving)
    }

    fn dependencies(&self, package: &PackageId) -> Result<Vec<PackageId>> {
        self.db.dependencies(package)
    }

    fn dependents(&self, packages: &[PackageId]) -> Result<Vec<PackageId>> {
        self.db.dependents(packages)
    }

    fn brings_only_others(&self, package: &PackageId) -> Result<bool> {
        self.db.brings_only_others(package)
    }

    fn is_healthy(&self) -> Result<bool> {
        self.db.is_healthy()
    }

    fn is_busy(&self) -> Result<bool> {
        self.db.is_busy()
    }

    fn image_standings(&self, kernels: &[Kernel], leaving: &[PackageId]) -> Result<Vec<ImageStanding>> {
        self.db.image_standings(kernels, leaving)
    }
}

/// What is missing, as a check saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// The headers of the kernel it was found on.
    Headers,
    /// Whatever brings this path.
    Path(RootPath),
    /// A program by its name.
    Program(String),
    /// No package mends this; the finding's own advice stands.
    Advice,
}

/// What mends a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// A command to run as it is.
    Command(String),
    /// What to do, in words.
    Advice(String),
}

impl Remedy {
    /// The text alone.
    pub fn text(&self) -> &str {
        match self {
            Remedy::Command(text) | Remedy::Advice(text) => text,
        }
    }
}

/// What a person can do about it, in the package manager's words.
pub trait Advisor {
    /// For each need of a kernel what brings it, if an existing package does: proved, never guessed. All needs are
    /// asked about at once, since asking a package manager what it offers starts a program.
    fn provide(&self, asked: &[(&Need, &Kernel)]) -> Vec<Option<Remedy>>;

    /// The command that keeps packages which nobody asked to remove, if one does.
    fn keep(&self, packages: &[PackageId], transaction: &Transaction) -> Option<String>;

    /// How to run this transaction all the same.
    fn anyway(&self, transaction: &Transaction) -> String;

    /// The command that brings packages back after they have left, or that none offers them any more.
    fn bring_back(&self, packages: &[PackageId]) -> WayBack;
}

/// Whether removed packages can be had again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayBack {
    /// By this command.
    Command(String),
    /// No repository that this system knows of has them.
    Gone,
    /// It could not be found out.
    Unknown,
}

/// A system without a package manager we know: nothing is owned, nothing can be advised.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPackages;

impl PackageDb for NoPackages {
    fn knows_owners(&self) -> bool {
        false
    }

    fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>> {
        Ok(vec![Vec::new(); paths.len()])
    }

    fn held_by(&self, packages: &[PackageId], _: &[RootPath]) -> Result<Vec<Vec<usize>>> {
        Ok(vec![Vec::new(); packages.len()])
    }

    fn files(&self, _: &PackageId) -> Result<FileList> {
        Ok(FileList::default())
    }

    fn is_installed(&self, _: &PackageId) -> Result<bool> {
        Ok(false)
    }

    fn dragged_along(&self, _: &[PackageId]) -> Result<Vec<PackageId>> {
        Ok(Vec::new())
    }

    fn is_healthy(&self) -> Result<bool> {
        Ok(true)
    }

    fn image_standings(&self, kernels: &[Kernel], _: &[PackageId]) -> Result<Vec<ImageStanding>> {
        let by_hand = ImageStanding { installed: Installed::ByName, ..ImageStanding::default() };
        Ok(vec![by_hand; kernels.len()])
    }
}

impl Advisor for NoPackages {
    fn provide(&self, asked: &[(&Need, &Kernel)]) -> Vec<Option<Remedy>> {
        vec![None; asked.len()]
    }

    fn keep(&self, _: &[PackageId], _: &Transaction) -> Option<String> {
        None
    }

    fn anyway(&self, _: &Transaction) -> String {
        "KBUILD_GUARD_MODE=warn".to_owned()
    }

    fn bring_back(&self, _: &[PackageId]) -> WayBack {
        WayBack::Unknown
    }
}
