// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files without a name. A pipe would do, but one that nobody reads blocks or kills who writes to it, and that is the
//! program that drives rpm.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::error::{Error, Result};

/// MFD_NOEXEC_SEAL of Linux 6.3, demanded where vm.memfd_noexec is 2.
const NOEXEC_SEAL: libc::c_uint = 0x0008;

/// A file that holds these bytes, to be read from its beginning.
pub(crate) fn holding(bytes: &[u8]) -> Result<File> {
    // A file beyond the limit is answered by a signal, which would end the program that drives rpm.
    if let Some(limit) = size_limit().filter(|limit| *limit < bytes.len()) {
        return Err(Error::TooLarge { limit });
    }
    let mut file = create().map_err(Error::file("make"))?;
    file.write_all(bytes).map_err(Error::file("write"))?;
    file.rewind().map_err(Error::file("rewind"))?;
    Ok(file)
}

/// A file to be written to by somebody else, who can write no more than so many bytes.
#[derive(Debug)]
pub(crate) struct Bounded {
    file: File,
    limit: u64,
}

impl Bounded {
    pub(crate) fn new(limit: u64) -> Result<Self> {
        let file = create().map_err(Error::file("make"))?;
        // Where it cannot be sealed (not in memory), it is at least not read beyond.
        if file.set_len(limit).is_ok() {
            // SAFETY: a call on a file that is open, with a number.
            let _ =
                unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, libc::F_SEAL_GROW | libc::F_SEAL_SHRINK) };
        }
        Ok(Self { file, limit })
    }

    /// For whoever writes: the position is shared with copies of it.
    pub(crate) fn writer(&self) -> &File {
        &self.file
    }

    /// What was written: up to the position that writers have left.
    pub(crate) fn written(mut self) -> Result<Vec<u8>> {
        let end = self.file.stream_position().map_err(Error::file("read"))?.min(self.limit);
        self.file.rewind().map_err(Error::file("read"))?;
        let mut written = Vec::new();
        self.file.take(end).read_to_end(&mut written).map_err(Error::file("read"))?;
        Ok(written)
    }
}

/// None of those that may be made survives an exec.
fn create() -> io::Result<File> {
    in_memory(libc::MFD_CLOEXEC | NOEXEC_SEAL)
        .or_else(|_| in_memory(libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING))
        .or_else(|_| on_disk("/run"))
        .or_else(|_| on_disk("/var/tmp"))
}

fn in_memory(flags: libc::c_uint) -> io::Result<File> {
    // SAFETY: the name is a C string.
    let file = unsafe { libc::memfd_create(c"kbuild-guard".as_ptr(), flags) };
    if file < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system has just given it to us, and nobody else knows of it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(file) }))
}

fn on_disk(directory: &str) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(directory)
}

/// How large a file this process may write; `None` for as large as can be.
fn size_limit() -> Option<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the system writes a whole rlimit where one is.
    let answer = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    // Infinity is the largest number there is.
    usize::try_from(limit.rlim_cur).ok().filter(|_| answer == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_read_from_the_beginning() {
        for make in [create, || in_memory(libc::MFD_CLOEXEC), || on_disk("/var/tmp")] {
            let mut file = match make() {
                // An overlay before Linux 6.1 has no files without a name.
                Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => continue,
                file => file.unwrap(),
            };
            file.write_all(b"abc").unwrap();
            file.rewind().unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, "abc");
        }
        let mut text = String::new();
        holding(b"abc").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
    }

    #[test]
    fn a_writer_ends_at_the_bound() {
        let bounded = Bounded::new(4).unwrap();
        let mut writer = bounded.writer();
        writer.write_all(b"abc").unwrap();
        assert!(writer.write_all(b"def").is_err());
        assert_eq!(bounded.written().unwrap(), b"abc");
        assert_eq!(Bounded::new(4).unwrap().written().unwrap(), b"");
    }
}
