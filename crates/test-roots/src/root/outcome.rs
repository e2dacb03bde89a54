// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a command in a root ended.

use crate::error::{Error, Result};

/// How a command ended, and what it said as a person sees it on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The words of the command, for messages.
    pub command: String,
    /// Exit code; 128 + n if signal n ended it.
    pub code: i32,
    /// Standard output and standard error in the order in which they were written (one pipe for both).
    pub output: String,
}

impl Outcome {
    /// Itself if the code is 0, else an error with the whole transcript.
    pub fn success(self) -> Result<Self> {
        if self.code == 0 {
            return Ok(self);
        }
        Err(Error::Failed { command: self.command, code: self.code, transcript: self.output })
    }
}

/// How a command ended, with what it said on its two streams apart.
///
/// A type of its own, so that no test looks for the absence of something on a stream that was never kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The words of the command, for messages.
    pub command: String,
    /// Exit code; 128 + n if signal n ended it.
    pub code: i32,
    /// Standard output, byte by byte.
    pub stdout_bytes: Vec<u8>,
    /// Standard output as text.
    pub stdout: String,
    /// Standard error as text.
    pub stderr: String,
}

impl Split {
    /// Itself if the code is 0, else an error with both streams.
    pub fn success(self) -> Result<Self> {
        if self.code == 0 {
            return Ok(self);
        }
        Err(Error::Failed { command: self.command, code: self.code, transcript: self.stdout + &self.stderr })
    }
}
