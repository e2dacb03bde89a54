// SPDX-License-Identifier: MIT OR Apache-2.0
//! The exit statuses, which scripts rely upon.

use std::process::ExitCode;

/// What each status means: for `--help` and the man page.
pub const STATUSES: [(u8, &str); 4] = [
    (0, "nothing to do, or done"),
    (1, "findings: of a kernel, of what-if, of the configuration, of a hook; what is not preserved or repaired"),
    (2, "the command was called wrongly"),
    (3, "it could not be determined; this stands above findings"),
];

/// The same in short.
pub(crate) const HELP: &str = "Exit status of check: 0 nothing to do, 1 findings, 2 wrong call, 3 could not be determined.\n\
                               'man kbuild-guard' tells more.";

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

impl Exit {
    /// The worse of two.
    pub(crate) fn or_worse(self, other: Exit) -> Exit {
        let badness = |exit: Exit| match exit {
            Exit::Well => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
        };
        if badness(other) > badness(self) { other } else { self }
    }
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
