// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages whose trees were found whole, and the times of their directories then: as long as these have
//! not changed, nothing was added to, removed from or renamed in any of them (inode(7), `st_mtim`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{LARGEST, VERSION, write};
use crate::error::Result;
use crate::package_db::PackageId;
use crate::sysroot::{RootPath, Sysroot};

const TREES: &str = "/var/lib/kbuild-guard/trees.json";

/// How a package's trees were when nothing was missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundTree {
    /// Of the package manager's list of its files.
    pub list: u64,
    /// Of the times of the directories in its trees.
    pub dirs: u64,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoundTrees {
    version: u32,
    packages: BTreeMap<String, SoundTree>,
    #[serde(skip)]
    is_new: bool,
}

impl SoundTrees {
    /// What was seen last; nothing where nothing can be read.
    pub fn load(root: &Sysroot) -> Self {
        let read = || -> Option<SoundTrees> {
            let bytes = root.read(&RootPath::new(TREES), LARGEST).ok()?;
            serde_json::from_slice::<SoundTrees>(&bytes).ok().filter(|trees| trees.version == VERSION)
        };
        read().unwrap_or_else(|| SoundTrees { version: VERSION, packages: BTreeMap::new(), is_new: false })
    }

    /// How a package's trees were.
    pub fn get(&self, package: &PackageId) -> Option<&SoundTree> {
        self.packages.get(package.as_str())
    }

    /// Keeps how they are.
    pub fn insert(&mut self, package: &PackageId, tree: SoundTree) {
        self.is_new |= self.packages.insert(package.as_str().to_owned(), tree.clone()) != Some(tree);
    }

    /// Writes, if there is anything new, and only where the package that made the directory is installed:
    /// looking at somebody's image leaves nothing in it.
    pub fn store(&self, root: &Sysroot) -> Result<()> {
        let path = RootPath::new(TREES);
        if !self.is_new || !root.exists(&path.parent()) {
            return Ok(());
        }
        write(root, TREES, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_kept_only_where_there_is_a_place_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let tree = SoundTree { list: 1, dirs: 2 };
        let package = PackageId::new("linux-headers");
        let mut trees = SoundTrees::load(&root);
        trees.insert(&package, tree.clone());
        trees.store(&root).unwrap();
        assert_eq!(SoundTrees::load(&root).get(&package), None);
        std::fs::create_dir_all(dir.path().join("var/lib/kbuild-guard")).unwrap();
        trees.store(&root).unwrap();
        assert_eq!(SoundTrees::load(&root).get(&package), Some(&tree));
        root.replace(&RootPath::new(TREES), b"{").unwrap();
        assert_eq!(SoundTrees::load(&root).get(&package), None);
    }
}
