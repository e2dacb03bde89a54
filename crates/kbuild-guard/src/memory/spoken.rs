// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guard has just said in a run that is still under way: for the triggers of the same run, and for drivers that
//! run the hooks twice.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{LARGEST, VERSION, write};
use crate::error::Result;
use crate::package_db::PackageId;
use crate::release::Release;
use crate::sysroot::{RootPath, Sysroot};

const SPOKEN: &str = "/run/kbuild-guard/spoken.json";

/// What the guard said holds until the triggers of the same run; a transaction of more than an hour
/// is judged again.
const SPOKEN_HOLDS: Duration = Duration::from_secs(3600);

/// The kernels, and the packages that bring headers, which the guard has warned about, and who drove that run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoken {
    version: u32,
    /// Seconds since 1970.
    at: u64,
    releases: BTreeSet<String>,
    /// The process that drove the transaction.
    #[serde(default)]
    by: String,
    /// Packages of which it was said that they leave new kernels without headers.
    #[serde(default)]
    bringers: BTreeSet<String>,
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
        read().unwrap_or_else(Spoken::nothing)
    }

    fn nothing() -> Self {
        Spoken { version: VERSION, at: now(), releases: BTreeSet::new(), by: String::new(), bringers: BTreeSet::new() }
    }

    /// What was said to this process: python-apt and all that stands on it runs the hooks of one commit twice. `by` is
    /// never another's; without it nobody knows.
    pub fn to(self, by: &str) -> Self {
        if !by.is_empty() && self.by == by { self } else { Spoken::nothing() }
    }

    /// Whether it was just said that these packages leave new kernels without headers.
    pub fn mentions_bringers(&self, packages: &[PackageId]) -> bool {
        packages.iter().all(|package| self.bringers.contains(package.as_str()))
    }

    /// Whether the guard has just spoken of this kernel.
    pub fn mentions(&self, release: &Release) -> bool {
        self.releases.contains(release.as_str())
    }

    /// Adds what the guard has said in a transaction that the process `by` drives, for the triggers that follow.
    pub fn add<'r>(
        root: &Sysroot,
        by: &str,
        releases: impl Iterator<Item = &'r Release>,
        bringers: impl Iterator<Item = &'r PackageId>,
    ) -> Result<()> {
        let before = Spoken::load(root);
        let mut spoken = before.clone();
        spoken.releases.extend(releases.map(Release::to_string));
        spoken.bringers.extend(bringers.map(PackageId::to_string));
        by.clone_into(&mut spoken.by);
        if spoken == before {
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
        let bringer = PackageId::new("linux-headers-amd64");
        Spoken::add(&root, "12 345", [&release].into_iter(), [&bringer].into_iter()).unwrap();
        assert!(Spoken::load(&root).mentions(&release));
        assert!(Spoken::load(&root).to("12 345").mentions(&release), "to whom it was said");
        assert!(Spoken::load(&root).to("12 345").mentions_bringers(&[bringer]));
        assert!(!Spoken::load(&root).to("12 346").mentions(&release), "to somebody else");
        assert!(!Spoken::load(&root).to("").mentions(&release));
        Spoken::forget(&root).unwrap();
        assert!(!Spoken::load(&root).mentions(&release));
    }
}
