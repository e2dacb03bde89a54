// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the admin wants: the configuration in force.

mod file;
mod ignore;
mod load;
mod report_to;
mod source;

use std::str::FromStr;

pub use ignore::Ignore;
pub use load::{Configuration, Fate, load};
pub use report_to::{Metrics, ReportSettings, ReportTo};
pub use source::{MODE_VARIABLE, Setting, Source, Warning};

use crate::checks::Finding;
use crate::release::Release;

/// How far the guard goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Mode {
    /// Says and does nothing.
    Off,
    /// Warns where it would block.
    Warn,
    /// Blocks what nobody can have wanted; the default.
    #[default]
    Guard,
    /// Blocks every orphan, also in unattended runs and upgrades.
    Strict,
}

impl Mode {
    /// Every mode with its name.
    pub const NAMES: [(&'static str, Mode); 4] =
        [("off", Mode::Off), ("warn", Mode::Warn), ("guard", Mode::Guard), ("strict", Mode::Strict)];

    /// The names, as messages list them.
    pub const LIST: &'static str = "off, warn, guard, strict";

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Off => "off",
            Mode::Warn => "warn",
            Mode::Guard => "guard",
            Mode::Strict => "strict",
        }
    }
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Mode::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, mode)| *mode).ok_or(())
    }
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// How far the guard goes.
    pub mode: Mode,
    /// Findings the admin knows of.
    pub ignore: Vec<Ignore>,
    /// Whom the daily report goes to.
    pub report_to: ReportTo,
}

impl Policy {
    /// Whether the admin does not want to hear of a finding on a kernel.
    pub fn ignores(&self, finding: &Finding, release: &Release) -> bool {
        self.ignore.iter().any(|ignore| ignore.matches(finding.id, release))
    }

    /// The mode after a one-run override, which only ever lowers it.
    pub fn mode_in(&self, override_mode: Option<Mode>) -> Mode {
        override_mode.map_or(self.mode, |mode| mode.min(self.mode))
    }
}
