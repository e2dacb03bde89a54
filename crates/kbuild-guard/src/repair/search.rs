// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looking below a directory for what looks like a kernel's tree: no link is followed, no mount crossed, and there is an
//! end to it.

use std::collections::VecDeque;
use std::path::Path;

use crate::error::Result;
use crate::quote::quoted;
use crate::root_path::RootPath;
use crate::sysroot::{Held, Kind, Sysroot, WalkEnd};

/// How far a search goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Directories in directories.
    depth: usize,
    /// Directories that are looked into, the shallow ones first.
    directories: usize,
}

impl Extent {
    /// /usr/src/TREE, /usr/src/kernels/TREE, /usr/src/linux-6.4-obj/x86_64/default.
    pub(super) const OF_SOURCES: Self = Extent { depth: 3, directories: 5_000 };

    /// /home/felix/work/kernel/linux-6.1 is four deep.
    pub(super) const OF_A_SEARCH: Self = Extent { depth: 6, directories: 50_000 };
}

/// Names in one directory beyond these are not looked at.
const MOST_NAMES: usize = 20_000;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Directories that look like trees, the shallow ones first.
    pub(super) trees: Vec<RootPath>,
    /// What was not looked through, and why.
    pub(super) remarks: Vec<String>,
}

/// Looks for trees at and below `dir`, to which links may lead.
pub(super) fn below(root: &Sysroot, dir: &RootPath, extent: Extent) -> Result<Seen> {
    let mut seen = Seen::default();
    let (path, device) = match root.walk(dir).end {
        WalkEnd::Found { path, status } if status.kind == Kind::Directory => (path, status.id.0),
        WalkEnd::NotMounted { at } => {
            seen.remarks.push(format!("{} is not mounted", quoted(&at)));
            return Ok(seen);
        }
        WalkEnd::Unknown(error) => return Err(error),
        _ => return Ok(seen),
    };
    let mut todo = VecDeque::from([(path, 0_usize)]);
    let (mut looked, mut closed) = (0_usize, 0_usize);
    while let Some((path, depth)) = todo.pop_front() {
        if looked >= extent.directories {
            seen.remarks.push(format!("{} holds more than is looked through: name a directory below it", quoted(dir)));
            break;
        }
        looked += 1;
        let here = match root.hold(&path) {
            Ok(here) if here.own_status()?.id.0 == device => here,
            // Something has been mounted there, or it is gone.
            Ok(_) => continue,
            Err(error) if error.is_not_found() => continue,
            Err(_) => {
                closed += 1;
                continue;
            }
        };
        let is_a_tree = looks_like_one(&here);
        if is_a_tree {
            seen.trees.push(path.clone());
        }
        if depth >= extent.depth {
            continue;
        }
        let Ok(entries) = here.list(MOST_NAMES) else {
            closed += 1;
            continue;
        };
        for entry in entries {
            let is_hopeless = matches!(entry.kind, Some(Kind::File | Kind::Symlink | Kind::Other))
                || entry.name == ".git"
                || entry.name == "lost+found";
            if is_hopeless {
                continue;
            }
            match here.status(&entry.name) {
                Ok(status) if status.kind == Kind::Directory && status.id.0 == device => {}
                _ => continue,
            }
            // Below a tree there are no others, but what was built from it with O=.
            let is_wanted = !is_a_tree || here.sub(&entry.name).is_ok_and(|sub| is_configured(&sub));
            if is_wanted {
                todo.push_back((path.join(&entry.name), depth + 1));
            }
        }
    }
    if closed > 0 {
        let many = if closed == 1 { "one directory".to_owned() } else { format!("{closed} directories") };
        seen.remarks.push(format!("{many} below {} could not be looked into", quoted(dir)));
    }
    Ok(seen)
}

/// A kernel's source, or what was built from one.
fn looks_like_one(dir: &Held) -> bool {
    let has = |name: &str| dir.status(name.as_ref()).is_ok();
    (has("Makefile") && has("arch") && has("include")) || is_configured(dir)
}

fn is_configured(dir: &Held) -> bool {
    dir.descend(Path::new("include/config")).is_ok_and(|config| config.status("auto.conf".as_ref()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn follows_no_link_and_ends() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for path in ["home/felix/linux/arch", "home/felix/linux/include", "home/felix/a/b/c/d/e/f/include/config"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        fs::write(at("home/felix/linux/Makefile"), "").unwrap();
        for path in ["home/felix/linux/out", "home/felix/linux/.git/x", "home/felix/a/b/c/d/e/f", "elsewhere"] {
            fs::create_dir_all(at(path).join("include/config")).unwrap();
            fs::write(at(path).join("include/config/auto.conf"), "").unwrap();
        }
        symlink("../elsewhere", at("home/link")).unwrap();
        symlink("home", at("house")).unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let seen = |path: &str, depth, directories| {
            let seen = below(&root, &RootPath::new(path), Extent { depth, directories }).unwrap();
            let trees: Vec<String> = seen.trees.iter().map(|tree| tree.as_path().display().to_string()).collect();
            (trees, seen.remarks)
        };
        let (trees, remarks) = seen("/house", 6, 1_000);
        assert_eq!(trees, ["/home/felix/linux", "/home/felix/linux/out"]);
        assert_eq!(remarks, Vec::<String>::new());
        assert_eq!(seen("/home", 7, 1_000).0.len(), 3);
        assert_eq!(seen("/home/felix/linux", 0, 1_000).0, ["/home/felix/linux"]);
        let (trees, remarks) = seen("/", 6, 1);
        assert!(trees.is_empty() && remarks == ["/ holds more than is looked through: name a directory below it"]);
        assert_eq!(seen("/nowhere", 6, 2), (Vec::new(), Vec::new()));
    }
}
