// SPDX-License-Identifier: MIT OR Apache-2.0
//! The headers that every module reaches in one tree, all of them there, and what each file was: as long as none of them
//! and no directory that was looked into has changed, going through them again would find the same.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{LARGEST, VERSION, write};
use crate::error::Result;
use crate::includes::{Reached, Start};
use crate::sysroot::{RootPath, Status, Sysroot};

const DIRECTORY: &str = "/var/lib/kbuild-guard/headers";
/// So many trees are remembered at least; those of kernels that are gone make place for new ones.
const MOST_TREES: usize = 64;
/// FAT keeps times to two seconds. What changed later than that before a look may change again unseen.
const GRANULARITY: i128 = 2_000_000_000;

/// One tree's headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walked {
    version: u32,
    /// The tree that make runs in.
    tree: String,
    /// Of what a walk starts from.
    start: u64,
    /// Of what each file and directory was.
    was: u64,
    /// Directories that were looked into, and the names that were read in each.
    directories: Vec<(String, Vec<String>)>,
    /// Directories that were looked for and are not there.
    absent: Vec<String>,
    /// What stands in the headers was read too, and the compiler would stop at nothing.
    is_sound: bool,
}

impl Walked {
    /// What was found in the tree that `start` names, if it still is so: no file is named, and nothing is missing.
    pub fn recall(root: &Sysroot, start: &Start) -> Option<Reached> {
        let bytes = root.read(&place(&start.build)?, LARGEST).ok()?;
        let known: Walked = serde_json::from_slice(&bytes).ok()?;
        let is_same = known.version == VERSION
            && start.build.as_path().to_str() == Some(known.tree.as_str())
            && known.start == hash_of(start)
            && known.look(root) == Some(known.was);
        is_same.then(|| Reached { is_sound: known.is_sound, ..Reached::default() })
    }

    /// Keeps what a walk found that began at this time, if nothing was missing, and only where the package that made the
    /// directory is installed: looking at somebody's image leaves nothing in it.
    pub fn store(root: &Sysroot, start: &Start, reached: &Reached, begun: SystemTime) -> Result<()> {
        let Some(place) = place(&start.build) else { return Ok(()) };
        let is_whole = reached.unfound.is_empty()
            && reached.passed_over.is_empty()
            && reached.reads.iter().all(|read| read.status.size > 0);
        if !is_whole || !root.exists(&place.parent().parent()) {
            return Ok(());
        }
        match Self::of(start, reached, begun) {
            Some((walked, false)) => {
                make_room(root)?;
                write(root, &place.as_path().to_string_lossy(), &walked)
            }
            _ => Ok(()),
        }
    }

