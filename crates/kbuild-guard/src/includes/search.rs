// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding the file that an `#include` names, in kbuild's search order, with every directory entered once.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use rustc_hash::FxHashMap;

use crate::error::{Error, Result};
use crate::sysroot::{Directory, Kind, RootPath, Status, Sysroot};

/// The most bytes of a header: the largest of a kernel's own have 1 MB (register lists of graphics drivers).
const LARGEST: usize = 4 << 20;

/// Where one `#include` leads.
#[derive(Debug)]
pub(super) enum Place {
    /// A regular file.
    File(Found),
    /// Nowhere. These are the places that were looked at.
    Nowhere(Vec<RootPath>),
}

/// A regular file that was found.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: RootPath,
    /// The directory that holds it.
    directory: Index,
    /// What it was when it was found.
    status: Status,
}

/// Which of the directories that were looked for.
#[derive(Debug, Clone, Copy)]
struct Index(usize);

/// A directory that was looked for.
struct Entered {
    path: RootPath,
    /// `None` if it is not there.
    held: Option<Directory>,
}

/// The directories of one walk.
pub(super) struct Search<'r> {
    root: &'r Sysroot,
    path: Vec<RootPath>,
    entered: Vec<Entered>,
    by_path: FxHashMap<RootPath, Index>,
    /// For what stands before a header's own name (`linux` of `<linux/module.h>`): the directories of that name, in the
    /// order of the search path, as far as anything was looked for in them.
    rows: FxHashMap<Box<[u8]>, Vec<Index>>,
    passed_over: Vec<RootPath>,
}

impl<'r> Search<'r> {
    /// `path` is what the compiler gets with `-I`, in order.
    pub(super) fn new(root: &'r Sysroot, path: Vec<RootPath>) -> Self {
        Search {
            root,
            path,
            entered: Vec::new(),
            by_path: FxHashMap::default(),
            rows: FxHashMap::default(),
            passed_over: Vec::new(),
        }
    }

    /// The file of this name; for one in quotation marks `beside` is the directory of the file that asks.
    ///
    /// The compiler passes over a directory of that name, and over a link that leads nowhere.
    pub(super) fn find(&mut self, name: &[u8], beside: Option<&RootPath>) -> Result<Place> {
        let (before, own) = parts(name);
        let own = OsStr::from_bytes(own);
        let mut looked_in = Vec::new();
        if let Some(dir) = beside {
            let directory = self.enter(&below(dir, before))?;
            if let Some(found) = self.find_in(directory, own)? {
                return Ok(Place::File(found));
            }
            looked_in.push(directory);
        }
        for place in 0..self.path.len() {
            let directory = self.row(before, place)?;
            if let Some(found) = self.find_in(directory, own)? {
                return Ok(Place::File(found));
            }
            looked_in.push(directory);
        }
        let directories = looked_in.into_iter().filter_map(|directory| self.entered.get(directory.0));
        Ok(Place::Nowhere(directories.map(|entered| entered.path.join(own)).collect()))
    }

    /// A file that is given by its path.
    pub(super) fn find_at(&mut self, path: &RootPath) -> Result<Place> {
        let directory = self.enter(&path.parent())?;
        let found = self.find_in(directory, path.file_name())?;
        Ok(found.map_or_else(|| Place::Nowhere(vec![path.clone()]), Place::File))
    }

    fn find_in(&mut self, directory: Index, name: &OsStr) -> Result<Option<Found>> {
        let Some(Entered { path, held: Some(held) }) = self.entered.get(directory.0) else { return Ok(None) };
        match held.status(self.root, name) {
            Ok(status) if status.kind == Kind::File => {
                return Ok(Some(Found { path: path.join(name), directory, status }));
            }
            Ok(_) => self.passed_over.push(path.join(name)),
            Err(error) if error.is_not_found() || error.is_circle() => {
                if held.is_taken(name) {
                    self.passed_over.push(path.join(name));
                }
            }
            Err(error) => return Err(error),
        }
        Ok(None)
    }

    /// Reads a file that was found; what it was then.
    pub(super) fn read(&self, file: &Found, text: &mut Vec<u8>) -> Result<Status> {
        let held = self.entered.get(file.directory.0).and_then(|entered| entered.held.as_ref());
        let held = held.ok_or_else(|| Error::NotFound { path: file.path.clone() })?;
        held.read(self.root, file.path.file_name(), &file.status, LARGEST, text)?;
        Ok(file.status)
    }

    /// Every directory that was looked for, what it was when it was entered, or nothing if it is not there; and the places
    /// where something stands that is no file and leads to none.
    pub(super) fn finish(self) -> (Vec<(RootPath, Option<Status>)>, Vec<RootPath>) {
        let status = |held: Directory| *held.own_status();
        let entered = self.entered.into_iter().map(|entered| (entered.path, entered.held.map(status)));
        (entered.collect(), self.passed_over)
    }

    /// The directory that headers whose names begin so stand in, in this place of the search path.
    fn row(&mut self, before: &[u8], place: usize) -> Result<Index> {
        let known = self.rows.get(before).map_or(&[][..], Vec::as_slice);
        if let Some(directory) = known.get(place) {
            return Ok(*directory);
        }
        let path = self.path.get(place).map(|dir| below(dir, before));
        let directory = self.enter(&path.unwrap_or_else(|| RootPath::new("/")))?;
        self.rows.entry(before.into()).or_default().push(directory);
        Ok(directory)
    }

    fn enter(&mut self, dir: &RootPath) -> Result<Index> {
        if let Some(known) = self.by_path.get(dir) {
            return Ok(*known);
        }
        let held = match self.root.enter(dir) {
            Ok(directory) => Some(directory),
            Err(error) if error.is_not_found() || error.is_circle() => None,
            Err(error) => return Err(error),
        };
        let index = Index(self.entered.len());
        self.entered.push(Entered { path: dir.clone(), held });
        self.by_path.insert(dir.clone(), index);
        Ok(index)
    }
}

/// A header's own name, and what stands before it, without the slash between them.
fn parts(name: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', name) {
        Some(0) => name.split_at(1),
        Some(slash) => (name.get(..slash).unwrap_or_default(), name.get(slash + 1..).unwrap_or_default()),
        None => (b"", name),
    }
}

/// Joining nothing would leave a slash at the end.
fn below(dir: &RootPath, before: &[u8]) -> RootPath {
    if before.is_empty() { dir.clone() } else { dir.join(OsStr::from_bytes(before)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(parts(b"linux/atomic/x.h"), (&b"linux/atomic"[..], &b"x.h"[..]));
        assert_eq!(parts(b"x.h"), (&b""[..], &b"x.h"[..]));
        assert_eq!(parts(b"/x.h"), (&b"/"[..], &b"x.h"[..]));
        let dir = RootPath::new("/t/include");
        assert_eq!(below(&dir, b"linux").as_os_str(), "/t/include/linux");
        assert_eq!(below(&dir, b"").as_os_str(), "/t/include");
        assert_eq!(below(&dir, b"/").as_os_str(), "/");
    }
}
