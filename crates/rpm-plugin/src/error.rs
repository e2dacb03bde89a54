// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why nothing was checked.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::PROGRAM;

/// An error of the plugin. `Display` is a part of one line, safe on a terminal.
#[derive(Debug)]
pub(crate) enum Error {
    /// The transaction is larger than any there is.
    TooLarge {
        /// The bound, in bytes.
        limit: usize,
    },
    /// A file without a name could not be made, written or read.
    File {
        /// What was being done, as in "write".
        operation: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The program is there and cannot be started.
    NotStarted(io::Error),
    /// It ended in no way that means something.
    Ended(ExitStatus),
    /// It ended well, and what it said is not for people.
    Garbled,
    /// Somebody else in this process has taken its exit status.
    Lost(io::Error),
    /// It did not end in time.
    NoAnswer {
        /// How long it had, in seconds.
        seconds: u64,
    },
    /// The plugin itself is wrong.
    Panicked,
}

/// The result of everything in here.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Turns the system's answer into an error, with what was being done.
    pub(crate) fn file(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Error::File { operation, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TooLarge { limit } => write!(f, "the transaction takes more than {limit} bytes to tell"),
            Error::File { operation, source } => write!(f, "cannot {operation} a file without a name: {source}"),
            Error::NotStarted(source) => write!(f, "{PROGRAM} does not start: {source}"),
            Error::Ended(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "{PROGRAM} ended with status {code}"),
                (None, Some(signal)) => write!(f, "{PROGRAM} was ended by signal {signal}"),
                (None, None) => write!(f, "{PROGRAM} ended strangely"),
            },
            Error::Garbled => write!(f, "{PROGRAM} said what cannot be shown"),
            Error::Lost(source) => write!(f, "how {PROGRAM} ended is not known: {source}"),
            Error::NoAnswer { seconds } => write!(f, "no answer from {PROGRAM} within {seconds} s"),
            Error::Panicked => f.write_str("an internal error"),
        }
    }
}

impl std::error::Error for Error {}
