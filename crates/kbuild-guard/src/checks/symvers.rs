// SPDX-License-Identifier: MIT OR Apache-2.0
//! Module.symvers: the checksums of the symbols a kernel exports.

use super::inspection::{Found, Inspection};
use super::{Effect, FindingId};
use crate::package_db::Need;
use crate::quote::quoted;

/// Absent: make warns and, with CONFIG_MODVERSIONS, the result does not load. Empty or damaged: modpost fails.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    let path = inspection.build.join("Module.symvers");
    let versions = inspection.config.is_set("CONFIG_MODVERSIONS");
    let (id, effect, what) = match inspection.find(&path) {
        Found::InGap | Found::Unclear => return,
        Found::Fine(_) => match damage(&inspection.text(&path), versions) {
            Some(what) => (FindingId::SymversDamaged, Effect::NoBuild, what),
            None => return,
        },
        Found::Absent if versions => (FindingId::SymversMissing, Effect::NoLoad, "does not exist"),
        Found::Absent => (FindingId::SymversMissing, Effect::Risk, "does not exist"),
        Found::NotAFile => (FindingId::SymversMissing, Effect::NoBuild, "is not a file"),
        Found::Empty(_) => (FindingId::SymversEmpty, Effect::NoBuild, "is empty"),
    };
    let cause = format!("{} {what}", quoted(&path));
    inspection.add(id, effect, path.clone(), cause, Need::Path(path));
}

/// What modpost would stop at. A text that could not be read whole is not judged.
fn damage(text: &str, versions: bool) -> Option<&'static str> {
    if text.is_empty() {
        return None;
    }
    // modpost's strings end at a NUL, of which a crash leaves whole blocks.
    let read = text.get(..memchr::memchr(0, text.as_bytes()).unwrap_or(text.len())).unwrap_or_default();
    let mut lines = read.lines();
    // Linux 5.4 added a column and 5.10 moved it: the file's own first line says how many there are. The symbol and its
    // module are asked for by all (`read_dump` of scripts/mod/modpost.c).
    let columns = lines.next().map_or(0, tabs).max(2);
    if read.lines().next_back().is_some_and(|last| tabs(last) < columns) {
        return Some("is cut short in its last line");
    }
    // Every module uses it then, without naming it.
    (versions && memchr::memmem::find(read.as_bytes(), b"\tmodule_layout\t").is_none())
        .then_some("does not list module_layout")
}

fn tabs(line: &str) -> usize {
    line.bytes().filter(|&byte| byte == b'\t').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "0x00000001\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n\
                         0x00000002\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t\n";

    #[test]
    fn finds_what_modpost_stops_at() {
        assert_eq!(damage(WHOLE, true), None);
        assert_eq!(
            damage(&format!("{WHOLE}0x00000003\tkfree\tvmlinux\tEXPORT_SYM"), true),
            Some("is cut short in its last line")
        );
        // Where nothing but the name space is lost, nothing is missed.
        assert_eq!(damage(&format!("{WHOLE}0x00000003\tkfree\tvmlinux\tEXPORT_SYMBOL\t"), true), None);
        let other = "0x00000001\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n";
        assert_eq!(damage(other, true), Some("does not list module_layout"));
        assert_eq!(damage(other, false), None);
        assert_eq!(damage("\0\0\0\0", true), Some("does not list module_layout"));
        assert_eq!(damage(&format!("{WHOLE}\0\0\0"), true), None);
        assert_eq!(damage("no table\n", false), Some("is cut short in its last line"));
    }

    #[test]
    fn takes_the_columns_of_older_kernels() {
        assert_eq!(damage("0x00000001\tprintk\tvmlinux\tEXPORT_SYMBOL\n", false), None);
    }
}
