// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong in the common crate, with what it went wrong on.

use std::fmt;
use std::io;

use crate::preserve::Refusal;
use crate::quote::{quoted, quoted_text};
use crate::root_path::RootPath;

/// An error of the common crate. `Display` is one line that is safe on a terminal.
#[derive(Debug)]
pub enum Error {
    /// Nothing is at this path.
    NotFound {
        /// The path inside the root.
        path: RootPath,
    },
    /// An operation of the system failed.
    Io {
        /// What was being done, as in "open".
        operation: &'static str,
        /// The path inside the root.
        path: RootPath,
        /// The system's answer.
        source: io::Error,
    },
    /// Something other than a regular file stands where a file is to be read.
    NotRegular {
        /// The path inside the root.
        path: RootPath,
    },
    /// Something other than a directory stands where one was, a link for one: those are not followed.
    NotADirectory {
        /// The path inside the root.
        path: RootPath,
    },
    /// A directory that others than root can write to: nothing is written there.
    WritableByOthers {
        /// The path inside the root.
        path: RootPath,
    },
    /// Preserving a tree was refused, with nothing changed.
    Refused(Refusal),
    /// A file is larger than anything that belongs at this path.
    TooLarge {
        /// The path inside the root.
        path: RootPath,
        /// The bound, in bytes.
        limit: usize,
    },
    /// The time given for an answer is over.
    Deadline,
    /// A text is no kernel release.
    BadRelease {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The package database could not be asked.
    PackageDb {
        /// The package manager's own account, already fit for a terminal.
        detail: String,
    },
}

impl Error {
    /// Wraps an errno.
    pub(crate) fn io(operation: &'static str, path: &RootPath, errno: nix::errno::Errno) -> Self {
        match errno {
            nix::errno::Errno::ENOENT | nix::errno::Errno::ENOTDIR => Error::NotFound { path: path.clone() },
            other => Error::Io { operation, path: path.clone(), source: other.into() },
        }
    }

    /// Whether this says that links lead in a circle: as good as nothing there.
    pub(crate) fn is_circle(&self) -> bool {
        let circle = nix::errno::Errno::ELOOP as i32;
        matches!(self, Error::Io { source, .. } if source.raw_os_error() == Some(circle))
    }

    /// Whether this says that nothing is there, as opposed to not knowing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::NotFound { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotFound { path } => write!(f, "{} does not exist", quoted(path)),
            Error::Io { operation, path, source } => {
                write!(f, "cannot {operation} {}: {}", quoted(path), words(source))
            }
            Error::NotRegular { path } => write!(f, "{} is not a regular file", quoted(path)),
            Error::NotADirectory { path } => write!(f, "{} is not a directory (links are not followed)", quoted(path)),
            Error::WritableByOthers { path } => {
                write!(f, "{} is not root's alone to write to; nothing is written there", quoted(path))
            }
            Error::Refused(refusal) => refusal.fmt(f),
            Error::TooLarge { path, limit } => write!(f, "{} is larger than {limit} bytes", quoted(path)),
            Error::Deadline => write!(f, "the time for an answer is over"),
            Error::BadRelease { text, reason } => {
                write!(f, "{} is not a kernel release: {reason}", quoted_text(text))
            }
            Error::PackageDb { detail } => write!(f, "cannot ask the package database: {detail}"),
        }
    }
}

/// The system's words without its number, which would make the line longer and tells nobody more.
fn words(source: &io::Error) -> String {
    source
        .raw_os_error()
        .map_or_else(|| source.to_string(), |number| nix::errno::Errno::from_raw(number).desc().to_owned())
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(refusal)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The common crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
