// SPDX-License-Identifier: MIT OR Apache-2.0
//! A closer look at the headers where something is doubtful: one that is empty, one in whose place something else stands,
//! one of a package's that is gone and for which the compiler takes another of its name, or a tree that no package vouches
//! for.

use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

use super::headers::{is_generated, start};
use super::inspection::{Inspection, fault};
use super::{Effect, FindingId, PackagedTrees};
use crate::build_tree::Role;
use crate::error::Result;
use crate::includes::{Reached, Start, Stop, reached, stop};
use crate::memory::Walked;
use crate::package_db::Need;
use crate::quote::{quoted, quoted_text};
use crate::sysroot::RootPath;

/// A module may build all the same, where nothing is used that is not declared.
pub(super) fn check(inspection: &mut Inspection<'_>, packaged: Option<&PackagedTrees>) -> Result<()> {
    let Some(found) = inspection.known.reached_before(&inspection.build) else { return Ok(()) };
    let mut doubtful: Vec<(RootPath, &'static str)> = Vec::new();
    for path in found.reads.iter().filter(|read| read.status.size == 0).map(|read| &read.path).chain(&found.passed_over)
    {
        let what = fault(&inspection.find(path)).unwrap_or("is empty");
        doubtful.push((path.clone(), what));
    }
    let unsaid = |inspection: &Inspection<'_>, doubtful: &[(RootPath, &'static str)]| -> Vec<_> {
        doubtful.iter().filter(|(path, _)| !inspection.is_said(path)).cloned().collect()
    };
    let gone = match packaged {
        Some(packaged) => gone_header(inspection, packaged)?,
        None => None,
    };
    let is_vouched_for = packaged.is_none_or(|packaged| {
        inspection.closure.hops.iter().all(|hop| !is_tree(hop.role) || packaged.owner(&hop.path).is_some())
    });
    let is_doubted = !doubtful.is_empty() || gone.is_some() || (!is_vouched_for && !found.is_sound);
    if !is_doubted || inspection.is_stuck() {
        let unsaid = unsaid(inspection, &doubtful);
        inspection.add_missing(FindingId::SomeHeaderMissing, Effect::Risk, unsaid);
        return Ok(());
    }
    let Some(start) = start(inspection) else { return Ok(()) };
    let read = || {
        let begun = SystemTime::now();
        let stop = stop(inspection.root, &start, &inspection.config)?;
        if stop.is_none() && doubtful.is_empty() && gone.is_none() {
            remember_sound(inspection, &start, begun)?;
        }
        Ok(stop)
    };
    let stop = inspection.known.stop(&inspection.build, read)?;
    let follows = match &stop {
        None => {
            let unsaid = unsaid(inspection, &doubtful);
            inspection.add_missing(FindingId::SomeHeaderMissing, Effect::Risk, unsaid);
            return Ok(());
        }
        Some(Stop::Undeclared { name, by }) => {
            let by = by.as_ref().map_or_else(|| "every module".to_owned(), |by| quoted(by).to_string());
            format!("nothing declares {}, which {by} uses", quoted_text(&String::from_utf8_lossy(name)))
        }
        Some(Stop::Refused { by }) => format!("{} refuses what it finds (#error)", quoted(by)),
    };
    let (path, cause) = match doubtful.first().cloned().or(gone.map(|path| (path, "does not exist"))) {
        Some((path, what)) => (path.clone(), format!("{} {what}, and {follows}", quoted(&path))),
        None => (inspection.build.clone(), format!("{follows}: a header is not this kernel's own, or gone")),
    };
    let id = if is_generated(&path) { FindingId::GeneratedMissing } else { FindingId::HeaderMissing };
    inspection.add(id, Effect::NoBuild, path.clone(), cause, Need::Path(path));
    Ok(())
}

fn is_tree(role: Role) -> bool {
    matches!(role, Role::BuildTree | Role::SourceTree)
}

/// The first header that is gone from the packages of these trees.
fn gone_header(inspection: &Inspection<'_>, packaged: &PackagedTrees) -> Result<Option<RootPath>> {
    for hop in &inspection.closure.hops {
        let Some(package) = packaged.owner(&hop.path) else { continue };
        let gone = packaged.gone(inspection.root, inspection.db, package)?;
        let mut headers = gone.iter().filter(|path| path.as_os_str().as_bytes().ends_with(b".h"));
        if let Some(header) = headers.find(|path| hop.path.contains(path)) {
            return Ok(Some(header.clone()));
        }
    }
    Ok(None)
}

/// Remembers that the text of the headers was read, too, from this time on.
fn remember_sound(inspection: &Inspection<'_>, start: &Start, begun: SystemTime) -> Result<()> {
    let Some(found) = reached(inspection.root, start, &inspection.config)? else { return Ok(()) };
    if let Err(error) = Walked::store(inspection.root, start, &Reached { is_sound: true, ..found }, begun) {
        log::debug!("{error}");
    }
    Ok(())
}
