// SPDX-License-Identifier: MIT OR Apache-2.0
//! `explain`: the whole story of a kernel or of a finding.

use std::ffi::OsStr;

use kbuild_guard::checks::FindingId;
use kbuild_guard::present::{json, story};
use kbuild_guard::quote;

use crate::error::{Error, Result, text};
use crate::exit::Exit;
use crate::output;
use crate::session::Session;

/// Explains `subject`, or the running kernel.
pub(crate) fn run(session: &Session<'_>, subject: Option<&OsStr>) -> Result<Exit> {
    let subject = subject.map(text).transpose()?;
    if let Some(id) = subject.and_then(FindingId::from_code) {
        if session.options.json {
            session.print_value(&json::Explained::of(id.entry()))?;
        } else if !session.options.quiet {
            output::print(&story::of_finding(id.entry()))?;
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
    let mut assessments = session.assess(&[release.into()]).map_err(|error| match (error, subject) {
        (Error::NotInstalled(_) | Error::Common(kbuild_guard::error::Error::BadRelease { .. }), Some(text)) => {
            Error::NoSubject(quote::quoted_text(text))
        }
        (error, _) => error,
    })?;
    session.advise(&mut assessments);
    if session.options.json {
        session.print_json(&assessments)?;
    } else if !session.options.quiet {
        let owners = session.owners(&assessments)?;
        let colour = output::colour(session.options.color);
        for assessment in &assessments {
            output::print(&story::of_kernel(assessment, &owners, &session.policy, colour))?;
        }
    }
    Ok(Exit::Well)
}
