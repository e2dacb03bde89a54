// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the tree is of the same build as the kernel, by what the kernel's own modules are stamped with.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::inspection::Inspection;
use super::{Effect, FindingId};
use crate::build_tree::TreeConfig;
use crate::build_tree::build_inputs::Side;
use crate::kernels::{Stamp, sample};
use crate::package_db::Need;
use crate::quote::{quoted, quoted_text};

/// What comparing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Agreement {
    /// There was nothing to compare.
    Untold,
    /// Everything that was compared is the same.
    Agrees,
    /// Something that every module depends on differs: none built here loads.
    Refused(String),
    /// Symbols that some modules use differ.
    Partly(String),
}

/// Symbols that a module uses without its author's doing: the kernel's configuration summed up, what the
/// compiler calls, and the kernel's own print.
const EVERY_MODULE: [&str; 6] = ["module_layout", "__fentry__", "_mcount", "__x86_return_thunk", "_printk", "printk"];

/// Says it where the release is the kernel's. Another release's tree is [`super::release`]'s to judge.
pub(super) fn check(inspection: &mut Inspection<'_>, agreement: Agreement) {
    let (effect, cause) = match agreement {
        Agreement::Untold | Agreement::Agrees => return,
        Agreement::Refused(cause) => (Effect::NoLoad, cause),
        Agreement::Partly(cause) => (Effect::Risk, cause),
    };
    let path = inspection.build.join("Module.symvers");
    inspection.add(FindingId::OtherBuild, effect, path, cause, Need::Headers);
}

/// Compares the tree with the kernel's own modules.
pub(super) fn agreement(inspection: &mut Inspection<'_>) -> Agreement {
    let stamps = sample(inspection.root, inspection.kernel);
    let Some(first) = stamps.first() else { return Agreement::Untold };
    let config = inspection.config.clone();
    let header = match inspection.path(Side::Source, "include/linux/vermagic.h") {
        Some(path) => inspection.text(&path),
        None => Rc::from(""),
    };
    if let Some(cause) = other_magic(first, &config, &header) {
        return Agreement::Refused(format!("{}: {cause}", quoted(&inspection.build)));
    }
    if !config.is_set("CONFIG_MODVERSIONS") {
        return Agreement::Untold;
    }
    let symvers = inspection.text(&inspection.build.join("Module.symvers"));
    compare(&stamps, &symvers)
}

/// What every kernel compares, release apart (`same_magic` of kernel/module/version.c), and which options
/// make a tree stamp the word: include/linux/vermagic.h.
fn other_magic(stamp: &Stamp, config: &TreeConfig, header: &str) -> Option<String> {
    if config.is_empty() {
        return None;
    }
    // CONFIG_PREEMPT_DYNAMIC kernels stamp "preempt" for CONFIG_PREEMPT_BUILD since Linux 5.16
    // (commit c597bfddc9e9); the header says which option it looks at.
    let preempt = if header.contains("CONFIG_PREEMPT_BUILD") { "CONFIG_PREEMPT_BUILD" } else { "CONFIG_PREEMPT" };
    [
        ("SMP", "CONFIG_SMP"),
        ("preempt", preempt),
        ("preempt_rt", "CONFIG_PREEMPT_RT"),
        ("mod_unload", "CONFIG_MODULE_UNLOAD"),
        ("modversions", "CONFIG_MODVERSIONS"),
    ]
    .into_iter()
    // A header that does not know a word never stamps it; one that cannot be read says nothing.
    .filter(|(_, option)| header.is_empty() || header.contains(option))
    .find_map(|(word, option)| {
        let kernel = stamp.vermagic.split_ascii_whitespace().any(|other| other == word);
        let has = |has: bool| if has { "has" } else { "has not" };
        (kernel != config.is_set(option))
            .then(|| format!("the kernel {} {word} in its version magic, this tree {}", has(kernel), has(!kernel)))
    })
}

