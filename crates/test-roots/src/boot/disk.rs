// SPDX-License-Identifier: MIT OR Apache-2.0
//! The disk of a base: an ext4 image, made once and kept beside the base's files, so that it goes with them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::bases::{Base, lock_or_wait};
use crate::capture::{Streams, capture};
use crate::error::{Error, Result};
use crate::stable_hash::fnv1a;
use crate::tools;

const SCRIPT: &str = include_str!("disk.sh");

/// Writing 1.5 GB takes a quarter of a minute.
const LIMIT: Duration = Duration::from_secs(1200);

/// The image of `base`, made now if it is not there. Nobody may write to it.
pub(super) fn of(base: &Base) -> Result<PathBuf> {
    let name = format!("disk-{:016x}", fnv1a(SCRIPT.as_bytes()));
    let image = base.directory().join(format!("{name}.ext4"));
    let _alone = lock_or_wait(&base.directory().join("disk.lock"), || {})?;
    if image.exists() {
        return Ok(image);
    }
    let half = base.directory().join(format!("{name}.half"));
    make(base, &half)?;
    std::fs::rename(&half, &image).map_err(Error::io("publish", &image))?;
    Ok(image)
}

fn make(base: &Base, image: &PathBuf) -> Result<()> {
    // mke2fs reuses what it finds, and a dead process may have left something.
    if image.exists() {
        std::fs::remove_file(image).map_err(Error::io("remove", image))?;
    }
    let mut command = Command::new(tools::UNSHARE.find()?);
    command
        .args(["--mount", "--", "sh", "-c", SCRIPT, "make-disk"])
        .arg(tools::MKFS_EXT4.find()?)
        .arg(image)
        .arg(base.place())
        .args(base.directories())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    let failed =
        |detail: String| Error::Host { command: format!("mkfs.ext4 -d {} {}", base.name(), image.display()), detail };
    let captured = capture(command, None, LIMIT, Streams::Joined, None).map_err(|error| failed(error.to_string()))?;
    match captured.code {
        Some(0) => Ok(()),
        Some(_) => Err(failed(String::from_utf8_lossy(&captured.out).into_owned())),
        None => Err(failed(format!("no end after {LIMIT:?}"))),
    }
}
