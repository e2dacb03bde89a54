// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything a build link needs to be usable, hop by hop.

use crate::build_tree::link::BuildLink;
use crate::sysroot::RootPath;

/// What a hop is in its closure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The build link itself.
    BuildLink,
    /// The tree it leads to, where modules are built.
    BuildTree,
    /// The tree with the kernel's own Makefile and headers, where it is another one.
    SourceTree,
    /// A directory of scripts or tools outside these trees, or another tree that per-file links lead to.
    Companion,
}

/// One thing whose loss orphans the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Where it is, without any link (the build link: where it stands).
    pub path: RootPath,
    /// What it is.
    pub role: Role,
    /// The link or Makefile that leads here.
    pub via: RootPath,
    /// Files of this hop that no build does without. The package that owns one owns the hop; others
    /// may have the directory in their lists without its loss being theirs.
    pub witnesses: Vec<RootPath>,
}

/// Why the end of a link cannot be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// It lies below a mount point that is not mounted now.
    NotMounted(RootPath),
    /// The system would not say; the text is fit for a terminal.
    Failed(String),
}

/// Where the build link ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// In a directory.
    Complete,
    /// There is no link.
    NoLink,
    /// At a path that does not exist.
    Dangling {
        /// The first part of it that does not.
        at: RootPath,
        /// All of it.
        path: RootPath,
    },
    /// In a circle, or after more links than the kernel follows.
    Loop(RootPath),
    /// At something that is no directory.
    NotADirectory(RootPath),
    /// Not known.
    Unknown(Unclear),
}

/// A further tree that something in the closure asks for and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The link or Makefile that asks.
    pub via: RootPath,
    /// The path that it names, and where that stops existing.
    pub missing: RootPath,
}

/// The closure of one build link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// The link.
    pub link: BuildLink,
    /// The hops, in the order they are met.
    pub hops: Vec<Hop>,
    /// Where the link ends.
    pub end: End,
    /// What further trees are missing.
    pub gaps: Vec<Gap>,
    /// The tree that has the kernel's own Makefile, if one was reached.
    pub source: Option<RootPath>,
}

impl Closure {
    /// The tree modules are built in.
    pub fn build_tree(&self) -> Option<&RootPath> {
        self.hops.iter().find(|hop| hop.role == Role::BuildTree).map(|hop| &hop.path)
    }
}
