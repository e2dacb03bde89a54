// SPDX-License-Identifier: MIT OR Apache-2.0
//! One case: a fault, and nothing about what follows from it, which is measured.

use serde::{Deserialize, Serialize};

/// A kind of fault, a block of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Family {
    /// No fault at all.
    Sound,
    /// The build link, and what it leads to.
    Link,
    /// Whole trees, and links between them.
    Trees,
    /// What belongs to one build of one kernel: symbols, configuration, release.
    Identity,
    /// Programs of the trees.
    HostTools,
    /// Programs of the system.
    System,
    /// What builds do without.
    Spare,
    /// A file that the build reads, removed.
    Absent,
    /// A file that the build reads, emptied.
    Empty,
    /// A directory in the place of a file that the build reads.
    Directory,
    /// A link that leads nowhere in the place of a file that the build reads.
    Dangling,
    /// A file of the packages that the build does not read, removed.
    Unread,
    /// Two faults at once.
    Pair,
}

impl Family {
    /// Its name, as in results.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Family::Sound => "sound",
            Family::Link => "link",
            Family::Trees => "trees",
            Family::Identity => "identity",
            Family::HostTools => "host-tools",
            Family::System => "system",
            Family::Spare => "spare",
            Family::Absent => "absent",
            Family::Empty => "empty",
            Family::Directory => "directory",
            Family::Dangling => "dangling",
            Family::Unread => "unread",
            Family::Pair => "pair",
        }
    }
}

/// What the verdict has to hold beside the truth.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Claim {
    /// Nothing.
    #[default]
    None,
    /// It has to load, and to be ready.
    Sound,
    /// Where the module loads: the state is not lowered.
    Harmless,
    /// Where the module loads: degraded, naming a file and its package.
    Names {
        /// The file.
        file: String,
        /// The package.
        package: String,
    },
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// What a person calls it; unique in its subject.
    pub(crate) name: String,
    /// Its kind.
    pub(crate) family: Family,
    /// The shell script that makes it, in a sound root.
    pub(crate) script: String,
    /// What else has to hold.
    pub(crate) claim: Claim,
    /// The one file that it harms, if it is one and putting that back undoes it.
    pub(crate) harms: Option<String>,
}

impl Case {
    /// Of these.
    pub(crate) fn new(family: Family, name: impl Into<String>, script: impl Into<String>) -> Self {
        Self { name: name.into(), family, script: script.into(), claim: Claim::None, harms: None }
    }

    /// The same, harming no other file than this.
    pub(crate) fn harming(self, file: &str) -> Self {
        Self { harms: Some(file.to_owned()), ..self }
    }

    /// The same, of which the state has to know nothing.
    pub(crate) fn harmless(self) -> Self {
        Self { claim: Claim::Harmless, ..self }
    }
}
