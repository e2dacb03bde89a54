// SPDX-License-Identifier: MIT OR Apache-2.0
//! `check`: for scripts.

use std::ffi::OsString;
use std::time::Duration;

use kbuild_guard::assess::{Assessment, State};
use kbuild_guard::present::{probe as shown, text};
use kbuild_guard::probe::Probe;

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::output;
use crate::session::Session;

/// Says what is wrong with the kernels that are named, or with all. With a `probe`, which may take so long
/// for each, modules are really built.
pub(crate) fn run(session: &Session<'_>, releases: &[OsString], probe: Option<Duration>) -> Result<Exit> {
    if probe.is_some() && !session.system.root.is_own_root() {
        return Err(Error::ProbeElsewhere(session.options.root.clone()));
    }
    let mut assessments = session.assess(releases)?;
    let probes = match probe {
        Some(timeout) => probe_all(session, &mut assessments, timeout)?,
        None => Vec::new(),
    };
    if session.options.json {
        session.advise(&mut assessments);
        session.print_json_with(&assessments, &probes)?;
    } else if !session.options.quiet {
        session.advise(&mut assessments);
        for assessment in &assessments {
            if session.is_at_fault(assessment) {
                output::print(&text::fault(&assessment.without_ignored(&session.policy)))?;
            } else if assessment.state() == State::Unknown {
                let open = assessment.findings.iter().find(|finding| finding.id.is_open());
                let cause = open.map(|finding| finding.cause.as_str()).unwrap_or_default();
                output::complain(&format!("kernel {}: not determined: {cause}", assessment.kernel.release));
            }
        }
    }
    Ok(session.exit(&assessments))
}

/// Probes one kernel after the other, and says at once what each came to.
fn probe_all(session: &Session<'_>, assessments: &mut [Assessment], timeout: Duration) -> Result<Vec<Probe>> {
    let mut probes = Vec::with_capacity(assessments.len());
    for assessment in assessments {
        let probe = probe::probe(&session.system.root, assessment, timeout);
        if !session.options.json && !session.options.quiet {
            output::print(&shown::text(&assessment.kernel, &probe))?;
        }
        probe.tell(assessment);
        probes.push(probe);
    }
    Ok(probes)
}
