// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong with a measurement, as opposed to what it may find.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A base or a throw-away root failed.
    Roots(test_roots::Error),
    /// A file of ours could not be used.
    Io {
        /// What was being done, as a verb.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A subject that nobody knows was asked for.
    NoSubject {
        /// The name given.
        asked: String,
        /// Those there are.
        known: String,
    },
    /// Nothing is left to measure.
    NoCase {
        /// The pattern that nothing fits.
        pattern: String,
    },
    /// The base has no kernel that the subject wants.
    NoKernel {
        /// The subject.
        subject: &'static str,
        /// What its base has.
        found: Vec<String>,
    },
    /// A module cannot be built or loaded without any fault, so that nothing can be learnt.
    Unsound {
        /// The subject.
        subject: &'static str,
        /// What was tried, and what came of it.
        detail: String,
    },
    /// Something that was looked for in a sound root is not there.
    Layout {
        /// The subject.
        subject: &'static str,
        /// What is missing.
        detail: String,
    },
    /// A fault could not be made.
    Fault {
        /// The case.
        case: String,
        /// What its script said.
        detail: String,
    },
    /// A program of this machine is needed.
    MissingTool {
        /// Its name.
        tool: &'static str,
        /// The command that brings it.
        install: &'static str,
    },
    /// Another run holds the results.
    Busy {
        /// The subject.
        subject: &'static str,
        /// The directory of the results.
        directory: PathBuf,
    },
}

impl Error {
    /// For `map_err`: wraps an I/O error with what was done to which path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

impl From<test_roots::Error> for Error {
    fn from(error: test_roots::Error) -> Self {
        Self::Roots(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Roots(error) => error.fmt(f),
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
            Self::NoSubject { asked, known } => write!(f, "there is no subject {asked}; there are: {known}"),
            Self::NoCase { pattern } => write!(f, "no case has '{pattern}' in its name"),
            Self::NoKernel { subject, found } => {
                write!(f, "{subject}: its base has no such kernel, only {}", found.join(", "))
            }
            Self::Unsound { subject, detail } => {
                write!(f, "{subject}: without any fault a module should build and load: {detail}")
            }
            Self::Layout { subject, detail } => write!(f, "{subject}: {detail}"),
            Self::Fault { case, detail } => write!(f, "the fault '{case}' could not be made: {detail}"),
            Self::MissingTool { tool, install } => write!(f, "{tool} is needed and is not installed: {install}"),
            Self::Busy { subject, directory } => {
                write!(f, "another run is at work with {subject} in {}: wait for its end", directory.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Roots(error) => Some(error),
            _ => None,
        }
    }
}
