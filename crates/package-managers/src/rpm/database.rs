// SPDX-License-Identifier: MIT OR Apache-2.0
//! rpm's database as a `PackageDb`; who wanted a package is in the files of dnf5 and zypper.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use kbuild_guard::error::Result;
use kbuild_guard::kernels::Kernel;
use kbuild_guard::package_db::{FileList, ImageStanding, PackageDb, PackageId};
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::DATABASES;
use super::locks::Locks;
use super::owners::{self, Installed};
use super::reasons::Reasons;
use super::zypp::{Pending, Plan};

/// rpm's own lock, which it and everything on its library holds during a transaction.
const LOCK: &str = ".rpm.lock";

/// rpm's database in one root. What was asked once is not asked again: it does not change under a hook, since who
/// changes it waits for the hook.
#[derive(Debug)]
pub struct Database {
    root: Rc<Sysroot>,
    commit: Option<Plan>,
    owners: RefCell<HashMap<RootPath, Rc<[Installed]>>>,
}

impl Database {
    /// Of this root. Nothing is asked yet.
    pub fn new(root: Rc<Sysroot>) -> Self {
        Database::during(root, None)
    }

    /// The same in the middle of a commit of zypper's.
    pub(super) fn during(root: Rc<Sysroot>, commit: Option<Plan>) -> Self {
        Database { root, commit, owners: RefCell::default() }
    }

    /// The owners of paths, with all that is known of them.
    pub(super) fn installed_owners(&self, paths: &[RootPath]) -> Result<Vec<Rc<[Installed]>>> {
        let mut unknown: Vec<RootPath> = {
            let known = self.owners.borrow();
            paths.iter().filter(|path| !known.contains_key(*path)).cloned().collect()
        };
        unknown.sort();
        unknown.dedup();
        if !unknown.is_empty() {
            let found = owners::owners(&self.root, &unknown)?.into_iter().map(Rc::from);
            self.owners.borrow_mut().extend(unknown.into_iter().zip(found));
        }
        let known = self.owners.borrow();
        Ok(paths.iter().map(|path| known.get(path).cloned().unwrap_or_default()).collect())
    }

    /// The installed packages that a word names.
    pub(super) fn named(&self, word: &str) -> Result<Vec<Installed>> {
        owners::named(&self.root, word)
    }
}

impl PackageDb for Database {
    fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>> {
        let owners = self.installed_owners(paths)?;
        Ok(owners.iter().map(|owners| owners.iter().map(Installed::id).collect()).collect())
    }

    fn held_by(&self, packages: &[PackageId], paths: &[RootPath]) -> Result<Vec<Vec<usize>>> {
        let owners = if packages.is_empty() { Vec::new() } else { self.installed_owners(paths)? };
        let is_among = |owner: &Installed| packages.iter().any(|package| owner.is(package.as_str()));
        let takes = |package: &PackageId, owners: &[Installed]| {
            // A path of several packages stays with the last of them.
            owners.iter().any(|owner| owner.is(package.as_str())) && owners.iter().all(is_among)
        };
        let of = |package: &PackageId| {
            let taken = owners.iter().enumerate().filter(|(_, owners)| takes(package, owners));
            taken.map(|(index, _)| index).collect()
        };
        Ok(packages.iter().map(of).collect())
    }

    fn files(&self, package: &PackageId) -> Result<FileList> {
        let list = owners::files(&self.root, package)?;
        let mut hasher = DefaultHasher::new();
        for installed in self.named(package.as_str())? {
            (installed.id().as_str(), installed.transaction).hash(&mut hasher);
        }
        Ok(FileList::new(list, hasher.finish()))
    }

    fn is_installed(&self, package: &PackageId) -> Result<bool> {
        Ok(!self.named(package.as_str())?.is_empty())
    }

    fn dragged_along(&self, leaving: &[PackageId]) -> Result<Vec<PackageId>> {
        let mut dragged: Vec<PackageId> = Vec::new();
        loop {
            let gone = [leaving, dragged.as_slice()].concat();
            let more = owners::dependents(&self.root, &gone)?;
            let more: Vec<PackageId> = more.iter().map(Installed::id).filter(|id| !gone.contains(id)).collect();
            if more.is_empty() {
                return Ok(dragged);
            }
            dragged.extend(more);
        }
    }

    fn dependents(&self, packages: &[PackageId]) -> Result<Vec<PackageId>> {
        Ok(owners::dependents(&self.root, packages)?.iter().map(Installed::id).collect())
    }

    /// rpm has no half-installed packages: what failed stays installed, or is not.
    fn is_healthy(&self) -> Result<bool> {
        Ok(true)
    }

    fn is_busy(&self) -> Result<bool> {
        for dir in DATABASES {
            if self.root.is_locked(&RootPath::new(dir).join(LOCK))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// No front end's autoremove takes a kernel: dnf leaves out what may be installed more than once, zypper's
    /// purge-kernels takes its headers along.
    fn image_standings(&self, kernels: &[Kernel], _: &[PackageId]) -> Result<Vec<ImageStanding>> {
        let images: Vec<RootPath> = kernels.iter().map(|kernel| kernel.image.clone()).collect();
        let owners = self.installed_owners(&images)?;
        let (reasons, locks) = (Reasons::of(&self.root), Locks::of(&self.root));
        let pending = match &self.commit {
            // Without it something may be said too early, and nothing else.
            Some(plan) => {
                let images: Vec<&Installed> = owners.iter().filter_map(|owners| owners.first()).collect();
                plan.pending(&self.root, &images).unwrap_or_default()
            }
            None => Pending::default(),
        };
        let standing = |owners: &Rc<[Installed]>| match owners.first() {
            Some(owner) => ImageStanding {
                package: Some(owner.id()),
                held: locks.hold(owner),
                installed: reasons.of_package(owner),
                autoremovable: false,
                in_transit: pending.concerns(owner),
            },
            None => {
                ImageStanding { installed: kbuild_guard::package_db::Installed::ByName, ..ImageStanding::default() }
            }
        };
        Ok(owners.iter().map(standing).collect())
    }
}
