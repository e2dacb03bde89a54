// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which packages the trees belong to, and which of their files are gone since.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

use crate::build_tree::{Closure, Role};
use crate::error::Result;
use crate::memory::{SoundTree, SoundTrees};
use crate::package_db::{PackageDb, PackageId};
use crate::sysroot::{RootPath, Sysroot};

/// A directory of a kernel's headers has some hundred entries.
const MOST_ENTRIES: usize = 1 << 16;

/// The trees of some kernels and the packages they belong to.
pub struct PackagedTrees {
    owners: HashMap<RootPath, Option<PackageId>>,
    gone: RefCell<HashMap<PackageId, Rc<[RootPath]>>>,
    sound: RefCell<SoundTrees>,
}

impl PackagedTrees {
    /// Asks, once for all closures, which packages their trees belong to.
    pub fn of<'c>(root: &Sysroot, db: &dyn PackageDb, closures: impl Iterator<Item = &'c Closure>) -> Result<Self> {
        let hops: HashMap<&RootPath, &RootPath> = closures
            .flat_map(|closure| &closure.hops)
            .filter(|hop| hop.role != Role::BuildLink)
            // The package that owns a file no build does without owns the tree; others may list the directory.
            .map(|hop| (&hop.path, hop.witnesses.first().unwrap_or(&hop.path)))
            .collect();
        let (trees, witnesses): (Vec<&RootPath>, Vec<RootPath>) =
            hops.into_iter().map(|(tree, witness)| (tree, witness.clone())).unzip();
        let owners = if witnesses.is_empty() { Vec::new() } else { db.owners(&witnesses)? };
        let owners = trees.into_iter().cloned().zip(owners.into_iter().map(|owners| owners.into_iter().next()));
        Ok(PackagedTrees {
            owners: owners.collect(),
            gone: RefCell::default(),
            sound: RefCell::new(SoundTrees::load(root)),
        })
    }

    /// Remembers the trees that were found whole, for the next look.
    pub fn remember(&self, root: &Sysroot) {
        if let Err(error) = self.sound.borrow_mut().store(root) {
            log::debug!("{error}");
        }
    }

    /// The package that a tree belongs to.
    pub(super) fn owner(&self, tree: &RootPath) -> Option<&PackageId> {
        self.owners.get(tree)?.as_ref()
    }

    /// The files that `package` brought into its trees and that are not there.
    pub(super) fn gone(&self, root: &Sysroot, db: &dyn PackageDb, package: &PackageId) -> Result<Rc<[RootPath]>> {
        match self.gone.borrow_mut().entry(package.clone()) {
            Entry::Occupied(known) => Ok(Rc::clone(known.get())),
            Entry::Vacant(new) => Ok(Rc::clone(new.insert(self.look(root, db, package)?.into()))),
        }
    }

    fn look(&self, root: &Sysroot, db: &dyn PackageDb, package: &PackageId) -> Result<Vec<RootPath>> {
        let files = db.files(package)?;
        let own: Vec<&[u8]> = self
            .owners
            .iter()
            .filter(|(_, owner)| owner.as_ref() == Some(package))
            .map(|(tree, _)| tree.as_os_str().as_bytes())
            .collect();
        // The names of each directory; those of one mostly stand together.
        let mut places: HashMap<&[u8], usize> = HashMap::new();
        let mut listed: Vec<(&[u8], Vec<&[u8]>)> = Vec::new();
        let mut last: usize = 0;
        for path in files.paths().filter(|path| own.iter().any(|tree| is_below(tree, path))) {
            let Some(slash) = memchr::memrchr(b'/', path) else { continue };
            let (Some(dir), Some(name)) = (path.get(..slash), path.get(slash + 1..)) else { continue };
            if listed.get(last).is_none_or(|(other, _)| *other != dir) {
                last = *places.entry(dir).or_insert(listed.len());
                if last == listed.len() {
                    listed.push((dir, Vec::new()));
                }
            }
            if let Some((_, names)) = listed.get_mut(last) {
                names.push(name);
            }
        }
        let mut dirs: Vec<&[u8]> = listed.iter().map(|(dir, _)| *dir).collect();
        dirs.sort_unstable();
        let list = files.stamp();
        let times = Times::of(root, dirs.iter().map(|dir| path_of(dir)));
        if let (Some(known), Some(times)) = (self.sound.borrow().get(package), &times) {
            if known.list == list && times.hash == known.dirs {
                return Ok(Vec::new());
            }
        }
        let mut gone = Vec::new();
        for (dir, names) in &listed {
            missing_in(root, &path_of(dir), names, &mut gone)?;
        }
        // A change within the clock's granularity of this look would go unseen.
        if let Some(dirs) = times.filter(|times| gone.is_empty() && !times.is_fresh) {
            self.sound.borrow_mut().insert(package, SoundTree { list, dirs: dirs.hash });
        }
        Ok(gone)
    }
}

