// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a tree fits a kernel, by the checks that every tree goes through; and which of those that fit is the best.

use super::candidates::{Candidate, Found};
use crate::assess::{Assessment, State};
use crate::checks::{Effect, FindingId};
use crate::error::Result;
use crate::machine::Users;
use crate::package_db::PackageId;
use crate::preserve;
use crate::quote::quoted;
use crate::root_path::RootPath;
use crate::survey::System;

/// What proving a tree came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The tree.
    pub candidate: Candidate,
    /// The tree with the kernel's own Makefile; the same, but for `make O=` and packages of several trees.
    pub source: Option<RootPath>,
    /// What the kernel would be with it, whatever the system's own programs are; `None` where it could not be looked at.
    pub state: Option<State>,
    /// The package that owns it.
    pub package: Option<PackageId>,
    /// How many risks there would be.
    risks: usize,
    /// Why it is not taken.
    pub unfit: Option<Unfit>,
}

/// Why a tree is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// It does not fit the kernel, or no module can be built in it; fit for a terminal.
    Finding(Option<FindingId>, String),
    /// Others can change it, and nobody said that they are trusted: each with one place.
    Untrusted(Vec<(String, RootPath)>),
    /// It is no better than what the kernel has.
    NoBetter,
}

impl Verdict {
    /// Why it is not taken, in a line; fit for a terminal.
    pub fn reason(&self) -> Option<String> {
        Some(match self.unfit.as_ref()? {
            Unfit::Finding(_, cause) => cause.clone(),
            Unfit::Untrusted(writers) => {
                let one = |(who, path): &(String, RootPath)| format!("{} can be changed by {who}", quoted(path));
                writers.iter().map(one).collect::<Vec<String>>().join(", ")
            }
            Unfit::NoBetter => "it is no better than what the link leads to now".to_owned(),
        })
    }

    /// The finding that speaks against it.
    pub fn finding(&self) -> Option<FindingId> {
        match self.unfit {
            Some(Unfit::Finding(id, _)) => id,
            _ => None,
        }
    }

    /// Better ones come first: ready before degraded; of a package before nobody's; with fewer risks; as it was found;
    /// and last by its name, so that the answer is the same each time.
    fn rank(&self) -> impl Ord + use<'_> {
        let state = self.state.map_or(usize::MAX, rank);
        (state, self.package.is_none(), self.risks, self.candidate.found, &self.candidate.path)
    }
}

/// How good a state is, the best first.
pub(super) fn rank(state: State) -> usize {
    match state {
        State::Ready => 0,
        State::Degraded => 1,
        State::Broken | State::Absent | State::Unknown => 2,
    }
}

/// The state of a kernel's trees, whatever the system's own programs are today: a compiler that is missing is missing
/// for every tree.
pub(super) fn state_of_trees(assessment: &Assessment) -> State {
    let mut of_the_trees = assessment.clone();
    of_the_trees.findings.retain(|finding| !finding.id.is_of_the_system());
    of_the_trees.state()
}

