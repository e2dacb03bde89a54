// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far a copy has come, on a terminal and nowhere else.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kbuild_guard::preserve::Progress;

/// What fits into 60 columns.
const LOOK: &str = "{wide_bar} {bytes:>10} of {total_bytes}";

/// A bar, or none.
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// Begins, if there is anything to copy and somebody who sees it.
    pub(crate) fn begin(quiet: bool, amount: Progress) -> Self {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if quiet || is_dumb || amount.bytes == 0 || !io::stderr().is_terminal() {
            return Bar(None);
        }
        let style = ProgressStyle::with_template(LOOK).unwrap_or_else(|_| ProgressStyle::default_bar());
        let target = ProgressDrawTarget::stderr();
        Bar(Some(ProgressBar::with_draw_target(Some(amount.bytes), target).with_style(style)))
    }

    /// So far.
    pub(crate) fn tell(&self, progress: Progress) {
        if let Some(bar) = &self.0 {
            bar.set_position(progress.bytes);
        }
    }

    /// Leaves the terminal as it was.
    pub(crate) fn end(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}
