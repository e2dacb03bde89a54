// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a timer finds when nobody asked: all kernels are looked at fully, and the result goes to the journal, to
//! `/run/kbuild-guard/status.json`, to whoever logs in next, and to metrics.
//!
//! A hook sees what a package manager does. That a tree was moved or deleted by hand nobody sees but this.

mod files;
mod journal;
mod patience;

use std::time::Duration;

pub use files::{METRICS, NOTICE, STATUS, is_noticed, settle};
pub use journal::{KERNEL_MESSAGE, SUMMARY_MESSAGE};

use crate::assess::{Assessment, advise};
use crate::error::{Error, Result};
use crate::memory::Reported;
use crate::policy::{Mode, Policy};
use crate::present::Owners;
use crate::survey::{Depth, System};
use crate::sysroot::{RootPath, Sysroot};

/// Whether somebody is to be told of a kernel every day: it is needed, at fault for a reason that the admin does not know
/// of, and the package manager is not about to remove it.
pub fn is_problem(assessment: &Assessment, policy: &Policy) -> bool {
    let is_leaving = assessment.standing.autoremovable && !assessment.kernel.running;
    assessment.is_needed() && !is_leaving && assessment.without_ignored(policy).is_at_fault()
}

/// How a report came to its end.
#[derive(Debug)]
pub enum Ended {
    /// It was made.
    Made(Report),
    /// The mode is off: what earlier reports left is gone, and nothing was looked at.
    Off,
    /// A package manager was at work all the time. What was reported last still stands.
    Busy,
}

/// All that was found, and whom it went to.
#[derive(Debug)]
pub struct Report {
    /// Every kernel, oldest first, with what is ignored.
    pub assessments: Vec<Assessment>,
    /// Who owns their trees.
    pub owners: Owners,
    /// When the kernels were looked at, in seconds since 1970.
    pub at: u64,
    /// How many of them somebody is to be told of.
    pub problems: usize,
    /// The line for whoever logs in, where there is anything to say.
    pub notice: Option<String>,
    /// How many entries the journal got.
    pub entries: usize,
    /// What stands in for a journal that is not there: whole lines for stderr.
    pub said: String,
    /// Where metrics were written.
    pub metrics: Option<RootPath>,
    /// What could not be written, each fit for a terminal; the rest was.
    pub failures: Vec<Error>,
}

/// Looks at all kernels as soon as no package manager is at work, at most `patience` from now, and tells of them.
///
/// `open` opens the system anew: what one knows of packages is not what the next finds. An error means that nothing was
/// told; what a report could not write is in its `failures`.
pub fn report(
    open: impl Fn() -> Result<System>,
    policy: &Policy,
    patience: Duration,
    at: fn() -> u64,
) -> Result<Ended> {
    if policy.mode == Mode::Off {
        clear(&open()?.root)?;
        return Ok(Ended::Off);
    }
    let Some((system, mut assessments)) =
        patience::look(&open, patience, |system| system.survey(|_| true, Depth::Whole))?
    else {
        return Ok(Ended::Busy);
    };
    let at = at();
    advise(assessments.iter_mut().filter(|one| one.is_at_fault()), system.advisor.as_ref());
    let owners = Owners::of(system.db.as_ref(), &assessments)?;
    Ok(Ended::Made(tell(&system.root, assessments, owners, policy, at)))
}

/// Removes what reports have written.
pub fn clear(root: &Sysroot) -> Result<()> {
    files::clear(root, Reported::load(root).as_ref())
}

/// Tells everybody. One who cannot be told is no reason not to tell the others.
fn tell(root: &Sysroot, assessments: Vec<Assessment>, owners: Owners, policy: &Policy, at: u64) -> Report {
    let problems = assessments.iter().filter(|one| is_problem(one, policy)).count();
    let before = Reported::load(root);
    let mut report = Report {
        notice: None,
        entries: 0,
        said: String::new(),
        metrics: None,
        failures: Vec::new(),
        assessments,
        owners,
        at,
        problems,
    };
    journal::tell(root, &mut report, before.as_ref(), policy);
    files::write(root, &mut report, before.as_ref(), policy);
    report
}
