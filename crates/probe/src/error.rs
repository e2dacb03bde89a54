// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why nothing could be built.

use std::fmt;
use std::io;

use nix::errno::Errno;

/// An error of a probe. `Display` is one line, not yet quoted.
#[derive(Debug)]
pub(crate) enum Error {
    /// A step of confining failed.
    Step {
        /// What was being done, as in "make namespaces".
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// A file system could not be made read-only.
    Mount {
        /// Where it is mounted.
        path: String,
        /// The system's answer.
        source: Errno,
    },
    /// Namespaces are refused.
    NoNamespaces(Errno),
    /// `/` is no mount point, as in a plain chroot.
    RootNotMounted,
    /// No directory is free for a file system in memory.
    NoPlace,
    /// The build would have run as root.
    StillRoot,
    /// One of our own processes ended without a word.
    Silent,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Step { doing, source } => write!(f, "cannot {doing}: {}", words(source)),
            Error::Mount { path, source } => write!(f, "cannot make {path} read-only: {}", source.desc()),
            Error::NoNamespaces(errno) => {
                write!(f, "the system allows no namespaces, so the network cannot be cut off: {}", errno.desc())
            }
            Error::RootNotMounted => f.write_str("/ is not a mount point: in a chroot, bind it onto itself first"),
            Error::NoPlace => f.write_str("the tree lies in every directory that could hold the work"),
            Error::StillRoot => f.write_str("root could not be given up"),
            Error::Silent => f.write_str("the build was ended by somebody else"),
        }
    }
}

impl std::error::Error for Error {}

/// The system's words without its number.
fn words(source: &io::Error) -> String {
    source.raw_os_error().map_or_else(|| source.to_string(), |number| Errno::from_raw(number).desc().to_owned())
}

/// Names the step that failed.
pub(crate) trait Doing<T> {
    /// `doing` as in "make namespaces".
    fn doing(self, doing: &'static str) -> Result<T>;
}

impl<T, E: Into<io::Error>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T> {
        self.map_err(|error| Error::Step { doing, source: error.into() })
    }
}

/// A probe's result.
pub(crate) type Result<T> = std::result::Result<T, Error>;
