// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the tree is this kernel's: the release first, then the build.

use std::str::FromStr;

use super::inspection::Inspection;
use super::same_build::{self, Agreement};
use super::{Effect, FindingId};
use crate::drift::uts_release;
use crate::package_db::Need;
use crate::quote::quoted;
use crate::release::Release;

/// Compares UTS_RELEASE, which modules are stamped with. `include/config/kernel.release` says something
/// else on Debian 12 and is not it.
///
/// With symbol versions the kernel skips the release and compares checksums (`same_magic` of
/// kernel/module/version.c); without, another release is always refused.
///
/// Returns how far the tree agrees with the kernel's own modules, where that was asked.
pub(super) fn check(inspection: &mut Inspection<'_>) -> Option<Agreement> {
    let path = inspection.build.join("include/generated/utsrelease.h");
    let text = inspection.text(&path);
    let tree = uts_release(&text)?;
    let agreement = same_build::agreement(inspection);
    if tree == inspection.kernel.release.as_str() {
        same_build::check(inspection, &agreement);
        return Some(agreement);
    }
    let whose = match Release::from_str(tree) {
        Ok(release) => release.to_string(),
        Err(_) => "something that is no release".to_owned(),
    };
    let of = format!("{} is the tree of {whose}", quoted(&inspection.build));
    let (effect, cause) = match &agreement {
        _ if !inspection.config.is_set("CONFIG_MODVERSIONS") => (Effect::NoLoad, of),
        Agreement::Refused(why) => (Effect::NoLoad, format!("{of}; {why}")),
        Agreement::Partly(why) => (Effect::Risk, format!("{of}; {why}")),
        Agreement::Untold | Agreement::Agrees => (Effect::Risk, of),
    };
    inspection.add(FindingId::OtherRelease, effect, path, cause, Need::Headers);
    Some(agreement)
}
