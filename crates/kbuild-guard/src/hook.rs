// SPDX-License-Identifier: MIT OR Apache-2.0
//! A place where somebody calls us, as the admin sees it: plain data that the package managers' crate fills.

use crate::sysroot::RootPath;

/// Whether a hook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookState {
    /// It is called, and what it calls is there.
    Live,
    /// The admin has switched it off.
    Off,
    /// Nobody has set it up.
    NotInstalled,
    /// It is called or ought to be, and something is missing.
    Broken,
}

impl HookState {
    /// As it stands in tables and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            HookState::Live => "live",
            HookState::Off => "off",
            HookState::NotInstalled => "not-installed",
            HookState::Broken => "broken",
        }
    }
}

/// What is true of a hook on every system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookKind {
    /// A short name.
    pub name: &'static str,
    /// By whom and when it is called, as in "by X before Y".
    pub called: &'static str,
    /// Whether it is only there where the admin sets it up.
    pub opt_in: bool,
}

/// One hook of a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// What is true of it everywhere.
    pub kind: HookKind,
    /// Where its caller finds it, or would.
    pub registered: RootPath,
    /// What is run.
    pub program: RootPath,
    /// Whether it is called.
    pub state: HookState,
    /// Why it is not live; fit for a terminal.
    pub because: Option<String>,
    /// The command that makes it live; fit for a terminal.
    pub command: Option<String>,
}

impl Hook {
    /// One that is live.
    pub fn live(kind: HookKind, registered: RootPath, program: RootPath) -> Self {
        Hook { kind, registered, program, state: HookState::Live, because: None, command: None }
    }

    /// The same in another state, for this reason, and what would make it live.
    pub fn is(mut self, state: HookState, because: impl Into<String>, command: Option<&str>) -> Self {
        self.state = state;
        self.because = Some(because.into());
        self.command = command.map(str::to_owned);
        self
    }
}

/// A package manager, as far as hooks go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manager {
    /// Its name.
    pub name: &'static str,
    /// Whether this root has it.
    pub here: bool,
    /// Whether we have hooks for it.
    pub supported: bool,
}
