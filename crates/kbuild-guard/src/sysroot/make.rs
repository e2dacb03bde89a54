// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making things below a directory held open: nothing that stands there is ever written through.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::stat::{Mode, fchmod, futimens, mkdirat};
use nix::sys::statvfs::fstatvfs;
use nix::sys::time::{TimeSpec, TimeValLike};
use nix::unistd::{UnlinkatFlags, fsync, symlinkat, syncfs, unlinkat};

use super::{Held, Kind, RootPath, Sysroot};
use crate::error::{Error, Result};

/// Trees are some ten directories deep; what is deeper is not ours to remove.
const DEEPEST: usize = 256;

/// Names that are removed at a time.
const AT_ONCE: usize = 10_000;

/// What a file system has left for somebody who is not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// Files; `None` where the file system does not count them.
    pub files: Option<u64>,
    /// What every file takes at least.
    pub block: u64,
}

impl Sysroot {
    /// Holds a directory as [`hold`](Self::hold) does, and makes it (mode 0755) where it is missing.
    pub fn hold_or_make(&self, path: &RootPath) -> Result<Held> {
        match self.hold(path) {
            Err(error) if error.is_not_found() && path.as_path().parent().is_some() => {
                match self.hold_or_make(&path.parent())?.make_dir(path.file_name(), 0o755) {
                    Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                        self.hold(path)
                    }
                    answer => answer,
                }
            }
            answer => answer,
        }
    }
}

impl Held {
    /// Makes a directory, which must not be there.
    pub fn make_dir(&self, name: &OsStr, mode: u32) -> Result<Held> {
        let path = self.at(name);
        mkdirat(self, name, Mode::S_IRWXU).map_err(|errno| Error::io("make the directory", &path, errno))?;
        let made = self.sub(name)?;
        made.set_mode(mode)?;
        Ok(made)
    }

    /// Sets its own permissions.
    pub fn set_mode(&self, mode: u32) -> Result<()> {
        fchmod(self, Mode::from_bits_truncate(mode)).map_err(|errno| Error::io("set the mode of", self.path(), errno))
    }

