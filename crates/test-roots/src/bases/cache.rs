// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where bases are kept between runs and clones, and who may touch what.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use crate::error::{Error, Result};

/// The cache's directory: outside any clone, shared by all processes of this user.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    top: PathBuf,
}

/// Variables that say where it is, each with what is put below. The first that holds an absolute path wins.
const PLACES: [(&str, &str); 3] =
    [("KBUILD_GUARD_TEST_CACHE", ""), ("XDG_CACHE_HOME", "kbuild-guard"), ("HOME", ".cache/kbuild-guard")];

impl Cache {
    /// Finds it by the environment.
    pub(crate) fn locate() -> Result<Self> {
        let place = PLACES.iter().find_map(|(variable, below)| {
            let value = PathBuf::from(std::env::var_os(variable)?);
            value.is_absolute().then(|| value.join(below))
        });
        Ok(Self { top: place.ok_or(Error::NoCacheDirectory)? })
    }

    /// One of its directories, made if need be.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf> {
        let directory = self.top.join(name);
        fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
        // Without the trailing slash that joining "" leaves: the path is compared with what /proc says.
        directory.canonicalize().map_err(Error::io("find", &directory))
    }
}

/// Locks a file, made if need be. The lock goes with the value, or with the process and those that inherited the file.
pub(crate) fn lock(path: &Path, how: FlockArg) -> Result<Flock<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(Error::io("open", path))?;
    Flock::lock(file, how).map_err(|(_, error)| Error::io("lock", path)(error.into()))
}

/// Locks a file for this value alone; tells `waiting` if that takes longer than a look into the cache does.
pub(crate) fn lock_or_wait(path: &Path, waiting: impl FnOnce()) -> Result<Flock<File>> {
    for _ in 0..20 {
        if let Ok(held) = lock(path, FlockArg::LockExclusiveNonblock) {
            return Ok(held);
        }
        thread::sleep(Duration::from_millis(10));
    }
    waiting();
    lock(path, FlockArg::LockExclusive)
}
