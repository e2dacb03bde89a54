// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory held open, for who looks at many files in it: their paths need not be followed each time.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstat, fstatat};

use super::{Kind, RootPath, Status, Sysroot};
use crate::error::{Error, Result};

/// A directory of a root.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: RootPath,
}

impl Sysroot {
    /// Holds a directory open, links to it followed inside the root.
    pub fn enter(&self, path: &RootPath) -> Result<Directory> {
        let fd = self.open_path(path, true)?;
        let status = Status::of(&fstat(&fd).map_err(|errno| Error::io("look at", path, errno))?);
        match status.kind {
            Kind::Directory => Ok(Directory { fd, path: path.clone() }),
            _ => Err(Error::NotFound { path: path.clone() }),
        }
    }
}

impl Directory {
    /// What it is itself.
    pub fn own_status(&self) -> Result<Status> {
        fstat(&self.fd).map(|stat| Status::of(&stat)).map_err(|errno| Error::io("look at", &self.path, errno))
    }

    /// What stands at this name, links followed inside `root`.
    pub fn status(&self, root: &Sysroot, name: &OsStr) -> Result<Status> {
        root.check_deadline()?;
        let stat = fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|errno| Error::io("look at", &self.path.join(name), errno))?;
        let status = Status::of(&stat);
        if status.kind == Kind::Symlink { root.status(&self.path.join(name)) } else { Ok(status) }
    }

    /// Whether anything stands at this name, a link that leads nowhere too.
    pub fn is_taken(&self, name: &OsStr) -> bool {
        fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
    }

    /// The whole of the regular file at this name, at most `limit` bytes, into `text`, which is emptied before.
    pub fn read(&self, root: &Sysroot, name: &OsStr, limit: usize, text: &mut Vec<u8>) -> Result<Status> {
        text.clear();
        let path = || self.path.join(name);
        let status = self.status(root, name)?;
        if status.kind != Kind::File {
            return Err(Error::NotRegular { path: path() });
        }
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let file = match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            // A link, or a file that has become one.
            Err(Errno::ELOOP) => root.open_file(&path())?,
            Err(errno) => return Err(Error::io("open", &path(), errno)),
        };
        let opened = Status::of(&fstat(&file).map_err(|errno| Error::io("look at", &path(), errno))?);
        if opened.kind != Kind::File {
            return Err(Error::NotRegular { path: path() });
        }
        let size = usize::try_from(opened.size).unwrap_or(usize::MAX);
        if size > limit {
            return Err(Error::TooLarge { path: path(), limit });
        }
        text.reserve(size);
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        let read = file.take(most).read_to_end(text);
        read.map_err(|source| Error::Io { operation: "read", path: path(), source })?;
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn reads_files_and_what_links_in_the_root_lead_to() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/file"), "content").unwrap();
        fs::write(dir.path().join("other"), "other").unwrap();
        symlink("/other", dir.path().join("d/link")).unwrap();
        symlink("/nowhere", dir.path().join("d/dangling")).unwrap();
        fs::create_dir(dir.path().join("d/dir")).unwrap();
        nix::unistd::mkfifo(&dir.path().join("d/fifo"), Mode::S_IRWXU).unwrap();
        let d = root.enter(&RootPath::new("/d")).unwrap();
        let mut text = b"old".to_vec();
        assert_eq!(d.read(&root, "file".as_ref(), 9, &mut text).unwrap().size, 7);
        assert_eq!(text, b"content");
        d.read(&root, "link".as_ref(), 9, &mut text).unwrap();
        assert_eq!(text, b"other");
        assert_eq!(d.status(&root, "link".as_ref()).unwrap().size, 5);
        assert!(d.read(&root, "dangling".as_ref(), 9, &mut text).unwrap_err().is_not_found());
        for name in ["dir", "fifo"] {
            assert!(matches!(d.read(&root, name.as_ref(), 9, &mut text), Err(Error::NotRegular { .. })));
        }
        assert!(matches!(d.read(&root, "file".as_ref(), 3, &mut text), Err(Error::TooLarge { .. })));
        assert!(d.is_taken("dangling".as_ref()) && !d.is_taken("nothing".as_ref()));
        assert!(root.enter(&RootPath::new("/other")).unwrap_err().is_not_found());
    }
}
