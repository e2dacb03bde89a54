// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which leaving packages would have brought the headers of kernels to come.
//!
//! Distributions have a package without files that always depends on the newest kernel of a flavour, and one that
//! always depends on its headers. Where the second leaves and the first stays, nothing breaks today: the next kernel
//! comes without headers. What proves that a package is the second is not its name, but that it has nothing of its
//! own and depends on what holds a kernel's build link or tree.

use std::collections::BTreeSet;

use crate::build_tree::{Closure, Role};
use crate::error::Result;
use crate::kernels::Kernel;
use crate::package_db::{ImageStanding, PackageDb, PackageId};
use crate::sysroot::RootPath;
use crate::transaction::{Files, Transaction, Why};

/// Packages that leave and would have brought headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostBringers {
    /// The kernels whose headers they brought last, by their places in the list that was asked about; of one flavour,
    /// never empty.
    pub kernels: Vec<usize>,
    /// The kernels of this flavour whose headers something that stays brings: where distributions have several tracks
    /// of a flavour (Ubuntu's GA and HWE, Proxmox's series), the others go on.
    pub still_brought: Vec<usize>,
    /// The packages.
    pub packages: Vec<PackageId>,
    /// Whether somebody named one of them.
    pub asked: bool,
}

/// The bringers among the packages that leave for good, a flavour each. Where nothing leaves for good, nothing is read,
/// and only the lists of packages without files of their own where none of these does.
pub fn lost_bringers(
    transaction: &Transaction,
    kernels: &[(Kernel, Closure)],
    db: &dyn PackageDb,
) -> Result<Vec<LostBringers>> {
    let is_listed = |package: &PackageId| {
        transaction.leaving.iter().any(|element| element.package == *package && element.files == Files::InDatabase)
    };
    let gone = transaction.gone();
    let mut lost: Vec<(String, LostBringers)> = Vec::new();
    for package in gone.iter().filter(|package| is_listed(package)) {
        if !db.brings_only_others(package)? {
            continue;
        }
        let brought = brought_by(package, kernels, db)?;
        for (index, headers) in brought {
            let Some((kernel, _)) = kernels.get(index) else { continue };
            // Another one that stays brings them just as well.
            if has_bringer(&headers, &gone, db)? {
                continue;
            }
            let asked =
                transaction.leaving.iter().any(|element| element.package == *package && element.why == Why::Asked);
            let flavour = kernel.release.flavour();
            match lost.iter_mut().find(|(other, _)| *other == flavour) {
                Some((_, known)) => {
                    known.kernels.push(index);
                    known.packages.push(package.clone());
                    known.asked |= asked;
                }
                None => {
                    let packages = vec![package.clone()];
                    lost.push((
                        flavour,
                        LostBringers { kernels: vec![index], still_brought: Vec::new(), packages, asked },
                    ));
                }
            }
        }
    }
    lost.into_iter()
        .map(|(flavour, mut bringers)| {
            bringers.packages.sort();
            bringers.packages.dedup();
            bringers.still_brought = still_brought(&flavour, kernels, &gone, db)?;
            Ok(bringers)
        })
        .collect()
}

/// The packages that stay and bring new kernels of the flavour whose bringers of headers are lost: without files of
/// their own, depending on the image of one of its kernels, and not bound to that kernel by their name. Those that
/// bring kernels whose headers are still brought do no harm. With none, no kernel is to come.
pub fn bringers_of_kernels(
    lost: &LostBringers,
    kernels: &[Kernel],
    standings: &[ImageStanding],
    transaction: &Transaction,
    db: &dyn PackageDb,
) -> Result<Vec<PackageId>> {
    let Some(first) = lost.kernels.first().and_then(|index| kernels.get(*index)) else { return Ok(Vec::new()) };
    let flavour = first.release.flavour();
    let of_flavour: Vec<(&Kernel, &PackageId)> = kernels
        .iter()
        .zip(standings)
        .enumerate()
        .filter(|(index, (kernel, _))| kernel.release.flavour() == flavour && !lost.still_brought.contains(index))
        .filter_map(|(_, (kernel, standing))| Some((kernel, standing.package.as_ref()?)))
        .collect();
    let images: Vec<PackageId> = of_flavour.iter().map(|(_, image)| (*image).clone()).collect();
    let gone = transaction.gone();
    let mut bringers = Vec::new();
    for package in db.dependents(&images)? {
        let is_bound = of_flavour.iter().any(|(kernel, _)| package.as_str().contains(kernel.release.as_str()));
        if !is_bound && !gone.contains(&package) && db.brings_only_others(&package)? {
            bringers.push(package);
        }
    }
    Ok(bringers)
}

