// SPDX-License-Identifier: MIT OR Apache-2.0
//! The place of a copy: what stands there, the directory beside it that a copy is made in, and how that becomes the copy
//! at once, whole or not at all.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::Refusal;
use super::plan::Plan;
use crate::error::{Error, Result};
use crate::machine::Users;
use crate::release::Release;
use crate::root_path::RootPath;
use crate::sysroot::{Held, Kind, Sysroot, WalkEnd, finish};

/// The file that tells a copy of ours from anybody else's directory.
const MARK: &str = ".kbuild-guard.json";

/// The format of that file.
const FORMAT: u32 = 1;

/// Files that differ from one build to the next.
const TELLING: [&str; 4] =
    ["include/generated/utsrelease.h", "include/config/auto.conf", "include/generated/autoconf.h", "Module.symvers"];

/// The largest of them: Module.symvers is 2 MB.
const LARGEST: usize = 64 << 20;

/// What is written beside a copy: what it is a copy of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    format: u32,
    release: String,
    build: String,
    source: String,
    files: u64,
    bytes: u64,
}

/// What stands where a copy is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Free,
    /// A copy of ours, of this release.
    Ours,
    /// Something else.
    Foreign(&'static str),
}

/// What stands at `target`.
pub(super) fn standing(root: &Sysroot, target: &RootPath, release: &Release) -> Result<Standing> {
    match root.link_status(target) {
        Err(error) if error.is_not_found() => return Ok(Standing::Free),
        Err(error) => return Err(error),
        Ok(status) if status.kind != Kind::Directory => return Ok(Standing::Foreign("it is not a directory")),
        Ok(_) => {}
    }
    let bytes = match root.read(&target.join(MARK), 1 << 16) {
        Err(Error::NotFound { .. } | Error::NotRegular { .. } | Error::TooLarge { .. }) => {
            return Ok(Standing::Foreign("kbuild-guard did not make it"));
        }
        answer => answer?,
    };
    Ok(match serde_json::from_slice::<Mark>(&bytes) {
        Ok(mark) if mark.format == FORMAT && mark.release == release.as_str() => Standing::Ours,
        Ok(mark) if mark.format == FORMAT => Standing::Foreign("it is a copy of another kernel's tree"),
        _ => Standing::Foreign("it was made by another version of kbuild-guard"),
    })
}

/// Whether two trees are of one build.
pub(super) fn is_same_build(root: &Sysroot, one: &RootPath, other: &RootPath) -> Result<bool> {
    for file in TELLING {
        let read = |tree: &RootPath| match root.read(&tree.join(file), LARGEST) {
            Err(Error::NotFound { .. }) => Ok(None),
            answer => answer.map(Some),
        };
        if read(one)? != read(other)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The path of the copy without any link, as far as it exists. Nobody but root may change any part of it.
pub(super) fn settle(root: &Sysroot, users: &Users, target: &RootPath) -> Result<RootPath> {
    let parent = match root.walk(&target.parent()).end {
        WalkEnd::Found { path, status } if status.kind == Kind::Directory => path,
        WalkEnd::Missing { path, .. } => path,
        WalkEnd::Unknown(error) => return Err(error),
        _ => return Err(Error::NotADirectory { path: target.parent() }),
    };
    if let Some((path, who)) = writers_above(root, users, &parent)?.into_iter().next() {
        return Err(Refusal::UnsafePlace { path, who }.into());
    }
    Ok(parent.join(target.file_name()))
}

/// Who besides root can change a path or any directory above it, from the top.
pub(super) fn writers_above(root: &Sysroot, users: &Users, path: &RootPath) -> Result<Vec<(RootPath, String)>> {
    let mut found = Vec::new();
    for above in path.as_path().ancestors().map(RootPath::new) {
        match root.link_status(&above) {
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
            Ok(status) => found.extend(users.writers(&status).into_iter().map(|who| (above.clone(), who))),
        }
    }
    found.reverse();
    Ok(found)
}

/// The directory that a copy is to be in, held by this run alone.
#[derive(Debug)]
pub(super) struct Place {
    parent: Held,
    target: RootPath,
    work: OsString,
    _lock: Option<Flock<OwnedFd>>,
}

impl Place {
    /// Takes the place of `target`, waiting for nobody.
    pub(super) fn take(root: &Sysroot, target: &RootPath) -> Result<Self> {
        let parent = root.hold_or_make(&target.parent())?;
        let path = target.parent();
        let lock = match Flock::lock(parent.duplicate()?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Some(lock),
            Err((_, Errno::EWOULDBLOCK)) => return Err(Refusal::Busy { path }.into()),
            // A file system without locks.
            Err(_) => None,
        };
        Ok(Place { parent, target: target.clone(), work: work_name(target), _lock: lock })
    }

    /// Removes what a run that was killed has left.
    pub(super) fn clean(&self) -> Result<()> {
        self.parent.remove_all(&self.work)
    }

    /// The directory that the copy is made in.
    pub(super) fn begin(&self) -> Result<Held> {
        self.parent.make_dir(&self.work, 0o700)
    }

    /// Removes what was begun, as far as that can be done.
    pub(super) fn discard(&self) {
        if let Err(error) = self.clean() {
            log::warn!("{error}");
        }
    }

    /// Makes what was begun the copy.
    pub(super) fn publish(&self, work: &Held) -> Result<()> {
        work.sync_file_system()?;
        self.parent.rename_new(&self.work, self.target.file_name())?;
        self.parent.sync()
    }

    /// The directory above, to ask what it has room for.
    pub(super) fn parent(&self) -> &Held {
        &self.parent
    }
}

/// Writes down what a copy is of.
pub(super) fn mark(work: &Held, release: &Release, trees: (&RootPath, &RootPath), plan: &Plan) -> Result<()> {
    let text = |path: &RootPath| path.as_path().to_string_lossy().into_owned();
    let mark = Mark {
        format: FORMAT,
        release: release.to_string(),
        build: text(trees.0),
        source: text(trees.1),
        files: plan.count(),
        bytes: plan.bytes(),
    };
    let path = work.path().join(MARK);
    let failed = |source| Error::Io { operation: "write", path: path.clone(), source };
    let mut bytes = serde_json::to_vec_pretty(&mark).map_err(|error| failed(error.into()))?;
    bytes.push(b'\n');
    let mut file = work.make_file(OsStr::new(MARK))?;
    file.write_all(&bytes).map_err(failed)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = i128::try_from(now.as_nanos()).unwrap_or(0);
    finish(&file, 0o644, now).map_err(|errno| failed(errno.into()))
}

fn work_name(target: &RootPath) -> OsString {
    let mut name = b".".to_vec();
    name.extend_from_slice(target.file_name().as_bytes());
    name.extend_from_slice(b".kbuild-guard");
    OsStr::from_bytes(&name).to_owned()
}
