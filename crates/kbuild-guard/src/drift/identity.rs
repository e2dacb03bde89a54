// SPDX-License-Identifier: MIT OR Apache-2.0
//! What identifies a tree: its release, its configuration as module builds read it, its symbols, its compiler.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::Sum;
use crate::sysroot::{RootPath, Sysroot};

/// The files that it is taken from, below the tree that make runs in.
const RELEASE: &str = "include/generated/utsrelease.h";
const CONFIGURATION: &str = "include/config/auto.conf";
const SYMVERS: &str = "Module.symvers";

/// The largest of them that is read: Module.symvers has 2 MB.
const LARGEST_FILE: usize = 4 << 20;

/// So many bytes of names and values are kept at most: the largest configuration of a distribution (Debian's for arm64)
/// has 60 kB of them.
const LARGEST_NAMES: usize = 64 << 10;

/// Twice as long as the longest there is.
const LONGEST_NAME: usize = 100;

/// A value is a number or a short text; longer ones are kept as a hash.
const LONGEST_VALUE: usize = 200;

/// Options that tell what the compiler and its like can do. They change with these programs, when `make` is run again,
/// and of the compiler we speak by its name.
const OF_TOOLS: [&str; 15] = [
    "CC_VERSION_TEXT",
    "CC_HAS_",
    "CC_CAN_",
    "GCC_VERSION",
    "CLANG_VERSION",
    "AS_",
    "LD_",
    "LLD_",
    "PAHOLE_",
    "RUSTC_",
    "RUST_IS_AVAILABLE",
    "BINDGEN_",
    "TOOLCHAIN_",
    "TOOLS_SUPPORT_",
    "HAVE_RUST",
];

/// What says nothing of what is built.
const OF_NO_MATTER: [&str; 3] = ["BUILD_SALT", "LOCALVERSION", "LOCALVERSION_AUTO"];

/// What identifies a tree. Nothing in it depends on when a file was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What modules that are built there are stamped with (`UTS_RELEASE`).
    pub release: Option<String>,
    /// The compiler it was configured for, in its own words.
    pub compiler: Option<String>,
    /// Of Module.symvers.
    pub symvers: Option<Sum>,
    /// The configuration.
    pub options: Option<Options>,
}

/// A configuration. Names are without `CONFIG_`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Of all but what is built as a module.
    pub sum: Sum,
    /// Of what is built as a module (`=m`).
    pub modules: Sum,
    /// What is set (`=y`): names with a blank between them, in order. `None` where there are too many.
    pub set: Option<String>,
    /// Numbers and texts.
    pub values: BTreeMap<String, String>,
}

impl Identity {
    /// Of the tree that is at `tree` now.
    pub fn look(root: &Sysroot, tree: &RootPath) -> Self {
        let text = |path: &RootPath| {
            let bytes = root.read(path, LARGEST_FILE).unwrap_or_default();
            Rc::from(String::from_utf8_lossy(&bytes))
        };
        Self::of(tree, text)
    }

    /// Of the tree at `tree`, whose files `text` reads; one that is missing or empty says nothing.
    pub fn of(tree: &RootPath, text: impl Fn(&RootPath) -> Rc<str>) -> Self {
        let (release, configuration, symvers) =
            (text(&tree.join(RELEASE)), text(&tree.join(CONFIGURATION)), text(&tree.join(SYMVERS)));
        let compiler = lines_of(&configuration).find(|(name, _)| *name == "CC_VERSION_TEXT").map(|(_, value)| value);
        Identity {
            release: uts_release(&release).map(shortened),
            compiler: compiler.map(|text| shortened(text.trim_matches('"'))),
            symvers: (!symvers.is_empty()).then(|| Sum::of(symvers.lines())),
            options: (!configuration.is_empty()).then(|| Options::of(&configuration)),
        }
    }
}

