// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Debian package and its source package, from a copy of the project.
//!
//! `target/dist/build/` holds all that dpkg-buildpackage makes, and the package alone is laid in `target/dist/`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::{self, Tool};
use crate::{Doing, Error};

/// What a build needs beyond a Rust toolchain.
pub(crate) const TOOLS: [Tool; 4] = [
    Tool::program("git", "git"),
    Tool::program("dpkg-buildpackage", "dpkg-dev"),
    Tool::program("dh", "debhelper"),
    Tool::Package("build-essential"),
];

/// What a build leaves.
const RESULTS: [&str; 5] = ["deb", "dsc", "xz", "changes", "buildinfo"];

/// Where the package lies, and what was made along with it.
pub(crate) struct Built {
    /// The .deb, alone in its folder.
    pub(crate) package: PathBuf,
    /// The folder with the source package, .changes and .buildinfo, and the .deb once more.
    pub(crate) results: PathBuf,
}

/// Builds from a copy of the project.
pub(crate) fn build(source: &Path) -> Result<Built, Error> {
    let target = tools::target_dir()?;
    let dist = target.join("dist");
    let results = dist.join("build");
    for folder in [&dist, &results] {
        for extension in RESULTS {
            for old in tools::files_in(folder, extension)? {
                fs::remove_file(&old).doing(|| format!("remove {}", old.display()))?;
            }
        }
    }

    // Source and binary. The copy is clean: nothing to clean before.
    let mut dpkg_buildpackage = dpkg_buildpackage(source);
    dpkg_buildpackage
        .args(["--build=full", "--no-pre-clean"])
        .env("CARGO_TARGET_DIR", &target)
        .env("LC_ALL", "C.UTF-8");
    tools::run(&mut dpkg_buildpackage)?;

    let package = tools::only_file(&results, "deb")?;
    let laid = dist.join(package.file_name().unwrap_or_default());
    fs::copy(&package, &laid).doing(|| format!("copy {} to {}", package.display(), laid.display()))?;
    Ok(Built { package: laid, results })
}

/// dpkg-buildpackage on a source tree, with whatever Rust toolchain is here. Tests have their own task.
pub(crate) fn dpkg_buildpackage(source: &Path) -> Command {
    let mut command = Command::new("dpkg-buildpackage");
    command
        .args(["--unsigned-source", "--unsigned-changes", "--unsigned-buildinfo"])
        .arg("--build-profiles=pkg.kbuild-guard.rustup")
        .current_dir(source)
        .env("DEB_BUILD_OPTIONS", with_word("DEB_BUILD_OPTIONS", "nocheck"));
    tools::as_if_by_hand(&mut command);
    command
}

fn with_word(variable: &str, word: &str) -> OsString {
    let mut words = env::var_os(variable).unwrap_or_default();
    if !words.is_empty() {
        words.push(" ");
    }
    words.push(word);
    words
}
