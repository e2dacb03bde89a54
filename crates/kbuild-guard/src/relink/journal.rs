// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was moved, from where to where: `/var/lib/kbuild-guard/relinked.json`, the newest last, so that the last move of
//! a kernel can be taken back.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Move, undo};
use crate::error::{Error, Result};
use crate::kernels::Kernel;
use crate::preserve::Refusal;
use crate::release::Release;
use crate::root_path::RootPath;
use crate::sysroot::Sysroot;

/// Where the journal is.
pub const JOURNAL: &str = "/var/lib/kbuild-guard/relinked.json";

/// The format. A journal of another one is never overwritten.
const FORMAT: u32 = 1;

/// What is remembered at most.
const MOST: usize = 200;

/// More than so many take.
const LARGEST: usize = 4 << 20;

/// Every move that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    format: u32,
    entries: Vec<Entry>,
}

/// What was moved at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Seconds since 1970.
    at: u64,
    /// The verb that did it.
    by: String,
    release: String,
    links: Vec<Link>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Link {
    link: Bytes,
    old: Option<Bytes>,
    new: Option<Bytes>,
}

/// A path; as a list of bytes where it is no text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Raw(Vec<u8>),
}

impl Bytes {
    fn of(path: impl Into<PathBuf>) -> Self {
        let bytes = path.into().into_os_string().into_vec();
        String::from_utf8(bytes).map_or_else(|error| Bytes::Raw(error.into_bytes()), Bytes::Text)
    }

    fn path(&self) -> PathBuf {
        match self {
            Bytes::Text(text) => PathBuf::from(text),
            Bytes::Raw(bytes) => PathBuf::from(OsString::from_vec(bytes.clone())),
        }
    }
}

impl Entry {
    /// Of these moves, now.
    pub fn new(release: &Release, by: &str, moves: &[Move]) -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let link = |one: &Move| Link {
            link: Bytes::of(one.link.as_path()),
            old: one.old.clone().map(Bytes::of),
            new: one.new.clone().map(Bytes::of),
        };
        Entry { at, by: by.to_owned(), release: release.to_string(), links: moves.iter().map(link).collect() }
    }

    /// When, in seconds since 1970.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The verb that did it.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// The kernel, if that is the name of one.
    pub fn release(&self) -> Option<Release> {
        self.release.parse().ok()
    }

    /// What was moved.
    pub fn moves(&self) -> Vec<Move> {
        let one = |link: &Link| Move {
            link: RootPath::new(link.link.path()),
            old: link.old.as_ref().map(Bytes::path),
            new: link.new.as_ref().map(Bytes::path),
        };
        self.links.iter().map(one).collect()
    }
}

impl Journal {
    /// What is remembered; nothing where there is no journal. One that is not understood is an error.
    pub fn load(root: &Sysroot) -> Result<Self> {
        let path = RootPath::new(JOURNAL);
        let bytes = match root.read(&path, LARGEST) {
            Err(Error::NotFound { .. }) => return Ok(Journal { format: FORMAT, entries: Vec::new() }),
            Err(Error::TooLarge { .. } | Error::NotRegular { .. }) => {
                return Err(Refusal::ForeignJournal { path }.into());
            }
            answer => answer?,
        };
        match serde_json::from_slice::<Journal>(&bytes) {
            Ok(journal) if journal.format == FORMAT => Ok(journal),
            _ => Err(Refusal::ForeignJournal { path }.into()),
        }
    }

