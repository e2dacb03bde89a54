// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a transaction to a verdict: the road every hook and `what-if` take.

use crate::assess::{Assessment, State};
use crate::build_tree::{Closure, follow};
use crate::demand::{Demand, Register};
use crate::error::{Error, Result};
use crate::guard::{Because, Decision, Situation, decide};
use crate::kernels::Kernel;
use crate::losses::{Loss, losses, remaining_demand};
use crate::package_db::PackageId;
use crate::policy::{Mode, Policy};
use crate::succession::{bringers_of_kernels, lost_bringers};
use crate::survey::System;
use crate::transaction::Transaction;

/// One kernel that loses something, and what is decided about that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The kernel as it was before the transaction.
    pub assessment: Assessment,
    /// What it loses.
    pub loss: Loss,
    /// The places in the assessment's demand of those that still need its headers afterwards.
    still_needed_by: Vec<usize>,
    /// What is decided.
    pub decision: Decision,
    /// By which rule.
    pub because: Because,
}

impl Orphan {
    /// Who still needs the kernel's headers when the transaction is done.
    pub fn still_needed(&self) -> impl Iterator<Item = &Demand> {
        self.still_needed_by.iter().filter_map(|index| self.assessment.demand.get(*index))
    }
}

/// A flavour of which new kernels will come and their headers will not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bereft {
    /// The packages that would have brought the headers.
    pub packages: Vec<PackageId>,
    /// The packages that stay and bring new kernels.
    pub brought_by: Vec<PackageId>,
    /// Who needs the headers of the flavour's newest kernel when the transaction is done.
    pub needed_by: Vec<Demand>,
}

/// The answer to a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The strongest decision of all.
    pub decision: Decision,
    /// The orphans, also those that are allowed in silence.
    pub orphans: Vec<Orphan>,
    /// The flavours whose kernels to come will lack headers: worth a warning, never a block.
    pub bereft: Vec<Bereft>,
}

impl Verdict {
    /// The orphans to speak of. When the transaction is blocked nothing is lost, and what would have been
    /// a warning is no news.
    pub fn spoken_of(&self) -> impl Iterator<Item = &Orphan> {
        self.orphans.iter().filter(|orphan| orphan.decision > Decision::Allow && orphan.decision == self.decision)
    }

    /// The flavours to speak of: none when the transaction is blocked.
    pub fn bereft_to_speak_of(&self) -> impl Iterator<Item = &Bereft> {
        self.bereft.iter().filter(|_| self.decision == Decision::Warn)
    }
}

/// Judges a transaction. Where nothing leaves, or the guard is off, nothing is read.
///
/// `as_live` answers as if the root were the running system.
pub fn judge(system: &System, transaction: &Transaction, policy: &Policy, as_live: bool) -> Result<Verdict> {
    let mut verdict = Verdict { decision: Decision::Allow, orphans: Vec::new(), bereft: Vec::new() };
    if transaction.leaving.is_empty() || policy.mode_in(transaction.driver.override_mode) == Mode::Off {
        return Ok(verdict);
    }
    let followed = system
        .installed()?
        .into_iter()
        .map(|kernel| follow(&system.root, &kernel).map(|closure| (kernel, closure)))
        .collect::<Result<Vec<(Kernel, Closure)>>>()?;
    let losses = losses(transaction, &followed, system.db.as_ref())?;
    let bringers = lost_bringers(transaction, &followed, system.db.as_ref())?;
    if losses.is_empty() && bringers.is_empty() {
        return Ok(verdict);
    }
    let (mut kernels, closures): (Vec<Kernel>, Vec<Closure>) = followed.into_iter().unzip();
    let live = as_live || system.is_live(&kernels);
    let standings = system.standings(&mut kernels, &transaction.gone())?;
    let register = Register::read(&system.root, &system.machine);
    let situation = Situation {
        driver: &transaction.driver,
        also_installs: !transaction.arriving.is_empty(),
        live,
        healthy: system.db.is_healthy()?,
    };
    for lost in bringers {
        let brought_by = bringers_of_kernels(&lost, &kernels, &standings, transaction, system.db.as_ref())?;
        let Some(newest) = lost.kernels.iter().max().and_then(|index| kernels.get(*index)) else { continue };
        if brought_by.is_empty() {
            continue;
        }
        let demand = register.of(&system.root, system.db.as_ref(), newest)?;
        let still = remaining_demand(&demand, &transaction.gone(), system.db.as_ref())?;
        let needed_by: Vec<Demand> = still.into_iter().filter_map(|index| demand.get(index).cloned()).collect();
        // Who asks for this by name where nothing needs headers knows it.
        if needed_by.is_empty() && lost.asked {
            continue;
        }
        verdict.decision = verdict.decision.max(Decision::Warn);
        verdict.bereft.push(Bereft { packages: lost.packages, brought_by, needed_by });
    }
    for loss in losses {
        let index = loss.kernel;
        let (Some(kernel), Some(closure), Some(standing)) =
            (kernels.get(index), closures.get(index), standings.get(index))
        else {
            continue;
        };
        let assessment = system.assess(&register, kernel.clone(), standing.clone(), closure.clone())?;
        // Not having had the time to look is not the same as having found it unusable.
        if assessment.state() == State::Unknown && system.root.is_late() {
            return Err(Error::Deadline);
        }
        let still_needed_by = remaining_demand(&assessment.demand, &loss.gone, system.db.as_ref())?;
        let (decision, because) = decide(&assessment, &loss, !still_needed_by.is_empty(), policy, &situation);
        verdict.decision = verdict.decision.max(decision);
        verdict.orphans.push(Orphan { assessment, loss, still_needed_by, decision, because });
    }
    Ok(verdict)
}
