// SPDX-License-Identifier: MIT OR Apache-2.0
//! The only door to the file system: every path is resolved inside one root, whatever the links in it
//! say, and nothing but regular files is ever opened for reading.

mod datagram;
mod directory;
mod held;
mod lasting;
mod lock;
mod make;
mod publish;
mod read;
mod replace;
mod walk;

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, SFlag, fstat};

pub use directory::Directory;
pub use held::Held;
pub use lasting::Lasting;
pub use make::Room;
pub(crate) use make::finish;
pub use read::Entry;
pub use walk::{Passed, Walk, WalkEnd};

use crate::error::{Error, Result};
pub use crate::root_path::RootPath;

/// What kind of thing stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link (only where links are not followed).
    Symlink,
    /// A FIFO, socket or device: never opened.
    Other,
}

/// What `stat` tells that we use.
#[derive(Debug, Clone, Copy)]
pub struct Status {
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
    /// Device and inode: the same pair is the same thing.
    pub id: (u64, u64),
    /// Who owns it.
    pub uid: u32,
    /// The group that owns it.
    pub gid: u32,
    /// When its content, a directory's names for one, last changed, in nanoseconds since 1970.
    pub modified: i128,
    /// When anything of it last changed.
    pub changed: i128,
}

impl Status {
    fn of(stat: &FileStat) -> Self {
        Status {
            kind: kind_of(stat.st_mode),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mode: stat.st_mode & 0o7777,
            id: (stat.st_dev, stat.st_ino),
            uid: stat.st_uid,
            gid: stat.st_gid,
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Whether anybody may execute it.
    pub fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
}

fn kind_of(mode: u32) -> Kind {
    match SFlag::from_bits_truncate(mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFDIR => Kind::Directory,
        SFlag::S_IFLNK => Kind::Symlink,
        _ => Kind::Other,
    }
}

/// A system's root directory, held open.
#[derive(Debug)]
pub struct Sysroot {
    dir: OwnedFd,
    host_path: PathBuf,
    deadline: Option<Instant>,
}

impl Sysroot {
    /// Opens a root. `host_path` is the only path that is resolved outside of one.
    pub fn open(host_path: &Path) -> Result<Self> {
        let named = || RootPath::new(std::path::absolute(host_path).unwrap_or_else(|_| host_path.to_owned()));
        let io = |source| Error::Io { operation: "open the root", path: named(), source };
        let dir = File::open(host_path).map_err(io)?;
        if !dir.metadata().map_err(io)?.is_dir() {
            return Err(io(Errno::ENOTDIR.into()));
        }
        Ok(Sysroot { dir: dir.into(), host_path: host_path.to_owned(), deadline: None })
    }

    /// After this moment every look into the root fails with [`Error::Deadline`].
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Whether the deadline, if there is one, has passed.
    pub fn is_late(&self) -> bool {
        self.check_deadline().is_err()
    }

    /// How long looking may still take; `None` if nobody is waiting.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// The path this root was opened by.
    pub fn host_path(&self) -> &Path {
        &self.host_path
    }

    /// Whether this root is the caller's own `/`.
    pub fn is_own_root(&self) -> bool {
        let own = std::fs::metadata("/").ok();
        let this = fstat(&self.dir).ok();
        match (own, this) {
            (Some(own), Some(this)) => {
                use std::os::unix::fs::MetadataExt;
                (own.dev(), own.ino()) == (this.st_dev, this.st_ino)
            }
            _ => false,
        }
    }

    /// What stands at `path`, links followed inside the root.
    pub fn status(&self, path: &RootPath) -> Result<Status> {
        self.status_of(path, true)
    }

    /// What stands at `path` itself, even if it is a link.
    pub fn link_status(&self, path: &RootPath) -> Result<Status> {
        self.status_of(path, false)
    }

    /// Whether something is there, links followed. Not knowing counts as not.
    pub fn exists(&self, path: &RootPath) -> bool {
        self.status(path).is_ok()
    }

    fn status_of(&self, path: &RootPath, follow: bool) -> Result<Status> {
        let fd = self.open_path(path, follow)?;
        let stat = fstat(&fd).map_err(|errno| Error::io("look at", path, errno))?;
        Ok(Status::of(&stat))
    }

    /// The target of the link at `path`, as it is written.
    pub fn link_target(&self, path: &RootPath) -> Result<PathBuf> {
        let fd = self.open_path(path, false)?;
        let target = nix::fcntl::readlinkat(&fd, "").map_err(|errno| Error::io("read the link", path, errno))?;
        Ok(PathBuf::from(target))
    }

    /// A handle that names `path` without opening it, resolved inside the root.
    fn open_path(&self, path: &RootPath, follow: bool) -> Result<OwnedFd> {
        self.check_deadline()?;
        let nofollow = if follow { OFlag::empty() } else { OFlag::O_NOFOLLOW };
        match self.openat2(path, OFlag::O_PATH | nofollow) {
            // Before Linux 5.6, or under an old container's seccomp filter: walk by hand.
            Err(Errno::ENOSYS | Errno::EPERM) => self.walk_to(path, follow),
            answer => answer.map_err(|errno| Error::io("look at", path, errno)),
        }
    }

    fn openat2(&self, path: &RootPath, flags: OFlag) -> nix::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        loop {
            match openat2(&self.dir, path.relative(), how) {
                // The kernel asks to try again when something was renamed meanwhile (openat2(2)).
                Err(Errno::EAGAIN | Errno::EINTR) => self.check_deadline().map_err(|_| Errno::ETIME)?,
                answer => return answer,
            }
        }
    }

    fn check_deadline(&self) -> Result<()> {
        match self.deadline {
            Some(deadline) if Instant::now() > deadline => Err(Error::Deadline),
            _ => Ok(()),
        }
    }
}

impl AsFd for Sysroot {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}
