// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was seen and said last, so that nothing is said twice. Losing it costs a repeated message and
//! nothing else: whatever is wrong with these files, there simply is no memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::assess::Assessment;
use crate::error::Result;
use crate::release::Release;
use crate::sysroot::{RootPath, Sysroot};

const SEEN: &str = "/var/lib/kbuild-guard/seen.json";
const SPOKEN: &str = "/run/kbuild-guard/spoken.json";

/// The format of both files. A file of another format is as good as none.
const VERSION: u32 = 1;

/// Larger than what a thousand kernels need.
const LARGEST: usize = 1 << 22;

/// What the guard said holds until the triggers of the same run; a transaction of more than an hour
/// is judged again.
const SPOKEN_HOLDS: Duration = Duration::from_secs(3600);

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
    fn of(assessment: &Assessment, silent: bool) -> Self {
        let finding = |finding: &crate::checks::Finding| {
            (finding.id.code().to_owned(), finding.path.as_path().to_string_lossy().into_owned())
        };
        SeenKernel {
            state: assessment.state().as_str().to_owned(),
            findings: assessment.findings.iter().map(finding).collect(),
            needed: assessment.is_needed(),
            silent,
        }
    }
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

fn write(root: &Sysroot, path: &str, value: &impl Serialize) -> Result<()> {
    let path = RootPath::new(path);
    let bytes = serde_json::to_vec(value).map_err(|error| crate::error::Error::Io {
        operation: "write",
        path: path.clone(),
        source: error.into(),
    })?;
    root.replace(&path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_damaged_memory_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        for bytes in [&b"{"[..], b"{\"version\":9,\"kernels\":{}}", b"\xff\x00"] {
            root.replace(&RootPath::new(SEEN), bytes).unwrap();
            root.replace(&RootPath::new(SPOKEN), bytes).unwrap();
            assert!(!Seen::load(&root).knows(&"6.1.0".parse().unwrap()));
            assert!(!Spoken::load(&root).mentions(&"6.1.0".parse().unwrap()));
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