/// The kernels whose link or tree is held by what `package` depends on, and by which of these packages.
fn brought_by(
    package: &PackageId,
    kernels: &[(Kernel, Closure)],
    db: &dyn PackageDb,
) -> Result<Vec<(usize, Vec<PackageId>)>> {
    let dependencies = db.dependencies(package)?;
    let mut paths: Vec<RootPath> = Vec::new();
    let mut of: Vec<usize> = Vec::new();
    for (index, (_, closure)) in kernels.iter().enumerate() {
        for path in telling_paths(closure) {
            paths.push(path.clone());
            of.push(index);
        }
    }
    let held = db.held_by(&dependencies, &paths)?;
    let mut brought: Vec<(usize, Vec<PackageId>)> = Vec::new();
    for (dependency, held) in dependencies.into_iter().zip(held) {
        let indexes: BTreeSet<usize> = held.into_iter().filter_map(|path| of.get(path).copied()).collect();
        for index in indexes {
            match brought.iter_mut().find(|(other, _)| *other == index) {
                Some((_, packages)) => packages.push(dependency.clone()),
                None => brought.push((index, vec![dependency.clone()])),
            }
        }
    }
    Ok(brought)
}

/// The kernels of a flavour whose link or tree is held by what a package that stays brings.
fn still_brought(
    flavour: &str,
    kernels: &[(Kernel, Closure)],
    gone: &[PackageId],
    db: &dyn PackageDb,
) -> Result<Vec<usize>> {
    let (of, paths): (Vec<usize>, Vec<RootPath>) = kernels
        .iter()
        .enumerate()
        .filter(|(_, (kernel, _))| kernel.release.flavour() == flavour)
        .flat_map(|(index, (_, closure))| telling_paths(closure).map(move |path| (index, path.clone())))
        .unzip();
    let mut brought: Vec<usize> = Vec::new();
    for (index, holders) in of.into_iter().zip(db.owners(&paths)?) {
        if !brought.contains(&index) && !holders.is_empty() && has_bringer(&holders, gone, db)? {
            brought.push(index);
        }
    }
    Ok(brought)
}

/// What tells who holds a kernel's link and trees. A directory may be in anybody's list: what counts is a file of it.
fn telling_paths(closure: &Closure) -> impl Iterator<Item = &RootPath> {
    let holding = closure.hops.iter().filter(|hop| matches!(hop.role, Role::BuildLink | Role::BuildTree));
    holding.map(|hop| hop.witnesses.first().unwrap_or(&hop.path))
}

