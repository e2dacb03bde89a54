// SPDX-License-Identifier: MIT OR Apache-2.0
//! `make install`, by way of /etc/kernel/postinst.d: the kernel that was just installed without a package is looked
//! at, and what is new and wrong is said. Kernels of packages come this way as well, too early: dpkg's trigger has the
//! word on them. Always exits with 0: a failing hook ends `make install`, and leaves an image package half-configured.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use hook_process::{Life, mode_word, run};
use kbuild_guard::release::Release;
use kbuild_guard::reply::{self, Reply};
use kbuild_guard::sysroot::Sysroot;

fn main() -> ExitCode {
    run("kernel-hook", check)
}

/// The arguments are the release and the image's path (Debian Kernel Handbook, 5.4; installkernel(8)).
fn check(life: &Life) -> kbuild_guard::error::Result<Reply> {
    if is_in_package_run(std::env::var_os) {
        return Ok(Reply::default());
    }
    // No argument is as bad as an empty one: some caller's variable was not set.
    let release = std::env::args_os().nth(1).unwrap_or_default();
    let release = Release::from_str(&release.to_string_lossy())?;
    let root = Sysroot::open(Path::new("/"))?.with_deadline(life.deadline());
    reply::afterwards(&package_managers::system(root), mode_word().as_deref(), Some(&release))
}

/// Whether a maintainer script called: dpkg sets the one variable for each (dpkg(1)), kernel packages the other for
/// their hooks. The headers that belong to the image may not be there yet; the trigger looks at the end of the run.
fn is_in_package_run(variable: impl Fn(&'static str) -> Option<OsString>) -> bool {
    ["DPKG_MAINTSCRIPT_NAME", "DEB_MAINT_PARAMS"]
        .into_iter()
        .any(|name| variable(name).is_some_and(|value| value != OsStr::new("")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_variable_tells_a_maintainer_script() {
        let with = |set: &'static str, value: &'static str| {
            is_in_package_run(move |name| (name == set).then(|| OsString::from(value)))
        };
        assert!(with("DPKG_MAINTSCRIPT_NAME", "postinst"));
        assert!(with("DEB_MAINT_PARAMS", "configure"));
        assert!(!with("DEB_MAINT_PARAMS", ""));
        assert!(!with("HOME", "/root"));
    }
}
