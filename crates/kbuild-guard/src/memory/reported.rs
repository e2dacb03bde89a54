// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the daily report told last, so that only changes are told again, and where it wrote metrics, so that they go when
//! they are wanted elsewhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::seen::SeenKernel;
use super::{LARGEST, VERSION, write};
use crate::assess::Assessment;
use crate::error::Result;
use crate::sysroot::{RootPath, Sysroot};

const REPORTED: &str = "/var/lib/kbuild-guard/reported.json";

/// What was reported last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    version: u32,
    kernels: BTreeMap<String, SeenKernel>,
    metrics_dir: Option<String>,
}

impl Reported {
    /// What these come to, with metrics in this directory.
    pub fn of(assessments: &[Assessment], is_silent: impl Fn(&Assessment) -> bool, metrics: Option<&RootPath>) -> Self {
        let kernel = |one: &Assessment| (one.kernel.release.to_string(), SeenKernel::of(one, is_silent(one)));
        Reported {
            version: VERSION,
            kernels: assessments.iter().map(kernel).collect(),
            // Configured as text.
            metrics_dir: metrics.map(|dir| dir.as_path().to_string_lossy().into_owned()),
        }
    }

    /// What was reported last, if anything was.
    pub fn load(root: &Sysroot) -> Option<Self> {
        let bytes = root.read(&RootPath::new(REPORTED), LARGEST).ok()?;
        serde_json::from_slice::<Reported>(&bytes).ok().filter(|reported| reported.version == VERSION)
    }

    /// Whether the kernels are as they are in another.
    pub fn tells_the_same_as(&self, other: &Reported) -> bool {
        self.kernels == other.kernels
    }

    /// Where metrics were written.
    pub fn metrics_dir(&self) -> Option<RootPath> {
        self.metrics_dir.as_deref().map(RootPath::new)
    }

    /// Keeps it.
    pub fn store(&self, root: &Sysroot) -> Result<()> {
        write(root, REPORTED, self)
    }

    /// Forgets it.
    pub fn forget(root: &Sysroot) -> Result<()> {
        root.remove(&RootPath::new(REPORTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_format_stays_readable_and_a_damaged_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        assert!(Reported::load(&root).is_none());
        let frozen = br#"{"version":1,"kernels":{"6.1.0":{"state":"ready","findings":[],"needed":true,"silent":false}},"metrics_dir":"/m"}"#;
        root.replace(&RootPath::new(REPORTED), frozen).unwrap();
        let reported = Reported::load(&root).unwrap();
        assert_eq!(reported.metrics_dir(), Some(RootPath::new("/m")));
        assert!(!reported.tells_the_same_as(&Reported::of(&[], |_| false, None)));
        root.replace(&RootPath::new(REPORTED), b"{").unwrap();
        assert!(Reported::load(&root).is_none());
        Reported::forget(&root).unwrap();
    }
}
