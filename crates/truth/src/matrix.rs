// SPDX-License-Identifier: MIT OR Apache-2.0
//! How often which verdict met which truth, and which meetings must not be.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::case::{Claim, Family};
use crate::verdict::Verdict;

/// What make and the kernel do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Truth {
    /// It builds and the kernel takes it.
    Loads,
    /// It builds and the kernel refuses it.
    Refused,
    /// It does not build.
    Fails,
}

impl Truth {
    /// As in reports.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Truth::Loads => "loads",
            Truth::Refused => "refused",
            Truth::Fails => "fails",
        }
    }
}

/// The states there are, in the order of the columns. What is none of them is counted in the last.
pub(crate) const STATES: [&str; 6] = ["ready", "degraded", "broken", "absent", "unknown", "none"];

/// A case with all that is known of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The subject's name.
    pub(crate) subject: &'static str,
    /// The case's name.
    pub(crate) case: String,
    /// Its kind.
    pub(crate) family: Family,
    /// What is so.
    pub(crate) truth: Truth,
    /// What we say.
    pub(crate) verdict: Verdict,
    /// The last lines of make or, where that was content, the kernel's.
    pub(crate) words: String,
    /// Why this must not be; `None`: it may.
    pub(crate) wrong: Option<&'static str>,
}

/// Why a meeting of truth and verdict must not be.
pub(crate) fn wrong(truth: Truth, verdict: &Verdict, claim: &Claim) -> Option<&'static str> {
    let loads = truth == Truth::Loads;
    match verdict.state.as_str() {
        "ready" if !loads => return Some("ready, and no module builds and loads"),
        "broken" | "absent" if loads => return Some("a false alarm: a module builds and loads"),
        "ready" | "broken" | "absent" => {}
        "degraded" if verdict.findings.iter().any(|finding| finding.effect == "risk" && !finding.cause.is_empty()) => {}
        "degraded" => return Some("degraded without a reason"),
        "unknown" => return Some("it could be determined"),
        _ => return Some("no verdict"),
    }
    match claim {
        Claim::Sound if !loads => Some("without any fault a module has to build and load"),
        Claim::Sound if verdict.state != "ready" => Some("without any fault it has to be ready"),
        Claim::Harmless if loads && verdict.state != "ready" => Some("what does not matter lowered the state"),
        Claim::Names { file, package } if loads && !(verdict.state == "degraded" && names(verdict, file, package)) => {
            Some("a missing file of a package, and not degraded by its name and its package's")
        }
        _ => None,
    }
}

fn names(verdict: &Verdict, file: &str, package: &str) -> bool {
    let name = package.split(':').next().unwrap_or_default();
    verdict.findings.iter().any(|finding| {
        let text = format!("{} {} {}", finding.path, finding.cause, finding.fix);
        text.contains(file) && text.contains(name)
    })
}

/// Counts by truth and state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Matrix([[usize; STATES.len()]; 3]);

impl Matrix {
    /// Of these rows.
    pub(crate) fn of<'r>(rows: impl Iterator<Item = &'r Row>) -> Self {
        let mut matrix = Self::default();
        for row in rows {
            let state = STATES.iter().position(|state| *state == row.verdict.state).unwrap_or(STATES.len() - 1);
            if let Some(count) = matrix.0.get_mut(row.truth as usize).and_then(|counts| counts.get_mut(state)) {
                *count += 1;
            }
        }
        matrix
    }

    /// How many met.
    pub(crate) fn count(&self, truth: Truth, state: &str) -> usize {
        let place = STATES.iter().position(|other| *other == state);
        place.and_then(|place| self.0.get(truth as usize)?.get(place)).copied().unwrap_or_default()
    }

    /// How many cases of this truth there are.
    pub(crate) fn all(&self, truth: Truth) -> usize {
        self.0.get(truth as usize).map_or(0, |counts| counts.iter().sum())
    }

    /// Among the cases that really break, those that are merely degraded, and all.
    pub(crate) fn merely_degraded(&self) -> (usize, usize) {
        let broken = [Truth::Refused, Truth::Fails];
        let sum = |count: &dyn Fn(Truth) -> usize| broken.iter().map(|truth| count(*truth)).sum();
        (sum(&|truth| self.count(truth, "degraded")), sum(&|truth| self.all(truth)))
    }
}

