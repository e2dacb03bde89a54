// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run at a time moves links and writes down what it moved.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::JOURNAL;
use crate::error::Result;
use crate::preserve::Refusal;
use crate::root_path::RootPath;
use crate::sysroot::{Sysroot, WalkEnd};

/// The right to move links, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock<'r> {
    root: &'r Sysroot,
    _lock: Option<Flock<OwnedFd>>,
}

impl<'r> Lock<'r> {
    /// Takes it, waiting for nobody. The journal's directory is made where it is missing.
    pub fn take(root: &'r Sysroot) -> Result<Self> {
        let path = match root.walk(&RootPath::new(JOURNAL).parent()).end {
            WalkEnd::Found { path, .. } | WalkEnd::Missing { path, .. } => path,
            WalkEnd::Unknown(error) => return Err(error),
            WalkEnd::Loop { at } | WalkEnd::NotMounted { at } => at,
        };
        let lock = match Flock::lock(root.hold_or_make(&path)?.duplicate()?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Some(lock),
            Err((_, Errno::EWOULDBLOCK)) => return Err(Refusal::LinksBusy { path }.into()),
            // A file system without locks.
            Err(_) => None,
        };
        Ok(Lock { root, _lock: lock })
    }

    /// Where the links are.
    pub fn root(&self) -> &'r Sysroot {
        self.root
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn is_held_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("data")).unwrap();
        std::os::unix::fs::symlink("data", dir.path().join("var")).unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let held = Lock::take(&root).unwrap();
        assert!(matches!(Lock::take(&root), Err(Error::Refused(Refusal::LinksBusy { .. }))));
        drop(held);
        Lock::take(&root).unwrap();
        assert!(dir.path().join("data/lib/kbuild-guard").is_dir());
    }
}
