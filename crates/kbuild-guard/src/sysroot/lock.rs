// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether somebody holds a lock on a file, without taking it.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::{RootPath, Sysroot};
use crate::error::{Error, Result};

impl Sysroot {
    /// Whether another process holds a lock (fcntl(2), of a process or of an open file) on the regular file at `path`.
    /// Where there is no file nobody does.
    pub fn is_locked(&self, path: &RootPath) -> Result<bool> {
        let file = match self.open_file(path) {
            Err(error) if error.is_not_found() => return Ok(false),
            answer => answer?,
        };
        let mut lock = libc::flock {
            l_type: kind(libc::F_WRLCK),
            l_whence: kind(libc::SEEK_SET),
            l_start: 0,
            // To its end, however long it gets.
            l_len: 0,
            l_pid: 0,
        };
        match fcntl(&file, FcntlArg::F_GETLK(&mut lock)) {
            Ok(_) => Ok(lock.l_type != kind(libc::F_UNLCK)),
            // A file system without locks has none.
            Err(Errno::EINVAL | Errno::ENOLCK | Errno::EOPNOTSUPP) => Ok(false),
            Err(errno) => Err(Error::io("look for locks on", path, errno)),
        }
    }
}

/// The small numbers of fcntl.h in the width that the structure has.
fn kind(number: i32) -> libc::c_short {
    libc::c_short::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn locks_of_open_files_are_seen_and_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let path = RootPath::new("/lock");
        assert!(!root.is_locked(&path).unwrap(), "there is no file");
        let file = File::create(dir.path().join("lock")).unwrap();
        assert!(!root.is_locked(&path).unwrap());
        let lock = libc::flock { l_type: kind(libc::F_WRLCK), l_whence: 0, l_start: 0, l_len: 1, l_pid: 0 };
        fcntl(&file, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
        for _ in 0..2 {
            assert!(root.is_locked(&path).unwrap());
        }
        drop(file);
        assert!(!root.is_locked(&path).unwrap());
        std::fs::create_dir(dir.path().join("dir")).unwrap();
        assert!(matches!(root.is_locked(&RootPath::new("/dir")), Err(Error::NotRegular { .. })));
    }
}
