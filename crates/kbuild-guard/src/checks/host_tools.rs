// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tree's own programs that a build runs: there, executable, for this machine, and loadable here.

use super::inspection::{Found, Inspection};
use super::tree_files::not_executable;
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::{Family, INPUTS};
use crate::machine::{ElfMachine, Unmet};
use crate::package_db::Need;
use crate::quote::{quoted, quoted_os, quoted_text};
use crate::sysroot::RootPath;

/// One finding a tool and fault.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    let mut missing: Vec<(RootPath, &'static str)> = Vec::new();
    for input in INPUTS.iter().filter(|input| input.family == Family::HostTool) {
        if !inspection.is_read(input) {
            continue;
        }
        let Some(tool) = inspection.path(input.side, input.path) else { continue };
        let wrapped = behind_wrapper(inspection, &tool);
        for path in [Some(tool), wrapped].into_iter().flatten() {
            check_one(inspection, path, input.passes_empty, &mut missing);
        }
    }
    missing.dedup();
    inspection.add_missing(FindingId::ToolMissing, Effect::NoBuild, missing);
}

fn check_one(
    inspection: &mut Inspection<'_>,
    path: RootPath,
    passes_empty: bool,
    missing: &mut Vec<(RootPath, &'static str)>,
) {
    let found = inspection.find(&path);
    if not_executable(inspection, &path, &found) {
        return;
    }
    match found {
        Found::Absent => missing.push((path, "does not exist")),
        Found::NotAFile => missing.push((path, "is not a file")),
        Found::InGap | Found::Unclear => {}
        // A wrapper executes it without a shell, which would have passed over an empty file; and where modpost does
        // nothing, the text that it should have written is missed.
        Found::Empty(_) if !passes_empty || path.file_name().to_string_lossy().contains(".real-") => {
            missing.push((path, "is empty"));
        }
        Found::Empty(_) => {
            let cause = format!("{} is empty", quoted(&path));
            let need = Need::Path(path.clone());
            inspection.add(FindingId::ToolEmpty, Effect::Risk, path, cause, need);
        }
        Found::Fine(status) => {
            if is_for_this_machine(inspection, &path) {
                loadable(inspection, path, status.id);
            }
        }
    }
}

/// Debian's kbuild packages hold each tool once for every byte order, word size or architecture, behind a
/// wrapper that runs the one the configuration asks for. Where there are any of these, or the wrapper's own text tells
/// what it is, the wanted one has to be there.
pub(super) fn behind_wrapper(inspection: &Inspection<'_>, wrapper: &RootPath) -> Option<RootPath> {
    let config = &inspection.config;
    let name = wrapper.file_name().to_str()?;
    let wanted = match name {
        "modpost" => {
            let order = if config.is_set("CONFIG_CPU_BIG_ENDIAN") { "msb" } else { "lsb" };
            format!("modpost.real-{order}-{}", if config.is_set("CONFIG_64BIT") { "64" } else { "32" })
        }
        "objtool" => format!("objtool.real-{}", inspection.arch.as_deref()?),
        _ => return None,
    };
    let dir = wrapper.parent();
    let prefix = format!("{name}.real-");
    let is_wrapped = inspection
        .root
        .list(&dir, 256)
        .is_ok_and(|files| files.iter().any(|file| file.name.to_str().is_some_and(|file| file.starts_with(&prefix))));
    let says_so = || {
        let start = inspection.root.read_start(wrapper, LARGEST_WRAPPER).unwrap_or_default();
        start.len() < LARGEST_WRAPPER && memchr::memmem::find(&start, b"%s.real-%s").is_some()
    };
    (!config.is_empty() && (is_wrapped || says_so())).then(|| dir.join(wanted))
}

/// Debian's have 15 kB; real tools have more than 100.
const LARGEST_WRAPPER: usize = 64 << 10;

/// Says so if a tool is for another machine, or too short to be for any. Whatever is no ELF file is a script: nothing to
/// compare.
fn is_for_this_machine(inspection: &mut Inspection<'_>, path: &RootPath) -> bool {
    match inspection.root.read_start(path, 64) {
        Ok(start) if ElfMachine::is_cut(&start) => {
            let cause = format!("{} ends within its first header", quoted(path));
            let need = Need::Path(path.clone());
            inspection.add(FindingId::ToolDamaged, Effect::NoBuild, path.clone(), cause, need);
            false
        }
        Ok(start) => {
            let Some(own) = inspection.machine.own else { return true };
            let Some(tool) = ElfMachine::of(&start) else { return false };
            if tool == own {
                return true;
            }
            let cause = format!("{} is for {}, this system is {}", quoted(path), tool.name(), own.name());
            // The package that brought it would bring the same again.
            inspection.add(FindingId::ToolOtherMachine, Effect::NoBuild, path.clone(), cause, Need::Advice);
            false
        }
        Err(error) => {
            inspection.unclear(path, &error);
            false
        }
    }
}

/// Says so if the loader cannot load a tool here: a tree that came from a newer or another distribution.
fn loadable(inspection: &mut Inspection<'_>, path: RootPath, id: (u64, u64)) {
    let unmet = inspection.known.unmet(inspection.root, &path, id);
    let Some(first) = unmet.first() else { return };
    let tool = quoted(&path);
    // The same package again would bring the same tool again: only a library's own package helps.
    let (finding, cause, need) = match first {
        Unmet::Rest => {
            let cause = format!("{tool} is shorter than its own headers say");
            (FindingId::ToolDamaged, cause, Need::Path(path.clone()))
        }
        Unmet::Version { library, wanted, newest } => {
            let here = match newest {
                Some(newest) => format!("{} here goes up to {}", quoted_text(library), quoted_text(newest)),
                None => format!("{} here has none of that kind", quoted_text(library)),
            };
            (FindingId::ToolNewerLibrary, format!("{tool} needs {}; {here}", quoted_text(wanted)), Need::Advice)
        }
        Unmet::Library { name, place } => (
            FindingId::ToolLibraryMissing,
            format!("{tool} needs {}, which is not here", quoted_text(name)),
            Need::Path(place.join(name)),
        ),
        Unmet::Interpreter(loader) => (
            FindingId::ToolLibraryMissing,
            format!("{tool} needs {}, which is not here", quoted_os(loader.as_os_str())),
            Need::Advice,
        ),
    };
    inspection.add(finding, Effect::NoBuild, path, cause, need);
}
