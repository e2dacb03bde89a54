// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which hops of which kernels a transaction takes away.

use std::collections::HashMap;

use crate::build_tree::{Closure, Hop, Role};
use crate::demand::Demand;
use crate::error::Result;
use crate::kernels::Kernel;
use crate::package_db::{PackageDb, PackageId};
use crate::sysroot::RootPath;
use crate::transaction::{Element, Files, Transaction, Why};

/// A hop that is lost, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostHop {
    /// The hop's path.
    pub path: RootPath,
    /// What it is in the closure.
    pub role: Role,
    /// The package that takes it along.
    pub by: PackageId,
    /// Why that package leaves.
    pub why: Why,
}

/// What one kernel loses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The kernel's place in the list that was asked about.
    pub kernel: usize,
    /// The hops that are lost and not replaced; never empty.
    pub hops: Vec<LostHop>,
    /// Whether the kernel's own image leaves too.
    pub kernel_leaves: bool,
    /// Every package that leaves for good, for asking later what that does to demands.
    pub gone: Vec<PackageId>,
}

impl Loss {
    /// The packages that take something along, each once.
    pub fn packages(&self) -> Vec<PackageId> {
        let mut packages: Vec<PackageId> = self.hops.iter().map(|hop| hop.by.clone()).collect();
        packages.sort();
        packages.dedup();
        packages
    }
}

/// What each of `kernels` loses. Where nothing leaves, nothing is read.
pub fn losses(transaction: &Transaction, kernels: &[(Kernel, Closure)], db: &dyn PackageDb) -> Result<Vec<Loss>> {
    if transaction.leaving.is_empty() || kernels.is_empty() {
        return Ok(Vec::new());
    }
    // One question about all paths of all kernels: a package's list is read once.
    let mut paths: Vec<RootPath> = Vec::new();
    for (kernel, closure) in kernels {
        paths.push(kernel.image.clone());
        for hop in &closure.hops {
            paths.push(hop.path.clone());
            paths.extend(hop.witnesses.iter().cloned());
        }
    }
    paths.sort();
    paths.dedup();
    let held = held(transaction, &paths, db)?;
    let deleted: Vec<&Element> =
        transaction.leaving.iter().filter(|element| matches!(element.files, Files::Below(_))).collect();
    // Who takes a path along, if nobody who has it brings it again: two architectures' instances of one package can
    // have the same file, and where one of them stays or comes back, so does the file.
    let taker = |path: &RootPath, of: &RootPath| -> Option<&Element> {
        let index = paths.binary_search(path).ok()?;
        let mut holders =
            transaction.leaving.iter().zip(&held).filter(|(_, held)| held.contains(&index)).map(|(element, _)| element);
        let first = holders.next()?;
        let comes_again = |element: &Element| is_replaced(of, path, element, transaction);
        (!comes_again(first) && !holders.any(comes_again)).then_some(first)
    };
    let gone = transaction.gone();
    let mut losses = Vec::new();
    for (index, (kernel, closure)) in kernels.iter().enumerate() {
        let hops: Vec<LostHop> = closure
            .hops
            .iter()
            .filter_map(|hop| {
                // By a file no build does without, or, where there is none to look at, by the path itself.
                let telling = if hop.witnesses.is_empty() { std::slice::from_ref(&hop.path) } else { &hop.witnesses };
                let element =
                    telling.iter().find_map(|path| taker(path, &hop.path)).or_else(|| part_of(hop, &deleted))?;
                Some(LostHop { path: hop.path.clone(), role: hop.role, by: element.package.clone(), why: element.why })
            })
            .collect();
        if hops.is_empty() {
            continue;
        }
        // A kernel is an image and a modules directory: without either it is none.
        let deletes = |element: &Element| matches!(&element.files, Files::Below(dir) if dir.contains(&kernel.dir));
        let kernel_leaves = transaction.leaving.iter().any(deletes) || taker(&kernel.image, &kernel.image).is_some();
        losses.push(Loss { kernel: index, hops, kernel_leaves, gone: gone.clone() });
    }
    Ok(losses)
}

/// What deletes a part of a tree: which parts a build can do without is not for us to bet on.
fn part_of<'t>(hop: &Hop, deleted: &[&'t Element]) -> Option<&'t Element> {
    if hop.role == Role::BuildLink {
        return None;
    }
    let is_part = |element: &Element| matches!(&element.files, Files::Below(path) if hop.path.contains(path));
    deleted.iter().find(|element| is_part(element)).copied()
}

