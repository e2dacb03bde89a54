// SPDX-License-Identifier: MIT OR Apache-2.0
//! The exit statuses, which scripts rely upon.

use std::process::ExitCode;

/// How the command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing to do; for `what-if`: it would be allowed.
    Well,
    /// There are findings; for `what-if`: it would not simply be allowed.
    Findings,
    /// The command was called wrongly. clap uses the same.
    Usage,
    /// It could not be determined. Stands above findings.
    Unknown,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Well => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
        })
    }
}
