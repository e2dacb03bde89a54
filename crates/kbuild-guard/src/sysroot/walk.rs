// SPDX-License-Identifier: MIT OR Apache-2.0
//! Following a path hop by hop inside the root, keeping every link passed and where it ends.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::sys::statfs::{FsType, fstatfs};

use super::{Kind, RootPath, Status, Sysroot};
use crate::error::{Error, Result};

/// As many links as the kernel follows before it says ELOOP (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// `AUTOFS_SUPER_MAGIC` of include/uapi/linux/magic.h: a directory that mounts when it is entered.
const AUTOFS: i64 = 0x0187;

/// A link that was passed on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Where the link stands; its directory is fully resolved.
    pub link: RootPath,
    /// What it says.
    pub target: PathBuf,
}

/// Where a walk ended.
#[derive(Debug)]
pub enum WalkEnd {
    /// Something is there.
    Found {
        /// Its path without any link.
        path: RootPath,
        /// What it is.
        status: Status,
    },
    /// Nothing is there.
    Missing {
        /// The first path, without any link, that does not exist.
        at: RootPath,
        /// Where the walk would have ended: the same, with what was still to go.
        path: RootPath,
    },
    /// More links than the kernel follows.
    Loop {
        /// The link that was one too many.
        at: RootPath,
    },
    /// An automount point that is not mounted. It was not entered: that would have mounted it.
    NotMounted {
        /// The mount point.
        at: RootPath,
    },
    /// The system would not say.
    Unknown(Error),
}

/// Every link passed and the end.
#[derive(Debug)]
pub struct Walk {
    /// The links, in order.
    pub passed: Vec<Passed>,
    /// The end.
    pub end: WalkEnd,
}

/// Directories entered so far, below the root: name and handle.
struct Trail<'root> {
    root: BorrowedFd<'root>,
    entered: Vec<(OsString, OwnedFd)>,
}

impl Trail<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        self.entered.last().map_or(self.root, |(_, fd)| fd.as_fd())
    }

    fn path(&self, last: Option<&OsStr>) -> RootPath {
        let mut path = PathBuf::from("/");
        path.extend(self.entered.iter().map(|(name, _)| name.as_os_str()).chain(last));
        RootPath::new(path)
    }
}

enum Step {
    Up,
    Into(OsString),
}

fn steps(path: &Path) -> impl DoubleEndedIterator<Item = Step> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(Step::Into(name.to_owned())),
        Component::ParentDir => Some(Step::Up),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

impl Sysroot {
    /// Follows `path` to its end, inside the root.
    pub fn walk(&self, path: &RootPath) -> Walk {
        let mut passed = Vec::new();
        let end = match self.follow(path, true, &mut passed) {
            Ok((end, _)) => end,
            Err(error) => WalkEnd::Unknown(error),
        };
        Walk { passed, end }
    }

    /// A handle to what is at `path`, found by walking: for systems without openat2.
    pub(super) fn walk_to(&self, path: &RootPath, follow_last: bool) -> Result<OwnedFd> {
        match self.follow(path, follow_last, &mut Vec::new())? {
            (WalkEnd::Found { .. }, Some(fd)) => Ok(fd),
            (WalkEnd::Loop { at }, _) => Err(Error::io("look at", &at, Errno::ELOOP)),
            _ => Err(Error::NotFound { path: path.clone() }),
        }
    }

    fn follow(
        &self,
        path: &RootPath,
        follow_last: bool,
        passed: &mut Vec<Passed>,
    ) -> Result<(WalkEnd, Option<OwnedFd>)> {
        let mut trail = Trail { root: self.as_fd(), entered: Vec::new() };
        let mut todo: VecDeque<Step> = steps(path.as_path()).collect();
        let mut status = status_of(trail.here(), path)?;
        let mut device = status.id.0;
        while let Some(step) = todo.pop_front() {
            self.check_deadline()?;
            let name = match step {
                Step::Up => {
                    trail.entered.pop();
                    continue;
                }
                Step::Into(name) => name,
            };
            let at = trail.path(Some(&name));
            let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let fd = match openat(trail.here(), Path::new(&name), flags, Mode::empty()) {
                Ok(fd) => fd,
                Err(Errno::ENOENT | Errno::ENOTDIR) => {
                    let path = below(&at, &todo);
                    return Ok((WalkEnd::Missing { at, path }, None));
                }
                Err(errno) => return Err(Error::io("look at", &at, errno)),
            };
            status = status_of(fd.as_fd(), &at)?;
            match status.kind {
                Kind::Symlink if follow_last || !todo.is_empty() => {
                    if passed.len() >= MOST_LINKS {
                        return Ok((WalkEnd::Loop { at }, None));
                    }
                    let target = readlinkat(&fd, "").map_err(|errno| Error::io("read the link", &at, errno))?;
                    let target = PathBuf::from(target);
                    if target.is_absolute() {
                        trail.entered.clear();
                    }
                    for step in steps(&target).rev() {
                        todo.push_front(step);
                    }
                    passed.push(Passed { link: at, target });
                }
                _ => {
                    if status.id.0 != device {
                        device = status.id.0;
                        if is_automount_point(fd.as_fd()) {
                            return Ok((WalkEnd::NotMounted { at }, None));
                        }
                    }
                    trail.entered.push((name, fd));
                }
            }
        }
        // After a `..` the last status is not that of where we stand.
        let found = trail.path(None);
        let status = status_of(trail.here(), &found)?;
        let fd = match trail.entered.pop() {
            Some((_, fd)) => Some(fd),
            None => self.dir.try_clone().ok(),
        };
        Ok((WalkEnd::Found { path: found, status }, fd))
    }
}

