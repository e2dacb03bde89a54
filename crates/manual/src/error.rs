// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong while the pages are made.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// An error of the generator.
#[derive(Debug)]
pub enum Error {
    /// A file could not be written.
    Write {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// clap's renderer failed, or made something that is no text.
    Render(String),
    /// SOURCE_DATE_EPOCH is set and is no number of seconds.
    Date(String),
    /// Not called as `manual DIRECTORY`.
    Usage,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Write { path, source } => write!(f, "cannot write {}: {source}", path.display()),
            Error::Render(what) => write!(f, "cannot render: {what}"),
            Error::Date(word) => write!(f, "SOURCE_DATE_EPOCH is {word:?}, which is no number of seconds"),
            Error::Usage => write!(f, "called wrongly: manual DIRECTORY"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Write { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Render(error.to_string())
    }
}

impl From<std::string::FromUtf8Error> for Error {
    fn from(error: std::string::FromUtf8Error) -> Self {
        Error::Render(error.to_string())
    }
}

/// The generator's result.
pub type Result<T> = std::result::Result<T, Error>;
