// SPDX-License-Identifier: MIT OR Apache-2.0
//! `explain`: the whole story of a kernel or of a finding.

use kbuild_guard::checks::FindingId;
use kbuild_guard::present::{json, text};
use kbuild_guard::quote;

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::output;
use crate::session::Session;

/// Explains `subject`, or the running kernel.
pub(crate) fn run(session: &Session<'_>, subject: Option<&str>) -> Result<Exit> {
    if let Some(id) = subject.and_then(FindingId::from_code) {
        match session.options.json {
            true => session.print_value(&json::Explained::of(id.entry()))?,
            false => output::print(&text::entry(id.entry()))?,
        }
        return Ok(Exit::Well);
    }
    let release = match subject {
        Some(text) => text.to_owned(),
        None => {
            let running = session.system.installed()?.into_iter().find(|kernel| kernel.running);
            running.ok_or(Error::NoRunning)?.release.to_string()
        }
    };
    let mut assessments = session.assess(&[release]).map_err(|error| match (error, subject) {
        (Error::NotInstalled(_) | Error::Common(kbuild_guard::error::Error::BadRelease { .. }), Some(text)) => {
            Error::NoSubject(quote::quoted_text(text))
        }
        (error, _) => error,
    })?;
    session.advise(&mut assessments);
    if session.options.json {
        session.print_json(&assessments)?;
    } else {
        let owners = session.owners(&assessments)?;
        for assessment in &assessments {
            output::print(&text::story(assessment, &owners, &session.policy))?;
        }
    }
    Ok(Exit::Well)
}
