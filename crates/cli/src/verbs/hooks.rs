// SPDX-License-Identifier: MIT OR Apache-2.0
//! `hooks`: which hooks are live in this root, and who would call them.

use kbuild_guard::hook::HookState;
use kbuild_guard::policy::MODE_VARIABLE;
use kbuild_guard::present::hooks;

use crate::error::Result;
use crate::exit::Exit;
use crate::output;
use crate::session::Session;

/// Shows every hook. One that is broken is a finding; one that is off is the admin's choice.
pub(crate) fn run(session: &Session<'_>) -> Result<Exit> {
    let root = &session.system.root;
    let (managers, all) = (package_managers::managers(root), package_managers::hooks(root));
    let word = std::env::var_os(MODE_VARIABLE);
    let mode = session.configuration.clone().lowered_by(word.as_deref()).mode;
    if session.options.json {
        session.print_value(&hooks::Json::of(&managers, &all, mode.value))?;
    } else if !session.options.quiet {
        let colour = output::colour(session.options.color);
        output::print(&hooks::text(&managers, &all, &mode, colour))?;
    }
    Ok(if all.iter().any(|hook| hook.state == HookState::Broken) { Exit::Findings } else { Exit::Well })
}