/// Adds the names of one directory that are not there.
///
/// A link that is there is not looked behind: packages bring some that lead nowhere until another package
/// is installed (`rust` on Ubuntu), or at all (`scripts/dtc/include-prefixes` of most), and where a file of
/// another tree is missing, that is found in the list of that tree's own package.
fn missing_in(root: &Sysroot, dir: &RootPath, names: &[&[u8]], gone: &mut Vec<RootPath>) -> Result<()> {
    let entries = match root.list(dir, MOST_ENTRIES) {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error),
    };
    let is_there = |name: &OsStr| entries.binary_search_by(|entry| entry.name.as_os_str().cmp(name)).is_ok();
    let names = names.iter().map(|name| OsStr::from_bytes(name));
    gone.extend(names.filter(|name| !is_there(name)).map(|name| dir.join(name)));
    Ok(())
}

/// What is known of some directories without listing them.
struct Times {
    /// Names, inodes and times of all of them.
    hash: u64,
    /// Whether one of them has changed so lately that a further change might leave the same time.
    is_fresh: bool,
}

impl Times {
    /// `None` if one of them cannot be looked at.
    fn of(root: &Sysroot, dirs: impl Iterator<Item = RootPath>) -> Option<Self> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
        let mut hasher = DefaultHasher::new();
        let mut is_fresh = false;
        for dir in dirs {
            let status = root.status(&dir).ok()?;
            (dir.as_os_str(), status.id, status.modified, status.changed).hash(&mut hasher);
            // FAT keeps times to two seconds; a time in the future tells nothing.
            is_fresh |= status.modified.max(status.changed) + 2_000_000_000 >= i128::try_from(now.as_nanos()).ok()?;
        }
        Some(Times { hash: hasher.finish(), is_fresh })
    }
}

fn path_of(dir: &[u8]) -> RootPath {
    RootPath::new(OsStr::from_bytes(dir))
}

/// Whether a path in a package's list is below a tree. Lists may spell /usr/lib as /lib.
pub(super) fn is_below(tree: &[u8], path: &[u8]) -> bool {
    let below = |tree: &[u8]| path.strip_prefix(tree).is_some_and(|rest| rest.starts_with(b"/"));
    below(tree) || tree.strip_prefix(b"/usr").is_some_and(|tree| tree.starts_with(b"/lib") && below(tree))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_merged_usr_are_below() {
        assert!(is_below(b"/usr/src/h", b"/usr/src/h/Makefile"));
        assert!(is_below(b"/usr/lib/modules/R/build", b"/lib/modules/R/build/Makefile"));
        assert!(!is_below(b"/usr/src/h", b"/usr/src/h-common/Makefile"));
        assert!(!is_below(b"/usr/src/h", b"/src/h/Makefile"));
        assert!(!is_below(b"/usr/src/h", b"/usr/src/h"));
    }
}
