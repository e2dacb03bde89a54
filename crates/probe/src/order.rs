// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the stages are told, and what comes back.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How many processes a build may have beside those that its user has anyway.
pub(crate) const PROCESSES: u32 = 256;

/// No report is larger; a module of ours has four symbols.
pub(crate) const LARGEST_REPORT: u64 = 64 << 10;

/// As many symbols, and as long a version magic, as a report has room for.
pub(crate) const MOST_SYMBOLS: usize = 256;
pub(crate) const LONGEST_TEXT: usize = 200;

/// What is to be built, as whom, how long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The tree make runs in.
    pub(crate) tree: PathBuf,
    /// Everything that must stay visible.
    pub(crate) hops: Vec<PathBuf>,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Whether root asks, who can become somebody else; others make a user namespace.
    pub(crate) by_root: bool,
    /// Variables of make's command line.
    pub(crate) variables: Vec<String>,
    /// How much time a processor may spend on one process.
    pub(crate) seconds: u32,
    /// How many processes the user may have.
    pub(crate) processes: u32,
}

/// What the init stage says at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Report {
    /// It could not be confined, for this reason; make was not started.
    NotConfined(String),
    /// The same, and the reason stands in the output.
    NotStarted,
    /// The builder may not read the tree.
    Unreadable,
    /// make ended; with what it made if it was content.
    Ended(Option<Built>),
}

/// What was read out of the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Built {
    pub(crate) vermagic: String,
    pub(crate) versions: Vec<(String, u32)>,
}

/// How many threads a user has now: the limit on processes counts all of them.
pub(crate) fn processes_of(uid: u32) -> u32 {
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let of_user = processes.flatten().filter(|process| {
        let is_process = process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
        is_process && process.metadata().is_ok_and(|of| of.uid() == uid)
    });
    let threads =
        |process: std::fs::DirEntry| std::fs::read_dir(process.path().join("task")).map_or(1, Iterator::count);
    of_user.map(threads).map(|count| u32::try_from(count).unwrap_or(u32::MAX)).fold(0, u32::saturating_add)
}
