// SPDX-License-Identifier: MIT OR Apache-2.0
//! Copying what was planned, file by file, between directories held open.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Refusal;
use super::plan::{Item, Origin, Plan, is_foreign_secret};
use super::scan::Tree;
use crate::error::{Error, Result};
use crate::sysroot::{Held, Status, finish};

/// How far a copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Files and links made.
    pub files: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// Copies everything that is planned into a directory that is empty. Modes become 755 and 644, times stay, owners and
/// hard links do not: every file is a new one.
pub(super) fn copy(trees: &[Tree], owner: u32, plan: &Plan, into: &Held, tell: &mut dyn FnMut(Progress)) -> Result<()> {
    let mut copy = Copy { trees, owner, source: None, target: None, progress: Progress::default() };
    for (path, item) in &plan.items {
        copy.item(into, path, item)?;
        copy.progress.files += 1;
        tell(copy.progress);
    }
    Ok(())
}

struct Copy<'c> {
    trees: &'c [Tree],
    /// Who owns the build tree.
    owner: u32,
    /// The directory that was read from last: most files lie beside the one before.
    source: Option<(usize, PathBuf, Held)>,
    /// The directory that was written to last.
    target: Option<(PathBuf, Held)>,
    progress: Progress,
}

impl Copy<'_> {
    fn item(&mut self, into: &Held, path: &Path, item: &Item) -> Result<()> {
        let (parent, name) = split(path);
        if self.target.as_ref().is_none_or(|(at, _)| at != parent) {
            self.target = Some((parent.to_owned(), make_dirs(into, parent)?));
        }
        match item {
            Item::Link { target, .. } => match &self.target {
                Some((_, dir)) => dir.make_link(&name, target),
                None => Ok(()),
            },
            Item::File(origin) => self.file(origin, &name),
        }
    }

    fn file(&mut self, origin: &Origin, name: &OsStr) -> Result<()> {
        let (mut from, status) = self.open(origin)?;
        let Some((_, dir)) = &self.target else { return Ok(()) };
        let path = dir.path().join(name);
        let failed = |source| Error::Io { operation: "write", path: path.clone(), source };
        let mut to = dir.make_file(name)?;
        // One byte more than there was tells that it has grown; and nobody's growing file fills the disk.
        // io::copy has the kernel copy, which on btrfs and XFS shares the blocks.
        let copied = io::copy(&mut Read::by_ref(&mut from).take(origin.size.saturating_add(1)), &mut to);
        let copied = copied.map_err(failed)?;
        let is_same = from.metadata().is_ok_and(|after| is_as_before(&after, &status));
        if copied != origin.size || !is_same {
            let path = self.trees.get(origin.tree).map_or(path, |tree| tree.held().path().join(&origin.path));
            return Err(Refusal::Changed { path }.into());
        }
        let mode = if status.is_executable() { 0o755 } else { 0o644 };
        finish(&to, mode, status.modified).map_err(|errno| failed(errno.into()))?;
        self.progress.bytes = self.progress.bytes.saturating_add(copied);
        Ok(())
    }

    fn open(&mut self, origin: &Origin) -> Result<(File, Status)> {
        let (parent, name) = split(&origin.path);
        let tree = self.trees.get(origin.tree);
        let is_there = |source: &(usize, PathBuf, Held)| source.0 == origin.tree && source.1 == parent;
        if !self.source.as_ref().is_some_and(is_there) {
            if let Some(tree) = tree {
                self.source = Some((origin.tree, parent.to_owned(), tree.held().descend(parent)?));
            }
        }
        let Some((.., dir)) = &self.source else {
            return Err(Error::NotFound { path: crate::root_path::RootPath::new(&origin.path) });
        };
        let (file, status) = dir.open_file(&name)?;
        if is_foreign_secret(&status, self.owner) {
            return Err(Refusal::ForeignSecret { path: dir.path().join(&name) }.into());
        }
        Ok((file, status))
    }
}

fn is_as_before(after: &std::fs::Metadata, before: &Status) -> bool {
    use std::os::unix::fs::MetadataExt;
    let modified = i128::from(after.mtime()) * 1_000_000_000 + i128::from(after.mtime_nsec());
    after.size() == before.size && modified == before.modified
}

fn split(path: &Path) -> (&Path, OsString) {
    (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default().to_owned())
}

/// The directory at a path below, with those that are missing made.
fn make_dirs(into: &Held, below: &Path) -> Result<Held> {
    match into.descend(below) {
        Err(error) if error.is_not_found() => {}
        answer => return answer,
    }
    let (parent, name) = split(below);
    make_dirs(into, parent)?.make_dir(&name, 0o755)
}

#[cfg(test)]
mod tests;
