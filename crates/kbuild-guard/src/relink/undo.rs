// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking back what was moved last, one step further each time: a taking back is written down too, and is itself not
//! what the next one takes back.

use std::path::PathBuf;

use super::{Entry, JOURNAL, Journal, Lock, Move, note_move, swap};
use crate::error::Result;
use crate::kernels::Kernel;
use crate::preserve::Refusal;
use crate::root_path::RootPath;
use crate::sysroot::{Kind, Sysroot};

/// What is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The links that are to lead where they led before.
    pub moves: Vec<Move>,
    /// The verb that had moved them.
    pub of: String,
    /// When that was, in seconds since 1970.
    pub at: u64,
    /// Whether a run that was killed has written it down already.
    is_begun: bool,
}

/// Who takes back, as the journal calls it.
pub(super) const BY: &str = "undo";

/// Finds out what taking back the last move of a kernel's links takes; `None` where there is nothing left. Links that
/// somebody has moved since are refused, unless `force` says that they are to go back all the same.
pub fn undo(root: &Sysroot, kernel: &Kernel, force: bool) -> Result<Option<Undo>> {
    let journal = Journal::load(root)?;
    if let Some(last) = journal.last(&kernel.release).filter(|entry| entry.by() == BY) {
        let open = still_open(root, &last.moves())?;
        if !open.is_empty() {
            return Ok(Some(Undo { moves: open, of: BY.to_owned(), at: last.at(), is_begun: true }));
        }
    }
    let Some(entry) = journal.standing(&kernel.release) else { return Ok(None) };
    let mut moves = Vec::new();
    for one in entry.moves() {
        // A journal that somebody wrote by hand moves nothing else.
        if one.link.parent() != kernel.dir || !["build", "source"].iter().any(|name| one.link.file_name() == *name) {
            return Err(Refusal::ForeignJournal { path: RootPath::new(JOURNAL) }.into());
        }
        let now = target(root, &one)?;
        if now == one.old {
            continue;
        }
        if now != one.new && !force {
            return Err(Refusal::LinkMoved { link: one.link, now, recorded: one.new }.into());
        }
        moves.push(Move { link: one.link, old: now, new: one.old });
    }
    Ok(Some(Undo { moves, of: entry.by().to_owned(), at: entry.at(), is_begun: false }))
}

/// What a run that was killed between two links has left to do.
fn still_open(root: &Sysroot, moves: &[Move]) -> Result<Vec<Move>> {
    let mut open = Vec::new();
    for one in moves {
        if one.old != one.new && target(root, one)? == one.old {
            open.push(one.clone());
        }
    }
    Ok(open)
}

/// Where a link leads, as it is written.
fn target(root: &Sysroot, one: &Move) -> Result<Option<PathBuf>> {
    match root.link_status(&one.link) {
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
        Ok(status) if status.kind == Kind::Symlink => root.link_target(&one.link).map(Some),
        Ok(_) => Err(Refusal::LinkChanged { link: one.link.clone() }.into()),
    }
}

impl Undo {
    /// Does it, and writes it down before.
    pub fn carry_out(&self, lock: &Lock<'_>, kernel: &Kernel) -> Result<()> {
        let root = lock.root();
        self.moves.iter().try_for_each(|one| swap::check(root, one))?;
        if !self.is_begun {
            let mut journal = Journal::load(root)?;
            journal.push(Entry::new(&kernel.release, BY, &self.moves));
            journal.store(root)?;
        }
        self.moves.iter().try_for_each(|one| swap::swap(root, one))?;
        note_move(root, kernel);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::relink::carry_out;
    use std::fs;
    use std::os::unix::fs::symlink;

    struct Fixture {
        dir: tempfile::TempDir,
        root: Sysroot,
        kernel: Kernel,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("lib/modules/R")).unwrap();
            let root = Sysroot::open(dir.path()).unwrap();
            let kernel = Kernel {
                release: "R".parse().unwrap(),
                dir: RootPath::new("/lib/modules/R"),
                image: RootPath::new("/boot/vmlinuz-R"),
                running: false,
                kept: None,
            };
            Fixture { dir, root, kernel }
        }