    /// Makes a file, which must not be there, for its owner alone until it is finished.
    pub fn make_file(&self, name: &OsStr) -> Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(self, name, flags, Mode::S_IRUSR | Mode::S_IWUSR);
        Ok(File::from(fd.map_err(|errno| Error::io("make", &self.at(name), errno))?))
    }

    /// Makes a link, which must not be there.
    pub fn make_link(&self, name: &OsStr, target: &Path) -> Result<()> {
        symlinkat(target, self, name).map_err(|errno| Error::io("make the link", &self.at(name), errno))
    }

    /// Puts a link in the place of whatever has this name, a directory excepted. A reader sees the old one or the new.
    pub fn replace_link(&self, name: &OsStr, target: &Path) -> Result<()> {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(".kbuild-guard");
        // Left by one that was killed.
        self.remove_file(&temporary)?;
        self.make_link(&temporary, target)?;
        let moved = renameat(self, temporary.as_os_str(), self, name)
            .map_err(|errno| Error::io("replace", &self.at(name), errno));
        if moved.is_err() {
            let _ = self.remove_file(&temporary);
        }
        moved
    }

    /// Gives what has the name `from` the name `to`, which nothing may have.
    pub fn rename_new(&self, from: &OsStr, to: &OsStr) -> Result<()> {
        let io = |errno| Error::io("make", &self.at(to), errno);
        match renameat2(self, from, self, to, RenameFlags::RENAME_NOREPLACE) {
            // A file system that cannot: whoever may write here is root.
            Err(Errno::EINVAL | Errno::ENOSYS) => match self.status(to) {
                Err(error) if error.is_not_found() => renameat(self, from, self, to).map_err(io),
                Ok(_) => Err(io(Errno::EEXIST)),
                Err(error) => Err(error),
            },
            answer => answer.map_err(io),
        }
    }

    /// Removes the file or link of this name; fine if there is none.
    pub fn remove_file(&self, name: &OsStr) -> Result<()> {
        match unlinkat(self, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(Error::io("remove", &self.at(name), errno)),
        }
    }

    /// Removes what has this name, a directory with all that is in it; fine if there is nothing.
    pub fn remove_all(&self, name: &OsStr) -> Result<()> {
        self.remove_below(name, DEEPEST)
    }

    fn remove_below(&self, name: &OsStr, depth: usize) -> Result<()> {
        match self.status(name) {
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
            Ok(status) if status.kind != Kind::Directory => return self.remove_file(name),
            Ok(_) => {}
        }
        let path = self.at(name);
        let depth = depth.checked_sub(1).ok_or_else(|| Error::io("remove", &path, Errno::ENAMETOOLONG))?;
        let inner = self.sub(name)?;
        loop {
            let entries = inner.list(AT_ONCE)?;
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                inner.remove_below(&entry.name, depth)?;
            }
        }
        unlinkat(self, name, UnlinkatFlags::RemoveDir).map_err(|errno| Error::io("remove", &path, errno))
    }

    /// Waits until everything on its file system is on the disk.
    pub fn sync_file_system(&self) -> Result<()> {
        syncfs(self).map_err(|errno| Error::io("write to the disk", self.path(), errno))
    }

    /// Waits until its names are on the disk.
    pub fn sync(&self) -> Result<()> {
        match fsync(self) {
            // Some file systems have nothing to wait for.
            Ok(()) | Err(Errno::EINVAL) => Ok(()),
            Err(errno) => Err(Error::io("write to the disk", self.path(), errno)),
        }
    }

    /// What its file system has left.
    pub fn room(&self) -> Result<Room> {
        let stat = fstatvfs(self).map_err(|errno| Error::io("look at", self.path(), errno))?;
        let block = stat.fragment_size().max(1);
        Ok(Room {
            bytes: stat.blocks_available().saturating_mul(block),
            files: (stat.files() > 0).then(|| stat.files_available()),
            block,
        })
    }
}

/// Gives a file its last permissions and the time of its content, in nanoseconds since 1970.
pub(crate) fn finish(file: &File, mode: u32, modified: i128) -> nix::Result<()> {
    let time = TimeSpec::nanoseconds(i64::try_from(modified).unwrap_or(0));
    futimens(file.as_fd(), &time, &time)?;
    fchmod(file.as_fd(), Mode::from_bits_truncate(mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn makes_replaces_and_removes_without_touching_what_links_lead_to() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("other")).unwrap();
        fs::write(at("other/kept"), "x").unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let work = root.hold_or_make(&RootPath::new("/usr/src/work")).unwrap();
        work.make_link(OsStr::new("out"), &at("other")).unwrap();
        assert!(work.make_file(OsStr::new("out")).is_err());
        assert!(work.make_dir(OsStr::new("out"), 0o755).is_err());
        work.make_dir(OsStr::new("in"), 0o755).unwrap().make_link(OsStr::new("up"), &at("other")).unwrap();

        symlink("old", at("usr/src/.build.kbuild-guard")).unwrap();
        symlink("old", at("usr/src/build")).unwrap();
        let src = root.hold(&RootPath::new("/usr/src")).unwrap();
        src.replace_link(OsStr::new("build"), Path::new("new")).unwrap();
        assert_eq!(src.link_target(OsStr::new("build")).unwrap(), Path::new("new"));

        fs::create_dir(at("usr/src/there")).unwrap();
        assert!(src.rename_new(OsStr::new("work"), OsStr::new("there")).is_err());
        src.rename_new(OsStr::new("work"), OsStr::new("done")).unwrap();
        src.remove_all(OsStr::new("done")).unwrap();
        src.remove_all(OsStr::new("done")).unwrap();
        assert_eq!(src.list(9).unwrap().len(), 2);
        assert_eq!(fs::read_to_string(at("other/kept")).unwrap(), "x");
        assert!(src.room().unwrap().bytes > 0);
    }
}