/// For each leaving package the indexes of the paths it holds and may not bring again.
///
/// Most of an upgrade brings the same upstream version once more, and with it every path that it had:
/// those packages are not asked for their files.
fn held(transaction: &Transaction, paths: &[RootPath], db: &dyn PackageDb) -> Result<Vec<Vec<usize>>> {
    let arriving: HashMap<&PackageId, &Element> = transaction
        .arriving
        .iter()
        .filter(|element| element.files == Files::InDatabase)
        .map(|element| (&element.package, element))
        .collect();
    let is_asked = |element: &Element| {
        let again = arriving.get(&element.package);
        element.files == Files::InDatabase
            && again.is_none_or(|again| upstream(&again.version) != upstream(&element.version))
    };
    let in_database: Vec<PackageId> =
        transaction.leaving.iter().filter(|element| is_asked(element)).map(|element| element.package.clone()).collect();
    let mut answers = if in_database.is_empty() { Vec::new() } else { db.held_by(&in_database, paths)? }.into_iter();
    Ok(transaction
        .leaving
        .iter()
        .map(|element| match &element.files {
            Files::InDatabase if is_asked(element) => answers.next().unwrap_or_default(),
            Files::InDatabase => Vec::new(),
            Files::Given(files) => indexes(paths, |path| files.contains(path)),
            Files::Below(dir) => indexes(paths, |path| dir.contains(path)),
        })
        .collect())
}

fn indexes(paths: &[RootPath], holds: impl Fn(&RootPath) -> bool) -> Vec<usize> {
    paths.iter().enumerate().filter(|(_, path)| holds(path)).map(|(index, _)| index).collect()
}

/// Whether something that arrives brings `file` of the hop at `path` again: a file list that holds it, or a new version
/// of the same package, unless the path is bound to a version that the new one is not of.
fn is_replaced(path: &RootPath, file: &RootPath, leaving: &Element, transaction: &Transaction) -> bool {
    transaction.arriving.iter().any(|arriving| match &arriving.files {
        Files::Given(given) => given.contains(file),
        Files::Below(dir) => dir.contains(path),
        Files::InDatabase => arriving.package == leaving.package && !is_bound_to_old_version(path, leaving, arriving),
    })
}

/// An unversioned name (`raspberrypi-kernel-headers`) takes `…-6.1.21+` along when its new version
/// brings `…-6.6.20+`; a versioned one (`linux-headers-6.1.0-56-amd64`) brings the same path again.
fn is_bound_to_old_version(path: &RootPath, leaving: &Element, arriving: &Element) -> bool {
    if upstream(&leaving.version) == upstream(&arriving.version) {
        return false;
    }
    let text = path.as_path().to_string_lossy();
    text.split('/').filter_map(version_in).any(|version| !leaving.package.as_str().contains(version))
}

/// The version in a path's part, as far as it is digits and dots with at least one dot: `6.1.21` of
/// `linux-headers-6.1.21-v8+`, `6.1` of `linux-kbuild-6.1`.
fn version_in(part: &str) -> Option<&str> {
    let is_version = |c: char| c.is_ascii_digit() || c == '.';
    part.split(|c| !is_version(c)).map(|run| run.trim_matches('.')).find(|run| run.contains('.'))
}

/// A version without what a rebuild changes: epoch and what follows the last `-`.
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    version.rsplit_once('-').map_or(version, |(upstream, _)| upstream)
}

