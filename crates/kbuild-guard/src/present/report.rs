// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a report says of all kernels together: a line, what `report` prints, and docs/status.schema.json.

use serde::Serialize;

use crate::assess::{Assessment, State};
use crate::policy::Policy;
use crate::present::layout::row;
use crate::present::{Owners, json};
use crate::quote::quoted;
use crate::report::Report;

/// What /run/kbuild-guard/status.json holds and `report --json` prints: what `check --json` prints, and when.
#[derive(Debug, Serialize)]
pub struct Status {
    #[serde(flatten)]
    check: json::Check,
    at: u64,
}

impl Status {
    /// Of these kernels, looked at then (seconds since 1970).
    pub fn of(assessments: &[Assessment], owners: &Owners, policy: &Policy, at: u64) -> Self {
        Status { check: json::Check::of(assessments, owners, policy), at }
    }
}

/// `3 kernels: 1 ready, 2 broken; 1 needs looking after`.
pub fn summary(assessments: &[Assessment], problems: usize) -> String {
    let count = |state: State| assessments.iter().filter(|one| one.state() == state).count();
    let states = [State::Ready, State::Degraded, State::Broken, State::Absent, State::Unknown];
    let counted: Vec<String> = states
        .into_iter()
        .map(|state| (count(state), state))
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{count} {}", state.as_str()))
        .collect();
    let kernels = match assessments.len() {
        0 => "no kernel is installed here".to_owned(),
        1 => format!("1 kernel: {}", counted.join(", ")),
        many => format!("{many} kernels: {}", counted.join(", ")),
    };
    match problems {
        0 => kernels,
        1 => format!("{kernels}; 1 needs looking after"),
        many => format!("{kernels}; {many} need looking after"),
    }
}

/// What was found and whom it went to, for somebody who watches.
pub fn text(report: &Report) -> String {
    let mut out = format!("{}\n", summary(&report.assessments, report.problems));
    match report.entries {
        0 => {}
        1 => out.push_str(&row("journal", "1 entry")),
        many => out.push_str(&row("journal", &format!("{many} entries"))),
    }
    if let Some(notice) = &report.notice {
        out.push_str(&row("notice", notice));
    }
    if let Some(metrics) = &report.metrics {
        out.push_str(&row("metrics", &quoted(metrics)));
    }
    out
}
