// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole road: from a transaction to whether it is stopped.

use std::path::Path;
use std::time::Duration;

use crate::PROGRAM;
use crate::collect;
use crate::error::{Error, Result};
use crate::librpm::Transaction;
use crate::program::{self, Answer};
use crate::voice;
use crate::wording;

/// The program gives itself two seconds, and the kernel ends it after four.
const TIME: Duration = Duration::from_secs(5);

/// What follows from a transaction.
struct Outcome {
    stops: bool,
    /// What people are to read; empty most of the time.
    text: String,
    /// Whether it is but a test.
    test: bool,
}

/// Asks whether a transaction is to be stopped, and says what there is to say.
pub(crate) fn stops(transaction: &Transaction<'_>) -> bool {
    // Before the program is installed, or after it was removed, there is nothing to collect for.
    if !Path::new(PROGRAM).exists() {
        return false;
    }
    let Some(outcome) = outcome(transaction) else { return false };
    if !outcome.text.is_empty() {
        voice::say(&outcome.text, outcome.test, transaction.librpm());
    }
    outcome.stops
}

fn outcome(transaction: &Transaction<'_>) -> Option<Outcome> {
    let test = transaction.is_test();
    let complaint = |error: &Error| Outcome { stops: false, text: wording::complaint(error), test };
    let answer = match answer(transaction) {
        Ok(answer) => answer?,
        Err(error) => return Some(complaint(&error)),
    };
    Some(match (wording::presentable(&answer.said), answer.stops) {
        (Some(text), stops) => Outcome { stops, text, test },
        (None, false) if answer.said.is_empty() => return None,
        (None, false) => complaint(&Error::Garbled),
        // rpm alone would say that a plugin has failed.
        (None, true) => Outcome { stops: true, text: wording::no_reason(), test },
    })
}

fn answer(transaction: &Transaction<'_>) -> Result<Option<Answer>> {
    match collect::tell(transaction)? {
        Some(stream) => program::ask(Path::new(PROGRAM), &stream, TIME),
        None => Ok(None),
    }
}
