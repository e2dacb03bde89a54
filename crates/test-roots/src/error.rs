// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong with a throw-away system, told so that one reading is enough.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong with bases and roots.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A program of this machine is needed and not there.
    MissingTool {
        /// Name of the program.
        tool: &'static str,
        /// What it is needed for.
        purpose: &'static str,
        /// The command that brings it.
        install: &'static str,
    },
    /// Only root may do this.
    NotRoot,
    /// No variable says where the cache is.
    NoCacheDirectory,
    /// A file operation of ours failed.
    Io {
        /// What was being done, as a verb: "create".
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program of this machine could not be started, or failed.
    Host {
        /// Its words.
        command: String,
        /// Why, and what it said.
        detail: String,
    },
    /// The namespaces of a root could not be set up.
    Setup {
        /// What the setup said before it gave up.
        detail: String,
    },
    /// This process has no right to mount, and needs it.
    NeedsMounts {
        /// What cannot be done without, and what can be done instead.
        what: String,
    },
    /// The first process of a root has ended, and everything in the root with it.
    Gone,
    /// A command in a root ended with another code than 0 (from `success()` only).
    Failed {
        /// Its words.
        command: String,
        /// Its exit code; 128 + n if signal n ended it.
        code: i32,
        /// All that it said.
        transcript: String,
    },
    /// A command took too long and was killed, with its process group.
    TimedOut {
        /// Its words.
        command: String,
        /// The time it was given.
        after: Duration,
        /// All that it said until then.
        transcript: String,
    },
    /// A base that is to boot has no kernel or no initial ramdisk.
    NotBootable {
        /// Name of the base.
        base: &'static str,
        /// What it lacks.
        missing: PathBuf,
    },
    /// A system was booted and did not run all that it was to run.
    Boot {
        /// Its kernel.
        release: String,
        /// What the emulator said, and why it was ended if it was.
        remarks: String,
        /// The end of what kernel and init said.
        console: String,
        /// The end of what was run in there.
        report: String,
    },
    /// A base could not be built.
    Build {
        /// Name of the base.
        base: &'static str,
        /// The step that failed.
        step: &'static str,
        /// The whole story.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
}

impl Error {
    /// For `map_err`: wraps an I/O error with what was done to which path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingTool { tool, purpose, install } => {
                write!(f, "{tool} is needed {purpose} and is not installed: {install}")
            }
            Self::NotRoot => write!(f, "throw-away systems need root: run this with sudo"),
            Self::NoCacheDirectory => write!(
                f,
                "no place for the cache of test systems: set KBUILD_GUARD_TEST_CACHE, XDG_CACHE_HOME or HOME to an absolute path"
            ),
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
            Self::Host { command, detail } => write!(f, "`{command}` failed: {detail}"),
            Self::Setup { detail } => {
                write!(f, "the throw-away system could not be started: {detail}")
            }
            Self::NeedsMounts { what } => {
                write!(f, "this process has no right to mount: {what}")
            }
            Self::Gone => write!(f, "the throw-away system has ended: its first process is gone"),
            Self::Failed { command, code, transcript } => {
                write!(f, "`{command}` ended with code {code}, saying:\n{transcript}")
            }
            Self::TimedOut { command, after, transcript } => {
                write!(f, "`{command}` was killed with its process group after {after:?}, having said:\n{transcript}")
            }
            Self::NotBootable { base, missing } => {
                write!(f, "base {base} cannot be booted: it has no {}", missing.display())
            }
            Self::Boot { release, remarks, console, report } => write!(
                f,
                "the system booted with kernel {release} did not come to its end: {remarks}\n\
                 ---- the end of its console:\n{console}\n---- the end of its report:\n{report}\n----"
            ),
            Self::Build { base, step, log, tail } => write!(
                f,
                "base {base} could not be built, at '{step}'; the whole log is {}, its end:\n{tail}",
                log.display()
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