    /// The last move of a kernel's links.
    pub fn last(&self, release: &Release) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.release == release.as_str())
    }

    /// The last move of a kernel's links that was not taken back.
    pub fn standing(&self, release: &Release) -> Option<&Entry> {
        let mut taken_back = 0_usize;
        self.entries.iter().rev().filter(|entry| entry.release == release.as_str()).find(|entry| {
            if entry.by == undo::BY {
                taken_back += 1;
                return false;
            }
            let is_standing = taken_back == 0;
            taken_back = taken_back.saturating_sub(1);
            is_standing
        })
    }

    /// The kernel whose links were moved last, of those that are `installed` and for which something is left to take
    /// back.
    pub fn latest(&self, installed: &[Kernel]) -> Option<Release> {
        let is_here = |release: &Release| installed.iter().any(|kernel| kernel.release == *release);
        let mut releases = self.entries.iter().rev().filter_map(Entry::release);
        releases.find(|release| is_here(release) && self.standing(release).is_some())
    }

    /// Every place that a link of a kernel led to, the latest first.
    pub fn places(&self, release: &Release) -> Vec<PathBuf> {
        let entries = self.entries.iter().rev().filter(|entry| entry.release == release.as_str());
        entries.flat_map(Entry::moves).flat_map(|one| [one.new, one.old]).flatten().collect()
    }

    /// Adds an entry; says whether it is more than the last says, which a run that was killed may have left.
    /// Whichever verb finishes it, it is taken back as one.
    pub(super) fn add(&mut self, entry: Entry) -> bool {
        let last = self.entries.iter().rev().find(|other| other.release == entry.release);
        let is_known =
            last.is_some_and(|last| last.by != undo::BY && entry.links.iter().all(|link| last.links.contains(link)));
        if !is_known {
            self.push(entry);
        }
        !is_known
    }

    /// Adds an entry, whatever the last is.
    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        self.entries.drain(..self.entries.len().saturating_sub(MOST));
    }

    /// Writes it down, on the disk.
    pub(super) fn store(&self, root: &Sysroot) -> Result<()> {
        let path = RootPath::new(JOURNAL);
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| Error::Io {
            operation: "write",
            path: path.clone(),
            source: error.into(),
        })?;
        root.replace(&path, &bytes)?;
        let (file, _) = root.hold(&walked(root, &path.parent()))?.open_file(path.file_name())?;
        file.sync_all().map_err(|source| Error::Io { operation: "write to the disk", path, source })
    }
}

/// The path without links: /var may be one.
fn walked(root: &Sysroot, path: &RootPath) -> RootPath {
    match root.walk(path).end {
        crate::sysroot::WalkEnd::Found { path, .. } => path,
        _ => path.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    fn one(old: Option<&[u8]>, new: &str) -> Move {
        let old = old.map(|bytes| PathBuf::from(std::ffi::OsStr::from_bytes(bytes)));
        Move { link: RootPath::new("/lib/modules/6.1.0/build"), old, new: Some(new.into()) }
    }

    #[test]
    fn remembers_the_last_move_of_each_kernel() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let (felix, jelle): (Release, Release) = ("6.1.0".parse().unwrap(), "6.2.0".parse().unwrap());
        let mut journal = Journal::load(&root).unwrap();
        assert!(journal.last(&felix).is_none());
        let moved = vec![one(Some(b"/home/f\xe9lix/linux"), "/usr/src/x")];
        assert!(journal.add(Entry::new(&felix, "preserve", &moved)));
        assert!(journal.add(Entry::new(&jelle, "preserve", &[one(None, "/y")])));
        assert!(!journal.add(Entry::new(&felix, "preserve", &moved)), "begun by one that was killed");
        assert!(!journal.add(Entry::new(&felix, "repair", &moved)), "and finished by another");
        journal.store(&root).unwrap();
        let again = Journal::load(&root).unwrap();
        assert_eq!(again, journal);
        assert_eq!(again.last(&felix).unwrap().moves(), moved);
        for _ in 0..MOST {
            journal.add(Entry::new(&felix, "preserve", &[one(None, "/a")]));
            journal.add(Entry::new(&felix, "preserve", &[one(None, "/b")]));
        }
        assert_eq!(journal.entries.len(), MOST);
    }

    #[test]
    fn what_it_does_not_understand_it_does_not_overwrite() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let file = dir.path().join("var/lib/kbuild-guard/relinked.json");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        for text in ["", "{", "[]", "{\"format\": 2, \"entries\": []}"] {
            fs::write(&file, text).unwrap();
            assert!(matches!(Journal::load(&root), Err(Error::Refused(Refusal::ForeignJournal { .. }))), "{text}");
        }
    }
}
