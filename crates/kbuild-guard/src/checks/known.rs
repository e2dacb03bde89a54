// SPDX-License-Identifier: MIT OR Apache-2.0
//! What looking at one kernel taught that the next one need not learn again: kernels share trees, tools
//! and parent directories.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::inspection::Found;
use crate::error::Result;
use crate::includes::{Reached, Stop};
use crate::machine::{Asks, Loader, Unmet, Users, enforces_signatures, find_program};
use crate::sysroot::{Lasting, RootPath, Sysroot, WalkEnd};

/// Device and inode.
type FileId = (u64, u64);

/// Knowledge about one root.
#[derive(Default)]
pub struct Known {
    loader: Loader,
    users: OnceCell<Users>,
    signatures: OnceCell<bool>,
    writers: RefCell<HashMap<RootPath, Option<String>>>,
    unmet: RefCell<HashMap<FileId, Rc<[Unmet]>>>,
    programs: RefCell<HashMap<String, Option<RootPath>>>,
    lasting: RefCell<HashMap<RootPath, Lasting>>,
    last: RefCell<LastTree>,
}

/// What the tree that was looked at last holds; of others nothing is kept.
#[derive(Default)]
struct LastTree {
    tree: Option<RootPath>,
    texts: HashMap<RootPath, Rc<str>>,
    found: HashMap<RootPath, Found>,
    /// Entries of the tree and where they really are.
    entries: HashMap<RootPath, RootPath>,
    /// The headers that every module reaches.
    reached: Option<Rc<Reached>>,
    /// What the compiler would stop at in them, where that was asked.
    stop: Option<Option<Stop>>,
}

impl LastTree {
    fn of(&mut self, tree: &RootPath) -> &mut Self {
        if self.tree.as_ref() != Some(tree) {
            *self = LastTree { tree: Some(tree.clone()), ..LastTree::default() };
        }
        self
    }
}

impl Known {
    /// Who the root's users are.
    pub(super) fn users(&self, root: &Sysroot) -> &Users {
        self.users.get_or_init(|| Users::read(root))
    }

    /// Whether unsigned modules are refused.
    pub(super) fn enforces_signatures(&self, root: &Sysroot) -> bool {
        *self.signatures.get_or_init(|| enforces_signatures(root))
    }

    /// Who besides root can change what stands at `path`. Not knowing counts as nobody.
    pub(super) fn writer(&self, root: &Sysroot, path: &RootPath) -> Option<String> {
        if let Some(known) = self.writers.borrow().get(path) {
            return known.clone();
        }
        let writer = root.status(path).ok().and_then(|status| self.users(root).writer(&status));
        self.writers.borrow_mut().insert(path.clone(), writer.clone());
        writer
    }

    /// What the program at `path` asks of the loader in vain. `id` is its device and inode.
    pub(super) fn unmet(&self, root: &Sysroot, path: &RootPath, id: FileId) -> Rc<[Unmet]> {
        if let Some(known) = self.unmet.borrow().get(&id) {
            return Rc::clone(known);
        }
        let asks = root.open_file(path).ok().and_then(Asks::of).unwrap_or_default();
        let unmet: Rc<[Unmet]> = self.loader.unmet(root, &asks).into();
        self.unmet.borrow_mut().insert(id, Rc::clone(&unmet));
        unmet
    }

    /// A text file of `tree`, at most `limit` bytes of it; empty where it cannot be read.
    pub(super) fn text(&self, root: &Sysroot, tree: &RootPath, path: &RootPath, limit: usize) -> Rc<str> {
        let mut last = self.last.borrow_mut();
        let text = last.of(tree).texts.entry(path.clone()).or_insert_with(|| {
            let bytes = root.read(path, limit).unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()).into()
        });
        Rc::clone(text)
    }

    /// Where the program of this name is.
    pub(super) fn program(&self, root: &Sysroot, name: &str) -> Option<RootPath> {
        if let Some(known) = self.programs.borrow().get(name) {
            return known.clone();
        }
        let program = find_program(root, name);
        self.programs.borrow_mut().insert(name.to_owned(), program.clone());
        program
    }

    /// What kind of file system `path` is on.
    pub(super) fn lasting(&self, root: &Sysroot, path: &RootPath) -> Lasting {
        *self.lasting.borrow_mut().entry(path.clone()).or_insert_with(|| root.lasting(path))
    }

    /// Where an entry of `tree` really is: itself, or what a link there leads to.
    pub(super) fn behind_link(&self, root: &Sysroot, tree: &RootPath, entry: RootPath) -> RootPath {
        let mut last = self.last.borrow_mut();
        let entries = &mut last.of(tree).entries;
        if let Some(known) = entries.get(&entry) {
            return known.clone();
        }
        let real = match root.walk(&entry).end {
            WalkEnd::Found { path, .. } => path,
            _ => entry.clone(),
        };
        entries.insert(entry, real.clone());
        real
    }

    /// How a file of `tree` was found.
    pub(super) fn found(&self, tree: &RootPath, path: &RootPath) -> Option<Found> {
        self.last.borrow_mut().of(tree).found.get(path).copied()
    }

    /// Keeps how a file of `tree` was found.
    pub(super) fn keep(&self, tree: &RootPath, path: &RootPath, found: Found) {
        self.last.borrow_mut().of(tree).found.insert(path.clone(), found);
    }

    /// What the walk through the headers of `tree` found, if one was made.
    pub(super) fn reached_before(&self, tree: &RootPath) -> Option<Rc<Reached>> {
        self.last.borrow_mut().of(tree).reached.clone()
    }

    /// What the walk through the headers of `tree` found; `walk` does it where it was not done yet.
    pub(super) fn reached(&self, tree: &RootPath, walk: impl FnOnce() -> Result<Reached>) -> Result<Rc<Reached>> {
        if let Some(known) = &self.last.borrow_mut().of(tree).reached {
            return Ok(Rc::clone(known));
        }
        let reached = Rc::new(walk()?);
        self.last.borrow_mut().of(tree).reached = Some(Rc::clone(&reached));
        Ok(reached)
    }

    /// What the compiler would stop at in the headers of `tree`; `read` reads them where that was not done yet.
    pub(super) fn stop(&self, tree: &RootPath, read: impl FnOnce() -> Result<Option<Stop>>) -> Result<Option<Stop>> {
        if let Some(known) = &self.last.borrow_mut().of(tree).stop {
            return Ok(known.clone());
        }
        let stop = read()?;
        self.last.borrow_mut().of(tree).stop = Some(stop.clone());
        Ok(stop)
    }
}
