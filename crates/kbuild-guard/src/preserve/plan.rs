// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a copy is to hold, file by file, and where each comes from.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::root_path::RootPath;
use crate::sysroot::{Kind, Room, Status};

/// A regular file of one of the trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// Which tree, by its place among those that are looked at.
    pub(super) tree: usize,
    /// Its path there.
    pub(super) path: PathBuf,
    /// How long it was when it was looked at.
    pub(super) size: u64,
}

/// What stands at a path of the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A file with the content of this one.
    File(Origin),
    /// A link as it is in the tree; its content, should the copy not hold what it leads to.
    Link { target: PathBuf, content: Origin },
}

/// Something that a build might read and that the copy will not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it is.
    pub path: RootPath,
    /// Why; fit for a terminal.
    pub why: String,
}

/// Everything a copy is to hold.
#[derive(Debug, Default)]
pub struct Plan {
    pub(super) items: BTreeMap<PathBuf, Item>,
    pub(super) left_out: Vec<LeftOut>,
    /// Who besides root can change any of it, with the first place where.
    pub(super) writers: BTreeMap<String, RootPath>,
}

impl Plan {
    /// How many files and links.
    pub fn count(&self) -> u64 {
        self.items.len() as u64
    }

    /// Their content in bytes.
    pub fn bytes(&self) -> u64 {
        self.files().map(|origin| origin.size).fold(0, u64::saturating_add)
    }

    /// What it takes on a file system of this block size: bytes, and entries of its table of files.
    pub(super) fn takes(&self, room: Room) -> (u64, u64) {
        let rounded = |size: u64| size.div_ceil(room.block).saturating_mul(room.block);
        let directories = self.directories();
        let files = self.files().map(|origin| rounded(origin.size)).fold(0, u64::saturating_add);
        let directory = room.block.max(4096);
        (files.saturating_add(directories.saturating_mul(directory)), self.count().saturating_add(directories))
    }

    /// What would be kept and is not, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    fn files(&self) -> impl Iterator<Item = &Origin> {
        self.items.values().filter_map(|item| match item {
            Item::File(origin) => Some(origin),
            Item::Link { .. } => None,
        })
    }

    fn directories(&self) -> u64 {
        let mut last = Path::new("");
        let mut count = 1;
        for parent in self.items.keys().filter_map(|path| path.parent()) {
            if parent != last {
                count += 1;
                last = parent;
            }
        }
        count
    }

    pub(super) fn note_writer(&mut self, who: String, path: impl FnOnce() -> RootPath) {
        self.writers.entry(who).or_insert_with(path);
    }

    pub(super) fn leave_out(&mut self, path: RootPath, why: impl Into<String>) {
        self.left_out.push(LeftOut { path, why: why.into() });
    }

    /// Links whose end the copy does not hold become files.
    pub(super) fn settle_links(&mut self) {
        let dangling: Vec<(PathBuf, Origin)> = self
            .items
            .iter()
            .filter_map(|(path, item)| match item {
                Item::Link { target, content } => {
                    // By way of the tree's own name above it, a link may come back into the tree, and not into the copy.
                    let end = lexical(&path.parent().unwrap_or(Path::new("")).join(target));
                    let is_held = end.is_some_and(|end| matches!(self.items.get(&end), Some(Item::File(_))));
                    (!is_held).then(|| (path.clone(), content.clone()))
                }
                Item::File(_) => None,
            })
            .collect();
        for (path, content) in dangling {
            self.items.insert(path, Item::File(content));
        }
    }
}

/// A path without `.` and `..`, by its text alone; `None` where it leads above its beginning.
pub(super) fn lexical(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => plain.push(part),
        }
    }
    Some(plain)
}

/// Whether a file or directory is somebody else's than the tree's and not for everybody. What the tree's owner may not
/// even read can be linked to from the tree, and would be shown to all by copying it.
pub(super) fn is_foreign_secret(status: &Status, owner: u32) -> bool {
    let everybodys = if status.kind == Kind::Directory { 0o005 } else { 0o004 };
    owner != 0 && status.uid != owner && status.mode & everybodys != everybodys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_by_their_text() {
        for (path, plain) in [("a/./b/../c", Some("a/c")), ("/a/../b", Some("/b")), ("../a", None), ("a/../../b", None)]
        {
            assert_eq!(lexical(Path::new(path)), plain.map(PathBuf::from), "{path}");
        }
        assert_eq!(lexical(Path::new("/..")), None);
    }

    #[test]
    fn what_the_trees_owner_cannot_read_is_no_part_of_it() {
        let is_secret = |kind, uid, mode, owner| {
            let status = Status { kind, size: 0, mode, id: (0, 0), uid, gid: uid, modified: 0, changed: 0 };
            is_foreign_secret(&status, owner)
        };
        assert!(is_secret(Kind::File, 0, 0o640, 1000), "/etc/shadow");
        assert!(is_secret(Kind::Directory, 0, 0o711, 1000) && is_secret(Kind::Directory, 1001, 0o700, 1000));
        assert!(!is_secret(Kind::File, 1000, 0o600, 1000), "the owner's own umask");
        assert!(!is_secret(Kind::File, 0, 0o644, 1000) && !is_secret(Kind::Directory, 0, 0o755, 1000));
        assert!(!is_secret(Kind::File, 1000, 0o600, 0), "root's own tree");
    }

    #[test]
    fn links_to_what_is_not_held_become_content() {
        let origin = |path: &str| Origin { tree: 0, path: path.into(), size: 5000 };
        let link = |target: &str, content: &str| Item::Link { target: target.into(), content: origin(content) };
        let mut plan = Plan::default();
        plan.items.insert("scripts/ld".into(), Item::File(origin("scripts/ld")));
        plan.items.insert("scripts/nm".into(), link("ld", "scripts/ld"));
        plan.items.insert("scripts/out".into(), link("../kernel/x", "kernel/x"));
        plan.items.insert("include/up".into(), link("../../x", "x"));
        plan.settle_links();
        assert_eq!(plan.items[Path::new("scripts/nm")], link("ld", "scripts/ld"));
        assert_eq!(plan.items[Path::new("scripts/out")], Item::File(origin("kernel/x")));
        assert_eq!(plan.items[Path::new("include/up")], Item::File(origin("x")));
        assert_eq!((plan.count(), plan.bytes()), (4, 15_000));
        let room = Room { bytes: 0, files: None, block: 4096 };
        assert_eq!(plan.takes(room), (3 * 8192 + 3 * 4096, 4 + 3));
    }
}
