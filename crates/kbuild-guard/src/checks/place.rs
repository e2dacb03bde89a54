// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the trees lie: in places that do not last, in somebody's home, or where others can write.

use super::inspection::Inspection;
use super::{Effect, FindingId};
use crate::build_tree::{Hop, Role};
use crate::machine::is_in_fstab;
use crate::package_db::Need;
use crate::quote::quoted;
use crate::sysroot::{Lasting, RootPath};

/// Directories that are emptied at boot or by age (file-hierarchy(7), hier(7)).
const EMPTIED: [&str; 4] = ["/tmp", "/var/tmp", "/run", "/dev"];

/// Where media are mounted that may be gone tomorrow.
const MEDIA: [&str; 3] = ["/media", "/run/media", "/mnt"];

/// One finding a kind, for the first tree that has it.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    let hops: Vec<Hop> = inspection.closure.hops.iter().filter(|hop| hop.role != Role::BuildLink).cloned().collect();
    if let Some((hop, why)) = hops.iter().find_map(|hop| Some((hop, passing(inspection, &hop.path)?))) {
        let cause = format!("{} is {why}", quoted(&hop.path));
        inspection.add(FindingId::VolatilePlace, Effect::Risk, hop.path.clone(), cause, Need::Advice);
    }
    let users = inspection.known.users(inspection.root);
    if let Some((hop, owner)) = hops.iter().find_map(|hop| Some((hop, users.home_around(&hop.path)?))) {
        let cause = format!("{} lies in {owner}'s home directory", quoted(&hop.path));
        inspection.add(FindingId::OutsideCare, Effect::Risk, hop.path.clone(), cause, Need::Advice);
    }
    if let Some((path, who)) = hops.iter().find_map(|hop| writable(inspection, hop)) {
        let cause = format!("{} can be changed by {who}", quoted(&path));
        inspection.add(FindingId::WritableByOthers, Effect::Risk, path, cause, Need::Advice);
    }
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
