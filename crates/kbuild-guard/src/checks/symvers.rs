// SPDX-License-Identifier: MIT OR Apache-2.0
//! Module.symvers: the checksums of the symbols a kernel exports.

use super::inspection::{Found, Inspection};
use super::{Effect, FindingId};
use crate::package_db::Need;
use crate::quote::quoted;

/// Absent: make warns and, with CONFIG_MODVERSIONS, the result does not load. Empty: modpost fails.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    let path = inspection.build.join("Module.symvers");
    let versions = inspection.config.is_set("CONFIG_MODVERSIONS");
    let (id, effect, what) = match inspection.find(&path) {
        Found::Fine(_) | Found::InGap | Found::Unclear => return,
        Found::Absent if versions => (FindingId::SymversMissing, Effect::NoLoad, "does not exist"),
        Found::Absent => (FindingId::SymversMissing, Effect::Risk, "does not exist"),
        Found::NotAFile => (FindingId::SymversMissing, Effect::NoBuild, "is not a file"),
        Found::Empty(_) => (FindingId::SymversEmpty, Effect::NoBuild, "is empty"),
    };
    let cause = format!("{} {what}", quoted(&path));
    inspection.add(id, effect, path.clone(), cause, Need::Path(path));
}
