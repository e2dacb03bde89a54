// SPDX-License-Identifier: MIT OR Apache-2.0
//! Doing what was prepared: the tree is proved once more while nobody else moves links, then the links are moved, then
//! the kernel is judged as it is.

use super::{Candidate, Decision, Preparation, Request, Verdict, Why, choose};
use crate::assess::{Assessment, State};
use crate::error::{Error, Result};
use crate::kernels::Kernel;
use crate::machine::Users;
use crate::package_db::{PackageId, Remedy};
use crate::preserve::Refusal;
use crate::release::Release;
use crate::relink::{self, Lock, Move};
use crate::root_path::RootPath;
use crate::survey::{Depth, System};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The links lead to a tree that fits.
    Relinked,
    /// They would.
    WouldRelink,
    /// There was nothing to do.
    Unchanged,
    /// The link stays as it is, and the kernel as well.
    Refused,
}

/// What has been done, or would be, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The kernel.
    pub release: Release,
    /// What came of it.
    pub outcome: Outcome,
    /// The tree that the build link leads to now, or would; `None` where it is not moved.
    pub tree: Option<RootPath>,
    /// The package that owns that tree.
    pub package: Option<PackageId>,
    /// Links that lead elsewhere now, or would.
    pub moves: Vec<Move>,
    /// What the kernel was before.
    pub before: State,
    /// What it is now; `None` where nothing was done.
    pub after: Option<State>,
    /// Why the link stays as it is, where that is no good.
    pub why: Option<Why>,
    /// What mends the kernel, where a package does.
    pub fix: Option<Remedy>,
    /// What to add to the command so that it is done all the same.
    pub trust: Vec<String>,
    /// Where to search.
    pub near: Option<RootPath>,
    /// Every tree that was looked at, the best first.
    pub verdicts: Vec<Verdict>,
}

impl Preparation {
    /// Does it. Where this fails, the build link is what it was, unless it is the `source` link beside it that could
    /// not be moved.
    pub fn carry_out(self, system: &System, request: &Request) -> Result<Account> {
        let mut account = self.account(system, request);
        let moves = match &self.decision {
            Decision::Nothing | Decision::Refused(_) => return Ok(account),
            Decision::Mend(moves) | Decision::Relink(moves) => moves,
        };
        if !relink::may_change(&system.root)? {
            return Err(Refusal::NotRoot.into());
        }
        let lock = Lock::take(&system.root)?;
        if let Decision::Relink(_) = self.decision {
            self.prove_again(system, request)?;
        }
        let kernel = &self.assessment.kernel;
        relink::carry_out(&lock, kernel, "repair", moves)?;
        account.after = judged(system, kernel)?.map(|found| found.state());
        account.outcome = Outcome::Relinked;
        Ok(account)
    }

    /// The tree is held while it is proved: what has its name afterwards is the same, or nothing is moved.
    fn prove_again(&self, system: &System, request: &Request) -> Result<()> {
        let Some(best) = self.verdicts.first() else { return Ok(()) };
        let than = choose::state_of_trees(&self.assessment);
        let held = system.root.hold(&best.candidate.path)?;
        let users = Users::read(&system.root);
        let again =
            choose::prove(system, &users, &self.assessment, &best.candidate, (request.trusted.as_slice(), than))?;
        let now = system.root.hold(&best.candidate.path)?.own_status()?;
        if again.unfit.is_some() || again.source != best.source || now.id != held.own_status()?.id {
            return Err(changed(&best.candidate));
        }
        Ok(())
    }
}

fn changed(candidate: &Candidate) -> Error {
    Refusal::TreeChanged { path: candidate.path.clone() }.into()
}

/// A kernel as it is now; `None` where it has gone.
pub fn judged(system: &System, kernel: &Kernel) -> Result<Option<Assessment>> {
    let found = system.survey(|other| other.release == kernel.release, Depth::Whole)?;
    Ok(found.into_iter().next())
}
