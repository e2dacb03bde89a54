// SPDX-License-Identifier: MIT OR Apache-2.0
//! cargo-deny: licences, sources and duplicates of everything we depend on. It is built once, into the cache.

use std::path::PathBuf;
use std::process::Command;

use crate::{Error, tools};

/// The version whose answers we know.
const VERSION: &str = "0.20.2";

/// Runs cargo-deny, installing it first where it is missing.
///
/// Advisories are left out: their database is fetched from a network of its own, and what it says changes from day
/// to day. `cargo deny check advisories` is for a person with that network.
pub(crate) fn run() -> Result<(), Error> {
    let cache = cache();
    let program = cache.join("bin/cargo-deny");
    if !program.exists() {
        println!("xtask: building cargo-deny {VERSION} (some minutes, once)");
        tools::run(
            Command::new(tools::cargo())
                .args(["install", "--locked", "--quiet", "--no-default-features", "--version", VERSION, "--root"])
                .arg(&cache)
                .arg("cargo-deny"),
        )?;
    }
    tools::run(Command::new(program).args(["--offline", "--locked", "check", "bans", "licenses", "sources"]))
}

/// Where it is kept, outside of the clone.
fn cache() -> PathBuf {
    let below_home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(below_home)
        .unwrap_or_else(std::env::temp_dir)
        .join("kbuild-guard")
        .join(format!("cargo-deny-{VERSION}"))
}
