// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verifying at the end of a transaction: which kernels there is something new to say about.

use std::collections::HashMap;

use crate::assess::{Assessment, State, advise};
use crate::build_tree::End;
use crate::demand::{Builder, Demand};
use crate::error::{Error, Result};
use crate::kernels::Kernel;
use crate::memory::{Record, Seen, Spoken};
use crate::policy::{Mode, Policy};
use crate::release::Release;
use crate::report::settle;
use crate::survey::{Depth, System};
use crate::sysroot::RootPath;

/// Looks at every kernel and returns the ones to speak of: at fault, not said before, not of a kernel
/// that its package manager is about to remove or that the guard has just spoken of.
///
/// Remembers what was seen; failing to is no reason not to speak.
pub fn verify(system: &System, policy: &Policy) -> Result<Vec<Assessment>> {
    news(system, policy, None)
}

/// The same for one kernel alone, which was just installed by hand: other kernels have not changed, and
/// what was said of them holds. A release that is no kernel here, for want of modules or of an image, is
/// nothing to speak of.
pub fn verify_kernel(system: &System, policy: &Policy, release: &Release) -> Result<Vec<Assessment>> {
    news(system, policy, Some(release))
}

fn news(system: &System, policy: &Policy, only: Option<&Release>) -> Result<Vec<Assessment>> {
    if policy.mode == Mode::Off {
        return Ok(Vec::new());
    }
    // The kernel before it, of its flavour, tells whether its headers are needed.
    let flavour = only.map(Release::flavour);
    let is_wanted = |kernel: &Kernel| flavour.as_ref().is_none_or(|flavour| kernel.release.flavour() == *flavour);
    // Somebody installs this kernel now: what was true of it before holds no longer.
    let before = only.and_then(|only| Record::load(&system.root, only));
    if let Some(only) = only {
        remembered(Record::forget(&system.root, only));
    }
    let mut assessments = system.survey(is_wanted, Depth::Build)?;
    let seen = Seen::load(&system.root);
    remembered(record(system, &assessments, &seen, (only, before)));
    inherit_need(&mut assessments, &seen);
    if only.is_none() && !system.root.is_late() {
        settle(&system.root, &assessments, policy);
    }
    if let Some(only) = only {
        assessments.retain(|assessment| assessment.kernel.release == *only);
    }
    // Not having had the time to look is nothing to remember, and somebody is told.
    if system.root.is_late() && assessments.iter().any(|assessment| assessment.state() == State::Unknown) {
        return Err(Error::Deadline);
    }
    let spoken = Spoken::load(&system.root);
    // What the guard has just said of a kernel is a loss; any other fault is still to be said.
    let is_said = |assessment: &Assessment| {
        spoken.mentions(&assessment.kernel.release) && assessment.findings.iter().all(|finding| finding.id.is_a_loss())
    };
    // Reasons to be silent that may pass: then it is news, though nothing has changed in the tree.
    let is_silent = |assessment: &Assessment| {
        assessment.standing.in_transit
            || (assessment.standing.autoremovable && !assessment.kernel.running)
            || (assessment.is_worth_saying() && !assessment.without_ignored(policy).is_worth_saying())
    };
    let mut news: Vec<Assessment> = assessments
        .iter()
        .filter(|assessment| !is_silent(assessment) && !is_said(assessment) && seen.is_news(assessment))
        .map(|assessment| assessment.without_ignored(policy))
        .filter(Assessment::is_worth_saying)
        .collect();
    let stored = match only {
        // What the guard has said is for the trigger of its run, which may be going on.
        Some(_) => [seen.add(&system.root, &assessments, is_silent), Ok(())],
        // What was said of several transactions that belong together is forgotten after the last.
        None if assessments.iter().any(|assessment| assessment.standing.in_transit) => {
            [seen.store(&system.root, &assessments, is_silent), Ok(())]
        }
        None => [seen.store(&system.root, &assessments, is_silent), Spoken::forget(&system.root)],
    };
    stored.into_iter().for_each(remembered);
    advise(news.iter_mut(), system.advisor.as_ref());
    Ok(news)
}

/// A failure to remember is no reason for anything.
fn remembered(result: Result<()>) {
    if let Err(error) = result {
        log::debug!("{error}");
    }
}

/// Writes down what is true of the trees that no package looks after: of the kernel that is being installed, or of those
/// of which nothing is written down, or whose image is another by now. What packages bring has its own record; whether
/// a tree is theirs is asked only where the image is nobody's, or the kernel new, and not again where it was known
/// `before` the kernel was installed once more.
fn record(
    system: &System,
    assessments: &[Assessment],
    seen: &Seen,
    (only, before): (Option<&Release>, Option<Record>),
) -> Result<()> {
    let System { root, db, .. } = system;
    if !db.knows_owners() {
        return Ok(());
    }
    // A thousand kernels may share one tree.
    let mut nobodys: HashMap<&RootPath, bool> = HashMap::new();
    for Assessment { kernel, standing, closure, .. } in assessments {
        let is_wanted = match only {
            Some(only) => kernel.release == *only,
            None => standing.package.is_none() || !seen.knows(&kernel.release),
        };
        let (true, End::Complete, Some(tree)) = (is_wanted, &closure.end, closure.build_tree()) else { continue };
        if Record::load(root, &kernel.release).is_some_and(|record| record.is_of(root, kernel)) {
            continue;
        }
        let mut is_nobodys = || -> Result<bool> {
            if let Some(known) = nobodys.get(tree) {
                return Ok(*known);
            }
            let is_nobodys = db.owners(std::slice::from_ref(tree))?.iter().all(Vec::is_empty);
            nobodys.insert(tree, is_nobodys);
            Ok(is_nobodys)
        };
        if before.as_ref().is_some_and(|before| before.is_at(tree)) || is_nobodys()? {
            Record::of(root, kernel, tree).store(root, &kernel.release)?;
        }
    }
    Record::sweep(root)
}

/// At install time only: a new kernel without headers is needed too if the kernel it succeeds, of the
/// same flavour, can build modules. Somebody installed those headers for a reason. On a system seen for
/// the first time nothing tells which kernel is new.
fn inherit_need(assessments: &mut [Assessment], seen: &Seen) {
    let heirs: Vec<(usize, String)> = assessments
        .iter()
        .enumerate()
        .filter(|(_, heir)| heir.state() == State::Absent && !heir.is_needed() && !seen.knows(&heir.kernel.release))
        .filter_map(|(index, heir)| {
            let flavour = heir.kernel.release.flavour();
            let before = assessments.get(..index)?;
            let predecessor = before.iter().rev().find(|other| other.kernel.release.flavour() == flavour)?;
            (predecessor.state().is_usable() && seen.knows(&predecessor.kernel.release))
                .then(|| (index, predecessor.kernel.release.to_string()))
        })
        .collect();
    for (index, predecessor) in heirs {
        if let Some(heir) = assessments.get_mut(index) {
            heir.demand.push(Demand {
                builder: Builder::Predecessor,
                module: predecessor,
                version: None,
                anchors: Vec::new(),
            });
        }
    }
}
