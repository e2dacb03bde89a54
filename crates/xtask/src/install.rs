// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask install`: the package onto this machine.

use std::process::Command;

use crate::{Error, dist, tools};

pub(crate) fn run() -> Result<(), Error> {
    if !tools::is_root() {
        return Err(Error::NeedsRoot { task: "install" });
    }
    let package = dist::run()?.package;
    println!("\nxtask: installing {}", package.display());
    // --reinstall: the same version may have been built anew. The sandbox's user may not read our folders.
    let options = ["install", "-y", "--reinstall", "--allow-downgrades", "-o", "APT::Sandbox::User=root", "--"];
    tools::run(tools::apt_get().args(options).arg(&package))?;
    println!();
    tools::run(Command::new("/usr/bin/kbuild-guard").arg("status"))
}
