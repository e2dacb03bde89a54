// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs that a build runs: there, executable, and for this machine.

use super::inspection::{Found, Inspection};
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::{Family, INPUTS};
use crate::machine::ElfMachine;
use crate::package_db::Need;
use crate::quote::quoted;
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
            check_one(inspection, path, &mut missing);
        }
    }
    missing.dedup();
    inspection.add_missing(FindingId::ToolMissing, Effect::NoBuild, missing);
}

fn check_one(inspection: &mut Inspection<'_>, path: RootPath, missing: &mut Vec<(RootPath, &'static str)>) {
    match inspection.find(&path) {
        Found::Absent => missing.push((path, "does not exist")),
        Found::NotAFile => missing.push((path, "is not a file")),
        Found::InGap | Found::Unclear => {}
        Found::Fine(status) | Found::Empty(status) if !status.is_executable() => {
            let cause = format!("{} has mode {:04o}", quoted(&path), status.mode);
            let need = Need::Path(path.clone());
            inspection.add(FindingId::ToolNotExecutable, Effect::NoBuild, path, cause, need);
        }
        Found::Empty(_) if path.file_name().to_string_lossy().contains(".real-") => {
            // A wrapper executes it without a shell, which would have passed over an empty file.
            missing.push((path, "is empty"));
        }
        Found::Empty(_) => {
            let cause = format!("{} is empty", quoted(&path));
            let need = Need::Path(path.clone());
            inspection.add(FindingId::ToolEmpty, Effect::Risk, path, cause, need);
        }
        Found::Fine(_) => other_machine(inspection, path),
    }
}

/// Debian's kbuild packages hold each tool once for every byte order, word size or architecture, behind a
/// wrapper that runs the one the configuration asks for. Where there are any of these, the wanted one has
/// to be there.
fn behind_wrapper(inspection: &Inspection<'_>, wrapper: &RootPath) -> Option<RootPath> {
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
    (is_wrapped && !config.is_empty()).then(|| dir.join(wanted))
}

fn other_machine(inspection: &mut Inspection<'_>, path: RootPath) {
    let Some(own) = inspection.machine.own else { return };
    match inspection.root.read_start(&path, 64) {
        // Not an ELF file: a script. Nothing to compare.
        Ok(start) => {
            let Some(tool) = ElfMachine::of(&start) else { return };
            if tool != own {
                let cause = format!("{} is for {}, this system is {}", quoted(&path), tool.name(), own.name());
                let need = Need::Path(path.clone());
                inspection.add(FindingId::ToolOtherMachine, Effect::NoBuild, path, cause, need);
            }
        }
        Err(error) => inspection.unclear(&path, &error),
    }
}
