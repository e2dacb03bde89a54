// SPDX-License-Identifier: MIT OR Apache-2.0
//! dpkg's triggers, by way of our own postinst: at the end of a run every kernel is looked at, and what
//! is new and wrong is said. Always exits with 0: a failing trigger would leave our package half-configured.

use std::path::PathBuf;
use std::process::ExitCode;

use hook_process::{Life, mode_word, run};
use kbuild_guard::reply::{self, Reply};
use kbuild_guard::sysroot::Sysroot;

fn main() -> ExitCode {
    run("dpkg-trigger-hook", check)
}

/// dpkg names the triggers and never the packages, so that its arguments tell nothing.
fn check(life: &Life) -> kbuild_guard::error::Result<Reply> {
    let root = std::env::var_os("DPKG_ROOT").filter(|root| !root.is_empty()).unwrap_or_else(|| "/".into());
    let root = Sysroot::open(&PathBuf::from(root))?.with_deadline(life.deadline());
    reply::afterwards(&package_managers::system(root), mode_word().as_deref(), None)
}
