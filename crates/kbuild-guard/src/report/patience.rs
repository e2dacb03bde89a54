// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looking while no package manager is at work: in the middle of a run headers are half there, and what is seen then is no
//! fault of anybody's.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::survey::System;

/// How often a lock is looked at. Nobody else waits for it by this.
const PAUSE: Duration = Duration::from_secs(2);

/// Looks at a system in which no package manager was at work, neither before nor after. Waits for that, at most
/// `patience` from now; `None` if it never came.
pub(super) fn look<T>(
    open: impl Fn() -> Result<System>,
    patience: Duration,
    look: impl Fn(&System) -> Result<T>,
) -> Result<Option<(System, T)>> {
    let until = Instant::now() + patience;
    loop {
        let system = open()?;
        if !system.db.is_busy()? {
            let seen = look(&system);
            // Also an error may be of something half done.
            if !system.db.is_busy()? {
                return Ok(Some((system, seen?)));
            }
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        log::info!("a package manager is at work: waiting");
        std::thread::sleep(PAUSE.min(left));
    }
}