/// The places in `demand` of what is still there when the packages of a loss have left.
pub fn remaining_demand(demand: &[Demand], gone: &[PackageId], db: &dyn PackageDb) -> Result<Vec<usize>> {
    if gone.is_empty() || demand.iter().all(|one| one.anchors.is_empty()) {
        return Ok((0..demand.len()).collect());
    }
    let anchors: Vec<RootPath> = demand.iter().flat_map(|one| one.anchors.iter().cloned()).collect();
    let leaving: Vec<usize> = db.held_by(gone, &anchors)?.into_iter().flatten().collect();
    let mut first = 0;
    let mut remaining = Vec::new();
    for (index, one) in demand.iter().enumerate() {
        let own = first..first + one.anchors.len();
        first = own.end;
        if !leaving.iter().any(|anchor| own.contains(anchor)) {
            remaining.push(index);
        }
    }
    Ok(remaining)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_tree::{BuildLink, End, LinkKind};
    use crate::kernels::Kernel;
    use crate::package_db::{FileList, ImageStanding, NoPackages};

    /// Packages and their files.
    struct Listed(Vec<(&'static str, Vec<&'static str>)>);

    impl PackageDb for Listed {
        fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>> {
            NoPackages.owners(paths)
        }
        fn held_by(&self, packages: &[PackageId], paths: &[RootPath]) -> Result<Vec<Vec<usize>>> {
            let files = |package: &PackageId| {
                self.0
                    .iter()
                    .find(|(name, _)| *name == package.as_str())
                    .map(|(_, files)| files.as_slice())
                    .unwrap_or_default()
            };
            let holds =
                |package: &PackageId, path: &RootPath| files(package).iter().any(|file| RootPath::new(file) == *path);
            Ok(packages
                .iter()
                .map(|package| (0..paths.len()).filter(|index| holds(package, &paths[*index])).collect())
                .collect())
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
        fn is_healthy(&self) -> Result<bool> {
            Ok(true)
        }
        fn image_standings(&self, kernels: &[Kernel], leaving: &[PackageId]) -> Result<Vec<ImageStanding>> {
            NoPackages.image_standings(kernels, leaving)
        }
    }

    fn element(package: &str, version: &str) -> Element {
        Element {
            package: PackageId::new(package),
            version: version.to_owned(),
            files: Files::InDatabase,
            why: Why::Auto,
        }
    }

    fn kernel(release: &str, hops: &[(Role, &str, &[&str])]) -> (Kernel, Closure) {
        let dir = RootPath::new("/lib/modules").join(release);
        let hops = hops
            .iter()
            .map(|(role, path, witnesses)| Hop {
                path: RootPath::new(path),
                role: *role,
                via: dir.clone(),
                witnesses: witnesses.iter().map(RootPath::new).collect(),
            })
            .collect();
        let closure = Closure {
            link: BuildLink { path: dir.join("build"), kind: LinkKind::Missing },
            hops,
            end: End::Complete,
            gaps: Vec::new(),
            source: None,
        };
        let image = RootPath::new(format!("/boot/vmlinuz-{release}"));
        (Kernel { release: release.parse().unwrap(), dir, image, running: false, kept: None }, closure)
    }

    fn lost(leaving: &[Element], arriving: &[Element]) -> Vec<(usize, Vec<String>, bool)> {
        let db = Listed(vec![
            ("linux-image-6.1.0-56-amd64", vec!["/boot/vmlinuz-6.1.0-56-amd64"]),
            (
                "linux-headers-6.1.0-56-amd64",
                vec!["/lib/modules/6.1.0-56-amd64/build", "/usr/src/linux-headers-6.1.0-56-amd64/Makefile"],
            ),
            (
                "linux-kbuild-6.1",
                vec!["/usr/lib/linux-kbuild-6.1/scripts", "/usr/lib/linux-kbuild-6.1/scripts/basic/fixdep"],
            ),
            ("raspberrypi-kernel-headers", vec!["/usr/src/linux-headers-6.1.21-v8+/Makefile"]),
            ("some-dkms", vec!["/usr/src/linux-headers-6.1.0-56-amd64"]),
            ("linux-image-current", vec!["/boot/vmlinuz-6.1.21-v8+"]),
        ]);
        let kernels = [
            kernel(
                "6.1.0-56-amd64",
                &[
                    (Role::BuildLink, "/lib/modules/6.1.0-56-amd64/build", &[]),
                    (
                        Role::BuildTree,
                        "/usr/src/linux-headers-6.1.0-56-amd64",
                        &["/usr/src/linux-headers-6.1.0-56-amd64/Makefile"],
                    ),
                    (
                        Role::Companion,
                        "/usr/lib/linux-kbuild-6.1/scripts",
                        &["/usr/lib/linux-kbuild-6.1/scripts/basic/fixdep"],
                    ),
                ],
            ),
            kernel(
                "6.1.21-v8+",
                &[(
                    Role::BuildTree,
                    "/usr/src/linux-headers-6.1.21-v8+",
                    &["/usr/src/linux-headers-6.1.21-v8+/Makefile"],
                )],
            ),
        ];
        let transaction =
            Transaction { leaving: leaving.to_vec(), arriving: arriving.to_vec(), ..Transaction::default() };
        losses(&transaction, &kernels, &db)
            .unwrap()
            .into_iter()
            .map(|loss| (loss.kernel, loss.packages().iter().map(PackageId::to_string).collect(), loss.kernel_leaves))
            .collect()
    }

    #[test]
    fn what_leaves_is_lost_unless_it_comes_again() {
        let headers = element("linux-headers-6.1.0-56-amd64", "6.1.192-1");
        let kbuild = element("linux-kbuild-6.1", "6.1.192-1");
        let image = element("linux-image-6.1.0-56-amd64", "6.1.192-1");
        let pi = element("raspberrypi-kernel-headers", "1:1.20230405-1");
        let both = vec!["linux-headers-6.1.0-56-amd64".to_owned(), "linux-kbuild-6.1".to_owned()];

        assert!(lost(&[], std::slice::from_ref(&headers)).is_empty());
        assert_eq!(lost(std::slice::from_ref(&headers), &[]), [(0, vec![both[0].clone()], false)]);
        assert_eq!(lost(&[headers.clone(), kbuild.clone()], &[]), [(0, both, false)]);
        assert!(lost(&[headers.clone(), image], &[])[0].2, "the kernel leaves too");
        // A directory in somebody else's list is not theirs to take.
        assert!(lost(&[element("some-dkms", "1")], &[]).is_empty());
        // Upgrades of versioned names bring the path again.
        assert!(lost(&[headers], &[element("linux-headers-6.1.0-56-amd64", "6.1.199-1")]).is_empty());
        assert!(lost(&[kbuild], &[element("linux-kbuild-6.1", "6.1.199-1")]).is_empty());
        // Both unversioned, as on Armbian: the old kernel goes with its tree; a rebuild takes neither.
        let upgrade = |name: &str, old: &str, new: &str| (element(name, old), element(name, new));
        let (old_image, new_image) = upgrade("linux-image-current", "23.02.1", "23.05.1");
        let (old_tree, new_tree) = upgrade("raspberrypi-kernel-headers", "23.02.1", "23.05.1");
        assert!(lost(&[old_image, old_tree], &[new_image, new_tree])[0].2);
        // An unversioned name brings another release's tree, but not in a mere rebuild.
        assert_eq!(lost(std::slice::from_ref(&pi), &[element("raspberrypi-kernel-headers", "1:1.20240306-1")])[0].0, 1);
        assert!(lost(&[pi], &[element("raspberrypi-kernel-headers", "1:1.20230405-2")]).is_empty());
    }

    #[test]
    fn who_brings_the_same_version_again_is_not_asked() {
        struct Silent;
        impl PackageDb for Silent {
            fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>> {
                NoPackages.owners(paths)
            }
            fn held_by(&self, packages: &[PackageId], _: &[RootPath]) -> Result<Vec<Vec<usize>>> {
                panic!("{packages:?} is asked")
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
            fn is_healthy(&self) -> Result<bool> {
                Ok(true)
            }
            fn image_standings(&self, kernels: &[Kernel], leaving: &[PackageId]) -> Result<Vec<ImageStanding>> {
                NoPackages.image_standings(kernels, leaving)
            }
        }
        let (leaving, arriving) = (element("libc6", "2.36-9+deb12u9"), element("libc6", "2.36-9+deb12u10"));
        let transaction = Transaction { leaving: vec![leaving], arriving: vec![arriving], ..Transaction::default() };
        let kernels = [kernel("6.1.21-v8+", &[(Role::BuildTree, "/usr/src/h", &["/usr/src/h/Makefile"])])];
        assert!(losses(&transaction, &kernels, &Silent).unwrap().is_empty());
    }

    #[test]
    fn given_file_lists_are_believed() {
        let path = RootPath::new("/usr/src/linux-headers-6.1.0-56-amd64/Makefile");
        let given = |name: &str| Element { files: Files::Given(vec![path.clone()]), ..element(name, "1") };
        assert_eq!(lost(&[given("x")], &[]).len(), 1);
        assert!(lost(&[given("x")], &[given("y")]).is_empty());
    }
}
