// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the tree is of the same build as the kernel, by what the kernel's own modules are stamped with.

use std::collections::HashMap;
use std::rc::Rc;

use super::inspection::Inspection;
use super::{Effect, FindingId};
use crate::build_tree::HeaderConfig;
use crate::build_tree::build_inputs::Side;
use crate::kernels::{Stamp, sample};
use crate::package_db::Need;
use crate::quote::quoted_text;

/// How many of the kernel's modules are read. The first symbol of each, `module_layout`, already sums up
/// the kernel's configuration; a second one widens the choice of symbols.
const SAMPLE: usize = 2;

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
pub(super) fn check(inspection: &mut Inspection<'_>, agreement: &Agreement) {
    let (effect, cause) = match agreement {
        Agreement::Untold | Agreement::Agrees => return,
        Agreement::Refused(cause) => (Effect::NoLoad, cause.clone()),
        Agreement::Partly(cause) => (Effect::Risk, cause.clone()),
    };
    let path = inspection.build.join("Module.symvers");
    inspection.add(FindingId::OtherBuild, effect, path, cause, Need::Headers);
}

/// Compares the tree with the kernel's own modules.
pub(super) fn agreement(inspection: &mut Inspection<'_>) -> Agreement {
    let stamps = sample(inspection.root, inspection.kernel, SAMPLE);
    let Some(first) = stamps.first() else { return Agreement::Untold };
    let config = inspection.config.clone();
    let header = match inspection.path(Side::Source, "include/linux/vermagic.h") {
        Some(path) => inspection.text(&path),
        None => Rc::from(""),
    };
    let defines = HeaderConfig::new(inspection.text(&inspection.build.join("include/generated/autoconf.h")));
    if let Some(cause) = other_magic(first, &defines, &header) {
        return Agreement::Refused(cause);
    }
    if !config.is_set("CONFIG_MODVERSIONS") {
        // Without any checksum a module is only forced in (`check_version` of kernel/module/version.c).
        let is_refused =
            !config.is_empty() && !first.versions.is_empty() && !defines.is_set("CONFIG_MODULE_FORCE_LOAD");
        return match is_refused {
            true => Agreement::Refused("the kernel wants symbol versions, and this tree makes none".to_owned()),
            false => Agreement::Untold,
        };
    }
    let symvers = inspection.text(&inspection.build.join("Module.symvers"));
    compare(&stamps, &symvers)
}

/// What every kernel compares, release apart (`same_magic` of kernel/module/version.c), and which options
/// make a tree stamp the word: include/linux/vermagic.h. One that cannot be read says nothing.
fn other_magic(stamp: &Stamp, config: &HeaderConfig, header: &str) -> Option<String> {
    if config.is_empty() || header.is_empty() {
        return None;
    }
    let (preempt, is_preempt, is_rt) = preemption(config, header);
    [
        ("SMP", "CONFIG_SMP", config.is_set("CONFIG_SMP")),
        ("preempt", preempt, is_preempt),
        ("preempt_rt", REAL_TIME, is_rt),
        ("mod_unload", "CONFIG_MODULE_UNLOAD", config.is_set("CONFIG_MODULE_UNLOAD")),
        ("modversions", "CONFIG_MODVERSIONS", config.is_set("CONFIG_MODVERSIONS")),
    ]
    .into_iter()
    // A header that does not know a word never stamps it.
    .filter(|(_, option, _)| header.contains(option))
    .find_map(|(word, _, tree)| {
        let kernel = stamp.vermagic.split_ascii_whitespace().any(|other| other == word);
        let (are, are_not) = match kernel {
            true => ("the kernel's own modules", "those of this tree"),
            false => ("modules of this tree", "the kernel's own"),
        };
        (kernel != tree).then(|| format!("{are} are stamped {word}, {are_not} are not"))
    })
}

const REAL_TIME: &str = "CONFIG_PREEMPT_RT";

