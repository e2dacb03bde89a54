// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory held open: what lies below is reached name by name, no link is ever followed, and nothing that
//! happens to the paths meanwhile leads anywhere else.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{Mode, fstat, fstatat};

use super::read::entries;
use super::{Entry, Kind, RootPath, Status, Sysroot};
use crate::error::{Error, Result};

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// A directory, and the path by which it was reached.
#[derive(Debug)]
pub struct Held {
    fd: OwnedFd,
    path: RootPath,
}

impl Sysroot {
    /// Holds the directory at `path`, no part of which may be a link.
    pub fn hold(&self, path: &RootPath) -> Result<Held> {
        let top = RootPath::new("/");
        let fd = openat(self.as_fd(), ".", DIRECTORY, Mode::empty()).map_err(|errno| Error::io("open", &top, errno))?;
        Held { fd, path: top }.descend(path.relative())
    }
}

impl Held {
    /// Where it was when it was opened.
    pub fn path(&self) -> &RootPath {
        &self.path
    }

    /// The path of a name in it.
    pub(super) fn at(&self, name: &OsStr) -> RootPath {
        self.path.join(name)
    }

    /// The directory of this name.
    pub fn sub(&self, name: &OsStr) -> Result<Held> {
        let path = self.at(name);
        match openat(&self.fd, name, DIRECTORY, Mode::empty()) {
            Ok(fd) => Ok(Held { fd, path }),
            Err(Errno::ENOTDIR | Errno::ELOOP) => Err(Error::NotADirectory { path }),
            Err(errno) => Err(Error::io("open", &path, errno)),
        }
    }

    /// The directory at a path below, itself for an empty one. There is no way up.
    pub fn descend(&self, below: &Path) -> Result<Held> {
        let mut held = self.again()?;
        for part in below.components() {
            held = match part {
                Component::Normal(name) => held.sub(name)?,
                Component::CurDir => held,
                _ => return Err(Error::NotFound { path: held.path.join(below) }),
            };
        }
        Ok(held)
    }

    /// A handle of its own to the same directory.
    pub(crate) fn duplicate(&self) -> Result<OwnedFd> {
        Ok(self.again()?.fd)
    }

    fn again(&self) -> Result<Held> {
        let fd = openat(&self.fd, ".", DIRECTORY, Mode::empty());
        Ok(Held { fd: fd.map_err(|errno| Error::io("open", &self.path, errno))?, path: self.path.clone() })
    }

    /// The names in it, at most `most`, in byte order.
    pub fn list(&self, most: usize) -> Result<Vec<Entry>> {
        entries(self.again()?.fd, &self.path, most)
    }

    /// What it is itself.
    pub fn own_status(&self) -> Result<Status> {
        let stat = fstat(&self.fd).map_err(|errno| Error::io("look at", &self.path, errno))?;
        Ok(Status::of(&stat))
    }

    /// What stands at a name, a link for itself.
    pub fn status(&self, name: &OsStr) -> Result<Status> {
        let stat = fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|errno| Error::io("look at", &self.at(name), errno))?;
        Ok(Status::of(&stat))
    }

    /// The target of the link of this name, as it is written.
    pub fn link_target(&self, name: &OsStr) -> Result<PathBuf> {
        let target = readlinkat(&self.fd, name).map_err(|errno| Error::io("read the link", &self.at(name), errno))?;
        Ok(PathBuf::from(target))
    }

    /// Opens the regular file of this name, and nothing else: it is looked at before it is opened.
    pub fn open_file(&self, name: &OsStr) -> Result<(File, Status)> {
        let path = self.at(name);
        let io = |errno| Error::io("open", &path, errno);
        let look = |fd: &OwnedFd| -> Result<Status> {
            let status = Status::of(&fstat(fd).map_err(|errno| Error::io("look at", &path, errno))?);
            if status.kind == Kind::File { Ok(status) } else { Err(Error::NotRegular { path: path.clone() }) }
        };
        let named = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let handle = openat(&self.fd, name, named, Mode::empty()).map_err(io)?;
        look(&handle)?;
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let by_handle = format!("/proc/self/fd/{}", handle.as_raw_fd());
        let fd = match open(by_handle.as_str(), flags, Mode::empty()) {
            // No /proc: by its name once more, and looked at once more.
            Err(Errno::ENOENT) => openat(&self.fd, name, flags | OFlag::O_NOFOLLOW, Mode::empty()),
            answer => answer,
        }
        .map_err(io)?;
        let status = look(&fd)?;
        Ok((File::from(fd), status))
    }
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_nowhere_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("tree/sub")).unwrap();
        fs::write(at("secret"), "x").unwrap();
        fs::write(at("tree/sub/file"), "abc").unwrap();
        symlink("../secret", at("tree/out")).unwrap();
        symlink("sub", at("tree/inside")).unwrap();
        symlink("tree", at("way")).unwrap();
        nix::unistd::mkfifo(&at("tree/fifo"), Mode::S_IRWXU).unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        assert!(matches!(root.hold(&RootPath::new("/way")), Err(Error::NotADirectory { .. })));
        assert!(matches!(root.hold(&RootPath::new("/way/sub")), Err(Error::NotADirectory { .. })));
        let tree = root.hold(&RootPath::new("/tree")).unwrap();
        assert!(matches!(tree.descend(Path::new("inside")), Err(Error::NotADirectory { .. })));
        assert!(matches!(tree.descend(Path::new("../tree")), Err(Error::NotFound { .. })));
        for name in ["out", "fifo", "sub", "inside"] {
            assert!(matches!(tree.open_file(OsStr::new(name)), Err(Error::NotRegular { .. })), "{name}");
        }
        let sub = tree.descend(Path::new("sub")).unwrap();
        assert_eq!(sub.open_file(OsStr::new("file")).unwrap().1.size, 3);
        // What is held stays what it was.
        fs::rename(at("tree/sub"), at("elsewhere")).unwrap();
        symlink("/", at("tree/sub")).unwrap();
        assert_eq!(sub.list(9).unwrap().len(), 1);
    }
}
