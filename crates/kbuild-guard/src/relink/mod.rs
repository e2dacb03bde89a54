// SPDX-License-Identifier: MIT OR Apache-2.0
//! Moving a kernel's links to another tree: written down first, so that it can be taken back, then at once.

mod journal;
mod swap;

use std::path::PathBuf;

pub use journal::{Entry, JOURNAL, Journal};

use crate::error::Result;
use crate::kernels::Kernel;
use crate::memory::Record;
use crate::root_path::RootPath;
use crate::sysroot::{Kind, Sysroot};

/// One link that is to lead elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Where it stands.
    pub link: RootPath,
    /// Where it leads now, as it is written; `None` where there is nothing.
    pub old: Option<PathBuf>,
    /// Where it is to lead.
    pub new: PathBuf,
}

/// What has to be done so that a kernel's links lead to `tree`: its build link, and its `source` where there is one.
pub fn moves(root: &Sysroot, kernel: &Kernel, tree: &RootPath) -> Result<Vec<Move>> {
    let new = tree.as_path().to_owned();
    let mut moves = Vec::new();
    for (name, is_always) in [("build", true), ("source", false)] {
        let link = kernel.dir.join(name);
        let old = match root.link_status(&link) {
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
            Ok(status) if status.kind == Kind::Symlink => Some(root.link_target(&link)?),
            // Something else has the name: not ours to replace.
            Ok(_) => continue,
        };
        if old.as_ref() != Some(&new) && (is_always || old.is_some()) {
            moves.push(Move { link, old, new: new.clone() });
        }
    }
    Ok(moves)
}

/// Moves the links, the build link first. They are written down before; nothing is moved if that fails.
pub fn carry_out(root: &Sysroot, kernel: &Kernel, by: &str, moves: &[Move]) -> Result<()> {
    if moves.is_empty() {
        return Ok(());
    }
    let mut journal = Journal::load(root)?;
    if journal.add(Entry::new(&kernel.release, by, moves)) {
        journal.store(root)?;
    }
    moves.iter().try_for_each(|one| swap::swap(root, one))?;
    // What was written down of the tree at installation holds; where it lies now is our own doing.
    if let Err(error) = Record::moved(root, kernel) {
        log::debug!("{error}");
    }
    Ok(())
}
