// SPDX-License-Identifier: MIT OR Apache-2.0
//! One kernel, its closure, what was found in it and who needs it: the assessment.

use crate::build_tree::{Closure, End};
use crate::checks::{Effect, Finding, FindingId, Sight, check};
use crate::demand::{Demand, Register};
use crate::error::Result;
use crate::kernels::Kernel;
use crate::package_db::{Advisor, ImageStanding, Need};
use crate::policy::Policy;

/// What module builds can expect of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// A module builds, and nothing speaks against its loading.
    Ready,
    /// A module builds today, with a risk.
    Degraded,
    /// No module can be built, or none would load.
    Broken,
    /// No headers are installed.
    Absent,
    /// It could not be determined.
    Unknown,
}

impl State {
    /// As it stands in tables and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Degraded => "degraded",
            State::Broken => "broken",
            State::Absent => "absent",
            State::Unknown => "unknown",
        }
    }

    /// Whether modules can be built today.
    pub fn is_usable(self) -> bool {
        matches!(self, State::Ready | State::Degraded)
    }
}

/// All we say about one kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// The kernel.
    pub kernel: Kernel,
    /// What the package manager thinks of its image.
    pub standing: ImageStanding,
    /// Its closure.
    pub closure: Closure,
    /// Who needs its headers.
    pub demand: Vec<Demand>,
    /// What was found, the most telling first.
    pub findings: Vec<Finding>,
}

impl Assessment {
    /// The state, from the findings alone.
    pub fn state(&self) -> State {
        let has = |id: FindingId| self.findings.iter().any(|finding| finding.id == id);
        let worst = self.findings.iter().map(|finding| finding.effect).max();
        if has(FindingId::NoHeaders) {
            return State::Absent;
        }
        match worst {
            Some(Effect::NoBuild | Effect::NoLoad) => State::Broken,
            _ if self.findings.iter().any(|finding| finding.id.is_open()) => State::Unknown,
            Some(Effect::Risk) => State::Degraded,
            Some(Effect::Note) | None => State::Ready,
        }
    }

    /// Adds what was found later, behind what was found before and weighs the same.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.effect));
    }

    /// Whether anything needs this kernel's headers.
    pub fn is_needed(&self) -> bool {
        !self.demand.is_empty()
    }

    /// Whether there is something to do: broken and degraded always, absent only where headers are needed.
    pub fn is_at_fault(&self) -> bool {
        match self.state() {
            State::Broken | State::Degraded => true,
            State::Absent => self.is_needed(),
            State::Ready | State::Unknown => false,
        }
    }

    /// The same without the findings the admin does not want to hear of.
    pub fn without_ignored(&self, policy: &Policy) -> Self {
        let mut rest = self.clone();
        rest.findings.retain(|finding| !policy.ignores(finding, &self.kernel.release));
        rest
    }

    /// Whether it is worth telling somebody who did not ask. A machine without a compiler, on which
    /// nothing needs one, is no news: distributions bring headers where nobody builds.
    pub fn is_worth_saying(&self) -> bool {
        let is_of_the_tree = |finding: &Finding| finding.effect > Effect::Note && !finding.id.is_of_the_system();
        self.is_at_fault() && (self.is_needed() || self.findings.iter().any(is_of_the_tree))
    }

    /// Whether the tree is fit for building, whatever the system's own programs are today.
    pub fn has_usable_tree(&self) -> bool {
        let mut of_the_tree = self.clone();
        of_the_tree.findings.retain(|finding| !finding.id.is_of_the_system());
        of_the_tree.state().is_usable()
    }
}

/// Asks what mends each finding. Slow: only for findings that are going to be shown.
pub fn advise<'a>(assessments: impl Iterator<Item = &'a mut Assessment>, advisor: &dyn Advisor) {
    let (mut fixes, mut asked) = (Vec::new(), Vec::new());
    for Assessment { kernel, findings, .. } in assessments {
        for Finding { need, fix, .. } in findings {
            if fix.is_none() && *need != Need::Advice {
                asked.push((&*need, &*kernel));
                fixes.push(fix);
            }
        }
    }
    if !asked.is_empty() {
        for (fix, remedy) in fixes.into_iter().zip(advisor.provide(&asked)) {
            *fix = remedy;
        }
    }
}

/// Assesses one kernel whose closure has been followed.
pub fn assess(
    sight: &Sight<'_>,
    register: &Register,
    kernel: Kernel,
    standing: ImageStanding,
    closure: Closure,
) -> Result<Assessment> {
    let demand = register.of(sight.root, sight.db, &kernel)?;
    let findings = check(sight, &kernel, &closure)?;
    debug_assert!(closure.end == End::Complete || !findings.is_empty());
    Ok(Assessment { kernel, standing, closure, demand, findings })
}
