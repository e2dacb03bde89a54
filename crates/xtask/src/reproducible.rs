// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the package a second time, as a distribution does: from the source package, offline, with vendored crates; and
//! in another folder, later, with another umask, time zone and locale. It has to be the same to the last byte.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::dist::{self, Built};
use crate::{Doing, Error, tools};

/// Compares the second build with the first.
pub(crate) fn run(first: &Built) -> Result<(), Error> {
    let place = tools::target_dir()?.join("reproducible");
    if place.exists() {
        fs::remove_dir_all(&place).doing(|| format!("remove {}", place.display()))?;
    }
    fs::create_dir_all(&place).doing(|| format!("create {}", place.display()))?;
    let source = place.join("kbuild-guard-from-its-source-package");
    let description = dist::only_file(&first.results, "dsc")?;
    tools::run(Command::new("dpkg-source").arg("--extract").arg(&description).arg(&source))?;
    tools::run(
        Command::new(tools::cargo())
            .args(["vendor", "--locked", "--quiet", "--versioned-dirs"])
            .current_dir(&source)
            // The configuration that makes cargo use them; debian/rules has it.
            .stdout(Stdio::null()),
    )?;

    let build = dist::dpkg_buildpackage(&source);
    let mut different = Command::new("sh");
    different.args(["-c", "umask 027; exec \"$0\" \"$@\""]).arg(build.get_program()).args(build.get_args());
    different.arg("--build=binary").current_dir(&source);
    for (name, value) in build.get_envs() {
        match value {
            Some(value) => different.env(name, value),
            None => different.env_remove(name),
        };
    }
    different
        .env("CARGO_TARGET_DIR", place.join("built"))
        .env("CARGO_NET_OFFLINE", "true")
        .env("TZ", "Pacific/Kiritimati")
        .env("LC_ALL", "C");
    tools::run(&mut different)?;

    let second = dist::only_file(&place, "deb")?;
    let read = |path: &Path| fs::read(path).doing(|| format!("read {}", path.display()));
    if read(&first.package)? != read(&second)? {
        return Err(Error::NotReproducible { first: first.package.clone(), second });
    }
    println!("xtask: a second build from the source package is the same, byte by byte");
    fs::remove_dir_all(&place).doing(|| format!("remove {}", place.display()))
}
