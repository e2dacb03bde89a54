// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has changed between two looks at a tree, and how that is said.

use std::collections::BTreeSet;

use super::{Identity, Options};
use crate::quote::quoted_text;

/// Options that every module feels, named before all others.
const TELLING: [&str; 16] = [
    "MODULES",
    "MODVERSIONS",
    "64BIT",
    "SMP",
    "PREEMPT",
    "PREEMPT_BUILD",
    "PREEMPT_RT",
    "MODULE_UNLOAD",
    "MODULE_SIG_FORCE",
    "GCC_PLUGINS",
    "RANDSTRUCT",
    "CFI_CLANG",
    "DEBUG_LOCK_ALLOC",
    "KASAN",
    "NUMA",
    "NR_CPUS",
];

/// So many options are named; the others are counted.
const MOST_NAMED: usize = 2;

/// What has become of one option.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OptionChange {
    /// Its name, without `CONFIG_`.
    pub name: String,
    /// What it was.
    pub was: Option<String>,
    /// What it is.
    pub is: Option<String>,
}

/// What differs between what a tree was and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// The other release that the tree is of now.
    pub release: Option<String>,
    /// The other compiler that it is configured for now.
    pub compiler: Option<String>,
    /// There is no configuration any more.
    pub no_configuration: bool,
    /// Options that are set, unset or have another value.
    pub options: Vec<OptionChange>,
    /// The configuration differs, and nobody knows in what.
    pub options_unnamed: bool,
    /// Other things are built as modules.
    pub modules: bool,
    /// There is no Module.symvers any more.
    pub no_symvers: bool,
    /// Module.symvers has other lines.
    pub symvers: bool,
}

impl Difference {
    /// Between what was and what is. What was not known before is no difference.
    pub fn between(was: &Identity, is: &Identity) -> Self {
        let other = |was: &Option<String>, is: &Option<String>| is.clone().filter(|_| was.is_some() && was != is);
        let mut difference = Difference {
            release: other(&was.release, &is.release),
            compiler: other(&was.compiler, &is.compiler),
            no_configuration: was.options.is_some() && is.options.is_none(),
            no_symvers: was.symvers.is_some() && is.symvers.is_none(),
            symvers: was.symvers.is_some() && is.symvers.is_some() && was.symvers != is.symvers,
            ..Difference::default()
        };
        if let (Some(was), Some(is)) = (&was.options, &is.options) {
            difference.modules = was.modules != is.modules;
            difference.options = changes(was, is);
            difference.options_unnamed = difference.options.is_empty() && was.sum != is.sum;
        }
        difference
    }

    /// Whether anything differs.
    pub fn is_any(&self) -> bool {
        *self != Difference::default()
    }

    /// Whether the code that is built differs by configuration.
    pub fn is_reconfigured(&self) -> bool {
        self.options_unnamed || !self.options.is_empty()
    }

    /// What has changed, a few words each; fit for a terminal.
    pub fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        if let Some(release) = &self.release {
            told.push(format!("it is of release {} now", quoted_text(release)));
        }
        if self.no_configuration {
            told.push("its configuration is gone".to_owned());
        }
        if self.options_unnamed {
            told.push("its configuration has changed".to_owned());
        }
        told.extend(told_of_options(&self.options));
        if self.modules {
            told.push("other options are built as modules".to_owned());
        }
        if self.no_symvers {
            told.push("Module.symvers is gone".to_owned());
        }
        if self.symvers {
            told.push("Module.symvers has changed".to_owned());
        }
        if let Some(compiler) = &self.compiler {
            told.push(format!("it is configured for {} now", quoted_text(compiler)));
        }
        told
    }
}

fn changes(was: &Options, is: &Options) -> Vec<OptionChange> {
    let (Some(was_set), Some(is_set)) = (&was.set, &is.set) else { return Vec::new() };
    let names = |set: &str| set.split_ascii_whitespace().map(str::to_owned).collect::<BTreeSet<String>>();
    let (was_set, is_set) = (names(was_set), names(is_set));
    let value = |set: &BTreeSet<String>, options: &Options, name: &String| match set.contains(name) {
        true => Some("y".to_owned()),
        false => options.values.get(name).cloned(),
    };
    let all: BTreeSet<&String> =
        was_set.iter().chain(&is_set).chain(was.values.keys()).chain(is.values.keys()).collect();
    let mut changes: Vec<OptionChange> = all
        .into_iter()
        .map(|name| OptionChange { name: name.clone(), was: value(&was_set, was, name), is: value(&is_set, is, name) })
        .filter(|change| change.was != change.is)
        .collect();
    let rank = |name: &str| TELLING.iter().position(|telling| *telling == name).unwrap_or(TELLING.len());
    changes.sort_by(|one, other| (rank(&one.name), one).cmp(&(rank(&other.name), other)));
    changes
}

