// SPDX-License-Identifier: MIT OR Apache-2.0
//! Further trees that the closure asks for and that are not there.

use super::inspection::Inspection;
use super::{Effect, FindingId};
use crate::package_db::Need;
use crate::quote::quoted;

/// One finding a missing tree.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    for gap in &inspection.closure.gaps {
        let what = match inspection.root.link_status(&gap.missing) {
            Ok(_) => "which leads in a circle",
            Err(_) => "which does not exist",
        };
        let cause = format!("{} asks for {}, {what}", quoted(&gap.via), quoted(&gap.missing));
        inspection.add(
            FindingId::CompanionMissing,
            Effect::NoBuild,
            gap.missing.clone(),
            cause,
            Need::Path(gap.missing.clone()),
        );
    }
}
