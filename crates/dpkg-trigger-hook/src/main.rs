// SPDX-License-Identifier: MIT OR Apache-2.0
//! dpkg's triggers, by way of our own postinst: at the end of a run every kernel is looked at, and what
//! is new and wrong is said. Always exits with 0: a failing trigger would leave our package half-configured.

use std::path::PathBuf;
use std::process::ExitCode;

use hook_process::{Answer, Life, mode_word, run, say};
use kbuild_guard::policy;
use kbuild_guard::present::{configuration, text};
use kbuild_guard::sysroot::Sysroot;
use kbuild_guard::verify::verify;

fn main() -> ExitCode {
    run("dpkg-trigger-hook", check)
}

/// dpkg names the triggers and never the packages, so that its arguments tell nothing.
fn check(life: &Life) -> kbuild_guard::error::Result<Answer> {
    let root = std::env::var_os("DPKG_ROOT").filter(|root| !root.is_empty()).unwrap_or_else(|| "/".into());
    let root = Sysroot::open(&PathBuf::from(root))?.with_deadline(life.deadline());
    let (mut policy, warnings) = policy::load(&root);
    match policy::override_mode(mode_word().as_deref()) {
        Ok(mode) => policy.mode = policy.mode_in(mode),
        Err(line) => say(&line),
    }
    let news = verify(&package_managers::system(root), &policy)?;
    for warning in &warnings {
        say(&configuration::warning(warning));
    }
    for assessment in &news {
        say(&text::fault(assessment));
    }
    Ok(Answer::GoOn)
}
