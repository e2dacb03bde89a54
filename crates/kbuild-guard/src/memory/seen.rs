// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was found on each kernel when its verdict was last given.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{LARGEST, VERSION, write};
use crate::assess::Assessment;
use crate::checks::{Effect, Finding, FindingId};
use crate::error::Result;
use crate::release::Release;
use crate::sysroot::{RootPath, Sysroot};

const SEEN: &str = "/var/lib/kbuild-guard/seen.json";

/// What was found on each kernel when its verdict was last given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    version: u32,
    kernels: BTreeMap<String, SeenKernel>,
}

/// One kernel as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenKernel {
    /// Its state.
    pub state: String,
    /// Each finding's code and path.
    pub findings: BTreeSet<(String, String)>,
    /// Whether anything needed its headers.
    pub needed: bool,
    /// Whether there was a reason not to speak of it, which may pass.
    #[serde(default)]
    pub silent: bool,
}

impl SeenKernel {
    pub(super) fn of(assessment: &Assessment, silent: bool) -> Self {
        let finding =
            |finding: &Finding| (finding.id.code().to_owned(), finding.path.as_path().to_string_lossy().into_owned());
        SeenKernel {
            state: assessment.state().as_str().to_owned(),
            findings: assessment.findings.iter().filter(|one| !is_beside(one)).map(finding).collect(),
            needed: assessment.is_needed(),
            silent,
        }
    }
}

/// What is told beside another finding, or is no more than worth knowing, is no reason to say the others again: a tree in
/// somebody's home changes a little with each `make`.
fn is_beside(finding: &Finding) -> bool {
    finding.id == FindingId::Drift && finding.effect == Effect::Note
}

impl Seen {
    /// What was seen last; nothing where nothing can be read.
    pub fn load(root: &Sysroot) -> Self {
        let read = || -> Option<Seen> {
            let bytes = root.read(&RootPath::new(SEEN), LARGEST).ok()?;
            serde_json::from_slice::<Seen>(&bytes).ok().filter(|seen| seen.version == VERSION)
        };
        read().unwrap_or_else(|| Seen { version: VERSION, kernels: BTreeMap::new() })
    }

    /// Whether this is other than what was seen last, or was not spoken of then.
    pub fn is_news(&self, assessment: &Assessment) -> bool {
        self.kernels.get(assessment.kernel.release.as_str()) != Some(&SeenKernel::of(assessment, false))
    }

    /// Whether this kernel was there when kernels were last looked at.
    pub fn knows(&self, release: &Release) -> bool {
        self.kernels.contains_key(release.as_str())
    }

    /// Replaces what was seen by what is seen now, writing only if it differs. `is_silent` tells which
    /// kernels there was a reason not to speak of.
    pub fn store(
        self,
        root: &Sysroot,
        assessments: &[Assessment],
        is_silent: impl Fn(&Assessment) -> bool,
    ) -> Result<()> {
        self.replace(root, BTreeMap::new(), assessments, is_silent)
    }

    /// The same where only these kernels were looked at; of the others what was seen holds.
    pub fn add(
        self,
        root: &Sysroot,
        assessments: &[Assessment],
        is_silent: impl Fn(&Assessment) -> bool,
    ) -> Result<()> {
        let others = self.kernels.clone();
        self.replace(root, others, assessments, is_silent)
    }

    fn replace(
        self,
        root: &Sysroot,
        mut kernels: BTreeMap<String, SeenKernel>,
        assessments: &[Assessment],
        is_silent: impl Fn(&Assessment) -> bool,
    ) -> Result<()> {
        kernels.extend(assessments.iter().map(|assessment| {
            (assessment.kernel.release.to_string(), SeenKernel::of(assessment, is_silent(assessment)))
        }));
        let now = Seen { version: VERSION, kernels };
        if now == self {
            return Ok(());
        }
        write(root, SEEN, &now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_memory_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        for bytes in [&b"{"[..], b"{\"version\":9,\"kernels\":{}}", b"\xff\x00"] {
            root.replace(&RootPath::new(SEEN), bytes).unwrap();
            assert!(!Seen::load(&root).knows(&"6.1.0".parse().unwrap()));
        }
    }

    #[test]
    fn the_first_format_stays_readable() {
        let frozen = br#"{"version":1,"kernels":{"6.1.0-56-amd64":{"state":"broken","findings":[["KBG030","/usr/src/x"]],"needed":true}}}"#;
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        root.replace(&RootPath::new(SEEN), frozen).unwrap();
        assert!(Seen::load(&root).knows(&"6.1.0-56-amd64".parse().unwrap()));
    }
}
