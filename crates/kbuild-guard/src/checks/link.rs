// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults of the build link itself.

use super::inspection::{Found, Inspection};
use super::{Effect, Finding, FindingId};
use crate::build_tree::{Closure, End, LinkKind, Unclear};
use crate::error::Result;
use crate::package_db::{Need, PackageDb};
use crate::quote::{quoted, quoted_os};
use crate::sysroot::RootPath;

/// A link that ends in no directory.
pub(super) fn check(db: &dyn PackageDb, closure: &Closure) -> Result<Vec<Finding>> {
    let link = &closure.link.path;
    let (id, effect, cause, need) = match &closure.end {
        End::Complete => return Ok(Vec::new()),
        End::NoLink => {
            (FindingId::NoHeaders, Effect::NoBuild, format!("{} does not exist", quoted(link)), Need::Headers)
        }
        End::Dangling { path, .. } if is_absent_by_design(db, closure, path)? => (
            FindingId::NoHeaders,
            Effect::NoBuild,
            format!("{} is the kernel's own link, and the package of the tree is not installed", quoted(link)),
            Need::Headers,
        ),
        End::Dangling { at, path } => {
            let target = matches!(&closure.link.kind, LinkKind::Symlink(target) if *target == at.as_path());
            let missing = if target { "which".to_owned() } else { quoted(at) };
            let separator = if target { "," } else { ":" };
            let elsewhere = made_elsewhere(db, link, at)?;
            let cause = format!("{}{separator} {missing} does not exist{elsewhere}", leads_to(closure));
            (FindingId::LinkDangling, Effect::NoBuild, cause, needs(db, path)?)
        }
        End::Loop(at) => (
            FindingId::LinkLoop,
            Effect::NoBuild,
            format!("{}, and {} is one link too many", leads_to(closure), quoted(at)),
            Need::Headers,
        ),
        End::NotADirectory(at) => {
            (FindingId::NotATree, Effect::NoBuild, format!("{} is not a directory", quoted(at)), Need::Headers)
        }
        End::Unknown(Unclear::NotMounted(point)) => (
            FindingId::Unclear,
            Effect::Note,
            format!("{}, below {}, which is not mounted", leads_to(closure), quoted(point)),
            Need::Advice,
        ),
        End::Unknown(Unclear::Failed(why)) => (FindingId::Unclear, Effect::Note, why.clone(), Need::Advice),
    };
    Ok(vec![Finding { id, effect, path: link.clone(), cause, need, fix: None }])
}

fn leads_to(closure: &Closure) -> String {
    match &closure.link.kind {
        LinkKind::Symlink(target) => {
            format!("{} leads to {}", quoted(&closure.link.path), quoted_os(target.as_os_str()))
        }
        _ => quoted(&closure.link.path),
    }
}

/// A path that stops existing at its very first part, or whose home is nobody's here, was written down on some
/// other system, or its tree was deleted here. A packaged link was made where the package was.
fn made_elsewhere(db: &dyn PackageDb, link: &RootPath, missing: &RootPath) -> Result<&'static str> {
    let parent = missing.parent();
    if parent != RootPath::new("/") && parent != RootPath::new("/home") {
        return Ok("");
    }
    let is_packaged = db.owners(std::slice::from_ref(link))?.iter().any(|owners| !owners.is_empty());
    Ok(match is_packaged {
        true => " here: the link was made on another machine",
        false => " here: the link was made on another machine, or the tree was deleted",
    })
}

/// A tree that an installed package owns comes back with that package.
fn needs(db: &dyn PackageDb, tree: &RootPath) -> Result<Need> {
    let owned = db.owners(std::slice::from_ref(tree))?.iter().any(|owners| !owners.is_empty());
    Ok(if owned { Need::Path(tree.clone()) } else { Need::Headers })
}

/// Fedora's kernel package owns the link, and of the tree nobody is the owner until kernel-devel is
/// installed: it dangles by design. The whole path is asked about, since rpm lists no parents and the
/// directories above belong to others.
///
/// Packages put trees below /usr. A packaged link to anywhere else was made on the build host (kernel
/// packages of image builders), or by hand over the package's own; so was one whose package has a tree.
fn is_absent_by_design(db: &dyn PackageDb, closure: &Closure, tree: &RootPath) -> Result<bool> {
    if !RootPath::new("/usr").contains(tree) {
        return Ok(false);
    }
    let owners = db.owners(&[closure.link.path.clone(), tree.clone()])?;
    let [link_owners, tree_owners] = owners.as_slice() else { return Ok(false) };
    let Some(owner) = link_owners.first().filter(|_| tree_owners.is_empty()) else { return Ok(false) };
    Ok(!db.files(owner)?.paths().any(|path| path.ends_with(b"/Module.symvers")))
}

/// Whether the directory at the link's end has a kernel's Makefile; says so if it has not.
pub(super) fn leads_to_a_tree(inspection: &mut Inspection<'_>) -> bool {
    if inspection.closure.source.is_some() {
        return true;
    }
    // The Makefile leads to a tree that is missing: that is said already.
    if !inspection.closure.gaps.is_empty() {
        return false;
    }
    let makefile = inspection.build.join("Makefile");
    let tree = quoted(&inspection.build);
    let (path, cause) = match inspection.find(&makefile) {
        Found::InGap | Found::Unclear => return false,
        Found::Absent => (inspection.build.clone(), format!("{tree} has no Makefile")),
        Found::Empty(_) => (makefile.clone(), format!("{} is empty", quoted(&makefile))),
        Found::NotAFile => (makefile.clone(), format!("{} is not a file", quoted(&makefile))),
        Found::Fine(_) => (makefile.clone(), format!("{} is not the kernel's and includes none", quoted(&makefile))),
    };
    inspection.add(FindingId::NotATree, Effect::NoBuild, path, cause, Need::Path(makefile));
    false
}
