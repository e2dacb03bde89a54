// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the trees lie: in places that do not last, in somebody's home or work, or where others can write.

use super::inspection::Inspection;
use super::{Effect, FindingId};
use crate::build_tree::{Hop, Role};
use crate::error::Result;
use crate::machine::is_in_fstab;
use crate::package_db::{Need, Remedy};
use crate::quote::quoted;
use crate::sysroot::{Lasting, RootPath};

/// Directories that are emptied at boot or by age (file-hierarchy(7), hier(7)).
const EMPTIED: [&str; 4] = ["/tmp", "/var/tmp", "/run", "/dev"];

/// Where media are mounted that may be gone tomorrow.
const MEDIA: [&str; 3] = ["/media", "/run/media", "/mnt"];

/// Where sources that the system refers to are kept (FHS 3.0, 4.12; the Gentoo Handbook has the kernel's there).
const SOURCES: &str = "/usr/src";

/// One finding a kind, for the first tree that has it.
pub(super) fn check(inspection: &mut Inspection<'_>) -> Result<()> {
    let hops: Vec<Hop> = inspection.closure.hops.iter().filter(|hop| hop.role != Role::BuildLink).cloned().collect();
    let passing = hops.iter().find_map(|hop| Some((hop, passing(inspection, &hop.path)?)));
    if let Some((hop, why)) = &passing {
        let cause = format!("{} is {why}", quoted(&hop.path));
        let fix = (!is_packaged(inspection, &hop.path)?).then(|| preserve(inspection));
        inspection.add_with_fix(FindingId::VolatilePlace, Effect::Risk, hop.path.clone(), cause, fix);
    }
    let users = inspection.known.users(inspection.root);
    let at_home = hops.iter().find_map(|hop| Some((hop, users.home_around(&hop.path)?)));
    if let Some((hop, owner)) = &at_home {
        let cause = format!("{} lies in {owner}'s home directory", quoted(&hop.path));
        // No package has anything in a home.
        let fix = Some(preserve(inspection));
        inspection.add_with_fix(FindingId::OutsideCare, Effect::Risk, hop.path.clone(), cause, fix);
    }
    // That a tree in a home is worked in goes without saying.
    if passing.is_none() && at_home.is_none() {
        worked_in(inspection, &hops)?;
    }
    if let Some((path, who)) = hops.iter().find_map(|hop| writable(inspection, hop)) {
        let cause = format!("{} can be changed by {who}", quoted(&path));
        inspection.add(FindingId::WritableByOthers, Effect::Risk, path, cause, Need::Advice);
    }
    Ok(())
}

/// What makes a copy in a place of its own. (A package's tree is not copied: the package has the care of it.)
fn preserve(inspection: &Inspection<'_>) -> Remedy {
    Remedy::Command(format!("kbuild-guard preserve {}", inspection.kernel.release))
}

fn is_packaged(inspection: &Inspection<'_>, path: &RootPath) -> Result<bool> {
    Ok(inspection.db.owners(std::slice::from_ref(path))?.iter().any(|owners| !owners.is_empty()))
}

/// Says that a tree is a git work tree, or lies in one. In /usr/src, where the system's own sources are kept, it was
/// cloned for the system's kernel (as many do on Gentoo), and is as good as any other tree there: a note.
fn worked_in(inspection: &mut Inspection<'_>, hops: &[Hop]) -> Result<()> {
    let trees = hops.iter().filter(|hop| matches!(hop.role, Role::BuildTree | Role::SourceTree));
    for hop in trees {
        let Some(top) = work_tree(inspection, &hop.path) else { continue };
        if is_packaged(inspection, &hop.path)? {
            continue;
        }
        let is_systems = RootPath::new(SOURCES).contains(&hop.path);
        let effect = if is_systems { Effect::Note } else { Effect::Risk };
        let cause = match top == hop.path {
            true => format!("{} is a git work tree, which the next checkout changes", quoted(&hop.path)),
            false => format!("{} lies in {}, a git work tree", quoted(&hop.path), quoted(&top)),
        };
        let fix = Some(preserve(inspection));
        inspection.add_with_fix(FindingId::VolatilePlace, effect, hop.path.clone(), cause, fix);
        return Ok(());
    }
    Ok(())
}

/// The top of the work tree that `tree` is or lies in: a directory with a `.git`, which is a file where it was added to
/// another (git-worktree(1)). Who keeps all of `/` or `/etc` in git works in none of it.
fn work_tree(inspection: &Inspection<'_>, tree: &RootPath) -> Option<RootPath> {
    let above = tree.as_path().ancestors().map(RootPath::new).filter(|path| path.as_path().parent().is_some());
    above.into_iter().find(|path| inspection.root.link_status(&path.join(".git")).is_ok())
}

/// Why a place does not last, if it does not.
fn passing(inspection: &Inspection<'_>, path: &RootPath) -> Option<String> {
    if let Some(dir) = EMPTIED.iter().map(RootPath::new).find(|dir| dir.contains(path)) {
        return Some(format!("below {}, which is emptied at boot or by age", quoted(&dir)));
    }
    match inspection.known.lasting(inspection.root, path) {
        Lasting::Memory => Some("in memory only (a tmpfs)".to_owned()),
        Lasting::Network => Some("on another machine's disk (a network file system)".to_owned()),
        Lasting::OtherDisk | Lasting::Program if is_in_fstab(inspection.root, path) => None,
        Lasting::Program => Some("on a file system that a program provides (FUSE)".to_owned()),
        Lasting::OtherDisk if MEDIA.iter().any(|dir| RootPath::new(dir).contains(path)) => {
            Some("on a medium that may be taken out".to_owned())
        }
        Lasting::OtherDisk | Lasting::Disk => None,
    }
}

/// The topmost part of a tree's path, or a file of it that builds run, that somebody besides root can
/// change: `make -C` as root runs what they put there.
fn writable(inspection: &Inspection<'_>, hop: &Hop) -> Option<(RootPath, String)> {
    let mut parts: Vec<&std::path::Path> = hop.path.as_path().ancestors().collect();
    parts.reverse();
    let parts = parts.into_iter().map(RootPath::new).chain(hop.witnesses.iter().cloned());
    parts.into_iter().find_map(|path| {
        let who = inspection.known.writer(inspection.root, &path)?;
        Some((path, who))
    })
}
