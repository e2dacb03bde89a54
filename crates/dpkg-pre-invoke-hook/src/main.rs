// SPDX-License-Identifier: MIT OR Apache-2.0
//! dpkg's `pre-invoke`, where an admin has asked for it: before dpkg removes something on its own, says what the guard
//! says, and exits with 10 to stop dpkg, with 0 in every other case.
//!
//! Under apt and its like it is silent: they have asked the apt hook, which knows more.

use std::process::ExitCode;

use hook_process::caller::{self, Process};
use hook_process::{Life, mode_word, run};
use kbuild_guard::reply::{self, Reply};
use kbuild_guard::sysroot::Sysroot;
use package_managers::Told;
use package_managers::dpkg::Status;
use package_managers::dpkg::invocation::{Environment, Invocation};

fn main() -> ExitCode {
    run("dpkg-pre-invoke-hook", guard)
}

fn guard(life: &Life) -> kbuild_guard::error::Result<Reply> {
    let environment = environment();
    // The common case first: dpkg installs or configures, or somebody else drives it.
    if !environment.is_of_interest() || is_maintainer_script() {
        return Ok(Reply::default());
    }
    let (Some(root), Some(dpkg)) = (environment.root(), dpkg()) else { return Ok(Reply::default()) };
    let Some(invocation) = Invocation::parse(&dpkg.words) else { return Ok(Reply::default()) };
    let root = Sysroot::open(&root)?.with_deadline(life.deadline());
    let mut transaction = invocation.transaction(&environment, &Status::load(&root)?);
    transaction.driver.heed(mode_word());
    let system = package_managers::system_told(root, Told::default());
    reply::before(&system, &transaction, &dpkg.identity)
}

fn environment() -> Environment {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    Environment {
        action: variable("DPKG_HOOK_ACTION"),
        root: variable("DPKG_ROOT"),
        admin_dir: variable("DPKG_ADMINDIR"),
        force: variable("DPKG_FORCE"),
        has_front_end: std::env::var_os("DPKG_FRONTEND_LOCKED").is_some(),
    }
}

/// A package's script that calls dpkg does so in the middle of somebody's run.
fn is_maintainer_script() -> bool {
    std::env::var_os("DPKG_MAINTSCRIPT_NAME").is_some()
}

/// The dpkg that called: the shell that it starts hooks with stands between.
fn dpkg() -> Option<Process> {
    caller::above(3).into_iter().find(|process| process.program() == "dpkg")
}
