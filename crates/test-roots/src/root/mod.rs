// SPDX-License-Identifier: MIT OR Apache-2.0
//! Throw-away systems to run commands in.

mod builder;
mod command;
mod copy;
mod files;
pub(crate) mod namespace;
mod outcome;

use std::ffi::{OsStr, OsString};
use std::path::Path;

pub use builder::RootBuilder;
pub use command::{Command, DEFAULT_TIMEOUT};
pub(crate) use copy::assemble;
pub use outcome::{Outcome, Split};

use crate::bases::Base;
use crate::error::Result;
use crate::tools;
use copy::Copied;
use namespace::{Look, Namespace, Tree};

/// A throw-away system. When it is dropped, or the process that holds it ends in whatever way, it is gone:
/// its processes, its mounts and all that was written in it.
///
/// (A [copied](RootBuilder::copied) one whose process is killed leaves its directory in the cache until the next one is made.)
#[derive(Debug)]
pub struct Root {
    reach: Reach,
    /// The base's lock: nobody removes what lies below us.
    _base: Option<Base>,
}

/// How a command gets inside.
#[derive(Debug)]
enum Reach {
    Namespace(Namespace),
    Copy(Copied),
    /// A directory that somebody else looks after, without a right to mount.
    Directory(std::path::PathBuf),
}

impl Root {
    /// Begins a root on a base: live unless told otherwise.
    pub fn builder(base: &Base) -> RootBuilder {
        RootBuilder::new(base)
    }

    /// Whether this process may make mounts. If not, only [copied](RootBuilder::copied) roots are possible, and none looks live.
    pub fn can_mount() -> bool {
        namespace::can_mount()
    }

    /// Runs a command, both streams in one; a code other than 0 is no error before [`Outcome::success`].
    pub fn run<W: AsRef<OsStr>>(&self, words: &[W]) -> Result<Outcome> {
        self.command(words).run()
    }

    /// Runs a script in the root's `sh`.
    pub fn sh(&self, script: &str) -> Result<Outcome> {
        self.run(&["sh", "-c", script])
    }

    /// A command whose environment, input, time limit or streams are to be said.
    pub fn command<W: AsRef<OsStr>>(&self, words: &[W]) -> Command<'_> {
        Command::new(self, words)
    }

    /// The words that lead in: put them before a command to run it inside from a tool of the host, such as hyperfine.
    pub fn entry(&self) -> Result<Vec<OsString>> {
        match &self.reach {
            Reach::Namespace(namespace) => namespace.entry(),
            Reach::Copy(copied) => chroot(copied.path()),
            Reach::Directory(directory) => chroot(directory),
        }
    }

    /// A root on a tree that a base is being built in, with the best means there are.
    pub(crate) fn for_building(tree: &Tree, place: &Path) -> Result<Self> {
        let look = Look { live: false, release: None, offline: false };
        let reach = match tree {
            Tree::InPlace(directory) if !Self::can_mount() => Reach::Directory(directory.clone()),
            _ => Reach::Namespace(Namespace::start(tree, place, &look)?),
        };
        Ok(Self { reach, _base: None })
    }
}

fn chroot(directory: &Path) -> Result<Vec<OsString>> {
    Ok(vec![tools::CHROOT.find()?.into(), directory.into()])
}