/// Proves one tree. `than` is what the kernel has: what is no better is not taken.
pub(super) fn prove(
    system: &System,
    users: &Users,
    assessment: &Assessment,
    candidate: &Candidate,
    (trusted, than): (&[String], State),
) -> Result<Verdict> {
    let mut verdict =
        Verdict { candidate: candidate.clone(), source: None, state: None, package: None, risks: 0, unfit: None };
    let held = match system.root.hold(&candidate.path) {
        Ok(held) => held,
        Err(error) => {
            verdict.unfit = Some(Unfit::Finding(None, error.to_string()));
            return Ok(verdict);
        }
    };
    if held.own_status()?.id != candidate.id {
        let changed = preserve::Refusal::TreeChanged { path: candidate.path.clone() };
        verdict.unfit = Some(Unfit::Finding(None, changed.to_string()));
        return Ok(verdict);
    }
    let proof = match system.assess_with(assessment, &candidate.path) {
        Ok(proof) => proof,
        // A tree that is closed is one that does not fit, and no reason not to look at the others.
        Err(error) => {
            verdict.unfit = Some(Unfit::Finding(None, error.to_string()));
            return Ok(verdict);
        }
    };
    let state = state_of_trees(&proof);
    verdict.state = Some(state);
    verdict.source.clone_from(&proof.closure.source);
    verdict.risks = proof.findings.iter().filter(|finding| finding.effect == Effect::Risk).count();
    let against = proof.findings.iter().find(|finding| {
        // Symbols of another build that happen to agree today are no tree of this kernel.
        let is_anothers = matches!(finding.id, FindingId::OtherRelease | FindingId::OtherBuild);
        let stops = finding.effect >= Effect::NoLoad || finding.id.is_open();
        (is_anothers && finding.effect > Effect::Note) || (stops && !finding.id.is_of_the_system())
    });
    if let Some(finding) = against {
        verdict.unfit = Some(Unfit::Finding(Some(finding.id), finding.cause.clone()));
        return Ok(verdict);
    }
    let witness = [candidate.path.join("Module.symvers"), candidate.path.join("Makefile")];
    verdict.package = system.db.owners(&witness)?.into_iter().flatten().next();
    let writers = match preserve::writers(&system.root, users, &proof.closure) {
        Ok(writers) => writers,
        Err(error) => {
            verdict.unfit = Some(Unfit::Finding(None, error.to_string()));
            return Ok(verdict);
        }
    };
    let strangers: Vec<(String, RootPath)> = writers.into_iter().filter(|(who, _)| !trusted.contains(who)).collect();
    verdict.unfit = match () {
        // The tree that the link leads to is what it is, however little of it was looked at here.
        () if rank(state) >= rank(than) || candidate.found == Found::Link => Some(Unfit::NoBetter),
        () if !strangers.is_empty() => Some(Unfit::Untrusted(strangers)),
        () => None,
    };
    Ok(verdict)
}

/// Puts the best first: those that fit, those that only their owners stand against, those of this release, the others.
pub(super) fn sort(verdicts: &mut [Verdict]) {
    let class = |verdict: &Verdict| match verdict.unfit {
        None => 0,
        Some(Unfit::Untrusted(_)) => 1,
        Some(Unfit::NoBetter) => 2,
        Some(Unfit::Finding(Some(FindingId::OtherRelease), _)) => 4,
        Some(Unfit::Finding(..)) => 3,
    };
    verdicts.sort_by(|one, other| (class(one), one.rank()).cmp(&(class(other), other.rank())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_comes_first() {
        let verdict = |path: &str, state, package: Option<&str>, risks, found| Verdict {
            candidate: Candidate { path: RootPath::new(path), found, id: (0, 0), says: None },
            source: None,
            state: Some(state),
            package: package.map(PackageId::new),
            risks,
            unfit: None,
        };
        let mut all = vec![
            Verdict {
                unfit: Some(Unfit::Finding(None, "x".into())),
                ..verdict("/unfit", State::Broken, None, 0, Found::Link)
            },
            verdict("/home", State::Degraded, None, 1, Found::Search),
            verdict("/tmp/home", State::Degraded, None, 2, Found::Journal),
            Verdict {
                unfit: Some(Unfit::Untrusted(Vec::new())),
                ..verdict("/theirs", State::Degraded, None, 1, Found::Search)
            },
            verdict("/usr/src/b", State::Ready, None, 0, Found::Sources),
            verdict("/usr/src/a", State::Ready, None, 0, Found::Sources),
            verdict("/before", State::Ready, None, 0, Found::Journal),
            verdict("/packaged", State::Ready, Some("linux-headers"), 0, Found::Search),
            verdict("/packaged/home", State::Degraded, Some("linux-headers"), 1, Found::Sources),
        ];
        sort(&mut all);
        let paths: Vec<&str> = all.iter().map(|one| one.candidate.path.as_path().to_str().unwrap()).collect();
        assert_eq!(
            paths,
            [
                "/packaged",
                "/before",
                "/usr/src/a",
                "/usr/src/b",
                "/packaged/home",
                "/home",
                "/tmp/home",
                "/theirs",
                "/unfit"
            ]
        );
    }
}
