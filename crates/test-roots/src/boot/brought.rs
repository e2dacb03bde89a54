// SPDX-License-Identifier: MIT OR Apache-2.0
//! The second disk: what a guest is to run and what it needs for that, as a tape archive without a file system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::capture::{Streams, capture};
use crate::error::{Error, Result};
use crate::tools;

/// What the guest's unit runs.
const RUN: &str = include_str!("run.sh");

/// Packs `steps` and `files` into an archive below `directory`.
pub(super) fn pack(directory: &Path, token: &str, steps: &[String], files: &[PathBuf]) -> Result<PathBuf> {
    let inside = directory.join("brought");
    fs::create_dir(&inside).map_err(Error::io("create", &inside))?;
    let mut texts = vec![("run".to_owned(), RUN.to_owned()), ("token".to_owned(), format!("{token}\n"))];
    texts.extend(steps.iter().enumerate().map(|(number, step)| (format!("step-{number}"), step.clone())));
    for (name, text) in texts {
        let file = inside.join(name);
        fs::write(&file, text).map_err(Error::io("write", &file))?;
    }
    for file in files {
        let copy = inside.join(file.file_name().unwrap_or_default());
        fs::copy(file, &copy).map_err(Error::io("copy", file))?;
    }
    let archive = directory.join("brought.tar");
    let mut command = Command::new(tools::TAR.find()?);
    command.args(["-c", "--owner=0", "--group=0", "-C"]).arg(&inside).arg("-f").arg(&archive).arg(".");
    let failed = |detail: String| Error::Host { command: format!("tar -c -C {}", inside.display()), detail };
    let captured = capture(command, None, Duration::from_secs(600), Streams::Joined, None)
        .map_err(|error| failed(error.to_string()))?;
    if captured.code != Some(0) {
        return Err(failed(String::from_utf8_lossy(&captured.out).into_owned()));
    }
    Ok(archive)
}
