// SPDX-License-Identifier: MIT OR Apache-2.0
//! rpmlint's judgement of the packages for rpm and their source package: an error or a warning fails. What does not apply
//! is left out, each with its reason, in rpm/rpmlint.toml.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::tools::{self, Tool};

pub(crate) const TOOL: Tool = Tool::program("rpmlint", "rpmlint");

/// Judges packages.
pub(crate) fn judge(project: &Path, packages: &[PathBuf]) -> Result<(), Error> {
    tools::run(
        Command::new("rpmlint").arg("--strict").arg("--config").arg(project.join("rpm/rpmlint.toml")).args(packages),
    )
}
