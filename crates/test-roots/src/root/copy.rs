// SPDX-License-Identifier: MIT OR Apache-2.0
//! Copies of a base, for where nothing can be mounted.

use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bases::{Base, Cache, Layer};
use crate::capture::{Streams, capture};
use crate::error::{Error, Result};
use crate::tools;

/// A copy of a base, removed when dropped, with the processes that still run in it.
#[derive(Debug)]
pub(super) struct Copied {
    directory: PathBuf,
    /// Says to others that we live; its file is beside the directory.
    lock: Flock<File>,
}

const LOCK_SUFFIX: &str = "lock";

impl Copied {
    /// Copies a base into the cache, where it can share blocks with it, and removes what dead processes left there.
    pub(super) fn make(base: &Base, release: Option<&str>) -> Result<Self> {
        let copies = Cache::locate()?.directory("copies")?;
        let copied = {
            let _alone = lock(&copies.join("all.lock"), FlockArg::LockExclusive)?;
            sweep(&copies);
            let directory = tempfile::Builder::new()
                .prefix("copy-")
                .tempdir_in(&copies)
                .map_err(Error::io("create a directory in", &copies))?
                .keep();
            let lock = lock(&directory.with_extension(LOCK_SUFFIX), FlockArg::LockExclusive)?;
            Self { directory, lock }
        };
        assemble(base.layers(), &copied.directory)?;
        copied.pretend(release)?;
        Ok(copied)
    }

    pub(super) fn path(&self) -> &Path {
        &self.directory
    }

    /// What the mounts of a live root bring, as far as plain files can.
    fn pretend(&self, release: Option<&str>) -> Result<()> {
        if let Some(release) = release {
            let file = self.directory.join("proc/sys/kernel/osrelease");
            if let Some(parent) = file.parent() {
                fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
            }
            fs::write(&file, format!("{release}\n")).map_err(Error::io("write", &file))?;
        }
        if let Ok(resolvers) = fs::read("/etc/resolv.conf") {
            let file = self.directory.join("etc/resolv.conf");
            // It may be a link, and must not lead out.
            drop(fs::remove_file(&file));
            fs::write(&file, resolvers).map_err(Error::io("write", &file))?;
        }
        Ok(())
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        clear(&self.directory);
        drop(fs::remove_file(self.directory.with_extension(LOCK_SUFFIX)));
        // The lock itself goes with its field, last.
        let _ = &self.lock;
    }
}

/// Puts the layers (topmost first) of a base into one directory, which is there and empty.
pub(crate) fn assemble(layers: &[Layer], directory: &Path) -> Result<()> {
    for layer in layers.iter().rev() {
        remove_hidden(layer, directory, |_| true)?;
        copy(&layer.root, directory)?;
        // The layer's own marks of what it removed, as overlay makes them, were copied as well.
        remove_hidden(layer, directory, |meta| meta.file_type().is_char_device() && meta.rdev() == 0)?;
    }
    Ok(())
}

/// Removes what a layer says is not there any more.
fn remove_hidden(layer: &Layer, directory: &Path, which: fn(&Metadata) -> bool) -> Result<()> {
    for path in &layer.hidden {
        let target = directory.join(path);
        let Some(meta) = target.symlink_metadata().ok().filter(which) else {
            continue;
        };
        if meta.is_dir() { fs::remove_dir_all(&target) } else { fs::remove_file(&target) }
            .map_err(Error::io("remove", &target))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut command = Command::new(tools::CP.find()?);
    command
        .args(["-a", "--reflink=auto", "--no-target-directory"])
        // A link of a lower layer is replaced, not written through.
        .args(["--remove-destination", "--"])
        .arg(from)
        .arg(to)
        .env("LC_ALL", "C");
    let failed = |detail: String| Error::Host { command: format!("cp -a {} {}", from.display(), to.display()), detail };
    let limit = Duration::from_secs(1800);
    let captured = capture(command, None, limit, Streams::Joined, None).map_err(|error| failed(error.to_string()))?;
    if captured.code != Some(0) {
        return Err(failed(String::from_utf8_lossy(&captured.out).into_owned()));
    }
    Ok(())
}

/// Removes the copies whose owners are dead.
fn sweep(copies: &Path) {
    let Ok(entries) = fs::read_dir(copies) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().as_bytes();
        if !path.is_dir() || !name.starts_with(b"copy-") {
            continue;
        }
        let mark = path.with_extension(LOCK_SUFFIX);
        if let Ok(_dead) = lock(&mark, FlockArg::LockExclusiveNonblock) {
            clear(&path);
            drop(fs::remove_file(&mark));
        }
    }
}

/// Ends what still runs in a copy, and removes it. What cannot be removed now is for the next sweep.
fn clear(directory: &Path) {
    kill_inside(directory);
    if fs::remove_dir_all(directory).is_err() {
        kill_inside(directory);
        drop(fs::remove_dir_all(directory));
    }
}

/// Kills the processes whose root is the copy: without a pid namespace nobody else does.
fn kill_inside(directory: &Path) {
    let Ok(processes) = fs::read_dir("/proc") else {
        return;
    };
    for process in processes.flatten() {
        let number = process.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(number) = number else { continue };
        if fs::read_link(process.path().join("root")).is_ok_and(|root| root == directory) {
            let _ = kill(Pid::from_raw(number), Signal::SIGKILL);
        }
    }
}

fn lock(path: &Path, how: FlockArg) -> Result<Flock<File>> {
    crate::bases::lock(path, how)
}
