// SPDX-License-Identifier: MIT OR Apache-2.0
//! lintian's judgement of the package and its source: an error or a warning fails. What does not apply is overridden,
//! each with its reason, in debian/kbuild-guard.lintian-overrides and debian/source/lintian-overrides.

use std::path::Path;
use std::process::Command;

use crate::Error;
use crate::tools::{self, Tool};

pub(crate) const TOOL: Tool = Tool::program("lintian", "lintian");

/// Judges everything that a .changes file names.
pub(crate) fn judge(changes: &Path) -> Result<(), Error> {
    tools::run(
        Command::new("lintian")
            .args(["--allow-root", "--tag-display-limit=0", "--display-info", "--pedantic", "--fail-on=error,warning"])
            .arg(changes),
    )
}
