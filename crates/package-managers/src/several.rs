// SPDX-License-Identifier: MIT OR Apache-2.0
//! A system with two package databases: Debian with packages of rpm's, or Fedora with dpkg to build others'. A package is
//! in the first that has it.

use std::rc::Rc;

use kbuild_guard::error::Result;
use kbuild_guard::kernels::Kernel;
use kbuild_guard::package_db::{Advisor, FileList, ImageStanding, Need, PackageDb, PackageId, Remedy, WayBack};
use kbuild_guard::sysroot::RootPath;
use kbuild_guard::transaction::Transaction;

/// Two databases as one.
pub(crate) struct Databases {
    pub(crate) first: Rc<dyn PackageDb>,
    pub(crate) second: Rc<dyn PackageDb>,
}

impl Databases {
    fn of(&self, package: &PackageId) -> Result<&dyn PackageDb> {
        let is_firsts = self.first.is_installed(package)?;
        Ok(if is_firsts { self.first.as_ref() } else { self.second.as_ref() })
    }

    fn both<T>(&self, ask: impl Fn(&dyn PackageDb) -> Result<Vec<T>>) -> Result<Vec<T>> {
        let mut all = ask(self.first.as_ref())?;
        all.extend(ask(self.second.as_ref())?);
        Ok(all)
    }
}

impl PackageDb for Databases {
    fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>> {
        let (first, second) = (self.first.owners(paths)?, self.second.owners(paths)?);
        Ok(first.into_iter().zip(second).map(|(first, second)| [first, second].concat()).collect())
    }

    fn held_by(&self, packages: &[PackageId], paths: &[RootPath]) -> Result<Vec<Vec<usize>>> {
        let (first, second) = (self.first.held_by(packages, paths)?, self.second.held_by(packages, paths)?);
        Ok(first.into_iter().zip(second).map(|(first, second)| [first, second].concat()).collect())
    }

    fn files(&self, package: &PackageId) -> Result<FileList> {
        self.of(package)?.files(package)
    }

    fn is_installed(&self, package: &PackageId) -> Result<bool> {
        Ok(self.first.is_installed(package)? || self.second.is_installed(package)?)
    }

    fn dragged_along(&self, leaving: &[PackageId]) -> Result<Vec<PackageId>> {
        self.both(|db| db.dragged_along(leaving))
    }

    fn dependencies(&self, package: &PackageId) -> Result<Vec<PackageId>> {
        self.of(package)?.dependencies(package)
    }

    fn dependents(&self, packages: &[PackageId]) -> Result<Vec<PackageId>> {
        self.both(|db| db.dependents(packages))
    }

    fn brings_only_others(&self, package: &PackageId) -> Result<bool> {
        self.of(package)?.brings_only_others(package)
    }

    fn is_healthy(&self) -> Result<bool> {
        Ok(self.first.is_healthy()? && self.second.is_healthy()?)
    }

    fn is_busy(&self) -> Result<bool> {
        Ok(self.first.is_busy()? || self.second.is_busy()?)
    }

    /// An image's standing is in the database that has the image.
    fn image_standings(&self, kernels: &[Kernel], leaving: &[PackageId]) -> Result<Vec<ImageStanding>> {
        let first = self.first.image_standings(kernels, leaving)?;
        if first.iter().all(|standing| standing.package.is_some()) {
            return Ok(first);
        }
        let second = self.second.image_standings(kernels, leaving)?;
        let of = |(first, second): (ImageStanding, ImageStanding)| {
            if first.package.is_none() && second.package.is_some() { second } else { first }
        };
        Ok(first.into_iter().zip(second).map(of).collect())
    }
}

/// The advisers of two databases. The second knows the packages that the first does not.
pub(crate) struct Advisers {
    pub(crate) databases: Rc<Databases>,
    pub(crate) first: Box<dyn Advisor>,
    pub(crate) second: Box<dyn Advisor>,
}

