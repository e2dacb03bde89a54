// SPDX-License-Identifier: MIT OR Apache-2.0
//! dpkg's database as a `PackageDb`; what apt knows of packages beyond it comes from apt's own files.

use std::cell::OnceCell;
use std::rc::Rc;

use kbuild_guard::error::Result;
use kbuild_guard::kernels::Kernel;
use kbuild_guard::package_db::{FileList, ImageStanding, PackageDb, PackageId};
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::status::{Package, Status};
use super::{ADMIN_DIR, file_lists};
use crate::apt::{NeverAutoremoved, standing};
use crate::told::Told;

/// dpkg's database in one root. The status file is read at the first question that needs it.
#[derive(Debug)]
pub struct Database {
    root: Rc<Sysroot>,
    told: Told,
    status: OnceCell<Status>,
}

impl Database {
    /// Of this root. Nothing is read yet.
    pub fn new(root: Rc<Sysroot>, told: Told) -> Self {
        Database { root, told, status: OnceCell::new() }
    }

    /// The status, read once.
    pub fn status(&self) -> Result<&Status> {
        if let Some(status) = self.status.get() {
            return Ok(status);
        }
        let mut status = Status::load(&self.root)?;
        if let Some(native) = &self.told.native {
            status.set_native(native);
        }
        Ok(self.status.get_or_init(|| status))
    }

    /// The owners of paths, asking the packages that `likely` names first.
    fn owners_likely(&self, paths: &[RootPath], likely: impl Fn(&Package) -> bool) -> Result<Vec<Vec<PackageId>>> {
        let status = self.status()?;
        let present: Vec<&Package> = status.present().collect();
        file_lists::owners(&self.root, paths, present.iter().copied(), status.native(), likely)
    }

    /// What leaves with `package` when all of `leaving` does. dpkg keeps a file of a `Multi-Arch: same` package as
    /// long as its instance of another architecture has it too.
    fn taken_by_one(
        &self,
        package: &PackageId,
        leaving: &[PackageId],
        wanted: &file_lists::Wanted,
    ) -> Result<Vec<usize>> {
        let is_plain = !package.as_str().contains(':');
        if let (true, Some(list)) = (is_plain, file_lists::read(&self.root, package.as_str())?) {
            return Ok(wanted.in_list(&list));
        }
        // Only now it matters: a `Multi-Arch: same` package has its architecture in its list's name.
        let native = match &self.told.native {
            Some(native) => native,
            None => self.status()?.native(),
        };
        let mut held = file_lists::held(&self.root, package, native, wanted)?;
        if held.is_empty() {
            return Ok(held);
        }
        let name = package.as_str().split(':').next().unwrap_or_default();
        for sibling in self.status()?.present().filter(|other| other.name == name) {
            let id = sibling.id(native);
            // Its architecture may be said though it is the native one.
            let full = PackageId::new(&format!("{name}:{}", sibling.arch));
            if ![package].into_iter().chain(leaving).any(|other| *other == id || *other == full) {
                let kept = file_lists::held(&self.root, &id, native, wanted)?;
                held.retain(|index| !kept.contains(index));
            }
        }
        Ok(held)
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
        packages.iter().map(|package| self.taken_by_one(package, packages, &wanted)).collect()
    }

    fn files(&self, package: &PackageId) -> Result<FileList> {
        file_lists::stamped(&self.root, package, self.status()?.native())
    }

    fn is_installed(&self, package: &PackageId) -> Result<bool> {
        Ok(self.status()?.find(package).is_some())
    }

    fn dragged_along(&self, leaving: &[PackageId]) -> Result<Vec<PackageId>> {
        Ok(self.status()?.dragged_along(leaving))
    }

    fn dependencies(&self, package: &PackageId) -> Result<Vec<PackageId>> {
        Ok(self.status()?.dependencies(package))
    }

    fn dependents(&self, packages: &[PackageId]) -> Result<Vec<PackageId>> {
        Ok(self.status()?.dependents(packages))
    }

    fn brings_only_others(&self, package: &PackageId) -> Result<bool> {
        let list = match file_lists::read(&self.root, package.as_str())? {
            Some(list) => list,
            // A foreign one that is not `Multi-Arch: same` has its list under its bare name.
            None => {
                let name = package.as_str().split(':').next().unwrap_or_default();
                file_lists::read(&self.root, name)?.unwrap_or_default()
            }
        };
        Ok(file_lists::is_documentation(&list))
    }

    fn is_healthy(&self) -> Result<bool> {
        Ok(self.status()?.is_healthy())
    }

    fn is_busy(&self) -> Result<bool> {
        // dpkg takes the second again and again; apt and its like hold the first from the beginning of a run to its end
        // (dpkg's doc/frontend.txt).
        for lock in ["lock-frontend", "lock"] {
            if self.root.is_locked(&RootPath::new(ADMIN_DIR).join(lock))? {
                return Ok(true);
            }
        }
        Ok(false)
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
        let never = NeverAutoremoved::of(&self.root, self.told.never_autoremoved.as_deref());
        standing::of_images(&self.root, status, kernels, &owners, leaving, &never)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// dpkg keeps a file that another architecture's instance of a package has too (tried with dpkg 1.21.22).
    #[test]
    fn what_another_instance_has_does_not_leave() {
        let dir = tempfile::tempdir().unwrap();
        let admin = dir.path().join("var/lib/dpkg");
        fs::create_dir_all(admin.join("info")).unwrap();
        let mut status = String::new();
        for (name, arch) in [("dpkg", "amd64"), ("same", "amd64"), ("same", "i386"), ("foreign", "i386")] {
            status.push_str(&format!("Package: {name}\nStatus: install ok installed\nArchitecture: {arch}\n\n"));
        }
        fs::write(admin.join("status"), status).unwrap();
        fs::write(admin.join("info/same:amd64.list"), "/usr/src/shared\n/usr/src/only-amd64\n").unwrap();
        fs::write(admin.join("info/same:i386.list"), "/usr/src/shared\n").unwrap();
        fs::write(admin.join("info/foreign.list"), "/usr/src/foreign\n").unwrap();
        let root = Rc::new(Sysroot::open(dir.path()).unwrap());
        let paths = ["/usr/src/shared", "/usr/src/only-amd64", "/usr/src/foreign"].map(RootPath::new);
        for told in [Told::default(), Told { native: Some("amd64".to_owned()), ..Told::default() }] {
            let database = Database::new(Rc::clone(&root), told);
            let held = |names: &[&str]| {
                let packages: Vec<PackageId> = names.iter().map(|name| PackageId::new(name)).collect();
                database.held_by(&packages, &paths).unwrap()
            };
            assert_eq!(held(&["same"]), [vec![1]]);
            assert_eq!(held(&["same:amd64"]), [vec![1]]);
            assert!(held(&["same:i386"])[0].is_empty());
            assert_eq!(held(&["same", "same:i386"]), [vec![0, 1], vec![0]]);
            assert_eq!(held(&["foreign:i386"]), [vec![2]]);
            assert!(held(&["foreign:i386", "gone"])[1].is_empty());
        }
    }
}
