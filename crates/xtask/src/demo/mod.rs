// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask demo`: the main job, shown for real on a throw-away Debian system.

mod golden;
mod progress;
mod real;

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use progress::Progress;
use test_roots::Base;

use crate::{Doing, Error, base, tools};

/// Shows as much as this machine allows, and says what it cannot show.
pub(crate) fn run() -> Result<(), Error> {
    let package = match build() {
        Ok(package) => package,
        Err(error) => return golden::show(&format!("the package cannot be built here: {error}")),
    };
    match throw_away_base() {
        Ok(base) => real::show(&base, &package),
        Err(error) => golden::show(&format!("no throw-away system can be made here: {error}")),
    }
}

/// Builds the package as `cargo xtask dist --only deb` does, its words kept in a file.
fn build() -> Result<PathBuf, Error> {
    let log = tools::target_dir()?.join("demo-build.log");
    let file = || File::create(&log).doing(|| format!("write {}", log.display()));
    let own = std::env::current_exe().doing(|| "find this program".to_owned())?;
    let mut command = Command::new(own);
    command.args(["dist", "--only", "deb"]).stdout(file()?).stderr(file()?);
    let progress = Progress::start("building the Debian package (some minutes the first time)");
    let status = command.status().doing(|| "run cargo xtask dist".to_owned())?;
    drop(progress);
    if !status.success() {
        return Err(Error::Logged { what: "building the package", log });
    }
    let dist = tools::target_dir()?.join("dist");
    tools::only_file(&dist, "deb")
}

fn throw_away_base() -> Result<Base, Error> {
    tools::ensure(&base::TOOLS)?;
    let progress = Progress::start("a Debian 12 system with three kernels in apt's cache (a minute the first time)");
    Base::debian12(&mut |step| progress.say(step)).map_err(Error::Roots)
}
