// SPDX-License-Identifier: MIT OR Apache-2.0
//! dpkg's database as a `PackageDb`; what apt knows of packages beyond it comes from apt's own files.

use std::cell::OnceCell;
use std::rc::Rc;

use kbuild_guard::error::Result;
use kbuild_guard::kernels::Kernel;
use kbuild_guard::package_db::{FileList, ImageStanding, PackageDb, PackageId};
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::file_lists;
use super::status::{Package, Status};
use crate::apt::standing;

/// dpkg's database in one root. The status file is read at the first question that needs it.
#[derive(Debug)]
pub struct Database {
    root: Rc<Sysroot>,
    status: OnceCell<Status>,
}

impl Database {
    /// Of this root. Nothing is read yet.
    pub fn new(root: Rc<Sysroot>) -> Self {
        Database { root, status: OnceCell::new() }
    }

    /// The status, read once.
    pub fn status(&self) -> Result<&Status> {
        if let Some(status) = self.status.get() {
            return Ok(status);
        }
        let status = Status::load(&self.root)?;
        Ok(self.status.get_or_init(|| status))
    }

    /// The owners of paths, asking the packages that `likely` names first.
    fn owners_likely(&self, paths: &[RootPath], likely: impl Fn(&Package) -> bool) -> Result<Vec<Vec<PackageId>>> {
        let status = self.status()?;
        let present: Vec<&Package> = status.present().collect();
        file_lists::owners(&self.root, paths, present.iter().copied(), status.native(), likely)
    }

    fn held_by_one(&self, package: &PackageId, wanted: &file_lists::Wanted) -> Result<Vec<usize>> {
        match file_lists::read(&self.root, package.as_str())? {
            Some(list) => Ok(wanted.in_list(&list)),
            // Only a `Multi-Arch: same` package has its list elsewhere; only then the status file is read.
            None => file_lists::held(&self.root, package, self.status()?.native(), wanted),
        }
    }
}

impl PackageDb for Database {
    fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>> {
        // Whatever has to do with kernels usually has a kernel's words in its name; the others are
        // asked only if these do not have every path.
        let words = ["linux", "kernel", "headers"];
        self.owners_likely(paths, |package| words.iter().any(|word| package.name.contains(word)))
    }

    fn held_by(&self, packages: &[PackageId], paths: &[RootPath]) -> Result<Vec<Vec<usize>>> {
        let wanted = file_lists::Wanted::new(paths);
        packages.iter().map(|package| self.held_by_one(package, &wanted)).collect()
    }

    fn files(&self, package: &PackageId) -> Result<FileList> {
        let list = match file_lists::read(&self.root, package.as_str())? {
            Some(list) => Some(list),
            None => file_lists::of_package(&self.root, package, self.status()?.native())?,
        };
        Ok(FileList::new(list.unwrap_or_default()))
    }

    fn is_installed(&self, package: &PackageId) -> Result<bool> {
        Ok(self.status()?.find(package).is_some())
    }

    fn dragged_along(&self, leaving: &[PackageId]) -> Result<Vec<PackageId>> {
        Ok(self.status()?.dragged_along(leaving))
    }

    fn is_healthy(&self) -> Result<bool> {
        Ok(self.status()?.is_healthy())
    }

    fn image_standings(&self, kernels: &[Kernel], leaving: &[PackageId]) -> Result<Vec<ImageStanding>> {
        let images: Vec<RootPath> = kernels.iter().map(|kernel| kernel.image.clone()).collect();
        let status = self.status()?;
        // A package that brings a kernel's image says so in its name, all over Debian's world. The lists of
        // all the others are not worth 10 ms of every removal on a machine with a kernel of its own.
        let brings_images =
            |package: &&Package| ["linux", "kernel", "image"].iter().any(|word| package.name.contains(word));
        let is_likely = |package: &Package| kernels.iter().any(|kernel| package.name.contains(kernel.release.as_str()));
        let candidates: Vec<&Package> = status.present().filter(brings_images).collect();
        let owners = file_lists::owners(&self.root, &images, candidates.iter().copied(), status.native(), is_likely)?;
        standing::of_images(&self.root, status, kernels, &owners, leaving)
    }
}