/// The option for `preempt`, and whether a tree stamps that or `preempt_rt`: one word at the most, that
/// of the first option which the header asks for and which is set.
///
/// The first option was CONFIG_PREEMPT, since Linux 5.16 CONFIG_PREEMPT_BUILD (commit c597bfddc9e9), and
/// CONFIG_PREEMPT_RT since both may be set (Linux 6.13).
fn preemption(config: &HeaderConfig, header: &str) -> (&'static str, bool, bool) {
    let preempt = if header.contains("CONFIG_PREEMPT_BUILD") { "CONFIG_PREEMPT_BUILD" } else { "CONFIG_PREEMPT" };
    let asks_for_rt_first = header.find(REAL_TIME) < header.find(preempt);
    let is_rt = config.is_set(REAL_TIME) && (asks_for_rt_first || !config.is_set(preempt));
    (preempt, config.is_set(preempt) && !is_rt, is_rt)
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
    let mut lengths = vec![false; wanted.keys().map(|name| name.len() + 1).max().unwrap_or(0)];
    for name in wanted.keys() {
        if let Some(is_wanted) = lengths.get_mut(name.len()) {
            *is_wanted = true;
        }
    }
    let mut compared = 0_usize;
    let mut differing: Vec<(&str, u32, u32)> = Vec::new();
    let mut begins = 0;
    for ends in memchr::memchr_iter(b'\n', symvers.as_bytes()).chain([symvers.len()]) {
        let line = symvers.get(begins..ends).unwrap_or_default();
        begins = ends + 1;
        // `0x12345678`, a tab, the name, a tab
        let Some((crc, rest)) = line.split_at_checked(10) else { continue };
        let Some(rest) = rest.strip_prefix('\t') else { continue };
        let length = memchr::memchr2(b'\t', b'\r', rest.as_bytes()).unwrap_or(rest.len());
        if lengths.get(length) != Some(&true) {
            continue;
        }
        let Some(name) = rest.get(..length) else { continue };
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
    fn the_first_option_that_the_header_asks_for_names_the_preemption() {
        let both = HeaderConfig::new("#define CONFIG_PREEMPT_BUILD 1\n#define CONFIG_PREEMPT_RT 1\n");
        let is = |header: &str, config: &HeaderConfig, vermagic: &str| {
            other_magic(&stamp(vermagic, &[]), config, header).is_none()
        };
        let (old, new) = ("CONFIG_PREEMPT_BUILD CONFIG_PREEMPT_RT", "CONFIG_PREEMPT_RT CONFIG_PREEMPT_BUILD");
        assert!(is(new, &both, "R preempt_rt ") && !is(new, &both, "R preempt "));
        assert!(is(old, &both, "R preempt ") && !is(old, &both, "R preempt_rt "));
        let rt = HeaderConfig::new("#define CONFIG_PREEMPT_RT 1\n");
        assert!(is(old, &rt, "R preempt_rt ") && is(new, &rt, "R preempt_rt "));
        let oldest = HeaderConfig::new("#define CONFIG_PREEMPT 1\n#define CONFIG_PREEMPTION 1\n");
        assert!(is("CONFIG_PREEMPT", &oldest, "R preempt ") && is("", &oldest, "R "));
    }

    #[test]
    fn version_magic_decides_too() {
        let config =
            HeaderConfig::new("#define CONFIG_SMP 1\n#define CONFIG_MODULE_UNLOAD 1\n#define CONFIG_MODVERSIONS 1\n");
        let header = "CONFIG_SMP CONFIG_PREEMPT_BUILD CONFIG_PREEMPT_RT CONFIG_MODULE_UNLOAD CONFIG_MODVERSIONS";
        let other = |vermagic: &str| other_magic(&stamp(vermagic, &[]), &config, header);
        assert_eq!(other("6.1.0 SMP mod_unload modversions "), None);
        assert!(other("6.1.0 SMP preempt mod_unload modversions ").unwrap().contains("preempt"));
        assert!(other("6.1.0 SMP mod_unload ").unwrap().contains("modversions"));
        assert_eq!(other_magic(&stamp("6.1.0 ", &[]), &HeaderConfig::default(), header), None);
    }
}
