// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the trees are as their packages brought them, and whether they have a package at all.

use std::os::unix::ffi::OsStrExt;

use super::inspection::Inspection;
use super::packaged_trees::{PackagedTrees, is_below};
use super::{Effect, FindingId};
use crate::build_tree::{Hop, Role};
use crate::error::Result;
use crate::package_db::{Need, PackageId};
use crate::quote::quoted;
use crate::sysroot::RootPath;

/// What packages bring and no module build reads: deleted one at a time under real builds.
const NOT_READ: [&str; 6] = [
    ".config",
    "include/config/kernel.release",
    "include/generated/compile.h",
    "scripts/sign-file",
    "vmlinux",
    "source",
];

/// Says which files are gone from the trees of this closure, and whose tree is nobody's.
pub(super) fn check(inspection: &mut Inspection<'_>, packaged: &PackagedTrees) -> Result<()> {
    let hops: Vec<Hop> = inspection.closure.hops.iter().filter(|hop| hop.role != Role::BuildLink).cloned().collect();
    let mut by_package: Vec<(PackageId, Vec<RootPath>)> = Vec::new();
    for hop in hops {
        let Some(package) = packaged.owner(&hop.path).cloned() else {
            nobodys(inspection, &hop);
            continue;
        };
        let gone = packaged.gone(inspection.root, inspection.db, &package)?;
        let tree = hop.path.as_os_str().as_bytes();
        // What other findings name, and what is missing because a further tree is, is said already.
        let is_new = |path: &&RootPath| {
            is_below(tree, path.as_os_str().as_bytes()) && !inspection.is_said(path) && !inspection.is_in_gap(path)
        };
        let gone: Vec<RootPath> = gone.iter().filter(is_new).cloned().collect();
        match by_package.iter_mut().find(|(other, _)| *other == package) {
            Some((_, all)) => all.extend(gone),
            None => by_package.push((package, gone)),
        }
    }
    for (package, mut gone) in by_package {
        gone.sort();
        gone.dedup();
        let Some(first) = gone.first().cloned() else { continue };
        let cause = match gone.len() {
            1 => format!("{} of {package} does not exist", quoted(&first)),
            all => format!("{} does not exist, nor do {} more files of {package}", quoted(&first), all - 1),
        };
        let is_read = |path: &RootPath| !NOT_READ.iter().any(|end| path.as_path().ends_with(end));
        let effect = if gone.iter().any(is_read) { Effect::Risk } else { Effect::Note };
        inspection.add(FindingId::FilesMissing, effect, first.clone(), cause, Need::Path(first));
    }
    Ok(())
}

fn nobodys(inspection: &mut Inspection<'_>, hop: &Hop) {
    if hop.role == Role::Companion || !inspection.db.knows_owners() || inspection.has(FindingId::OutsideCare) {
        return;
    }
    let cause = format!("no package owns {}", quoted(&hop.path));
    inspection.add(FindingId::OutsideCare, Effect::Note, hop.path.clone(), cause, Need::Advice);
}
