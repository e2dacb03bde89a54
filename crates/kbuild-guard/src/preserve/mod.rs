// SPDX-License-Identifier: MIT OR Apache-2.0
//! Preserving a kernel's build tree: what external module builds need is copied to a place that lasts, the copy is
//! proved, and only then the build link is moved to it. Until that moment nothing that was there has changed.

mod carry_out;
mod copy;
mod plan;
mod publish;
mod refusal;
mod scan;
mod select;
mod trees;

use std::path::PathBuf;

pub use copy::Progress;
pub use plan::{LeftOut, Plan};
pub use refusal::Refusal;
pub(crate) use refusal::megabytes;

use crate::assess::{Assessment, State};
use crate::build_tree::{Closure, End, LinkKind, Role, follow};
use crate::checks::{Effect, FindingId};
use crate::error::Result;
use crate::kernels::Kernel;
use crate::machine::Users;
use crate::package_db::PackageId;
use crate::quote::quoted;
use crate::release::Release;
use crate::relink::{self, Journal, Move};
use crate::root_path::RootPath;
use crate::survey::System;
use crate::sysroot::{Sysroot, WalkEnd};
use publish::Standing;
use select::Selection;
use trees::Trees;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Where the copy is to be; `/usr/src/linux-headers-RELEASE` if not said.
    pub to: Option<RootPath>,
    /// Who may have changed what is copied, as a refusal names them.
    pub trusted: Vec<String>,
    /// Copy what a package owns, too.
    pub force: bool,
}

/// What is to be done for one kernel, found out without changing anything.
#[derive(Debug)]
pub struct Preparation {
    assessment: Assessment,
    target: RootPath,
    moves: Vec<Move>,
    work: Work,
}

#[derive(Debug)]
enum Work {
    /// A copy is to be made.
    Copy { trees: Box<Trees>, plan: Plan },
    /// It is there already.
    There { state: State },
}

/// What has been done, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The kernel.
    pub release: Release,
    /// The tree that modules were built in; `None` where the copy was there already.
    pub from: Option<RootPath>,
    /// The tree with the source, where that is another one.
    pub source: Option<RootPath>,
    /// The copy.
    pub to: RootPath,
    /// Files and links copied, and their bytes.
    pub files: u64,
    /// Bytes copied.
    pub bytes: u64,
    /// What a build might read and the copy does not hold.
    pub left_out: Vec<LeftOut>,
    /// Links that lead to the copy now and did not before.
    pub moves: Vec<Move>,
    /// What the kernel was before.
    pub before: State,
    /// What it is with the copy; `None` where nothing was done.
    pub after: Option<State>,
    /// Why the trees cannot be deleted all the same; each fit for a terminal.
    pub still_needed: Vec<String>,
}

/// Finds out what preserving the tree of this kernel takes. Nothing is changed.
pub fn prepare(system: &System, assessment: Assessment, request: &Request) -> Result<Preparation> {
    let root: &Sysroot = &system.root;
    let users = Users::read(root);
    let release = &assessment.kernel.release;
    let target = request.to.clone().unwrap_or_else(|| RootPath::new(format!("/usr/src/linux-headers-{release}")));
    let target = publish::settle(root, &users, &target)?;
    let moves = relink::moves(root, &assessment.kernel, &target, &target)?;
    // What could not be written down would not be moved.
    Journal::load(root)?;
    if !request.force {
        unowned(system, &assessment.closure)?;
    }
    let work = match publish::standing(root, &target, release)? {
        Standing::Ours => there(system, &assessment, &target)?,
        Standing::Foreign(what) => return Err(Refusal::Occupied { target, what }.into()),
        Standing::Free if !request.force => {
            is_the_kernels(&assessment)?;
            to_copy(system, &assessment, &users, &target, request)?
        }
        Standing::Free => to_copy(system, &assessment, &users, &target, request)?,
    };
    Ok(Preparation { assessment, target, moves, work })
}

