// SPDX-License-Identifier: MIT OR Apache-2.0
//! Repairing a kernel's build link: trees are looked for, each is proved as any tree is, and the link is moved to the
//! best of those that fit. Nothing is ever deleted, and what was moved can be moved back.

mod candidates;
mod carry_out;
mod choose;
mod search;

pub use candidates::{Candidate, Candidates, Found};
pub use carry_out::{Account, Outcome, judged};
pub use choose::{Unfit, Verdict};

use crate::assess::{Assessment, State, advise};
use crate::build_tree::{Closure, End, LinkKind};
use crate::checks::FindingId;
use crate::error::Result;
use crate::machine::Users;
use crate::package_db::{PackageId, Remedy};
use crate::policy::Policy;
use crate::quote::quoted;
use crate::relink::{self, Entry, Journal, Move};
use crate::root_path::RootPath;
use crate::survey::System;
use crate::sysroot::{Kind, WalkEnd};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Who may have changed a tree, as a refusal names them.
    pub trusted: Vec<String>,
    /// Move a link that a package owns, too.
    pub force: bool,
    /// Directories were named to look below.
    pub has_searched: bool,
}

/// What is to be done for one kernel, found out without changing anything.
#[derive(Debug)]
pub struct Preparation {
    assessment: Assessment,
    verdicts: Vec<Verdict>,
    decision: Decision,
}

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Decision {
    /// Modules can be built, and nothing better was found.
    Nothing,
    /// The kernel's tree is good; its `source` leads nowhere, or a run that was killed did not come to it.
    Mend(Vec<Move>),
    /// The links are to lead to the first of the trees.
    Relink(Vec<Move>),
    /// The link stays as it is.
    Refused(Why),
}

/// Why a link stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is a directory, as on Arch.
    Directory(RootPath),
    /// It is neither link nor directory.
    NoLink(RootPath),
    /// A package owns it.
    Owned {
        /// The package.
        package: PackageId,
        /// The link.
        link: RootPath,
    },
    /// Where it leads is not known; fit for a terminal.
    Unknown(String),
    /// No tree fits.
    NothingFits,
}

/// Whether a kernel wants repair without anybody having named it: no module can be built, or its headers are needed and
/// not there, and the admin has not said that this is known.
pub fn is_wanting(assessment: &Assessment, policy: &Policy) -> bool {
    let known = assessment.without_ignored(policy);
    known.is_at_fault() && !known.state().is_usable() && !assessment.has_usable_tree()
}

/// Finds out what repairing the link of this kernel takes. Nothing is changed.
pub fn prepare(
    system: &System,
    assessment: Assessment,
    candidates: &Candidates,
    request: &Request,
) -> Result<Preparation> {
    // What could not be written down would not be moved.
    let journal = Journal::load(&system.root)?;
    let state = choose::state_of_trees(&assessment);
    if state == State::Ready {
        let moves = left_over(system, &assessment, &journal, request.force)?;
        let decision = if moves.is_empty() { Decision::Nothing } else { Decision::Mend(moves) };
        return Ok(Preparation { assessment, verdicts: Vec::new(), decision });
    }
    if let Some(why) = hindrance(system, &assessment, request.force)? {
        let decision = if state.is_usable() { Decision::Nothing } else { Decision::Refused(why) };
        return Ok(Preparation { assessment, verdicts: Vec::new(), decision });
    }
    let users = Users::read(&system.root);
    let of_this = candidates.of(&system.root, &assessment.kernel.release, &assessment.closure, &journal);
    let mut verdicts = of_this
        .iter()
        .map(|candidate| choose::prove(system, &users, &assessment, candidate, (&request.trusted, state)))
        .collect::<Result<Vec<Verdict>>>()?;
    choose::sort(&mut verdicts);
    let decision = match verdicts.first().filter(|best| best.unfit.is_none()) {
        Some(best) => Decision::Relink(moves_to(system, &assessment, best)?),
        None if !state.is_usable() => Decision::Refused(Why::NothingFits),
        None => match left_over(system, &assessment, &journal, request.force)? {
            moves if moves.is_empty() => Decision::Nothing,
            moves => Decision::Mend(moves),
        },
    };
    Ok(Preparation { assessment, verdicts, decision })
}

fn moves_to(system: &System, assessment: &Assessment, best: &Verdict) -> Result<Vec<Move>> {
    let build = &best.candidate.path;
    relink::moves(&system.root, &assessment.kernel, build, best.source.as_ref().unwrap_or(build))
}

/// What stands in the way of moving a link, whatever trees there are.
fn hindrance(system: &System, assessment: &Assessment, force: bool) -> Result<Option<Why>> {
    let Closure { link, end, .. } = &assessment.closure;
    match link.kind {
        LinkKind::Directory => return Ok(Some(Why::Directory(link.path.clone()))),
        LinkKind::Other => return Ok(Some(Why::NoLink(link.path.clone()))),
        LinkKind::Symlink(_) | LinkKind::Missing => {}
    }
    if let (End::Unknown(_), Some(finding)) = (end, assessment.findings.first()) {
        return Ok(Some(Why::Unknown(finding.cause.clone())));
    }
    let owner = if force { None } else { owner(system, &link.path)? };
    Ok(owner.map(|package| Why::Owned { package, link: link.path.clone() }))
}

fn owner(system: &System, link: &RootPath) -> Result<Option<PackageId>> {
    Ok(system.db.owners(std::slice::from_ref(link))?.into_iter().flatten().next())
}