/// Where the remaining steps lead from a path that does not exist.
fn below(at: &RootPath, todo: &VecDeque<Step>) -> RootPath {
    todo.iter().fold(at.clone(), |path, step| match step {
        Step::Up => path.parent(),
        Step::Into(name) => path.join(name),
    })
}

fn status_of(fd: BorrowedFd<'_>, path: &RootPath) -> Result<Status> {
    let stat: FileStat = fstat(fd).map_err(|errno| Error::io("look at", path, errno))?;
    Ok(Status::of(&stat))
}

fn is_automount_point(fd: BorrowedFd<'_>) -> bool {
    fstatfs(fd).is_ok_and(|fs| fs.filesystem_type() == FsType(AUTOFS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn root() -> (tempfile::TempDir, Sysroot) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("usr/lib/modules/R")).unwrap();
        fs::create_dir_all(dir.path().join("usr/src/tree")).unwrap();
        symlink("usr/lib", dir.path().join("lib")).unwrap();
        let sysroot = Sysroot::open(dir.path()).unwrap();
        (dir, sysroot)
    }

    fn found(walk: &Walk) -> String {
        match &walk.end {
            WalkEnd::Found { path, .. } => path.as_path().display().to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn absolute_and_relative_targets_stay_inside_the_root() {
        let (dir, sysroot) = root();
        let link = dir.path().join("lib/modules/R/build");
        for target in ["/usr/src/tree", "../../../src/tree", "../../../../../../../usr/src/tree"] {
            symlink(target, &link).unwrap();
            let walk = sysroot.walk(&RootPath::new("/lib/modules/R/build"));
            assert_eq!(found(&walk), "/usr/src/tree", "{target}");
            assert_eq!(walk.passed.len(), 2, "lib and build");
            assert_eq!(walk.passed[1].link, RootPath::new("/usr/lib/modules/R/build"));
            fs::remove_file(&link).unwrap();
        }
    }

    #[test]
    fn says_where_a_path_stops_existing() {
        let (dir, sysroot) = root();
        symlink("/usr/src/gone/deep", dir.path().join("lib/modules/R/build")).unwrap();
        let walk = sysroot.walk(&RootPath::new("/lib/modules/R/build"));
        let WalkEnd::Missing { at, path } = walk.end else { panic!("{walk:?}") };
        assert_eq!(at, RootPath::new("/usr/src/gone"));
        assert_eq!(path, RootPath::new("/usr/src/gone/deep"));
    }

    #[test]
    fn a_loop_ends() {
        let (dir, sysroot) = root();
        symlink("build", dir.path().join("lib/modules/R/build")).unwrap();
        let walk = sysroot.walk(&RootPath::new("/lib/modules/R/build"));
        assert!(matches!(walk.end, WalkEnd::Loop { .. }), "{walk:?}");
        assert!(sysroot.status(&RootPath::new("/lib/modules/R/build")).is_err());
    }

    #[test]
    fn both_ways_of_resolving_agree() {
        let (dir, sysroot) = root();
        symlink("/usr/src/tree", dir.path().join("lib/modules/R/build")).unwrap();
        symlink("../../..", dir.path().join("lib/modules/R/up")).unwrap();
        fs::write(dir.path().join("usr/src/tree/Makefile"), "x").unwrap();
        for path in ["/", "/lib/modules/R/build", "/lib/modules/R/build/Makefile", "/lib/modules/R/up", "/nowhere"] {
            let path = RootPath::new(path);
            for follow in [true, false] {
                let one = sysroot.open_path(&path, follow).map(|fd| status_of(fd.as_fd(), &path).unwrap().id);
                let two = sysroot.walk_to(&path, follow).map(|fd| status_of(fd.as_fd(), &path).unwrap().id);
                assert_eq!(one.ok(), two.ok(), "{path:?} {follow}");
            }
        }
    }
}
