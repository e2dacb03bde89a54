// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a tree for a kernel may be: where distributions put trees, where other kernels' links lead, where this one's
//! has led, and where somebody says. Found by their look alone; whether one fits is asked later.

use super::search::{self, Extent};
use crate::build_tree::Closure;
use crate::drift::uts_release;
use crate::error::Result;
use crate::release::Release;
use crate::relink::Journal;
use crate::root_path::RootPath;
use crate::sysroot::{Kind, Sysroot, WalkEnd};

/// Where Debian, Fedora, openSUSE and people put trees.
const SOURCES: &str = "/usr/src";

/// Both spellings; on a merged /usr they are one directory.
const MODULES: [&str; 2] = ["/usr/lib/modules", "/lib/modules"];

/// More modules directories than any system has.
const MOST_KERNELS: usize = 4096;

/// So many trees are proved for one kernel at most: first those that say they are its.
const MOST: usize = 256;

/// A line of a few words.
const LARGEST: usize = 4096;

/// How a tree was found. The earlier ones are preferred where nothing else tells trees apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// The kernel's link leads there now.
    Link,
    /// The kernel's link led there once.
    Journal,
    /// In /usr/src.
    Sources,
    /// A link or directory of some modules directory.
    Modules,
    /// Below a directory that was named.
    Search,
}

impl Found {
    /// As it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Found::Link => "link",
            Found::Journal => "journal",
            Found::Sources => "sources",
            Found::Modules => "modules",
            Found::Search => "search",
        }
    }
}

/// A directory that looks like a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its path, without any link.
    pub path: RootPath,
    /// How it was found.
    pub found: Found,
    /// Device and inode: what is at this path later has to be the same.
    pub id: (u64, u64),
    /// Of which release it says it is; `None` where it says nothing.
    pub says: Option<String>,
}

/// Every tree that is there, whichever kernel it is for. Looked for once, for all of them.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    all: Vec<Candidate>,
    /// What was not looked through, and why; each fit for a terminal.
    pub remarks: Vec<String>,
}

impl Candidates {
    /// Looks in the usual places and below the directories `named`.
    pub fn find(root: &Sysroot, named: &[RootPath]) -> Result<Self> {
        let mut found = Candidates::default();
        found.below(root, &RootPath::new(SOURCES), Found::Sources, Extent::OF_SOURCES)?;
        for modules in MODULES.map(RootPath::new) {
            let WalkEnd::Found { path, status } = root.walk(&modules).end else { continue };
            if status.kind == Kind::Directory {
                for entry in root.list(&path, MOST_KERNELS)? {
                    for name in ["build", "source"] {
                        found.add(root, &path.join(&entry.name).join(name), Found::Modules);
                    }
                }
            }
        }
        for dir in named {
            found.below(root, dir, Found::Search, Extent::OF_A_SEARCH)?;
        }
        Ok(found)
    }

    fn below(&mut self, root: &Sysroot, dir: &RootPath, found: Found, extent: Extent) -> Result<()> {
        let seen = search::below(root, dir, extent)?;
        self.remarks.extend(seen.remarks);
        for path in seen.trees {
            self.add(root, &path, found);
        }
        Ok(())
    }

    /// Adds what is at the end of a path, if it is a directory that is not known yet.
    fn add(&mut self, root: &Sysroot, path: &RootPath, found: Found) {
        let WalkEnd::Found { path, status } = root.walk(path).end else { return };
        let is_known = self.all.iter().any(|other| other.id == status.id);
        if status.kind == Kind::Directory && !is_known {
            let text = root.read(&path.join("include/generated/utsrelease.h"), LARGEST).unwrap_or_default();
            let says = uts_release(&String::from_utf8_lossy(&text)).map(str::to_owned);
            self.all.push(Candidate { path, found, id: status.id, says });
        }
    }

    /// The candidates for one kernel: these, and where its own link leads and has led. A machine that builds for others
    /// may have a thousand: those that say they are its are looked at first.
    pub(super) fn of(&self, root: &Sysroot, release: &Release, closure: &Closure, journal: &Journal) -> Vec<Candidate> {
        let mut own = Candidates::default();
        if let Some(tree) = closure.build_tree() {
            own.add(root, tree, Found::Link);
        }
        for place in journal.places(release).iter().filter(|place| place.is_absolute()) {
            own.add(root, &RootPath::new(place), Found::Journal);
        }
        for candidate in &self.all {
            if !own.all.iter().any(|other| other.id == candidate.id) {
                own.all.push(candidate.clone());
            }
        }
        own.all.sort_by_key(|candidate| match &candidate.says {
            Some(says) if says == release.as_str() => 0,
            None => 1,
            Some(_) => 2,
        });
        own.all.truncate(MOST);
        own.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_tree::follow;
    use crate::kernels::Kernel;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn finds_trees_in_the_usual_places_and_where_it_is_told_to() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for tree in ["usr/src/linux-6.1", "usr/src/kernels/6.2", "home/felix/a/linux", "srv/linux", "opt/linux"] {
            for below in ["arch", "include/config"] {
                fs::create_dir_all(at(tree).join(below)).unwrap();
            }
            fs::write(at(tree).join("Makefile"), "").unwrap();
        }
        fs::create_dir(at("home/felix/a/linux/include/generated")).unwrap();
        fs::write(at("home/felix/a/linux/include/generated/utsrelease.h"), "#define UTS_RELEASE \"R\"\n").unwrap();
        fs::create_dir_all(at("usr/src/zfs-2.1")).unwrap();
        fs::create_dir_all(at("usr/lib/modules/R")).unwrap();
        fs::create_dir_all(at("usr/lib/modules/S/build")).unwrap();
        symlink("usr/lib", at("lib")).unwrap();
        symlink("/srv/linux", at("usr/lib/modules/R/build")).unwrap();
        symlink("linux-6.1", at("usr/src/linux")).unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let found = Candidates::find(&root, &[RootPath::new("/home"), RootPath::new("/usr/src")]).unwrap();
        let paths = |all: &[Candidate]| -> Vec<(String, Found)> {
            all.iter().map(|one| (one.path.as_path().display().to_string(), one.found)).collect()
        };
        let pair = |path: &str, found| (path.to_owned(), found);
        let everywhere = [
            pair("/usr/src/linux-6.1", Found::Sources),
            pair("/usr/src/kernels/6.2", Found::Sources),
            pair("/srv/linux", Found::Modules),
            pair("/usr/lib/modules/S/build", Found::Modules),
            pair("/home/felix/a/linux", Found::Search),
        ];
        assert_eq!(paths(&found.all), everywhere);
        let release: Release = "R".parse().unwrap();
        let kernel = Kernel {
            release: release.clone(),
            dir: RootPath::new("/usr/lib/modules/R"),
            image: RootPath::new("/boot/vmlinuz-R"),
            running: false,
            kept: None,
        };
        let closure = follow(&root, &kernel).unwrap();
        let of = found.of(&root, &release, &closure, &Journal::load(&root).unwrap());
        assert_eq!((of.len(), of[0].says.as_deref(), of[1].found), (5, Some("R"), Found::Link));
    }
}
