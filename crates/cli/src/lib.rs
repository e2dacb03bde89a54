// SPDX-License-Identifier: MIT OR Apache-2.0
//! The admin's command. One file a verb; what they share is the `Session`.

mod bar;
mod error;
mod exit;
mod options;
mod output;
mod session;
mod typed;
mod verbs;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

pub use exit::STATUSES;
pub use options::Options;
use options::Verb;
use session::Session;

/// Runs the command as it was called.
pub fn main() -> ExitCode {
    // A probe starts this program again, as what confines it.
    if let Some(exit) = probe::stage() {
        return exit;
    }
    let options = Options::parse();
    options.start_logging();
    let answer = Session::begin(&options).and_then(|session| match &options.verb {
        Verb::Status => verbs::status::run(&session),
        Verb::Check { releases, probe, probe_timeout } => {
            verbs::check::run(&session, releases, probe.then(|| Duration::from_secs(*probe_timeout)))
        }
        Verb::Explain { subject } => verbs::explain::run(&session, subject.as_deref()),
        Verb::Config => verbs::config::run(&session),
        Verb::Hooks => verbs::hooks::run(&session),
        Verb::Report { wait, clear } => verbs::report::run(&session, Duration::from_secs(*wait), *clear),
        Verb::Preserve(wish) => verbs::preserve::run(&session, wish),
        Verb::Repair(wish) => verbs::repair::run(&session, wish),
        Verb::WhatIf { change, as_live } => verbs::what_if::run(&session, change, *as_live),
    });
    match answer {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::complain(&error.to_string());
            error.exit().into()
        }
    }
}
