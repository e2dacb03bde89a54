// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system's own programs that a build runs, the compiler aside.

use super::inspection::Inspection;
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::PROGRAMS;
use crate::package_db::Need;

/// One finding a program.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    for (program, when, why) in PROGRAMS {
        if inspection.is_read_when(*when) && inspection.known.program(inspection.root, program).is_none() {
            let cause = format!("there is no {program} in PATH; {why}");
            let need = Need::Program((*program).to_owned());
            let path = inspection.build.clone();
            inspection.add(FindingId::ProgramMissing, Effect::NoBuild, path, cause, need);
        }
    }
}