/// Whether a package that stays is there for one of these.
fn has_bringer(packages: &[PackageId], gone: &[PackageId], db: &dyn PackageDb) -> Result<bool> {
    for other in db.dependents(packages)? {
        if !gone.contains(&other) && db.brings_only_others(&other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_tree::{BuildLink, End, Hop, LinkKind};
    use crate::package_db::{FileList, NoPackages};
    use crate::transaction::Element;

    /// Packages, what they depend on, and their files.
    struct Packages(Vec<(&'static str, &'static [&'static str], &'static [&'static str])>);

    impl Packages {
        fn named(&self, is: impl Fn(&(&'static str, &[&str], &[&str])) -> bool) -> Vec<PackageId> {
            self.0.iter().filter(|package| is(package)).map(|(name, _, _)| PackageId::new(name)).collect()
        }

        fn have(&self, package: &PackageId, path: &RootPath) -> bool {
            self.0
                .iter()
                .any(|(name, _, files)| *name == package.as_str() && files.iter().any(|f| RootPath::new(f) == *path))
        }
    }

    impl PackageDb for Packages {
        fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>> {
            let has = |files: &[&str], path: &RootPath| files.iter().any(|file| RootPath::new(file) == *path);
            Ok(paths.iter().map(|path| self.named(|(_, _, files)| has(files, path))).collect())
        }
        fn held_by(&self, packages: &[PackageId], paths: &[RootPath]) -> Result<Vec<Vec<usize>>> {
            let held = |package| (0..paths.len()).filter(|index| self.have(package, &paths[*index])).collect();
            Ok(packages.iter().map(held).collect())
        }
        fn files(&self, package: &PackageId) -> Result<FileList> {
            NoPackages.files(package)
        }
        fn is_installed(&self, _: &PackageId) -> Result<bool> {
            Ok(true)
        }
        fn dragged_along(&self, _: &[PackageId]) -> Result<Vec<PackageId>> {
            Ok(Vec::new())
        }
        fn dependencies(&self, package: &PackageId) -> Result<Vec<PackageId>> {
            let found = self.0.iter().find(|(name, _, _)| *name == package.as_str());
            Ok(found.into_iter().flat_map(|(_, needs, _)| needs.iter().map(|need| PackageId::new(need))).collect())
        }
        fn dependents(&self, packages: &[PackageId]) -> Result<Vec<PackageId>> {
            Ok(self.named(|(_, needs, _)| packages.iter().any(|package| needs.contains(&package.as_str()))))
        }
        fn brings_only_others(&self, package: &PackageId) -> Result<bool> {
            Ok(self.0.iter().any(|(name, _, files)| *name == package.as_str() && files.is_empty()))
        }
        fn is_healthy(&self) -> Result<bool> {
            Ok(true)
        }
        fn image_standings(&self, kernels: &[Kernel], leaving: &[PackageId]) -> Result<Vec<ImageStanding>> {
            NoPackages.image_standings(kernels, leaving)
        }
    }

    fn kernel(release: &str) -> (Kernel, Closure) {
        let dir = RootPath::new("/lib/modules").join(release);
        let link = dir.join("build");
        let hop = Hop { path: link.clone(), role: Role::BuildLink, via: dir.clone(), witnesses: Vec::new() };
        let closure = Closure {
            link: BuildLink { path: link, kind: LinkKind::Missing },
            hops: vec![hop],
            end: End::Complete,
            gaps: Vec::new(),
            source: None,
        };
        let image = RootPath::new(format!("/boot/vmlinuz-{release}"));
        (Kernel { release: release.parse().unwrap(), dir, image, running: false, kept: None }, closure)
    }

    /// The packages that bring kernels to come without headers, once `leaving` have left.
    fn harmful(db: &Packages, releases: &[(&str, &str)], leaving: &[&str]) -> Vec<String> {
        let followed: Vec<(Kernel, Closure)> = releases.iter().map(|(release, _)| kernel(release)).collect();
        let standing = |image| ImageStanding { package: Some(PackageId::new(image)), ..ImageStanding::default() };
        let standings: Vec<ImageStanding> = releases.iter().map(|(_, image)| standing(image)).collect();
        let element = |name: &&str| Element {
            package: PackageId::new(name),
            version: "1".to_owned(),
            files: Files::InDatabase,
            why: Why::Asked,
        };
        let transaction =
            Transaction { leaving: leaving.iter().map(element).collect::<Vec<_>>(), ..Transaction::default() };
        let lost = lost_bringers(&transaction, &followed, db).unwrap();
        assert_eq!(lost.len(), 1, "{lost:?}");
        let kernels: Vec<Kernel> = followed.into_iter().map(|(kernel, _)| kernel).collect();
        let bringers = bringers_of_kernels(&lost[0], &kernels, &standings, &transaction, db).unwrap();
        bringers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_other_track_of_ubuntu_goes_on() {
        let db = Packages(vec![
            ("linux-generic", &["linux-image-generic", "linux-headers-generic"], &[]),
            ("linux-image-generic", &["linux-image-6.8.0-40-generic"], &[]),
            ("linux-headers-generic", &["linux-headers-6.8.0-40-generic"], &[]),
            ("linux-image-6.8.0-40-generic", &[], &["/boot/vmlinuz-6.8.0-40-generic"]),
            ("linux-headers-6.8.0-40-generic", &[], &["/lib/modules/6.8.0-40-generic/build"]),
            ("linux-image-generic-hwe-24.04", &["linux-image-6.11.0-17-generic"], &[]),
            ("linux-headers-generic-hwe-24.04", &["linux-headers-6.11.0-17-generic"], &[]),
            ("linux-image-6.11.0-17-generic", &[], &["/boot/vmlinuz-6.11.0-17-generic"]),
            ("linux-headers-6.11.0-17-generic", &[], &["/lib/modules/6.11.0-17-generic/build"]),
        ]);
        let releases = [
            ("6.8.0-40-generic", "linux-image-6.8.0-40-generic"),
            ("6.11.0-17-generic", "linux-image-6.11.0-17-generic"),
        ];
        let of = |leaving: &[&str]| harmful(&db, &releases, leaving);
        assert!(of(&["linux-generic", "linux-headers-generic", "linux-image-generic"]).is_empty());
        assert_eq!(of(&["linux-generic", "linux-headers-generic"]), ["linux-image-generic"]);
        assert_eq!(of(&["linux-headers-generic-hwe-24.04"]), ["linux-image-generic-hwe-24.04"]);
    }

    #[test]
    fn the_other_series_of_proxmox_goes_on() {
        let packages = |old_kernel: bool| {
            let mut packages: Vec<(&str, &[&str], &[&str])> = vec![
                ("proxmox-headers-6.5", &["proxmox-headers-6.5.13-6-pve"], &[]),
                ("proxmox-headers-6.5.13-6-pve", &[], &["/lib/modules/6.5.13-6-pve/build"]),
                ("proxmox-kernel-6.5.13-6-pve", &[], &["/boot/vmlinuz-6.5.13-6-pve"]),
                ("proxmox-kernel-6.8", &["proxmox-kernel-6.8.4-2-pve"], &[]),
                ("proxmox-headers-6.8", &["proxmox-headers-6.8.4-2-pve"], &[]),
                ("proxmox-headers-6.8.4-2-pve", &[], &["/lib/modules/6.8.4-2-pve/build"]),
                ("proxmox-kernel-6.8.4-2-pve", &[], &["/boot/vmlinuz-6.8.4-2-pve"]),
            ];
            if old_kernel {
                packages.push(("proxmox-kernel-6.5", &["proxmox-kernel-6.5.13-6-pve"], &[]));
            }
            Packages(packages)
        };
        let releases = [("6.5.13-6-pve", "proxmox-kernel-6.5.13-6-pve"), ("6.8.4-2-pve", "proxmox-kernel-6.8.4-2-pve")];
        assert!(harmful(&packages(false), &releases, &["proxmox-headers-6.5"]).is_empty());
        assert_eq!(harmful(&packages(true), &releases, &["proxmox-headers-6.5"]), ["proxmox-kernel-6.5"]);
    }
}
