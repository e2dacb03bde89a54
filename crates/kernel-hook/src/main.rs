// SPDX-License-Identifier: MIT OR Apache-2.0
//! `make install`, by way of /etc/kernel/postinst.d: the kernel that was just installed without a package is looked
//! at, and what is new and wrong is said. Kernels of packages come this way as well, too early: dpkg's trigger has the
//! word on them. Always exits with 0: a failing hook ends `make install`, and leaves an image package half-configured.

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use hook_process::{Life, mode_word, package_run, run};
use kbuild_guard::release::Release;
use kbuild_guard::reply::{self, Reply};
use kbuild_guard::sysroot::Sysroot;

fn main() -> ExitCode {
    run("kernel-hook", check)
}

/// The arguments are the release and the image's path (Debian Kernel Handbook, 5.4; installkernel(8)).
fn check(life: &Life) -> kbuild_guard::error::Result<Reply> {
    // The headers that belong to the image may not be there yet; the trigger looks at the end of the run.
    if package_run::caller().is_some() {
        return Ok(Reply::default());
    }
    // No argument is as bad as an empty one: some caller's variable was not set.
    let release = std::env::args_os().nth(1).unwrap_or_default();
    let release = Release::from_str(&release.to_string_lossy())?;
    let root = Sysroot::open(Path::new("/"))?.with_deadline(life.deadline());
    reply::afterwards(&package_managers::system(root), mode_word().as_deref(), Some(&release))
}
