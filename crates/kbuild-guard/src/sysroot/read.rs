// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading regular files and directories with bounds, never blocking on what only looks like a file.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fstat};

use super::{Kind, RootPath, Sysroot, kind_of};
use crate::error::{Error, Result};
use crate::quote::quoted;

/// What is set aside for a file before any of it is read.
const LARGEST_AT_ONCE: usize = 4 << 20;

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, any bytes but a slash.
    pub name: OsString,
    /// What it is, where the file system tells without a further look.
    pub kind: Option<Kind>,
}

impl Sysroot {
    /// The whole of a regular file of at most `limit` bytes.
    pub fn read(&self, path: &RootPath, limit: usize) -> Result<Vec<u8>> {
        let bytes = self.read_start(path, limit.saturating_add(1))?;
        if bytes.len() > limit {
            return Err(Error::TooLarge { path: path.clone(), limit });
        }
        Ok(bytes)
    }

    /// The first `most` bytes of a regular file, or all of a shorter one.
    pub fn read_start(&self, path: &RootPath, most: usize) -> Result<Vec<u8>> {
        let (file, size) = self.open_regular(path)?;
        let io = |source| Error::Io { operation: "read", path: path.clone(), source };
        let mut bytes = Vec::new();
        match usize::try_from(size).unwrap_or(usize::MAX).min(most) {
            // Files of /proc have no size; whatever a file says, no more is taken at once than it may have.
            0 | LARGEST_AT_ONCE.. => {
                let most = u64::try_from(most).unwrap_or(u64::MAX);
                file.take(most).read_to_end(&mut bytes).map_err(io)?;
            }
            size => fill(file, size, &mut bytes).map_err(io)?,
        }
        Ok(bytes)
    }

    /// Opens a regular file for reading, and nothing else: a FIFO would block, a device could act.
    pub(crate) fn open_file(&self, path: &RootPath) -> Result<File> {
        self.open_regular(path).map(|(file, _)| file)
    }

    /// The same with the file's size in bytes.
    fn open_regular(&self, path: &RootPath) -> Result<(File, u64)> {
        let handle = self.open_path(path, true)?;
        let size = regular_size(&handle, path)?;
        // Through /proc, so that it cannot be changed for another.
        let by_handle = format!("/proc/self/fd/{}", handle.as_raw_fd());
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        match open(by_handle.as_str(), flags, Mode::empty()) {
            // A root without /proc is opened by name a second time: look again at what that was.
            Err(Errno::ENOENT) => {
                let opened = self.openat2(path, flags | OFlag::O_NOFOLLOW);
                let fd = opened.map_err(|errno| Error::io("open", path, errno))?;
                let size = regular_size(&fd, path)?;
                Ok((File::from(fd), size))
            }
            answer => Ok((File::from(answer.map_err(|errno| Error::io("open", path, errno))?), size)),
        }
    }

    /// Opens a directory for listing. Nothing else is opened: O_DIRECTORY is looked at before the thing is.
    fn open_dir(&self, path: &RootPath) -> Result<OwnedFd> {
        let io = |errno| Error::io("list", path, errno);
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        self.check_deadline()?;
        match self.openat2(path, flags) {
            Err(Errno::ENOSYS | Errno::EPERM) => {
                let handle = self.open_path(path, true)?;
                nix::fcntl::openat(&handle, ".", flags, Mode::empty()).map_err(io)
            }
            answer => answer.map_err(io),
        }
    }

    /// The names in a directory, at most `most`, without `.` and `..`, in byte order.
    pub fn list(&self, path: &RootPath, most: usize) -> Result<Vec<Entry>> {
        entries(self.open_dir(path)?, path, most)
    }
}

/// The size of what is behind a handle, if that is a regular file.
fn regular_size(handle: &OwnedFd, path: &RootPath) -> Result<u64> {
    let stat = fstat(handle).map_err(|errno| Error::io("look at", path, errno))?;
    match kind_of(stat.st_mode) {
        Kind::File => Ok(u64::try_from(stat.st_size).unwrap_or(0)),
        _ => Err(Error::NotRegular { path: path.clone() }),
    }
}

/// The first `size` bytes of a file in place of what is in `bytes`, in one call where the system gives them so: what was
/// looked at has that size, and what is written behind its end meanwhile is not waited for.
pub(super) fn fill(mut file: File, size: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.resize(size, 0);
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(())
}

/// The names in a directory that is open, at most `most`, without `.` and `..`, in byte order.
pub(super) fn entries(fd: OwnedFd, path: &RootPath, most: usize) -> Result<Vec<Entry>> {
    let io = |errno| Error::io("list", path, errno);
    let mut dir = Dir::from_fd(fd).map_err(io)?;
    let mut entries = Vec::new();
    for entry in dir.iter() {
        let entry = entry.map_err(io)?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        if entries.len() >= most {
            log::debug!("{}: more than {most} entries, the rest is not looked at", quoted(path));
            break;
        }
        let kind = entry.file_type().map(|kind| match kind {
            Type::File => Kind::File,
            Type::Directory => Kind::Directory,
            Type::Symlink => Kind::Symlink,
            Type::Fifo | Type::CharacterDevice | Type::BlockDevice | Type::Socket => Kind::Other,
        });
        entries.push(Entry { name: OsString::from_vec(name.to_vec()), kind });
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn reads_regular_files_only() {
        let dir = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&dir.path().join("fifo"), Mode::S_IRWXU).unwrap();
        fs::create_dir(dir.path().join("dir")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join("out")).unwrap();
        fs::write(dir.path().join("file"), "content").unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        assert!(matches!(root.read(&RootPath::new("/fifo"), 9), Err(Error::NotRegular { .. })));
        assert!(matches!(root.read(&RootPath::new("/dir"), 9), Err(Error::NotRegular { .. })));
        assert!(root.read(&RootPath::new("/out"), 9).unwrap_err().is_not_found());
        assert!(matches!(root.read(&RootPath::new("/file"), 3), Err(Error::TooLarge { .. })));
        assert_eq!(root.read(&RootPath::new("/file"), 7).unwrap(), b"content");
        assert_eq!(root.read_start(&RootPath::new("/file"), 3).unwrap(), b"con");
    }

    #[test]
    fn a_deadline_in_the_past_answers_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let past = std::time::Instant::now() - std::time::Duration::from_secs(1);
        let root = Sysroot::open(dir.path()).unwrap().with_deadline(past);
        assert!(matches!(root.list(&RootPath::new("/"), 9), Err(Error::Deadline)));
    }
}