        fn link(&self, name: &str) -> Option<String> {
            let path = self.dir.path().join("lib/modules/R").join(name);
            fs::read_link(path).ok().map(|target| target.to_str().unwrap().to_owned())
        }

        fn set(&self, name: &str, target: &str) {
            let path = self.dir.path().join("lib/modules/R").join(name);
            let _ = fs::remove_file(&path);
            symlink(target, path).unwrap();
        }

        fn to(&self, names: &[&str], tree: &str) {
            let one = |name: &&str| Move {
                link: self.kernel.dir.join(name),
                old: self.link(name).map(Into::into),
                new: Some(tree.into()),
            };
            let moves: Vec<Move> = names.iter().map(one).collect();
            carry_out(&Lock::take(&self.root).unwrap(), &self.kernel, "repair", &moves).unwrap();
        }

        fn back(&self) -> Option<usize> {
            let undo = undo(&self.root, &self.kernel, false).unwrap()?;
            undo.carry_out(&Lock::take(&self.root).unwrap(), &self.kernel).unwrap();
            Some(undo.moves.len())
        }
    }

    #[test]
    fn each_goes_one_step_further_back() {
        let f = Fixture::new();
        assert_eq!(f.back(), None);
        f.set("source", "/a");
        f.to(&["build", "source"], "/b");
        f.to(&["build"], "/c");
        assert_eq!((f.back(), f.link("build").as_deref()), (Some(1), Some("/b")));
        // What is moved again is what is taken back next.
        f.to(&["build"], "/d");
        assert_eq!((f.back(), f.link("build").as_deref()), (Some(1), Some("/b")));
        assert_eq!((f.back(), f.link("build"), f.link("source").as_deref()), (Some(2), None, Some("/a")));
        assert_eq!(f.back(), None);
        assert_eq!(fs::read_dir(f.dir.path().join("lib/modules/R")).unwrap().count(), 1);
    }

    #[test]
    fn what_somebody_has_moved_since_is_left_alone() {
        let f = Fixture::new();
        f.set("build", "/a");
        f.to(&["build"], "/b");
        f.set("build", "/by/hand");
        let refused = undo(&f.root, &f.kernel, false);
        assert!(matches!(refused, Err(Error::Refused(Refusal::LinkMoved { .. }))), "{refused:?}");
        let forced = undo(&f.root, &f.kernel, true).unwrap().unwrap();
        forced.carry_out(&Lock::take(&f.root).unwrap(), &f.kernel).unwrap();
        assert_eq!(f.link("build").as_deref(), Some("/a"));
        // It is where it was before already: nothing to move, and the next one goes further.
        f.to(&["build"], "/b");
        f.set("build", "/a");
        assert_eq!((f.back(), f.back()), (Some(0), None));
    }

    #[test]
    fn one_that_was_killed_is_finished() {
        let f = Fixture::new();
        for name in ["build", "source"] {
            f.set(name, "/a");
        }
        f.to(&["build", "source"], "/b");
        assert_eq!(f.back(), Some(2));
        // As if it had been killed between the two links.
        f.set("source", "/b");
        assert_eq!((f.back(), f.link("source").as_deref()), (Some(1), Some("/a")));
        assert_eq!(f.back(), None);
    }

    #[test]
    fn a_journal_moves_nothing_but_the_kernels_links() {
        let f = Fixture::new();
        let away = [Move { link: RootPath::new("/etc/passwd"), old: None, new: Some("/x".into()) }];
        let mut journal = Journal::load(&f.root).unwrap();
        journal.push(Entry::new(&f.kernel.release, "repair", &away));
        journal.store(&f.root).unwrap();
        assert!(matches!(undo(&f.root, &f.kernel, true), Err(Error::Refused(Refusal::ForeignJournal { .. }))));
    }
}
