// SPDX-License-Identifier: MIT OR Apache-2.0
//! apt's `DPkg::Pre-Install-Pkgs`: reads what apt is about to do, says what the guard says, and exits
//! with 10 to stop apt, with 0 in every other case.

mod stream;

use std::path::PathBuf;
use std::process::ExitCode;

use hook_process::caller::{self, Process};
use hook_process::{Life, mode_word, run};
use kbuild_guard::reply::{self, Reply};
use kbuild_guard::sysroot::Sysroot;
use package_managers::apt::{front_end, pre_install};

fn main() -> ExitCode {
    run("apt-hook", guard)
}

fn guard(life: &Life) -> Result<Reply, Box<dyn std::error::Error>> {
    let dpkg_root = std::env::var_os("DPKG_ROOT").map(PathBuf::from);
    let typed = || front_end::typed(&caller()?.words);
    let mut request = pre_install::parse(&stream::read()?, dpkg_root.as_deref(), typed)?;
    // The common case first: nothing leaves, nothing is looked at. A root that apt's settings do not
    // agree upon is none that anything could be said about.
    let (false, Some(root)) = (request.transaction.leaving.is_empty(), request.root) else {
        return Ok(Reply::default());
    };
    request.transaction.driver.heed(mode_word());
    let root = Sysroot::open(&root)?.with_deadline(life.deadline());
    let system = package_managers::system_told(root, request.told);
    let by = caller().map(|caller| caller.identity).unwrap_or_default();
    Ok(reply::before(&system, &request.transaction, &by)?)
}

/// The process that drives apt's library: the first above that is not apt's shell.
fn caller() -> Option<Process> {
    let is_shell = |process: &Process| matches!(process.program(), "sh" | "dash" | "bash");
    caller::above(3).into_iter().find(|process| !is_shell(process))
}