/// Compares the checksums of the symbols that the modules use with the tree's.
fn compare(stamps: &[Stamp], symvers: &str) -> Agreement {
    let mut wanted: HashMap<&str, u32> = HashMap::new();
    for (name, crc) in stamps.iter().flat_map(|stamp| &stamp.versions) {
        // A checksum of zero is one that was never made (genksyms gave up).
        if *crc != 0 {
            wanted.insert(name, *crc);
        }
    }
    // Of 20,000 lines some twenty are wanted: most are passed over by the length of their names.
    let lengths: HashSet<usize> = wanted.keys().map(|name| name.len()).collect();
    let mut compared = 0_usize;
    let mut differing: Vec<(&str, u32, u32)> = Vec::new();
    for line in symvers.lines() {
        // `0x12345678`, a tab, the name, a tab
        let Some((crc, rest)) = line.split_at_checked(10) else { continue };
        let Some(rest) = rest.strip_prefix('\t') else { continue };
        let length = memchr::memchr(b'\t', rest.as_bytes()).unwrap_or(rest.len());
        let Some(name) = rest.get(..length).filter(|_| lengths.contains(&length)) else { continue };
        let Some(kernel) = wanted.get(name) else { continue };
        let Some(tree) = crc.strip_prefix("0x").and_then(|crc| u32::from_str_radix(crc, 16).ok()) else { continue };
        if tree == 0 {
            continue;
        }
        compared += 1;
        if tree != *kernel {
            differing.push((name, *kernel, tree));
        }
    }
    if compared == 0 {
        return Agreement::Untold;
    }
    let is_every = |name: &str| EVERY_MODULE.contains(&name);
    let Some((name, kernel, tree)) = differing.iter().find(|(name, ..)| is_every(name)).or(differing.first()).copied()
    else {
        return Agreement::Agrees;
    };
    let cause = format!(
        "{} of {compared} symbols compared differ, {} for one: {kernel:#010x} in the kernel, {tree:#010x} in the tree",
        differing.len(),
        quoted_text(name)
    );
    if is_every(name) { Agreement::Refused(cause) } else { Agreement::Partly(cause) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(vermagic: &str, versions: &[(&str, u32)]) -> Stamp {
        let versions = versions.iter().map(|(name, crc)| ((*name).to_owned(), *crc)).collect();
        Stamp { module: None, vermagic: vermagic.to_owned(), versions }
    }

    #[test]
    fn checksums_decide() {
        let symvers = "0x11111111\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t\n0x22222222\tfoo\tvmlinux\tEXPORT_SYMBOL\t\n\
                       0x00000000\tzero\tvmlinux\tEXPORT_SYMBOL\t\nrubbish\n";
        let with = |versions: &[(&str, u32)]| compare(&[stamp("R", versions)], symvers);
        assert_eq!(with(&[("module_layout", 0x1111_1111), ("foo", 0x2222_2222)]), Agreement::Agrees);
        assert!(matches!(with(&[("module_layout", 1), ("foo", 0x2222_2222)]), Agreement::Refused(_)));
        assert!(matches!(with(&[("module_layout", 0x1111_1111), ("foo", 2)]), Agreement::Partly(_)));
        assert_eq!(with(&[("zero", 5), ("unknown", 5)]), Agreement::Untold);
        assert_eq!(with(&[]), Agreement::Untold);
    }

    #[test]
    fn version_magic_decides_too() {
        let config = TreeConfig::new("CONFIG_SMP=y\nCONFIG_MODULE_UNLOAD=y\nCONFIG_MODVERSIONS=y\n");
        let header = "CONFIG_SMP CONFIG_PREEMPT_BUILD CONFIG_PREEMPT_RT CONFIG_MODULE_UNLOAD CONFIG_MODVERSIONS";
        let other = |vermagic: &str| other_magic(&stamp(vermagic, &[]), &config, header);
        assert_eq!(other("6.1.0 SMP mod_unload modversions "), None);
        assert!(other("6.1.0 SMP preempt mod_unload modversions ").unwrap().contains("preempt"));
        assert!(other("6.1.0 SMP mod_unload ").unwrap().contains("modversions"));
        assert_eq!(other_magic(&stamp("6.1.0 ", &[]), &TreeConfig::default(), header), None);
    }
}
