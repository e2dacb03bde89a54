// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which hooks are live and who would call them: what `hooks` prints, and docs/hooks.schema.json.

use serde::Serialize;

use crate::hook::{Hook, HookState, Manager};
use crate::policy::{Mode, Setting};
use crate::present::SCHEMA;
use crate::present::layout::{command_row, row, wrapped};
use crate::present::text::{Colour, painted};

/// All of it, for people: a row a hook, then why those that are off or broken are, and how to bring
/// them back.
pub fn text(managers: &[Manager], hooks: &[Hook], mode: &Setting<Mode>, colour: Colour) -> String {
    let name_width = hooks.iter().map(|hook| hook.kind.name.len()).max().unwrap_or_default().max(4);
    let state_width = HookState::NotInstalled.as_str().len();
    let mut out = format!("{:<name_width$}  {:<state_width$}  CALLED\n", "HOOK", "STATE");
    for hook in hooks {
        let state = painted(hook.state.as_str(), code(hook.state), state_width, colour);
        let opt_in = if hook.kind.opt_in { " (opt-in)" } else { "" };
        let indent = name_width + state_width + 4;
        let called = wrapped(&format!("{}{opt_in}", hook.kind.called), indent, indent);
        out.push_str(&format!("{:<name_width$}  {state}  {called}\n", hook.kind.name));
    }
    let is_told = |hook: &&Hook| matches!(hook.state, HookState::Off | HookState::Broken) || hook.command.is_some();
    for hook in hooks.iter().filter(is_told) {
        let Some(because) = &hook.because else { continue };
        out.push_str(&format!("\n{} is {}\n", hook.kind.name, hook.state.as_str()));
        out.push_str(&row("because", because));
        if let Some(command) = &hook.command {
            out.push_str(&command_row(if hook.state == HookState::Broken { "fix" } else { "on" }, command));
        }
    }
    out.push_str(&format!("\n{}", of_managers(managers)));
    if mode.value == Mode::Off {
        let line = format!("mode is \"off\" (from {}): whatever is called says nothing.", mode.source);
        out.push_str(&format!("{}\n", wrapped(&line, 2, 0)));
    }
    out
}

fn code(state: HookState) -> &'static str {
    match state {
        HookState::Live => "32",
        HookState::Off => "33",
        HookState::NotInstalled => "2",
        HookState::Broken => "31",
    }
}

fn of_managers(managers: &[Manager]) -> String {
    let names = |supported: bool| -> Vec<&str> {
        let chosen = managers.iter().filter(|manager| manager.here && manager.supported == supported);
        chosen.map(|manager| manager.name).collect()
    };
    let mut text = match names(true).as_slice() {
        [] => "No package manager is here that calls kbuild-guard.\n".to_owned(),
        some => format!("Package managers here: {}.\n", some.join(", ")),
    };
    if let [first, rest @ ..] = names(false).as_slice() {
        let names = rest.iter().fold((*first).to_owned(), |names, name| format!("{names}, {name}"));
        text.push_str(&format!("Here, and without a hook of ours: {names}.\n"));
    }
    text
}

/// What `hooks --json` prints.
#[derive(Debug, Serialize)]
pub struct Json {
    schema: u32,
    mode: &'static str,
    managers: Vec<ManagerEntry>,
    hooks: Vec<HookEntry>,
}

#[derive(Debug, Serialize)]
struct ManagerEntry {
    name: &'static str,
    here: bool,
    supported: bool,
}

#[derive(Debug, Serialize)]
struct HookEntry {
    name: &'static str,
    state: &'static str,
    called: &'static str,
    opt_in: bool,
    registered: String,
    program: String,
    because: Option<String>,
    command: Option<String>,
}

impl Json {
    /// Of these.
    pub fn of(managers: &[Manager], hooks: &[Hook], mode: Mode) -> Self {
        let path = |path: &crate::sysroot::RootPath| path.as_path().to_string_lossy().into_owned();
        Json {
            schema: SCHEMA,
            mode: mode.as_str(),
            managers: managers
                .iter()
                .map(|Manager { name, here, supported }| ManagerEntry { name, here: *here, supported: *supported })
                .collect(),
            hooks: hooks
                .iter()
                .map(|hook| HookEntry {
                    name: hook.kind.name,
                    state: hook.state.as_str(),
                    called: hook.kind.called,
                    opt_in: hook.kind.opt_in,
                    registered: path(&hook.registered),
                    program: path(&hook.program),
                    because: hook.because.clone(),
                    command: hook.command.clone(),
                })
                .collect(),
        }
    }
}
