// SPDX-License-Identifier: MIT OR Apache-2.0
//! Process 1 of the namespaces: prepares them, has the module built, reads it. When it ends the kernel
//! ends whatever the build has left running, and all that was written goes with the last mount.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use kbuild_guard::kernels::Stamp;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::{NOT_CONFINED, Stage, UNREADABLE, mounts, words};
use crate::error::{Doing, Result};
use crate::order::{Built, LONGEST_TEXT, MOST_SYMBOLS, Order, Report};

/// The directory of the module, in a file system in memory.
pub(super) const WORK: &str = "kbuild-guard-probe";

const FILES: [(&str, &str); 2] = [
    ("Makefile", include_str!("../module/Makefile")),
    ("kbuild_guard_probe.c", include_str!("../module/kbuild_guard_probe.c")),
];
const MODULE: &str = "kbuild_guard_probe.ko";

/// The largest module that is read: with all debugging information it has 400 kB.
const LARGEST_MODULE: usize = 16 << 20;

/// Runs it to its report.
pub(super) fn run(order: &Order) -> Result<Report> {
    // The caller holds the other end, and nobody else.
    thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(1);
    });
    let work = mounts::prepare(order)?.join(WORK);
    lay_out(&work, order)?;
    let output = std::io::stderr().as_fd().try_clone_to_owned().doing("hand on the output")?;
    let mut build = Command::new("/proc/self/exe")
        .arg0("kbuild-guard")
        .args(words(Stage::Build, order)?)
        .env_clear()
        .current_dir(&work)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::inherit())
        .spawn()
        .doing("start make")?;
    let status = build.wait().doing("wait for make")?;
    Ok(match status.code() {
        Some(0) => Report::Ended(read(&work)),
        Some(code) if code == i32::from(UNREADABLE) => Report::Unreadable,
        Some(code) if code == i32::from(NOT_CONFINED) => Report::NotStarted,
        _ => Report::Ended(None),
    })
}

/// The module's sources, as the builder's own.
fn lay_out(work: &Path, order: &Order) -> Result<()> {
    const DOING: &str = "lay out the module";
    fs::create_dir(work).doing(DOING)?;
    let mut paths = vec![work.to_owned()];
    for (name, text) in FILES {
        let path = work.join(name);
        fs::write(&path, text).doing(DOING)?;
        paths.push(path);
    }
    // In a user namespace of one's own all is one's own already, and nobody else is known.
    if order.by_root {
        paths.iter().try_for_each(|path: &PathBuf| chown(path, Some(order.uid), Some(order.gid))).doing(DOING)?;
    }
    Ok(())
}

/// What was built; `None` if make was content and left no module, or something else in its place.
fn read(work: &Path) -> Option<Built> {
    let bytes = Sysroot::open(work).ok()?.read(&RootPath::new(MODULE), LARGEST_MODULE).ok()?;
    let stamp = Stamp::of(&bytes)?;
    let short = |text: &String| text.len() <= LONGEST_TEXT;
    let versions = stamp.versions.into_iter().filter(|(name, _)| short(name)).take(MOST_SYMBOLS).collect();
    Some(Built { vermagic: stamp.vermagic.chars().take(LONGEST_TEXT).collect(), versions })
}