/// At most so many in a hundred of what really breaks may be merely degraded.
pub(crate) const MERELY_DEGRADED: usize = 3;

/// The rows by family, in order.
pub(crate) fn by_family(rows: &[Row]) -> BTreeMap<Family, Matrix> {
    let mut families: BTreeMap<Family, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        families.entry(row.family).or_default().push(row);
    }
    families.into_iter().map(|(family, rows)| (family, Matrix::of(rows.into_iter()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Finding;

    fn verdict(state: &str, effect: &str) -> Verdict {
        let finding = Finding {
            id: "KBG041".into(),
            effect: effect.into(),
            path: "/t/x.h".into(),
            cause: "/t/x.h of p does not exist".into(),
            fix: "apt-get install --reinstall p".into(),
        };
        Verdict { state: state.into(), findings: if effect.is_empty() { Vec::new() } else { vec![finding] } }
    }

    #[test]
    fn the_truth_decides_what_may_be_said() {
        use Truth::{Fails, Loads, Refused};
        let cases = [
            (Loads, "ready", "", true),
            (Refused, "ready", "", false),
            (Fails, "ready", "note", false),
            (Loads, "broken", "no-build", false),
            (Refused, "broken", "no-load", true),
            (Fails, "broken", "no-build", true),
            (Fails, "absent", "no-build", true),
            (Loads, "absent", "no-build", false),
            (Fails, "degraded", "risk", true),
            (Loads, "degraded", "risk", true),
            (Loads, "degraded", "note", false),
            (Fails, "unknown", "", false),
            (Fails, "exit 101: panicked", "", false),
        ];
        for (truth, state, effect, may) in cases {
            assert_eq!(wrong(truth, &verdict(state, effect), &Claim::None).is_none(), may, "{truth:?} {state}");
        }
    }

    #[test]
    fn what_does_not_matter_lowers_nothing() {
        assert!(wrong(Truth::Loads, &verdict("ready", "note"), &Claim::Harmless).is_none());
        assert!(wrong(Truth::Loads, &verdict("degraded", "risk"), &Claim::Harmless).is_some());
        assert!(wrong(Truth::Fails, &verdict("broken", "no-build"), &Claim::Harmless).is_none());
    }

    #[test]
    fn a_sound_system_is_sound_and_said_to_be() {
        assert!(wrong(Truth::Loads, &verdict("ready", "note"), &Claim::Sound).is_none());
        assert!(wrong(Truth::Loads, &verdict("degraded", "risk"), &Claim::Sound).is_some());
        assert!(wrong(Truth::Fails, &verdict("broken", "no-build"), &Claim::Sound).is_some());
    }

    #[test]
    fn a_missing_file_is_named_with_its_package() {
        let names = |file: &str, package: &str| Claim::Names { file: file.into(), package: package.into() };
        let said = verdict("degraded", "risk");
        assert!(wrong(Truth::Loads, &said, &names("/t/x.h", "p:amd64")).is_none());
        assert!(wrong(Truth::Loads, &said, &names("/t/y.h", "p")).is_some());
        assert!(wrong(Truth::Loads, &said, &names("/t/x.h", "q")).is_some());
        assert!(wrong(Truth::Loads, &verdict("ready", ""), &names("/t/x.h", "p")).is_some());
    }

    #[test]
    fn counts_add_up() {
        let row = |truth, state: &str| Row {
            subject: "s",
            case: "c".into(),
            family: Family::Link,
            truth,
            verdict: verdict(state, "risk"),
            words: String::new(),
            wrong: None,
        };
        let rows = [
            row(Truth::Fails, "broken"),
            row(Truth::Fails, "degraded"),
            row(Truth::Refused, "broken"),
            row(Truth::Loads, "exit 3: x"),
        ];
        let matrix = Matrix::of(rows.iter());
        assert_eq!((matrix.count(Truth::Fails, "broken"), matrix.all(Truth::Fails)), (1, 2));
        assert_eq!(matrix.count(Truth::Loads, "none"), 1);
        assert_eq!(matrix.merely_degraded(), (1, 3));
        assert_eq!(by_family(&rows).get(&Family::Link), Some(&matrix));
    }
}
