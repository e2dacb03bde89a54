// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether modules can be signed where the system refuses unsigned ones.

use super::inspection::{Found, Inspection};
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::Side;
use crate::package_db::Need;
use crate::quote::quoted;

/// Module builders sign with the tree's `scripts/sign-file`, and go on without when it is not there. Ubuntu
/// brings `kmodsign`, which does the same, in a package of its own.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    if !inspection.config.is_set("CONFIG_MODULE_SIG") {
        return;
    }
    let Some(tool) = inspection.path(Side::Build, "scripts/sign-file") else { return };
    if !matches!(inspection.find(&tool), Found::Absent | Found::NotAFile | Found::Empty(_)) {
        return;
    }
    let forced = inspection.config.is_set("CONFIG_MODULE_SIG_FORCE");
    if (forced || inspection.known.enforces_signatures(inspection.root))
        && inspection.known.program(inspection.root, "kmodsign").is_none()
    {
        let why = if forced { "this kernel always asks for signatures" } else { "this system enforces signatures" };
        let cause = format!("{} does not exist, and {why}", quoted(&tool));
        let need = Need::Path(tool.clone());
        inspection.add(FindingId::CannotSign, Effect::NoLoad, tool, cause, need);
    }
}