    /// And whether something had changed so lately that a further change might leave the same time. `None` if a name cannot
    /// be kept as text.
    fn of(start: &Start, reached: &Reached, begun: SystemTime) -> Option<(Self, bool)> {
        let text = |path: &RootPath| path.as_path().to_str().map(str::to_owned);
        let begun = i128::try_from(begun.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()?;
        let mut directories: Vec<(String, Vec<String>)> = Vec::new();
        let mut statuses: Vec<(&RootPath, Vec<Status>)> = Vec::new();
        let mut absent = Vec::new();
        for (path, status) in &reached.directories {
            match status {
                Some(status) => statuses.push((path, vec![*status])),
                None => absent.push(text(path)?),
            }
        }
        statuses.sort_by_key(|(path, _)| *path);
        for (path, _) in &statuses {
            directories.push((text(path)?, Vec::new()));
        }
        for read in &reached.reads {
            let dir = read.path.parent();
            let index = statuses.binary_search_by(|(known, _)| (*known).cmp(&dir)).ok()?;
            statuses.get_mut(index)?.1.push(read.status);
            directories.get_mut(index)?.1.push(read.path.file_name().to_str()?.to_owned());
        }
        let was = hash_of_all(statuses.iter().flat_map(|(_, statuses)| statuses));
        let is_fresh = statuses
            .iter()
            .flat_map(|(_, statuses)| statuses)
            .any(|status| status.modified.max(status.changed) + GRANULARITY >= begun);
        let (tree, start) = (text(&start.build)?, hash_of(start));
        let is_sound = reached.is_sound;
        Some((Walked { version: VERSION, tree, start, was, directories, absent, is_sound }, is_fresh))
    }

    /// The hash of what everything is now; `None` if something is not there.
    fn look(&self, root: &Sysroot) -> Option<u64> {
        let mut statuses = Vec::new();
        for (path, names) in &self.directories {
            let directory = root.enter(&RootPath::new(path)).ok()?;
            statuses.push(*directory.own_status());
            for name in names {
                statuses.push(directory.status(root, name.as_ref()).ok()?);
            }
        }
        let is_absent = |path: &String| root.enter(&RootPath::new(path)).is_err_and(|error| error.is_not_found());
        self.absent.iter().all(is_absent).then(|| hash_of_all(&statuses))
    }
}

fn hash_of_all<'s>(statuses: impl IntoIterator<Item = &'s Status>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for status in statuses {
        (status.id, status.size, status.modified, status.changed).hash(&mut hasher);
    }
    hasher.finish()
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn place(tree: &RootPath) -> Option<RootPath> {
    tree.as_path().to_str()?;
    Some(RootPath::new(DIRECTORY).join(format!("{:016x}.json", hash_of(&tree.as_os_str()))))
}

/// Forgets trees that are gone, once many are remembered.
fn make_room(root: &Sysroot) -> Result<()> {
    let directory = RootPath::new(DIRECTORY);
    let known = match root.list(&directory, 2 * MOST_TREES + 1) {
        Err(error) if error.is_not_found() => return Ok(()),
        answer => answer?,
    };
    if known.len() < MOST_TREES {
        return Ok(());
    }
    for entry in known {
        let path = directory.join(&entry.name);
        let walked: Option<Walked> =
            root.read(&path, LARGEST).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if walked.is_none_or(|walked| !root.exists(&RootPath::new(walked.tree))) {
            root.remove(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_tree::TreeConfig;
    use crate::includes::reached;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    fn old(path: &Path) {
        let before = SystemTime::now() - Duration::from_secs(60);
        fs::File::open(path).unwrap().set_modified(before).unwrap();
    }

    #[test]
    fn every_change_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, linux) = (dir.path().join("t"), dir.path().join("t/include/linux"));
        fs::create_dir_all(&linux).unwrap();
        fs::write(linux.join("module.h"), "#include <linux/a.h>\n").unwrap();
        fs::write(linux.join("a.h"), "").unwrap();
        old(&linux.join("a.h"));
        let root = Sysroot::open(dir.path()).unwrap();
        let start = Start {
            build: RootPath::new("/t"),
            source: RootPath::new("/t"),
            arch: "x86".to_owned(),
            forced: Vec::new(),
            included: vec!["#include <linux/module.h>\n".to_owned()],
            compiled: Vec::new(),
        };
        let found = reached(&root, &start, &TreeConfig::new("CONFIG_64BIT=y\n")).unwrap().unwrap();
        let (walked, is_fresh) = Walked::of(&start, &found, SystemTime::now()).unwrap();
        assert!(is_fresh, "a change within the clock's granularity would go unseen");
        let later = SystemTime::now() + Duration::from_secs(60);
        assert!(!Walked::of(&start, &found, later).unwrap().1);
        assert_eq!(walked.look(&root), Some(walked.was));
        // Another content of the same size.
        fs::write(linux.join("a.h"), "").unwrap();
        let rewritten = walked.look(&root);
        assert_ne!(rewritten, Some(walked.was));
        // Something that would be found before.
        fs::create_dir_all(tree.join("arch/x86/include")).unwrap();
        assert_eq!(walked.look(&root), rewritten, "not looked into: no header in there has such a name");
        fs::create_dir_all(tree.join("arch/x86/include/linux")).unwrap();
        assert_eq!(walked.look(&root), None);
        fs::remove_dir(tree.join("arch/x86/include/linux")).unwrap();
        fs::write(linux.join("new.h"), "").unwrap();
        assert_ne!(walked.look(&root), rewritten);
        fs::remove_file(linux.join("a.h")).unwrap();
        assert_eq!(walked.look(&root), None);
    }

    #[test]
    fn is_kept_only_where_there_is_a_place_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        fs::create_dir(dir.path().join("t")).unwrap();
        let start = Start {
            build: RootPath::new("/t"),
            source: RootPath::new("/t"),
            arch: "x86".to_owned(),
            forced: Vec::new(),
            included: Vec::new(),
            compiled: Vec::new(),
        };
        Walked::store(&root, &start, &Reached::default(), SystemTime::now()).unwrap();
        assert!(!dir.path().join("var").exists());
        assert!(Walked::recall(&root, &start).is_none());
        fs::create_dir_all(dir.path().join("var/lib/kbuild-guard")).unwrap();
        Walked::store(&root, &start, &Reached::default(), SystemTime::now()).unwrap();
        assert!(Walked::recall(&root, &start).is_some());
        let other = Start { included: vec!["#include <linux/module.h>\n".to_owned()], ..start.clone() };
        assert!(Walked::recall(&root, &other).is_none());
        fs::write(dir.path().join(place(&start.build).unwrap().as_path().strip_prefix("/").unwrap()), "{").unwrap();
        assert!(Walked::recall(&root, &start).is_none());
    }
}