impl Options {
    fn of(text: &str) -> Self {
        let of_matter = || lines_of(text).filter(|(name, _)| is_of_matter(name));
        let (mut set, mut values) = (Vec::new(), BTreeMap::new());
        for (name, value) in of_matter() {
            match value {
                "y" => set.push(name),
                "m" => {}
                value => drop(values.insert(name.to_owned(), shortened(value.trim_matches('"')))),
            }
        }
        set.sort_unstable();
        let size = set.iter().map(|name| name.len() + 1).sum::<usize>()
            + values.iter().map(|(name, value)| name.len() + value.len() + 6).sum::<usize>();
        let is_small = size <= LARGEST_NAMES;
        let lines = text.lines().filter(|line| option_of(line).is_some_and(|(name, _)| is_of_matter(name)));
        let (modules, others): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.ends_with("=m"));
        Options {
            sum: Sum::of(others.into_iter()),
            modules: Sum::of(modules.into_iter()),
            set: is_small.then(|| set.join(" ")),
            values: if is_small { values } else { BTreeMap::new() },
        }
    }
}

fn lines_of(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(option_of)
}

/// Whoever can write in the tree can write anything: what is no name is passed over.
fn option_of(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix("CONFIG_")?.split_once('=')?;
    let is_name = name.len() <= LONGEST_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some((name, value))
}

fn is_of_matter(name: &str) -> bool {
    !OF_TOOLS.iter().any(|of_tools| name.starts_with(of_tools)) && !OF_NO_MATTER.contains(&name)
}

fn shortened(value: &str) -> String {
    match value.len() <= LONGEST_VALUE {
        true => value.to_owned(),
        false => format!("{:016x}", super::sum::fnv1a(value.as_bytes())),
    }
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

    #[test]
    fn the_order_the_comments_and_the_tools_say_nothing() {
        let of = |text: &str| Options::of(text);
        let one = of(
            "#\n# Linux/x86 6.1.1\n#\nCONFIG_B=y\nCONFIG_A=y\nCONFIG_NR_CPUS=64\nCONFIG_E1000=m\nCONFIG_CC_HAS_X=y\n",
        );
        assert_eq!(one, of("CONFIG_A=y\nCONFIG_B=y\nCONFIG_E1000=m\nCONFIG_NR_CPUS=64\nCONFIG_AS_VERSION=24000\n"));
        assert_eq!(one.set.as_deref(), Some("A B"));
        assert_eq!(one.values["NR_CPUS"], "64");
        assert_ne!(one, of("CONFIG_A=y\nCONFIG_B=y\nCONFIG_NR_CPUS=64\n"));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let text: String = (0..8000).map(|number| format!("CONFIG_AN_OPTION_{number}=y\n")).collect();
        let options = Options::of(&text);
        assert_eq!((options.set, options.values.len(), options.sum.lines), (None, 0, 8000));
        let long = Options::of(&format!("CONFIG_X=\"{}\"\n", "x".repeat(10_000)));
        assert_eq!(long.values["X"].len(), 16);
    }

    #[test]
    fn what_somebody_wrote_there_is_no_longer_than_an_option() {
        let text = format!("CONFIG_{}=y\nCONFIG_A B=y\nCONFIG_A=y\n", "X".repeat(5000));
        assert_eq!(Options::of(&text).set.as_deref(), Some("A"));
        let identity = Identity::of(&RootPath::new("/t"), |path| {
            let is_release = path.file_name() == "utsrelease.h";
            Rc::from(if is_release { format!("#define UTS_RELEASE \"{}\"\n", "6".repeat(5000)) } else { String::new() })
        });
        assert_eq!(identity.release.unwrap().len(), 16);
    }

    #[test]
    fn nothing_there_is_nothing_known() {
        let nothing = Identity::of(&RootPath::new("/t"), |_| Rc::from(""));
        assert_eq!(nothing, Identity { release: None, compiler: None, symvers: None, options: None });
    }
}
