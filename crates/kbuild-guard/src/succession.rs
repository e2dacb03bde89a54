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
            let others = db.dependents(&headers)?;
            if is_any(&others, |other| Ok(!gone.contains(other) && db.brings_only_others(other)?))? {
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
                    lost.push((flavour, LostBringers { kernels: vec![index], packages: vec![package.clone()], asked }))
                }
            }
        }
    }
    Ok(lost
        .into_iter()
        .map(|(_, mut bringers)| {
            bringers.packages.sort();
            bringers.packages.dedup();
            bringers
        })
        .collect())
}

/// The packages that stay and bring new kernels of the flavour whose bringers of headers are lost: without files of
/// their own, depending on the image of one of its kernels, and not bound to that kernel by their name. With none, no
/// kernel is to come.
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
        .filter(|(kernel, _)| kernel.release.flavour() == flavour)
        .filter_map(|(kernel, standing)| Some((kernel, standing.package.as_ref()?)))
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
        for hop in closure.hops.iter().filter(|hop| matches!(hop.role, Role::BuildLink | Role::BuildTree)) {
            // A directory may be in anybody's list: what counts is a file of it.
            let telling = hop.witnesses.first().unwrap_or(&hop.path);
            paths.push(telling.clone());
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

fn is_any(packages: &[PackageId], is: impl Fn(&PackageId) -> Result<bool>) -> Result<bool> {
    for package in packages {
        if is(package)? {
            return Ok(true);
        }
    }
    Ok(false)
}
