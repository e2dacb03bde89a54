// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs that a build runs: there, executable, and for this machine.

use super::inspection::{Found, Inspection};
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::{Family, INPUTS};
use crate::machine::ElfMachine;
use crate::package_db::Need;
use crate::present::quote::quoted;
use crate::sysroot::RootPath;

/// One finding a tool and fault.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    let mut missing: Vec<(RootPath, &'static str)> = Vec::new();
    for input in INPUTS.iter().filter(|input| input.family == Family::HostTool) {
        if !inspection.is_read(input) {
            continue;
        }
        let Some(path) = inspection.path(input.side, input.path) else { continue };
        match inspection.find(&path) {
            Found::Absent => missing.push((path, "does not exist")),
            Found::NotAFile => missing.push((path, "is not a file")),
            Found::InGap | Found::Unclear => {}
            Found::Fine(status) | Found::Empty(status) if !status.is_executable() => {
                let cause = format!("{} has mode {:04o}", quoted(&path), status.mode);
                let need = Need::Path(path.clone());
                inspection.add(FindingId::ToolNotExecutable, Effect::NoBuild, path, cause, need);
            }
            Found::Empty(_) => {
                let cause = format!("{} is empty", quoted(&path));
                let need = Need::Path(path.clone());
                inspection.add(FindingId::ToolEmpty, Effect::Risk, path, cause, need);
            }
            Found::Fine(_) => other_machine(inspection, path),
        }
    }
    missing.dedup();
    inspection.add_missing(FindingId::ToolMissing, Effect::NoBuild, missing);
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
