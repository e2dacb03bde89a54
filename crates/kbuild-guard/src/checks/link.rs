// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults of the build link itself.

use super::inspection::Inspection;
use super::{Effect, Finding, FindingId};
use crate::build_tree::{Closure, End, LinkKind, Unclear};
use crate::error::Result;
use crate::package_db::{Need, PackageDb};
use crate::present::quote::{quoted, quoted_os};
use crate::sysroot::RootPath;

/// A link that ends in no directory.
pub(super) fn check(db: &dyn PackageDb, closure: &Closure) -> Result<Vec<Finding>> {
    let link = &closure.link.path;
    let (id, effect, cause, need) = match &closure.end {
        End::Complete => return Ok(Vec::new()),
        End::NoLink => {
            (FindingId::NoHeaders, Effect::NoBuild, format!("{} does not exist", quoted(link)), Need::Headers)
        }
        End::Dangling(missing) if is_absent_by_design(db, closure, missing)? => (
            FindingId::NoHeaders,
            Effect::NoBuild,
            format!("{} is the kernel's own link, and the package of the tree is not installed", quoted(link)),
            Need::Headers,
        ),
        End::Dangling(missing) => (
            FindingId::LinkDangling,
            Effect::NoBuild,
            format!("{}: {} does not exist{}", leads_to(closure), quoted(missing), made_elsewhere(missing)),
            Need::Headers,
        ),
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

/// A path that stops existing at its very first part was written down on some other system.
fn made_elsewhere(missing: &RootPath) -> &'static str {
    let first_part = missing.parent() == RootPath::new("/");
    if first_part { " here: the link was made on another machine" } else { "" }
}

/// Fedora's kernel package owns the link and not the tree: without kernel-devel it dangles by design.
///
/// Packages put trees below /usr. A packaged link to anywhere else was made on the build host (kernel
/// packages of image builders), or by hand over the package's own.
fn is_absent_by_design(db: &dyn PackageDb, closure: &Closure, missing: &RootPath) -> Result<bool> {
    if !RootPath::new("/usr").contains(missing) {
        return Ok(false);
    }
    let owners = db.owners(&[closure.link.path.clone(), missing.clone()])?;
    let [link_owners, tree_owners] = owners.as_slice() else { return Ok(false) };
    Ok(!link_owners.is_empty() && !link_owners.iter().any(|owner| tree_owners.contains(owner)))
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
    let (path, cause) = match inspection.root.status(&makefile) {
        Err(error) if !error.is_not_found() => {
            inspection.unclear(&makefile, &error);
            return false;
        }
        Err(_) => (inspection.build.clone(), format!("{tree} has no Makefile")),
        Ok(status) if status.size == 0 => (makefile.clone(), format!("{} is empty", quoted(&makefile))),
        Ok(_) => (makefile.clone(), format!("{} is not the kernel's and includes none", quoted(&makefile))),
    };
    inspection.add(FindingId::NotATree, Effect::NoBuild, path, cause, Need::Path(makefile));
    false
}
