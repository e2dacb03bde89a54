// SPDX-License-Identifier: MIT OR Apache-2.0
//! `config`: every setting in force, where it comes from, and what is wrong in the files.

use kbuild_guard::policy::MODE_VARIABLE;
use kbuild_guard::present::configuration;

use crate::error::Result;
use crate::exit::Exit;
use crate::output;
use crate::session::Session;

/// Shows the configuration as a hook that was started now would find it.
pub(crate) fn run(session: &Session<'_>) -> Result<Exit> {
    let word = std::env::var_os(MODE_VARIABLE);
    let configuration = session.configuration.clone().lowered_by(word.as_deref());
    if session.options.json {
        session.print_value(&configuration::Json::of(&configuration))?;
    } else if !session.options.quiet {
        output::print(&configuration::text(&configuration))?;
    }
    Ok(if configuration.warnings.is_empty() { Exit::Well } else { Exit::Findings })
}
