// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds the packages a second time, as a distribution does: from the source package, offline, with vendored crates; and
//! in another folder, later, with another umask, time zone and locale. They have to be the same to the last byte.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Doing, Error, dist_deb, dist_rpm, tools};

/// Compares the second build with the first.
pub(crate) fn run(deb: &dist_deb::Built, rpms: &dist_rpm::Built) -> Result<(), Error> {
    let place = tools::target_dir()?.join("reproducible");
    if place.exists() {
        fs::remove_dir_all(&place).doing(|| format!("remove {}", place.display()))?;
    }
    fs::create_dir_all(&place).doing(|| format!("create {}", place.display()))?;
    let source = place.join("kbuild-guard-from-its-source-package");
    let description = tools::only_file(&deb.results, "dsc")?;
    tools::run(Command::new("dpkg-source").arg("--extract").arg(&description).arg(&source))?;
    tools::run(
        Command::new(tools::cargo())
            .args(["vendor", "--locked", "--quiet", "--versioned-dirs"])
            .current_dir(&source)
            // The configuration that makes cargo use them; debian/rules and the spec have it.
            .stdout(Stdio::null()),
    )?;
    second_deb(deb, &place, &source)?;
    second_rpms(rpms, &place, &source)?;
    fs::remove_dir_all(&place).doing(|| format!("remove {}", place.display()))
}

fn second_deb(first: &dist_deb::Built, place: &Path, source: &Path) -> Result<(), Error> {
    let mut build = dist_deb::dpkg_buildpackage(source);
    build.arg("--build=binary");
    tools::run(&mut elsewhere(&build, place))?;
    same(&first.package, &tools::only_file(place, "deb")?)
}

/// After the .deb's, and with what was compiled for that. One set is enough: the others differ in a path.
fn second_rpms(first: &dist_rpm::Built, place: &Path, source: &Path) -> Result<(), Error> {
    let results = place.join("rpm");
    let top = place.join("rpmbuild");
    fs::create_dir_all(&top).doing(|| format!("create {}", top.display()))?;
    for plugins in dist_rpm::all_places().iter().take(1) {
        tools::run(&mut elsewhere(&dist_rpm::rpmbuild_in_place(&top, &results, source, plugins), place))?;
        for package in dist_rpm::packages_in(&plugins.folder(&first.folder))? {
            same(&package, &results.join(package.file_name().unwrap_or_default()))?;
        }
    }
    Ok(())
}

/// The same command under other circumstances.
fn elsewhere(build: &Command, place: &Path) -> Command {
    let mut different = Command::new("sh");
    different.args(["-c", "umask 027; exec \"$0\" \"$@\""]).arg(build.get_program()).args(build.get_args());
    if let Some(directory) = build.get_current_dir() {
        different.current_dir(directory);
    }
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
    different
}

fn same(first: &Path, second: &Path) -> Result<(), Error> {
    let read = |path: &Path| fs::read(path).doing(|| format!("read {}", path.display()));
    if read(first)? != read(second)? {
        return Err(Error::NotReproducible { first: first.to_owned(), second: second.to_owned() });
    }
    println!("xtask: {}: a second build is the same, byte by byte", first.display());
    Ok(())
}
