// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding the file that an `#include` names, in kbuild's search order, with every directory entered once.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::error::Result;
use crate::sysroot::{Directory, Kind, RootPath, Status, Sysroot};

/// The most bytes of a header: the largest of a kernel's own have 1 MB (register lists of graphics drivers).
pub(super) const LARGEST: usize = 4 << 20;

/// Where one `#include` leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A regular file.
    File(RootPath),
    /// Nowhere. These are the places that were looked at.
    Nowhere(Vec<RootPath>),
}

/// The directories of one walk.
pub(super) struct Search<'r> {
    root: &'r Sysroot,
    path: Vec<RootPath>,
    entered: HashMap<RootPath, Option<Directory>>,
    passed_over: Vec<RootPath>,
}

impl<'r> Search<'r> {
    /// `path` is what the compiler gets with `-I`, in order.
    pub(super) fn new(root: &'r Sysroot, path: Vec<RootPath>) -> Self {
        Search { root, path, entered: HashMap::new(), passed_over: Vec::new() }
    }

    /// The file of this name; for one in quotation marks `beside` is the directory of the file that asks.
    ///
    /// The compiler passes over a directory of that name, and over a link that leads nowhere.
    pub(super) fn find(&mut self, name: &[u8], beside: Option<&RootPath>) -> Result<Place> {
        let mut looked_at = Vec::new();
        for index in 0..=self.path.len() {
            let dir = match index.checked_sub(1) {
                None => beside.cloned(),
                Some(index) => self.path.get(index).cloned(),
            };
            let Some(dir) = dir else { continue };
            let path = dir.join(OsStr::from_bytes(name));
            match self.status(&path) {
                Ok(status) if status.kind == Kind::File => return Ok(Place::File(path)),
                Ok(_) => self.passed_over.push(path.clone()),
                Err(error) if error.is_not_found() || error.is_circle() => {
                    if self.directory(&path).is_ok_and(|directory| directory.is_taken(path.file_name())) {
                        self.passed_over.push(path.clone());
                    }
                }
                Err(error) => return Err(error),
            }
            looked_at.push(path);
        }
        Ok(Place::Nowhere(looked_at))
    }

    /// Reads a file.
    pub(super) fn read(&mut self, path: &RootPath, text: &mut Vec<u8>) -> Result<Status> {
        let root = self.root;
        self.directory(path)?.read(root, path.file_name(), LARGEST, text)
    }

    /// Every directory that was looked into, and whether it is there; and the places where something stands that is no
    /// file and leads to none.
    pub(super) fn finish(self) -> (Vec<(RootPath, bool)>, Vec<RootPath>) {
        let entered = self.entered.into_iter().map(|(path, directory)| (path, directory.is_some()));
        (entered.collect(), self.passed_over)
    }

    fn status(&mut self, path: &RootPath) -> Result<Status> {
        let root = self.root;
        self.directory(path)?.status(root, path.file_name())
    }

    fn directory(&mut self, path: &RootPath) -> Result<&Directory> {
        let dir = path.parent();
        if !self.entered.contains_key(&dir) {
            let entered = match self.root.enter(&dir) {
                Ok(directory) => Some(directory),
                Err(error) if error.is_not_found() || error.is_circle() => None,
                Err(error) => return Err(error),
            };
            self.entered.insert(dir.clone(), entered);
        }
        let entered = self.entered.get(&dir).and_then(Option::as_ref);
        entered.ok_or(crate::error::Error::NotFound { path: dir })
    }
}
