// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing a file so that there is always either the old one or the new one.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{RootPath, Sysroot};
use crate::error::{Error, Result};

impl Sysroot {
    /// Puts `bytes` at `path`, making its directory (mode 0755) where it is missing. A reader sees
    /// the old file or the new one, never a part, and a link at `path` is replaced, not followed.
    pub fn replace(&self, path: &RootPath, bytes: &[u8]) -> Result<()> {
        let dir = self.make_dir(&path.parent())?;
        let name = path.file_name();
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(".new");
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(0o644);
        let io = |operation| move |errno| Error::io(operation, path, errno);
        let fd = match openat(&dir, temporary.as_os_str(), flags, mode) {
            // Left by one that was killed: nobody else writes here for longer than a moment.
            Err(Errno::EEXIST) => {
                unlinkat(&dir, temporary.as_os_str(), UnlinkatFlags::NoRemoveDir).map_err(io("write"))?;
                openat(&dir, temporary.as_os_str(), flags, mode)
            }
            answer => answer,
        }
        .map_err(io("write"))?;
        let written = File::from(fd)
            .write_all(bytes)
            .map_err(|source| Error::Io { operation: "write", path: path.clone(), source })
            .and_then(|()| renameat(&dir, temporary.as_os_str(), &dir, name).map_err(io("replace")));
        if written.is_err() {
            let _ = unlinkat(&dir, temporary.as_os_str(), UnlinkatFlags::NoRemoveDir);
        }
        written
    }

    /// Removes the file at `path`; fine if there is none.
    pub fn remove(&self, path: &RootPath) -> Result<()> {
        let parent = match self.open_path(&path.parent(), true) {
            Err(error) if error.is_not_found() => return Ok(()),
            answer => answer?,
        };
        match unlinkat(&parent, path.file_name(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(Error::io("remove", path, errno)),
        }
    }

    fn make_dir(&self, path: &RootPath) -> Result<OwnedFd> {
        match self.open_path(path, true) {
            Err(error) if error.is_not_found() && path.as_path().parent().is_some() => {}
            answer => return answer,
        }
        let parent = self.make_dir(&path.parent())?;
        match mkdirat(parent.as_fd(), path.file_name(), Mode::from_bits_truncate(0o755)) {
            Ok(()) | Err(Errno::EEXIST) => self.open_path(path, true),
            Err(errno) => Err(Error::io("make the directory", path, errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn replaces_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let path = RootPath::new("/var/lib/x/state");
        fs::create_dir_all(dir.path().join("var/lib/x")).unwrap();
        fs::write(dir.path().join("var/lib/x/.state.new"), "left over").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("var/lib/x/state")).unwrap();
        root.replace(&path, b"one").unwrap();
        root.replace(&path, b"two").unwrap();
        assert_eq!(root.read(&path, 9).unwrap(), b"two");
        assert_eq!(root.list(&RootPath::new("/var/lib/x"), 9).unwrap().len(), 1);
        root.remove(&path).unwrap();
        root.remove(&path).unwrap();
        assert!(!root.exists(&path));
    }
}
