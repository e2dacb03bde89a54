// SPDX-License-Identifier: MIT OR Apache-2.0
//! The headers that every module reaches: whether all of them are there.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

use super::inspection::{Inspection, fault};
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::{Side, TOP};
use crate::error::{Error, Result};
use crate::includes::{Reached, Start, Unfound, forced_includes, is_tried, reached, written_includes};
use crate::memory::Walked;
use crate::quote::quoted;
use crate::sysroot::RootPath;

/// The largest modpost that is looked into: those of distributions have 150 kB.
const LARGEST_PROGRAM: usize = 4 << 20;
/// Compiled into every module since Linux 6.12, and before that written into it by modpost.
const COMMON_TEXT: &str = "scripts/module-common.c";

/// One finding for those that are certainly asked for, one for those that may be.
pub(super) fn check(inspection: &mut Inspection<'_>) -> Result<()> {
    // Of a tree that is not configured, or half of which is not there, that is said, and nothing more is known.
    let is_prepared = inspection.find(&inspection.build.join("include/generated/autoconf.h"));
    if fault(&is_prepared).is_some() || inspection.config.is_empty() || !inspection.closure.gaps.is_empty() {
        return Ok(());
    }
    // Of a machine whose headers are not followed nothing is known, and nothing is to be remembered.
    if !inspection.arch.as_deref().is_some_and(is_tried) {
        return Ok(());
    }
    let walk = || match start(inspection) {
        Some(start) => walk(inspection, &start),
        None => Ok(Reached::default()),
    };
    let found = match inspection.known.reached(&inspection.build, walk) {
        Ok(found) => found,
        Err(Error::Deadline) => return Err(Error::Deadline),
        Err(error) => {
            let path = inspection.build.clone();
            inspection.unclear(&path, &error);
            return Ok(());
        }
    };
    let (mut certain, mut generated, mut possible) = (Vec::new(), Vec::new(), Vec::new());
    for unfound in &found.unfound {
        let path = likeliest(inspection, unfound)?;
        let what = fault(&inspection.find(&path)).unwrap_or("does not exist");
        let faults = match unfound.is_certain {
            false => &mut possible,
            true if is_generated(&path) => &mut generated,
            true => &mut certain,
        };
        faults.push((path, what));
    }
    inspection.add_missing(FindingId::GeneratedMissing, Effect::NoBuild, generated);
    inspection.add_missing(FindingId::HeaderMissing, Effect::NoBuild, certain);
    inspection.add_missing(FindingId::SomeHeaderMissing, Effect::Risk, possible);
    Ok(())
}

/// Goes through the headers, unless everything is as it was when they were all there.
fn walk(inspection: &Inspection<'_>, start: &Start) -> Result<Reached> {
    if let Some(known) = Walked::recall(inspection.root, start) {
        return Ok(known);
    }
    let begun = SystemTime::now();
    let found = reached(inspection.root, start, &inspection.config)?.unwrap_or_default();
    log::debug!("{}: every module reads {} files", quoted(&start.build), found.reads.len());
    if let Err(error) = Walked::store(inspection.root, start, &found, begun) {
        log::debug!("{error}");
    }
    Ok(found)
}

/// Where a module build of this tree starts to read headers.
pub(super) fn start(inspection: &Inspection<'_>) -> Option<Start> {
    let source = inspection.closure.source.clone()?;
    let forced = [TOP, "scripts/Makefile.lib"]
        .iter()
        .filter_map(|path| inspection.path(Side::Source, path))
        .flat_map(|path| forced_includes(&inspection.text(&path)).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let mut included = vec!["#include <linux/module.h>\n".to_owned()];
    if let Some(modpost) = inspection.path(Side::Build, "scripts/mod/modpost") {
        let modpost = super::host_tools::behind_wrapper(inspection, &modpost).unwrap_or(modpost);
        included.extend(written_includes(&inspection.root.read(&modpost, LARGEST_PROGRAM).unwrap_or_default()));
    }
    let compiled = inspection
        .path(Side::Source, "scripts/Makefile.modfinal")
        .filter(|modfinal| inspection.text(modfinal).contains("scripts/module-common"))
        .map(|_| source.join(COMMON_TEXT))
        .filter(|text| matches!(inspection.root.status(text), Ok(status) if status.size > 0));
    Some(Start {
        build: inspection.build.clone(),
        source,
        arch: inspection.arch.clone()?,
        forced,
        included,
        compiled: compiled.into_iter().collect(),
    })
}

/// Which of the places that were looked at the header is missing from: where something else stands, where a package
/// would have it, where kbuild would generate it, else where most headers of its name are.
fn likeliest(inspection: &Inspection<'_>, unfound: &Unfound) -> Result<RootPath> {
    let places = &unfound.looked_at;
    let first = || places.first().cloned().unwrap_or_else(|| inspection.build.clone());
    if let Some(occupied) = places.iter().find(|place| inspection.root.link_status(place).is_ok()) {
        return Ok(occupied.clone());
    }
    let owners = inspection.db.owners(places)?;
    if let Some((owned, _)) = places.iter().zip(owners).find(|(_, owners)| !owners.is_empty()) {
        return Ok(owned.clone());
    }
    let name = OsStr::from_bytes(&unfound.name);
    let source = inspection.closure.source.as_ref();
    let generic = |dir: &str| -> bool {
        let asm = name.as_bytes().strip_prefix(b"asm/").map(OsStr::from_bytes);
        asm.zip(source).is_some_and(|(asm, source)| inspection.root.exists(&source.join(dir).join(asm)))
    };
    let ends = |dir: &str| {
        let end = std::path::Path::new(dir).join(name);
        places.iter().find(|place| place.as_path().ends_with(&end)).cloned()
    };
    let place = if name.as_bytes().starts_with(b"generated/") {
        places.iter().find(|place| inspection.build.join("include").contains(place)).cloned()
    } else if generic("include/asm-generic") {
        ends("include/generated")
    } else if generic("include/uapi/asm-generic") {
        ends("include/generated/uapi")
    } else if name.as_bytes().starts_with(b"asm/") {
        None
    } else {
        source.map(|source| source.join("include").join(name)).filter(|place| places.contains(place))
    };
    Ok(place.unwrap_or_else(first))
}

/// Whether kbuild makes what is at this path.
pub(super) fn is_generated(path: &RootPath) -> bool {
    path.as_path().components().any(|part| part.as_os_str() == "generated")
}