/// A tree that is another build's by now must not be all that is left: what it was is still to be had from it.
fn is_the_kernels(assessment: &Assessment) -> Result<()> {
    let tells = [FindingId::Drift, FindingId::OtherBuild, FindingId::OtherRelease];
    let against = assessment.findings.iter().find(|one| one.effect == Effect::Risk && tells.contains(&one.id));
    match (against, assessment.closure.build_tree()) {
        (Some(finding), Some(tree)) => {
            Err(Refusal::Doubtful { tree: tree.clone(), cause: finding.cause.clone() }.into())
        }
        _ => Ok(()),
    }
}

/// A tree that a package brings goes and comes with it.
fn unowned(system: &System, closure: &Closure) -> Result<()> {
    let Some(tree) = closure.build_tree() else { return Ok(()) };
    match owner(system, tree)? {
        Some((package, tree)) => Err(Refusal::Owned { package, tree }.into()),
        None => Ok(()),
    }
}

/// The package that brings a tree, by files that no tree is without.
fn owner(system: &System, tree: &RootPath) -> Result<Option<(PackageId, RootPath)>> {
    let witness = [tree.join("Module.symvers"), tree.join("Makefile")];
    Ok(system.db.owners(&witness)?.into_iter().flatten().next().map(|package| (package, tree.clone())))
}

/// A copy of ours is at its place: of the build that the link leads to, or the tree is gone, and it is sound.
fn there(system: &System, assessment: &Assessment, target: &RootPath) -> Result<Work> {
    let closure = &assessment.closure;
    if let LinkKind::Directory = closure.link.kind {
        return Err(Refusal::NoLink { link: closure.link.path.clone(), is_directory: true }.into());
    }
    let occupied = |what| Refusal::Occupied { target: target.clone(), what };
    if let (End::Complete, Some(tree)) = (&closure.end, closure.build_tree()) {
        if tree != target && !publish::is_same_build(&system.root, tree, target)? {
            return Err(occupied("it is a copy of another build of this kernel").into());
        }
    }
    let copy = system.assess_with(assessment, target)?;
    if !copy.has_usable_tree() {
        return Err(Refusal::Unusable { path: target.clone(), cause: cause(&copy) }.into());
    }
    Ok(Work::There { state: copy.state() })
}

fn to_copy(
    system: &System,
    assessment: &Assessment,
    users: &Users,
    target: &RootPath,
    request: &Request,
) -> Result<Work> {
    let (root, closure): (&Sysroot, &Closure) = (&system.root, &assessment.closure);
    match closure.link.kind {
        LinkKind::Symlink(_) => {}
        LinkKind::Directory => {
            return Err(Refusal::NoLink { link: closure.link.path.clone(), is_directory: true }.into());
        }
        LinkKind::Missing | LinkKind::Other => {
            return Err(Refusal::NoLink { link: closure.link.path.clone(), is_directory: false }.into());
        }
    }
    if !assessment.has_usable_tree() {
        let path = closure.build_tree().unwrap_or(&closure.link.path).clone();
        return Err(Refusal::Unusable { path, cause: cause(assessment) }.into());
    }
    let trees = Trees::open(root, closure)?;
    if trees.all.iter().any(|tree| tree.held().path().contains(target)) {
        return Err(Refusal::WithinTree { target: target.clone() }.into());
    }
    trees.refuse_secluded(root)?;
    let mut plan = look_through(root, users, &trees, trees.owner)?;
    for (path, why) in trees.missed(root) {
        plan.leave_out(path, why);
    }
    let strangers = plan.writers.iter().filter(|(who, _)| !request.trusted.contains(who));
    let writers: Vec<(String, RootPath)> = strangers.map(|(who, path)| (who.clone(), path.clone())).collect();
    if !writers.is_empty() {
        return Err(Refusal::Untrusted { writers }.into());
    }
    Ok(Work::Copy { trees: Box::new(trees), plan })
}

