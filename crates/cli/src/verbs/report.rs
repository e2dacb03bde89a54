// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report`: what the timer runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kbuild_guard::present::report as shown;
use kbuild_guard::report::{self, Ended, Report};
use kbuild_guard::sysroot::Sysroot;

use crate::error::Result;
use crate::exit::Exit;
use crate::output;
use crate::session::Session;

/// Looks at all kernels and tells of them, or takes back what was told.
///
/// What is found is no failure: a unit that failed would say that nobody looked.
pub(crate) fn run(session: &Session<'_>, patience: Duration, clear: bool) -> Result<Exit> {
    if clear {
        report::clear(&session.system.root)?;
        return Ok(Exit::Well);
    }
    let open = || Ok(package_managers::system(Sysroot::open(&session.options.root)?));
    match report::report(open, &session.policy, patience, now)? {
        Ended::Made(made) => tell(session, &made),
        Ended::Off => {
            say(session, "off", "mode is \"off\": nothing was looked at\n")?;
            Ok(Exit::Well)
        }
        Ended::Busy => {
            say(session, "busy", "a package manager is at work: nothing was looked at\n")?;
            Ok(Exit::Well)
        }
    }
}

fn tell(session: &Session<'_>, made: &Report) -> Result<Exit> {
    output::say(&made.said);
    if session.options.json {
        session.print_value(&shown::Status::of(&made.assessments, &made.owners, &session.policy, made.at))?;
    } else if !session.options.quiet {
        output::print(&shown::text(made))?;
    }
    for failure in &made.failures {
        output::complain(&failure.to_string());
    }
    Ok(if made.failures.is_empty() { Exit::Well } else { Exit::Unknown })
}

/// Says that nothing was found out, and why: programs are told in one word.
fn say(session: &Session<'_>, why: &str, text: &str) -> Result<()> {
    if session.options.json {
        session.print_value(&serde_json::json!({ "schema": 1, "looked": false, "why": why }))?;
    } else if !session.options.quiet {
        output::print(text)?;
    }
    Ok(())
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
