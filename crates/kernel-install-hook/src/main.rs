// SPDX-License-Identifier: MIT OR Apache-2.0
//! systemd's kernel-install: the kernel that is being added is looked at, and what is new and wrong is said. Kernels of
//! packages come this way as well, too early: dpkg's trigger has the word on them. Always exits with 0: 77 would keep
//! kernel-install from calling the plugins behind this one, and any other status from making a boot entry.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

use hook_process::package_run::{self, PackageRun};
use hook_process::{Life, mode_word, run};
use kbuild_guard::error::Result;
use kbuild_guard::kernels::Arriving;
use kbuild_guard::release::Release;
use kbuild_guard::reply::{self, Reply};
use kbuild_guard::sysroot::{RootPath, Sysroot};

const NAME: &str = "kernel-install-hook";

fn main() -> ExitCode {
    run(NAME, check)
}

/// The arguments are `add RELEASE ENTRY-DIRECTORY IMAGE [INITRD…]`; with `remove` there is nothing to do
/// (kernel-install(8)).
fn check(life: &Life) -> Result<Reply> {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_none_or(|command| command != "add") {
        return Ok(Reply::default());
    }
    if let Some(caller) = package_run::caller() {
        let who = match caller {
            PackageRun::Dpkg => "dpkg's trigger looks at the end of the run",
            PackageRun::Rpm => "a package's kernel is not looked at in its scriptlet",
        };
        return Ok(account(who.to_owned()));
    }
    // No argument is as bad as an empty one: some caller's variable was not set.
    let release = Release::from_str(&words.next().unwrap_or_default().to_string_lossy())?;
    let arriving = words.nth(1).and_then(|image| arriving(&release, image));
    let root = Sysroot::open(Path::new("/"))?.with_deadline(life.deadline());
    let system = package_managers::system(root).with_arriving(arriving);
    let reply = reply::afterwards(&system, mode_word().as_deref(), Some(&release))?;
    match reply.text.is_empty() && is_verbose() {
        true => Ok(account(reply::account(&system, &release)?)),
        false => Ok(reply),
    }
}

/// The image. kernel-install of systemd 252 passes it as it was typed, in the caller's directory.
fn arriving(release: &Release, image: OsString) -> Option<Arriving> {
    let image = std::path::absolute(image).ok()?;
    Some(Arriving { release: release.clone(), image: RootPath::new(image) })
}

/// What was done, where somebody wants to know.
fn account(what: String) -> Reply {
    match is_verbose() {
        true => Reply { text: format!("kbuild-guard: {NAME}: {what}\n"), ..Reply::default() },
        false => Reply::default(),
    }
}

/// `kernel-install --verbose` sets this to 1, else it is 0.
fn is_verbose() -> bool {
    std::env::var_os("KERNEL_INSTALL_VERBOSE").is_some_and(|value| value == "1")
}
