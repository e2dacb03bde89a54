// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a setting comes from, and what is wrong at such a place.

use std::fmt;

use crate::quote::quoted;
use crate::sysroot::RootPath;

/// The variable that lowers the mode of one run.
pub const MODE_VARIABLE: &str = "KBUILD_GUARD_MODE";

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody has said anything.
    Default,
    /// A configuration file.
    File {
        /// The file, or the directory that files are looked for in.
        path: RootPath,
        /// The line, from 1; 0 where the file as a whole is meant.
        line: usize,
    },
    /// The variable `KBUILD_GUARD_MODE`.
    Environment,
}

impl Source {
    /// A file as a whole.
    pub(super) fn whole(path: &RootPath) -> Self {
        Source::File { path: path.clone(), line: 0 }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File { path, line: 0 } => f.write_str(&quoted(path)),
            Source::File { path, line } => write!(f, "{}:{line}", quoted(path)),
            Source::Environment => f.write_str(MODE_VARIABLE),
        }
    }
}

/// A setting, and what it was before its last word was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// What is in force.
    pub value: T,
    /// Who says so.
    pub source: Source,
    /// What was said before and holds no longer, the oldest first.
    pub overridden: Vec<(T, Source)>,
}

impl<T: Default> Default for Setting<T> {
    fn default() -> Self {
        Setting { value: T::default(), source: Source::Default, overridden: Vec::new() }
    }
}

impl<T> Setting<T> {
    /// Another word, which holds from now on.
    pub(super) fn set(&mut self, value: T, source: Source) {
        let before = std::mem::replace(&mut self.value, value);
        let said_by = std::mem::replace(&mut self.source, source);
        self.overridden.push((before, said_by));
    }
}

/// Something wrong in the configuration. It stops nothing: what was in force before holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub at: Source,
    /// What is wrong, fit for a terminal.
    pub problem: String,
    /// What to do about it, fit for a terminal.
    pub advice: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.problem)
    }
}
