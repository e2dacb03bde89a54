// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log of a build: everything its steps say, and its end for an error.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A log being written. It stays in the cache when the build is over.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
}

/// How many lines of it an error shows.
const TAIL_LINES: usize = 25;

impl Log {
    pub(crate) fn create(path: PathBuf) -> Result<Self> {
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        Ok(Self { path, file })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Another hand on it, for a process to write to.
    pub(crate) fn writer(&self) -> Result<File> {
        self.file.try_clone().map_err(Error::io("open", &self.path))
    }

    /// Writes a line of ours.
    pub(crate) fn note(&mut self, line: &str) {
        // A full disk shows in the build itself.
        drop(writeln!(self.file, "==== {line}"));
    }

    /// Its last lines.
    pub(crate) fn tail(&self) -> String {
        let text = std::fs::read(&self.path)
            .unwrap_or_else(|error: io::Error| format!("(the log cannot be read: {error})").into_bytes());
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        lines.get(from..).unwrap_or_default().join("\n")
    }
}
