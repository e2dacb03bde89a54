// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the tree is configured and prepared at all.

use super::inspection::{Inspection, fault};
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::{Family, INPUTS};
use crate::package_db::Need;
use crate::quote::quoted;

/// kbuild itself tests for these two files before anything else (`KBUILD_EXTMOD` in the top Makefile).
pub(super) fn check(inspection: &mut Inspection<'_>) {
    for input in INPUTS.iter().filter(|input| input.family == Family::Prepared) {
        let Some(path) = inspection.path(input.side, input.path) else { continue };
        if let Some(what) = fault(&inspection.find(&path)) {
            let cause = format!("{} {what}", quoted(&path));
            inspection.add(FindingId::NotPrepared, Effect::NoBuild, path, cause, Need::Headers);
            return;
        }
    }
}
