// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the tree is this kernel's: the release first, then the build.

use std::str::FromStr;

use super::inspection::Inspection;
use super::same_build::{self, Agreement};
use super::{Effect, FindingId};
use crate::package_db::Need;
use crate::quote::quoted;
use crate::release::Release;

/// Compares UTS_RELEASE, which modules are stamped with. `include/config/kernel.release` says something
/// else on Debian 12 and is not it.
///
/// With symbol versions the kernel skips the release and compares checksums (`same_magic` of
/// kernel/module/version.c); without, another release is always refused.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    let path = inspection.build.join("include/generated/utsrelease.h");
    let text = inspection.text(&path);
    let Some(tree) = uts_release(&text) else { return };
    let agreement = same_build::agreement(inspection);
    if tree == inspection.kernel.release.as_str() {
        return same_build::check(inspection, agreement);
    }
    let whose = match Release::from_str(tree) {
        Ok(release) => release.to_string(),
        Err(_) => "something that is no release".to_owned(),
    };
    let of = format!("{} is the tree of {whose}", quoted(&inspection.build));
    let (effect, cause) = match agreement {
        _ if !inspection.config.is_set("CONFIG_MODVERSIONS") => (Effect::NoLoad, of),
        Agreement::Refused(why) => (Effect::NoLoad, format!("{of}; {why}")),
        Agreement::Partly(why) => (Effect::Risk, format!("{of}; {why}")),
        Agreement::Untold | Agreement::Agrees => (Effect::Risk, of),
    };
    inspection.add(FindingId::OtherRelease, effect, path, cause, Need::Headers);
}

/// The string in `#define UTS_RELEASE "…"`.
pub(crate) fn uts_release(text: &str) -> Option<&str> {
    let line = text
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("#define")?.trim_start().strip_prefix("UTS_RELEASE"))?;
    line.trim().strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_define() {
        assert_eq!(uts_release("#define UTS_RELEASE \"6.1.0-56-cloud-amd64\"\n"), Some("6.1.0-56-cloud-amd64"));
        assert_eq!(uts_release("/* none */\n"), None);
        assert_eq!(uts_release("#define UTS_RELEASE x\n"), None);
    }
}