impl Advisers {
    fn of(&self, packages: &[PackageId]) -> &dyn Advisor {
        let is_firsts = |package: &PackageId| self.databases.first.is_installed(package).unwrap_or(true);
        if packages.iter().all(is_firsts) { self.first.as_ref() } else { self.second.as_ref() }
    }
}

impl Advisor for Advisers {
    fn provide(&self, asked: &[(&Need, &Kernel)]) -> Vec<Option<Remedy>> {
        let first = self.first.provide(asked);
        if first.iter().all(Option::is_some) {
            return first;
        }
        let second = self.second.provide(asked);
        first.into_iter().zip(second).map(|(first, second)| first.or(second)).collect()
    }

    fn keep(&self, packages: &[PackageId], transaction: &Transaction) -> Option<String> {
        self.of(packages).keep(packages, transaction)
    }

    fn anyway(&self, transaction: &Transaction) -> String {
        self.of(&transaction.gone()).anyway(transaction)
    }

    fn bring_back(&self, packages: &[PackageId]) -> WayBack {
        self.of(packages).bring_back(packages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kbuild_guard::package_db::NoPackages;

    /// One that has one package, with one path.
    struct Having(&'static str, &'static str);

    impl PackageDb for Having {
        fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>> {
            let of = |path: &RootPath| {
                let owner = (*path == RootPath::new(self.1)).then(|| PackageId::new(self.0));
                owner.into_iter().collect()
            };
            Ok(paths.iter().map(of).collect())
        }
        fn held_by(&self, packages: &[PackageId], paths: &[RootPath]) -> Result<Vec<Vec<usize>>> {
            NoPackages.held_by(packages, paths)
        }
        fn files(&self, _: &PackageId) -> Result<FileList> {
            Ok(FileList::new(format!("{}\n", self.1).into_bytes(), 1))
        }
        fn is_installed(&self, package: &PackageId) -> Result<bool> {
            Ok(package.as_str() == self.0)
        }
        fn dragged_along(&self, leaving: &[PackageId]) -> Result<Vec<PackageId>> {
            NoPackages.dragged_along(leaving)
        }
        fn is_healthy(&self) -> Result<bool> {
            Ok(true)
        }
        fn image_standings(&self, kernels: &[Kernel], _: &[PackageId]) -> Result<Vec<ImageStanding>> {
            let images: Vec<RootPath> = kernels.iter().map(|kernel| kernel.image.clone()).collect();
            let package = |owners: Vec<PackageId>| owners.into_iter().next();
            let standing = |owners| ImageStanding { package: package(owners), ..ImageStanding::default() };
            Ok(self.owners(&images)?.into_iter().map(standing).collect())
        }
    }

    #[test]
    fn each_package_is_asked_for_where_it_is() {
        let first: Rc<dyn PackageDb> = Rc::new(Having("linux-image", "/boot/vmlinuz-1"));
        let second: Rc<dyn PackageDb> = Rc::new(Having("kernel-core", "/boot/vmlinuz-2"));
        let both = Databases { first, second };
        let kernels = ["1", "2", "3"].map(|release| Kernel {
            release: release.parse().unwrap(),
            dir: RootPath::new("/lib/modules").join(release),
            image: RootPath::new(format!("/boot/vmlinuz-{release}")),
            running: false,
            kept: None,
        });
        let standings = both.image_standings(&kernels, &[]).unwrap();
        let packages = standings.iter().map(|standing| standing.package.as_ref().map(PackageId::as_str));
        assert_eq!(packages.collect::<Vec<_>>(), [Some("linux-image"), Some("kernel-core"), None]);
        let files = both.files(&PackageId::new("kernel-core")).unwrap();
        assert_eq!(files.paths().collect::<Vec<_>>(), [b"/boot/vmlinuz-2"]);
        assert!(!both.is_installed(&PackageId::new("x")).unwrap());
    }
}
