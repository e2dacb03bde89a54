// SPDX-License-Identifier: MIT OR Apache-2.0
//! A directory held open, for who looks at many files in it: their paths need not be followed each time.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstat, fstatat};

use super::read::fill;
use super::{Kind, RootPath, Status, Sysroot};
use crate::error::{Error, Result};

/// A directory of a root.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: RootPath,
    status: Status,
}

impl Sysroot {
    /// Holds a directory open, links to it followed inside the root.
    pub fn enter(&self, path: &RootPath) -> Result<Directory> {
        let fd = self.open_path(path, true)?;
        let status = Status::of(&fstat(&fd).map_err(|errno| Error::io("look at", path, errno))?);
        match status.kind {
            Kind::Directory => Ok(Directory { fd, path: path.clone(), status }),
            _ => Err(Error::NotFound { path: path.clone() }),
        }
    }
}

impl Directory {
    /// What it was itself when it was entered.
    pub fn own_status(&self) -> &Status {
        &self.status
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

    /// The whole of the regular file at this name, as long as it was found and at most `limit` bytes, in place of
    /// what is in `text`. `found` is what [`Directory::status`] said of it just now: nothing but a file is ever opened. It is
    /// not looked at again: who remembers what was read remembers it as it was found, so that another file put there
    /// meanwhile is seen to be another at the next look.
    pub fn read(&self, root: &Sysroot, name: &OsStr, found: &Status, limit: usize, text: &mut Vec<u8>) -> Result<()> {
        let path = || self.path.join(name);
        if found.kind != Kind::File {
            return Err(Error::NotRegular { path: path() });
        }
        let size = usize::try_from(found.size).ok().filter(|size| *size <= limit);
        let size = size.ok_or_else(|| Error::TooLarge { path: path(), limit })?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let file = match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            // A link, or a file that has become one.
            Err(Errno::ELOOP) => root.open_file(&path())?,
            Err(errno) => return Err(Error::io("open", &path(), errno)),
        };
        fill(file, size, text).map_err(|source| Error::Io { operation: "read", path: path(), source })
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
        let read = |name: &str, limit: usize, text: &mut Vec<u8>| {
            let found = d.status(&root, name.as_ref())?;
            d.read(&root, name.as_ref(), &found, limit, text)
        };
        read("file", 9, &mut text).unwrap();
        assert_eq!(text, b"content");
        read("link", 9, &mut text).unwrap();
        assert_eq!(text, b"other");
        assert_eq!(d.status(&root, "link".as_ref()).unwrap().size, 5);
        assert!(read("dangling", 9, &mut text).unwrap_err().is_not_found());
        for name in ["dir", "fifo"] {
            assert!(matches!(read(name, 9, &mut text), Err(Error::NotRegular { .. })));
        }
        assert!(matches!(read("file", 3, &mut text), Err(Error::TooLarge { .. })));
        // Found as one thing, and another by the time it is opened.
        let was = d.status(&root, "file".as_ref()).unwrap();
        fs::remove_file(dir.path().join("d/file")).unwrap();
        symlink("/other", dir.path().join("d/file")).unwrap();
        d.read(&root, "file".as_ref(), &was, 9, &mut text).unwrap();
        assert_eq!(text, b"other");
        fs::remove_file(dir.path().join("d/file")).unwrap();
        nix::unistd::mkfifo(&dir.path().join("d/file"), Mode::S_IRWXU).unwrap();
        // Nobody writes to it, and nobody is waited for.
        d.read(&root, "file".as_ref(), &was, 9, &mut text).unwrap();
        assert_eq!(text, b"");
        assert!(d.is_taken("dangling".as_ref()) && !d.is_taken("nothing".as_ref()));
        assert!(root.enter(&RootPath::new("/other")).unwrap_err().is_not_found());
    }
}