/// What is left to do for a kernel whose build link is good: a `source` that leads nowhere, and what a run that was
/// killed has not come to.
fn left_over(system: &System, assessment: &Assessment, journal: &Journal, force: bool) -> Result<Vec<Move>> {
    let Assessment { kernel, closure, .. } = assessment;
    let link = kernel.dir.join("source");
    let Some(tree) = &closure.source else { return Ok(Vec::new()) };
    match system.root.link_status(&link) {
        Ok(status) if status.kind == Kind::Symlink => {}
        Ok(_) => return Ok(Vec::new()),
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    let old = Some(system.root.link_target(&link)?);
    let last = journal.last(&kernel.release).map(Entry::moves).unwrap_or_default();
    let begun = last.iter().find(|one| one.link == link && one.old == old && one.old != one.new);
    let is_build_moved =
        |one: &Move| matches!(&closure.link.kind, LinkKind::Symlink(target) if Some(target) == one.new.as_ref());
    if let Some(begun) = begun {
        if last.iter().any(|one| one.link == closure.link.path && is_build_moved(one)) {
            return Ok(vec![begun.clone()]);
        }
    }
    let leads_nowhere = matches!(system.root.walk(&link).end, WalkEnd::Missing { .. });
    if !leads_nowhere || (!force && owner(system, &link)?.is_some()) {
        return Ok(Vec::new());
    }
    Ok(vec![Move { link, old, new: Some(tree.as_path().to_owned()) }])
}

impl Preparation {
    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.decision == Decision::Nothing
    }

    /// Whether it is refused.
    pub fn is_refused(&self) -> bool {
        matches!(self.decision, Decision::Refused(_))
    }

    /// What would be done, or why nothing is.
    pub fn account(&self, system: &System, request: &Request) -> Account {
        let (outcome, tree, moves) = match &self.decision {
            Decision::Nothing => (Outcome::Unchanged, None, &[] as &[Move]),
            Decision::Mend(moves) => (Outcome::WouldRelink, None, moves.as_slice()),
            Decision::Relink(moves) => (Outcome::WouldRelink, self.verdicts.first(), moves.as_slice()),
            Decision::Refused(_) => (Outcome::Refused, None, &[] as &[Move]),
        };
        let why = match &self.decision {
            Decision::Refused(why) => Some(why.clone()),
            _ => None,
        };
        Account {
            release: self.assessment.kernel.release.clone(),
            outcome,
            tree: tree.map(|verdict| verdict.candidate.path.clone()),
            package: tree.and_then(|verdict| verdict.package.clone()),
            moves: moves.to_vec(),
            before: self.assessment.state(),
            after: None,
            fix: why.as_ref().and_then(|_| self.fix(system)),
            trust: why.as_ref().map(|why| self.trust(why)).unwrap_or_default(),
            near: why
                .as_ref()
                .filter(|why| **why == Why::NothingFits && !request.has_searched)
                .and_then(|_| near(&self.assessment.closure)),
            why,
            verdicts: self.verdicts.clone(),
        }
    }

    /// The package that is the right answer, proved to exist.
    fn fix(&self, system: &System) -> Option<Remedy> {
        let mut assessment = self.assessment.clone();
        advise(std::iter::once(&mut assessment), system.advisor.as_ref());
        assessment.findings.into_iter().find_map(|finding| finding.fix)
    }

    /// What to add to the command so that it is done all the same.
    fn trust(&self, why: &Why) -> Vec<String> {
        match (why, self.verdicts.first().and_then(|verdict| verdict.unfit.as_ref())) {
            (Why::Owned { .. }, _) => vec!["--force".to_owned()],
            (Why::NothingFits, Some(Unfit::Untrusted(writers))) => {
                writers.iter().flat_map(|(who, _)| ["--trust-owner".to_owned(), who.clone()]).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The nearest directory to where a link leads that still is there: what was moved is often not far.
pub fn near(closure: &Closure) -> Option<RootPath> {
    let End::Dangling { at, .. } = &closure.end else { return None };
    let near = at.parent();
    // There it is looked for anyhow, or there would be no end to it.
    let is_no_help = ["/", "/usr", "/usr/lib"].iter().any(|dir| near == RootPath::new(dir));
    (!is_no_help && !RootPath::new("/usr/src").contains(&near)).then_some(near)
}

/// Whether looking for another tree is what mends a kernel: where its link leads is wrong, and not what is there.
pub fn may_help(assessment: &Assessment) -> bool {
    use FindingId::{LinkDangling, LinkLoop, NotATree, NotPrepared, OtherBuild, OtherRelease};
    let is_link = !matches!(assessment.closure.link.kind, LinkKind::Directory | LinkKind::Other);
    let wrong = [LinkDangling, LinkLoop, NotATree, NotPrepared, OtherBuild, OtherRelease];
    is_link && assessment.findings.iter().any(|finding| wrong.contains(&finding.id))
}

impl Why {
    /// In a line, fit for a terminal.
    pub fn text(&self, account: &Account) -> String {
        match self {
            Why::Directory(link) => format!("{} is a directory and no link: it is not replaced", quoted(link)),
            Why::NoLink(link) => format!("{} is neither a link nor a directory: it is not replaced", quoted(link)),
            Why::Owned { package, link } => format!("the package {package} owns {}", quoted(link)),
            Why::Unknown(cause) => cause.clone(),
            Why::NothingFits if account.verdicts.is_empty() => {
                format!("no tree was found for kernel {}", account.release)
            }
            Why::NothingFits => format!("no tree that was found fits kernel {}", account.release),
        }
    }
}
