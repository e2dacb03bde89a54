// SPDX-License-Identifier: MIT OR Apache-2.0
//! `check`: for scripts.

use std::ffi::OsString;

use kbuild_guard::assess::State;
use kbuild_guard::present::text;

use crate::error::Result;
use crate::exit::Exit;
use crate::output;
use crate::session::Session;

/// Says what is wrong with the kernels that are named, or with all.
pub(crate) fn run(session: &Session<'_>, releases: &[OsString]) -> Result<Exit> {
    let mut assessments = session.assess(releases)?;
    if session.options.json {
        session.advise(&mut assessments);
        session.print_json(&assessments)?;
    } else if !session.options.quiet {
        session.advise(&mut assessments);
        for assessment in &assessments {
            if session.is_at_fault(assessment) {
                output::print(&text::fault(&assessment.without_ignored(&session.policy)))?;
            } else if assessment.state() == State::Unknown {
                let cause = assessment.findings.first().map(|finding| finding.cause.as_str()).unwrap_or_default();
                output::complain(&format!("kernel {}: not determined: {cause}", assessment.kernel.release));
            }
        }
    }
    Ok(session.exit(&assessments))
}
