// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a tree that no package looks after still is what it was when the kernel was installed.

use super::inspection::Inspection;
use super::same_build::Agreement;
use super::{Effect, FindingId};
use crate::day::day;
use crate::drift::{Difference, Identity};
use crate::error::Result;
use crate::memory::Record;
use crate::package_db::Need;
use crate::quote::{quoted, quoted_text};
use crate::sysroot::RootPath;

/// Says what has changed. `agreement` is what comparing the tree with the kernel's own modules came to.
pub(super) fn check(inspection: &mut Inspection<'_>, agreement: Option<&Agreement>) -> Result<()> {
    let Some(record) = Record::load(inspection.root, &inspection.kernel.release) else { return Ok(()) };
    let tree = inspection.build.clone();
    let now = Identity::of(&tree, |path| inspection.text(path));
    let difference = Difference::between(&record.identity, &now);
    let is_elsewhere = !record.is_at(&tree);
    if !is_elsewhere && !difference.is_any() {
        return Ok(());
    }
    // A package has taken over, or somebody has installed another build of this release.
    let is_packaged = inspection.db.owners(std::slice::from_ref(&tree))?.iter().any(|owners| !owners.is_empty());
    if is_packaged || !record.is_of(inspection.root, inspection.kernel) {
        return Ok(());
    }
    let (told, day) = (difference.told().join("; "), day(record.at));
    let cause = match is_elsewhere {
        false => format!("{} is not what it was on {day}: {told}", quoted(&tree)),
        true => {
            let rest = if told.is_empty() { "the same tree".to_owned() } else { format!("another tree: {told}") };
            format!("on {day} the link led to {}, now to {}, {rest}", quoted_text(&record.tree), quoted(&tree))
        }
    };
    let effect = effect(inspection, &difference, agreement);
    inspection.add(FindingId::Drift, effect, telling(inspection, &difference), cause, Need::Advice);
    Ok(())
}

/// A risk where the configuration is another, nothing else says that modules cannot be built or would not load, and
/// nothing shows that they would.
fn effect(inspection: &Inspection<'_>, difference: &Difference, agreement: Option<&Agreement>) -> Effect {
    let is_said = inspection.worst() >= Some(Effect::NoLoad);
    // Checksums that are as old as the former configuration show nothing.
    let fits = agreement == Some(&Agreement::Agrees) && is_built_since(inspection);
    match difference.is_reconfigured() && !is_said && !fits {
        true => Effect::Risk,
        false => Effect::Note,
    }
}

/// Whether the symbols' checksums were made after the configuration.
fn is_built_since(inspection: &Inspection<'_>) -> bool {
    let modified = |path: &str| inspection.root.status(&inspection.build.join(path)).ok().map(|status| status.modified);
    match (modified("Module.symvers"), modified("include/generated/autoconf.h")) {
        (Some(symvers), Some(configuration)) => symvers >= configuration,
        _ => false,
    }
}

/// The file that shows it; another change, told of later, has another.
fn telling(inspection: &Inspection<'_>, difference: &Difference) -> RootPath {
    let tree = &inspection.build;
    if difference.release.is_some() {
        return tree.join("include/generated/utsrelease.h");
    }
    if difference.is_reconfigured() || difference.no_configuration || difference.modules {
        return tree.join("include/config/auto.conf");
    }
    if difference.symvers || difference.no_symvers {
        return tree.join("Module.symvers");
    }
    match difference.compiler {
        Some(_) => tree.join("include/config/auto.conf"),
        None => inspection.closure.link.path.clone(),
    }
}