/// What builds need of these trees, and everybody who can change any of it or what is above it.
fn look_through(root: &Sysroot, users: &Users, trees: &Trees, owner: u32) -> Result<Plan> {
    let selection = Selection::new(&trees.arch, &trees.config, &trees.makefile);
    let mut plan = scan::scan(&trees.all, &selection, users, owner)?;
    for tree in &trees.all {
        for (path, who) in publish::writers_above(root, users, tree.held().path())? {
            plan.note_writer(who, || path);
        }
    }
    Ok(plan)
}

/// Everybody besides root who can change what builds need of the trees of a closure that is complete, each with one
/// place.
pub(crate) fn writers(root: &Sysroot, users: &Users, closure: &Closure) -> Result<Vec<(String, RootPath)>> {
    // Who may read it does not matter where nothing is copied: it is as if it was all root's.
    Ok(look_through(root, users, &Trees::open(root, closure)?, 0)?.writers.into_iter().collect())
}

/// Why no module can be built; the first finding is the most telling.
fn cause(assessment: &Assessment) -> String {
    let finding = assessment.findings.iter().find(|finding| !finding.id.is_of_the_system());
    finding.map_or_else(|| "it could not be determined".to_owned(), |finding| finding.cause.clone())
}

impl Preparation {
    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        matches!(self.work, Work::There { .. }) && self.moves.is_empty()
    }

    /// How much there is to copy: files and bytes.
    pub fn amount(&self) -> Progress {
        match &self.work {
            Work::Copy { plan, .. } => Progress { files: plan.count(), bytes: plan.bytes() },
            Work::There { .. } => Progress::default(),
        }
    }

    /// What would be done.
    pub fn account(&self, system: &System) -> Result<Account> {
        let (from, source, left_out) = match &self.work {
            Work::Copy { trees, plan } => (
                Some(trees.build.clone()),
                (trees.source != trees.build).then(|| trees.source.clone()),
                plan.left_out.clone(),
            ),
            Work::There { .. } => (None, None, Vec::new()),
        };
        let Progress { files, bytes } = self.amount();
        Ok(Account {
            release: self.assessment.kernel.release.clone(),
            from,
            source,
            to: self.target.clone(),
            files,
            bytes,
            left_out,
            moves: self.moves.clone(),
            before: self.assessment.state(),
            after: None,
            still_needed: self.still_needed(system)?,
        })
    }

    /// What else the trees which this kernel leaves are for: other kernels' builds, and images that lie in them.
    fn still_needed(&self, system: &System) -> Result<Vec<String>> {
        let Work::Copy { trees, .. } = &self.work else { return Ok(Vec::new()) };
        let is_in = |path: &RootPath| trees.all.iter().any(|tree| tree.held().path().contains(path));
        let mut needed = Vec::new();
        if let Some((package, tree)) = owner(system, &trees.build)? {
            needed.push(format!("the package {package} owns {}", quoted(&tree)));
        }
        for kernel in system.installed()? {
            let release = &kernel.release;
            if *release != self.assessment.kernel.release {
                let closure = follow(&system.root, &kernel)?;
                let mut shared = closure.hops.iter().filter(|hop| hop.role != Role::BuildLink && is_in(&hop.path));
                if let Some(hop) = shared.next() {
                    needed.push(format!("modules of kernel {release} are built in {}", quoted(&hop.path)));
                }
            }
            match system.root.walk(&kernel.image).end {
                WalkEnd::Found { path, .. } if is_in(&path) => {
                    needed.push(format!("the image of kernel {release} is {}", quoted(&path)));
                }
                _ => {}
            }
        }
        Ok(needed)
    }
}

/// Where a kernel's build link leads now, as it is written.
pub fn link_of(root: &Sysroot, kernel: &Kernel) -> Option<PathBuf> {
    root.link_target(&kernel.dir.join("build")).ok()
}
