// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a probe came to, and what that says of a kernel. Nothing is built here: hooks hold this too.

use std::collections::HashMap;

use crate::assess::Assessment;
use crate::checks::{Effect, Finding, FindingId};
use crate::kernels::Stamp;
use crate::package_db::Need;
use crate::quote::quoted_text;

/// How many of the kernel's own modules are read for their checksums.
pub const SAMPLE: usize = 12;

/// What a probe of one kernel came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// As whom the module was built; `None` where nothing was.
    pub user: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a probe ended. Texts are fit for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is a module.
    Built(Fit),
    /// make failed; what it says.
    Failed(String),
    /// The tree is in the hands of somebody for whom nothing is built.
    Refused(String),
    /// It did not end in time.
    TimedOut(String),
    /// Nothing was built, for this reason.
    NotRun(String),
    /// There is no tree to build in, which is said elsewhere.
    NoTree,
}

/// A built module beside those that came with the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// Its version magic, as it is stamped.
    pub vermagic: String,
    /// How many symbols both sides have a checksum of.
    pub compared: usize,
    /// Those of them that differ.
    pub disagreeing: Vec<Disagreement>,
    /// Why the kernel would refuse it, if it would.
    pub refusal: Option<String>,
    /// Whether there was anything to compare with.
    pub told: bool,
}

/// A symbol of which the kernel and the module do not think the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// Its name.
    pub symbol: String,
    /// The checksum in the kernel's own modules.
    pub kernel: u32,
    /// The checksum in the module that was built.
    pub module: u32,
}

impl Fit {
    /// Compares as the kernel does when it loads a module (`check_modinfo`, `check_version` and
    /// `same_magic` of kernel/module).
    pub fn of(built: &Stamp, own: &[Stamp]) -> Self {
        let crcs: HashMap<&str, u32> =
            own.iter().flat_map(|stamp| &stamp.versions).map(|(name, crc)| (name.as_str(), *crc)).collect();
        // A checksum of zero is one that was never made.
        let both: Vec<Disagreement> = built
            .versions
            .iter()
            .filter_map(|(symbol, module)| {
                let kernel = *crcs.get(symbol.as_str())?;
                (kernel != 0 && *module != 0).then(|| Disagreement { symbol: symbol.clone(), kernel, module: *module })
            })
            .collect();
        let compared = both.len();
        let disagreeing: Vec<Disagreement> = both.into_iter().filter(|one| one.kernel != one.module).collect();
        let refusal = own.first().and_then(|first| refusal(built, first, compared, &disagreeing));
        Fit { vermagic: built.vermagic.clone(), compared, disagreeing, refusal, told: !own.is_empty() }
    }
}

fn refusal(built: &Stamp, own: &Stamp, compared: usize, disagreeing: &[Disagreement]) -> Option<String> {
    let versioned = !own.versions.is_empty();
    if versioned && built.versions.is_empty() {
        return Some("it has no symbol versions, and the kernel asks for them".to_owned());
    }
    // Where there are checksums the release does not count.
    let counts = |magic: &str| -> String {
        match magic.split_once(' ') {
            Some((_, words)) if versioned => words.trim_end().to_owned(),
            _ => magic.trim_end().to_owned(),
        }
    };
    if counts(&built.vermagic) != counts(&own.vermagic) {
        let [built, own] = [built, own].map(|stamp| quoted_text(stamp.vermagic.trim_end()));
        return Some(format!("its version magic is '{built}', that of the kernel's own modules '{own}'"));
    }
    let one = disagreeing.iter().find(|one| one.symbol == "module_layout").or(disagreeing.first())?;
    Some(format!(
        "{} of {compared} symbols compared differ, {} for one: {:#010x} in the kernel, {:#010x} in the module",
        disagreeing.len(),
        quoted_text(&one.symbol),
        one.kernel,
        one.module
    ))
}

impl Probe {
    /// Where there was no reason to build.
    pub fn without_user(outcome: Outcome) -> Self {
        Probe { user: None, outcome }
    }

    /// Adds to an assessment what the probe says against the kernel. One that went well takes nothing
    /// back: other modules may need what a trivial one does not.
    pub fn tell(&self, assessment: &mut Assessment) {
        let (id, effect, cause) = match &self.outcome {
            Outcome::Built(Fit { refusal: None, .. }) | Outcome::NoTree => return,
            Outcome::Built(Fit { refusal: Some(why), .. }) => {
                (FindingId::ProbeNotLoadable, Effect::NoLoad, format!("a module was built, and {why}"))
            }
            Outcome::Failed(says) => (FindingId::ProbeFailed, Effect::NoBuild, format!("make says: {says}")),
            Outcome::Refused(why) | Outcome::TimedOut(why) | Outcome::NotRun(why) => {
                (FindingId::ProbeOpen, Effect::Note, why.clone())
            }
        };
        let path = assessment.closure.build_tree().unwrap_or(&assessment.closure.link.path).clone();
        assessment.add(Finding { id, effect, path, cause, need: Need::Advice, fix: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(vermagic: &str, versions: &[(&str, u32)]) -> Stamp {
        let versions = versions.iter().map(|(name, crc)| ((*name).to_owned(), *crc)).collect();
        Stamp { module: None, vermagic: vermagic.to_owned(), versions }
    }

    #[test]
    fn fits_as_the_kernel_would_say() {
        let own = [stamp("R SMP modversions ", &[("module_layout", 1), ("_printk", 2), ("x", 9)])];
        let refusal = |built: Stamp| Fit::of(&built, &own).refusal;
        let fit = Fit::of(&stamp("R SMP modversions ", &[("module_layout", 1), ("_printk", 2), ("other", 7)]), &own);
        assert_eq!((fit.refusal, fit.compared, fit.told), (None, 2, true));
        let sibling = stamp("S SMP modversions ", &[("module_layout", 1)]);
        assert_eq!(refusal(sibling), None, "with checksums the release does not count");
        assert!(
            refusal(stamp("R SMP modversions ", &[("module_layout", 3), ("_printk", 2)])).unwrap().contains("1 of 2")
        );
        assert!(refusal(stamp("R modversions ", &[("module_layout", 1)])).unwrap().contains("version magic"));
        assert!(refusal(stamp("R SMP modversions ", &[])).unwrap().contains("no symbol versions"));
        let zero = Fit::of(&stamp("R SMP modversions ", &[("_printk", 0)]), &own);
        assert_eq!((zero.compared, zero.refusal), (0, None));
    }

    #[test]
    fn without_checksums_the_release_counts() {
        let own = [stamp("R SMP ", &[])];
        assert_eq!(Fit::of(&stamp("R SMP ", &[]), &own).refusal, None);
        assert!(Fit::of(&stamp("S SMP ", &[]), &own).refusal.is_some());
        let untold = Fit::of(&stamp("S SMP ", &[]), &[]);
        assert_eq!((untold.told, untold.refusal), (false, None));
    }
}
