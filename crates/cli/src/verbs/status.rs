// SPDX-License-Identifier: MIT OR Apache-2.0
//! `status`: a table, a row a kernel.

use kbuild_guard::present::text;

use crate::error::Result;
use crate::exit::Exit;
use crate::output;
use crate::session::Session;

/// Shows every kernel. The table is the answer, whatever it says: the status is 0.
pub(crate) fn run(session: &Session<'_>) -> Result<Exit> {
    let mut assessments = session.assess(&[])?;
    if session.options.json {
        session.advise(&mut assessments);
        session.print_json(&assessments)?;
        return Ok(Exit::Well);
    }
    if session.options.quiet {
        return Ok(Exit::Well);
    }
    if assessments.is_empty() {
        output::print("no kernel is installed here\n")?;
        return Ok(Exit::Well);
    }
    let owners = session.owners(&assessments)?;
    output::print(&text::table(&assessments, &owners, &session.policy, output::colour(session.options.color)))?;
    if let Some(first) = assessments.iter().find(|assessment| session.is_at_fault(assessment)) {
        output::print(&format!("\nkbuild-guard explain {} tells more.\n", first.kernel.release))?;
    }
    Ok(Exit::Well)
}
