// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask dist`: the packages for Debian and for rpm, and their source packages, from one copy of the project and
//! one build.
//!
//! `target/dist/build/kbuild-guard/` is the copy, as git sees the project; `target/dist/build/` holds all that comes about,
//! `target/dist/` what is to be handed on.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use clap::ValueEnum;

use crate::dist_rpm::PluginPlace;
use crate::{Doing, Error, dist_deb, dist_rpm, lintian, project_copy, rpmlint, tools};

/// A kind of package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Debian's
    Deb,
    /// Fedora's and openSUSE's
    Rpm,
}

/// Builds the packages of one kind or of both, shows them and lets lintian and rpmlint judge them.
pub(crate) fn run(only: Option<Kind>) -> Result<(), Error> {
    if only != Some(Kind::Rpm) {
        deb_and_verdict()?;
    }
    if only != Some(Kind::Deb) {
        rpm_and_verdict()?;
    }
    Ok(())
}

/// Builds the .deb, shows it and lets lintian judge it and its source.
pub(crate) fn deb_and_verdict() -> Result<dist_deb::Built, Error> {
    tools::ensure(&[lintian::TOOL])?;
    let built = deb_built()?;
    let size = fs::metadata(&built.package).doing(|| format!("read {}", built.package.display()))?.len();
    println!("\nxtask: {} ({size} bytes) holds", built.package.display());
    tools::run(Command::new("dpkg-deb").arg("--contents").arg(&built.package))?;
    println!("\nxtask: lintian");
    lintian::judge(&tools::only_file(&built.results, "changes")?)?;
    println!("xtask: lintian has nothing to say\n\n{}", built.package.display());
    Ok(built)
}

/// Builds the .rpm packages for every place of plugins, shows them and lets rpmlint judge them and their source.
pub(crate) fn rpm_and_verdict() -> Result<dist_rpm::Built, Error> {
    tools::ensure(&[rpmlint::TOOL])?;
    let built = rpm_built(&dist_rpm::all_places())?;
    for package in &built.packages {
        println!("\nxtask: {} holds", package.display());
        tools::run(
            Command::new("rpm").args(["--query", "--nosignature", "--list", "--verbose", "--package"]).arg(package),
        )?;
    }
    println!("\nxtask: rpmlint");
    rpmlint::judge(&tools::workspace()?, &built.packages)?;
    println!("\n{}", built.folder.display());
    Ok(built)
}

/// Builds the .deb and returns its path. A second run builds only what has changed.
pub(crate) fn deb() -> Result<PathBuf, Error> {
    deb_built().map(|built| built.package)
}

/// Builds the .rpm packages for these places.
pub(crate) fn rpm_built(places: &[PluginPlace]) -> Result<dist_rpm::Built, Error> {
    tools::ensure(&dist_rpm::TOOLS)?;
    timed(|| {
        let (source, files) = copy()?;
        dist_rpm::build(&source, &files, places)
    })
}

fn deb_built() -> Result<dist_deb::Built, Error> {
    tools::ensure(&dist_deb::TOOLS)?;
    timed(|| dist_deb::build(&copy()?.0))
}

/// The copy, and the files in it.
fn copy() -> Result<(PathBuf, BTreeSet<PathBuf>), Error> {
    let source = tools::target_dir()?.join("dist/build/kbuild-guard");
    let files = project_copy::make(&tools::workspace()?, &source)?;
    Ok((source, files))
}

fn timed<T>(build: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let started = Instant::now();
    let built = build()?;
    println!("xtask: built in {:.1} s", started.elapsed().as_secs_f64());
    Ok(built)
}
