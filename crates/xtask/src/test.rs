// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask test`: everything CI runs, suite by suite, each with its time.

use std::process::Command;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::{Error, deny, dist, dist_rpm, man, reproducible, tools, truth};

/// So many of the files that a build reads are removed, in each subject; every structural fault comes on top.
const TRUTH_SAMPLE: usize = 30;

/// The suites, in the order they run: the quickest answer first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// Formatting and lints
    Lint,
    /// Unit, property, golden-layout and command-line tests: neither root nor network
    Unit,
    /// The man pages and completions, judged by mandoc, man and the shells
    Man,
    /// The packages, judged by lintian and rpmlint and built twice
    Package,
    /// Real package managers in throw-away roots (needs root)
    EndToEnd,
    /// A seeded part of `cargo xtask truth` (needs root)
    Truth,
    /// Licences, sources and duplicates of the dependencies, by cargo-deny
    Deny,
}

/// Runs the suites that are named, or all.
pub(crate) fn run(suites: &[Suite]) -> Result<(), Error> {
    let all = Suite::value_variants();
    let wanted: Vec<Suite> = all.iter().copied().filter(|suite| suites.is_empty() || suites.contains(suite)).collect();
    let mut times: Vec<(Suite, Duration)> = Vec::new();
    for suite in wanted {
        println!("\nxtask: suite {suite:?}");
        let started = Instant::now();
        match suite {
            Suite::Lint => lint()?,
            Suite::Unit => {
                cargo(&["test", "--locked", "--package=xtask", "--package=test-roots", "--package=truth"], true)?
            }
            Suite::Man => man::run()?,
            Suite::Package => package()?,
            Suite::EndToEnd => end_to_end()?,
            Suite::Truth => truth::run(&truth::Options::sample(TRUTH_SAMPLE))?,
            Suite::Deny => deny::run()?,
        }
        times.push((suite, started.elapsed()));
    }
    println!("\nxtask: every suite passed");
    for (suite, time) in times {
        println!("xtask: {:<10} {:>6.1} s", format!("{suite:?}"), time.as_secs_f64());
    }
    Ok(())
}

fn lint() -> Result<(), Error> {
    cargo(&["fmt", "--all", "--check"], false)?;
    cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny=warnings"], false)?;
    // Otherwise only distributions would ever compile it; it links with what is not here.
    cargo(&["clippy", "--locked", "--package=rpm-plugin", "--features=linked", "--", "--deny=warnings"], false)?;
    tools::run(
        Command::new(tools::cargo())
            .args(["doc", "--locked", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn package() -> Result<(), Error> {
    let deb = dist::deb_and_verdict()?;
    let rpms = dist::rpm_and_verdict()?;
    reproducible::run(&deb, &rpms)
}

/// Two tests at a time, on the two cores that a small machine has.
fn end_to_end() -> Result<(), Error> {
    if !tools::is_root() {
        return Err(Error::NeedsRoot { task: "test" });
    }
    tools::ensure(&[crate::base::TOOLS, crate::base::BOOT_TOOLS].concat())?;
    let deb = dist::deb()?;
    let rpms = dist::rpm_built(&dist_rpm::all_places())?.folder;
    crate::base::make_all()?;
    // What it tests needs a base and the right to mount.
    cargo(&["test", "--locked", "--package=test-roots", "--lib", "--", "--ignored"], false)?;
    let threads = std::thread::available_parallelism().map_or(2, |count| count.get().max(2)).to_string();
    tools::run(
        Command::new(tools::cargo())
            .args(["test", "--locked", "--package=end-to-end", "--no-fail-fast", "--", "--test-threads", &threads])
            .env("KBUILD_GUARD_DEB", deb)
            .env("KBUILD_GUARD_RPMS", rpms),
    )
}

/// Runs cargo; with `defaults` also on the workspace's default members.
fn cargo(arguments: &[&str], defaults: bool) -> Result<(), Error> {
    if defaults {
        tools::run(Command::new(tools::cargo()).args(["test", "--locked"]))?;
    }
    tools::run(Command::new(tools::cargo()).args(arguments))
}