fn told_of_options(changes: &[OptionChange]) -> Vec<String> {
    let mut told: Vec<String> = changes.iter().take(MOST_NAMED).map(told_of_option).collect();
    match changes.len().saturating_sub(MOST_NAMED) {
        0 => {}
        1 => told.push("1 more option has changed".to_owned()),
        more => told.push(format!("{more} more options have changed")),
    }
    told
}

fn told_of_option(change: &OptionChange) -> String {
    let name = quoted_text(&format!("CONFIG_{}", change.name));
    match (&change.was, &change.is) {
        (_, None) => format!("{name} is no longer set"),
        (None, Some(is)) if is == "y" => format!("{name} is set now"),
        (None, Some(is)) => format!("{name} is {} now", quoted_text(is)),
        (Some(was), Some(is)) => format!("{name} is {}, was {}", quoted_text(is), quoted_text(was)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysroot::RootPath;
    use std::rc::Rc;

    fn identity(release: &str, configuration: &str, symvers: &str) -> Identity {
        Identity::of(&RootPath::new("/t"), |path| {
            let name = path.file_name().to_string_lossy().into_owned();
            Rc::from(match name.as_str() {
                "utsrelease.h" => format!("#define UTS_RELEASE \"{release}\"\n"),
                "auto.conf" => configuration.to_owned(),
                _ => symvers.to_owned(),
            })
        })
    }

    const CONFIGURATION: &str =
        "CONFIG_CC_VERSION_TEXT=\"gcc 12\"\nCONFIG_MODVERSIONS=y\nCONFIG_NR_CPUS=64\nCONFIG_A=y\nCONFIG_E1000=m\n";

    fn told(configuration: &str) -> Vec<String> {
        Difference::between(&identity("6.1", CONFIGURATION, "s\n"), &identity("6.1", configuration, "s\n")).told()
    }

    #[test]
    fn tells_what_has_changed_the_telling_first() {
        assert!(told(CONFIGURATION).is_empty());
        assert_eq!(
            told(&CONFIGURATION.replace("CONFIG_MODVERSIONS=y\n", "").replace("=64", "=8")),
            ["CONFIG_MODVERSIONS is no longer set", "CONFIG_NR_CPUS is 8, was 64"]
        );
        assert_eq!(
            told(&CONFIGURATION.replace("CONFIG_A=y\n", "CONFIG_B=y\nCONFIG_C=y\nCONFIG_D=\"x\u{1b}\"\n")),
            ["CONFIG_A is no longer set", "CONFIG_B is set now", "2 more options have changed"]
        );
        assert_eq!(told(&format!("{CONFIGURATION}CONFIG_D=\"x\u{1b}\"\n")), ["CONFIG_D is \"x\\u{1b}\" now"]);
        assert_eq!(
            told(&CONFIGURATION.replace("=m", "=y")),
            ["CONFIG_E1000 is set now", "other options are built as modules"]
        );
        assert_eq!(told(&CONFIGURATION.replace("E1000", "E100")), ["other options are built as modules"]);
        assert_eq!(told(&CONFIGURATION.replace("gcc 12", "gcc 13")), ["it is configured for gcc 13 now"]);
        assert_eq!(told(""), ["its configuration is gone"]);
    }

    #[test]
    fn tells_of_symbols_and_releases() {
        let was = identity("6.1", CONFIGURATION, "a\nb\n");
        let told = |is: Identity| Difference::between(&was, &is).told();
        assert!(told(identity("6.1", CONFIGURATION, "b\na\n")).is_empty());
        assert_eq!(told(identity("6.1", CONFIGURATION, "a\n")), ["Module.symvers has changed"]);
        assert_eq!(told(identity("6.2", CONFIGURATION, "")), ["it is of release 6.2 now", "Module.symvers is gone"]);
    }

    #[test]
    fn names_that_were_too_many_to_keep_are_not_told() {
        let many = |last: &str| {
            let text: String = (0..8000).map(|number| format!("CONFIG_AN_OPTION_{number}=y\n")).collect();
            identity("6.1", &format!("{text}{last}"), "")
        };
        assert_eq!(Difference::between(&many(""), &many("CONFIG_X=y\n")).told(), ["its configuration has changed"]);
        assert!(!Difference::between(&many(""), &many("")).is_any());
    }
}
