// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels the guard has just spoken of, for the triggers of the same run.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{LARGEST, VERSION, write};
use crate::error::Result;
use crate::release::Release;
use crate::sysroot::{RootPath, Sysroot};

const SPOKEN: &str = "/run/kbuild-guard/spoken.json";

/// What the guard said holds until the triggers of the same run; a transaction of more than an hour
/// is judged again.
const SPOKEN_HOLDS: Duration = Duration::from_secs(3600);

/// The kernels the guard has warned about in a transaction that is still under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoken {
    version: u32,
    /// Seconds since 1970.
    at: u64,
    releases: BTreeSet<String>,
}

impl Spoken {
    /// What the guard has just spoken of.
    pub fn load(root: &Sysroot) -> Self {
        let read = || -> Option<Spoken> {
            let bytes = root.read(&RootPath::new(SPOKEN), LARGEST).ok()?;
            let spoken: Spoken = serde_json::from_slice(&bytes).ok()?;
            let age = now().checked_sub(spoken.at)?;
            (spoken.version == VERSION && age <= SPOKEN_HOLDS.as_secs()).then_some(spoken)
        };
        read().unwrap_or(Spoken { version: VERSION, at: now(), releases: BTreeSet::new() })
    }

    /// Whether the guard has just spoken of this kernel.
    pub fn mentions(&self, release: &Release) -> bool {
        self.releases.contains(release.as_str())
    }

    /// Adds kernels, for the triggers that follow.
    pub fn add<'r>(root: &Sysroot, releases: impl Iterator<Item = &'r Release>) -> Result<()> {
        let mut spoken = Spoken::load(root);
        let before = spoken.releases.len();
        spoken.releases.extend(releases.map(Release::to_string));
        if spoken.releases.len() == before {
            return Ok(());
        }
        spoken.at = now();
        write(root, SPOKEN, &spoken)
    }

    /// Forgets, once the triggers have run.
    pub fn forget(root: &Sysroot) -> Result<()> {
        root.remove(&RootPath::new(SPOKEN))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_memory_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        for bytes in [&b"{"[..], b"\xff\x00"] {
            root.replace(&RootPath::new(SPOKEN), bytes).unwrap();
            assert!(!Spoken::load(&root).mentions(&"6.1.0".parse().unwrap()));
        }
    }

    #[test]
    fn what_was_spoken_of_is_remembered_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let release: Release = "6.1.0".parse().unwrap();
        assert!(!Spoken::load(&root).mentions(&release));
        Spoken::add(&root, [&release].into_iter()).unwrap();
        assert!(Spoken::load(&root).mentions(&release));
        Spoken::forget(&root).unwrap();
        assert!(!Spoken::load(&root).mentions(&release));
    }
}
