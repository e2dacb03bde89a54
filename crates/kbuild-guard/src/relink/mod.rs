// SPDX-License-Identifier: MIT OR Apache-2.0
//! Moving a kernel's links to another tree: written down first, so that it can be taken back, then at once.

mod journal;
mod lock;
mod swap;
mod undo;

use std::path::PathBuf;

pub use journal::{Entry, JOURNAL, Journal};
pub use lock::Lock;
pub use undo::{Undo, undo};

use crate::error::Result;
use crate::kernels::Kernel;
use crate::memory::Record;
use crate::root_path::RootPath;
use crate::sysroot::{Kind, Sysroot, WalkEnd};

/// One link that is to lead elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Where it stands.
    pub link: RootPath,
    /// Where it leads now, as it is written; `None` where there is nothing.
    pub old: Option<PathBuf>,
    /// Where it is to lead; `None` where nothing is to be left.
    pub new: Option<PathBuf>,
}

/// What has to be done so that a kernel's links lead to a tree: its build link to `build`, and its `source`, where there
/// is one, to `source`.
pub fn moves(root: &Sysroot, kernel: &Kernel, build: &RootPath, source: &RootPath) -> Result<Vec<Move>> {
    let mut moves = Vec::new();
    for (name, tree) in [("build", build), ("source", source)] {
        let link = kernel.dir.join(name);
        let new = tree.as_path().to_owned();
        let old = match root.link_status(&link) {
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
            Ok(status) if status.kind == Kind::Symlink => Some(root.link_target(&link)?),
            // Something else has the name: not ours to replace.
            Ok(_) => continue,
        };
        let is_right = match (name, &old) {
            ("build", old) => *old == Some(new.clone()),
            // Nobody asked for one.
            (_, None) => true,
            // Another way to the same place is as good.
            (_, Some(_)) => matches!(root.walk(&link).end, WalkEnd::Found { path, .. } if path == *tree),
        };
        if !is_right {
            moves.push(Move { link, old, new: Some(new) });
        }
    }
    Ok(moves)
}

/// Moves the links, the build link first. They are written down before; nothing is moved if that fails, or if one of
/// them is not what it was when this was decided.
pub fn carry_out(lock: &Lock<'_>, kernel: &Kernel, by: &str, moves: &[Move]) -> Result<()> {
    if moves.is_empty() {
        return Ok(());
    }
    let root = lock.root();
    moves.iter().try_for_each(|one| swap::check(root, one))?;
    let mut journal = Journal::load(root)?;
    if journal.add(Entry::new(&kernel.release, by, moves)) {
        journal.store(root)?;
    }
    moves.iter().try_for_each(|one| swap::swap(root, one))?;
    note_move(root, kernel);
    Ok(())
}

/// What was written down of the tree at installation holds; where it lies now is our own doing.
fn note_move(root: &Sysroot, kernel: &Kernel) {
    if let Err(error) = Record::moved(root, kernel) {
        log::debug!("{error}");
    }
}

/// Whether this is root, or whose root it is: an image that an ordinary user unpacked is theirs in every part.
pub fn may_change(root: &Sysroot) -> Result<bool> {
    let me = nix::unistd::geteuid();
    Ok(me.is_root() || (!root.is_own_root() && root.status(&RootPath::new("/"))?.uid == me.as_raw()))
}
