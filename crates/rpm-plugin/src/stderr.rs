// SPDX-License-Identifier: MIT OR Apache-2.0
//! Standard error of the program around us: whoever reads it may be gone, or asleep.

use std::io::{self, Write};

/// As much as a pipe takes at once when it takes anything.
const PIECE: usize = 4096;

/// How long a reader is waited for, in milliseconds: as with a terminal that was stopped by Ctrl-S.
const PATIENCE: libc::c_int = 1000;

/// Writes what can be written without waiting for long, and without the signal that a closed pipe answers with: that would end
/// the program around us.
pub(crate) fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    for piece in text.as_bytes().chunks(PIECE) {
        if !takes_more() || stderr.write_all(piece).is_err() {
            return;
        }
    }
}

fn takes_more() -> bool {
    let mut stderr = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd is given, and its number is one.
    let ready = unsafe { libc::poll(&raw mut stderr, 1, PATIENCE) };
    ready == 1 && stderr.revents == libc::POLLOUT
}
