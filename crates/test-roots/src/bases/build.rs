// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds a base into a directory, step by step.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::entry::{About, Entry};
use super::hidden::hidden;
use super::log::Log;
use super::recipe::{Recipe, Start, Step};
use super::{Base, open_to_all};
use crate::error::{Error, Result};
use crate::root::namespace::Tree;
use crate::root::{Root, assemble};
use crate::tools;

/// How long one step may take: slow mirrors, slow machines.
const STEP_LIMIT: Duration = Duration::from_secs(3600);

/// What the caller is told, one short line a step.
pub(crate) type Progress<'p> = &'p mut dyn FnMut(&str);

/// A base being built.
pub(crate) struct Build<'b> {
    pub(crate) recipe: &'b Recipe,
    pub(crate) below: Option<&'b Base>,
    /// A base, and the directory that is got from it.
    pub(crate) lent: Option<(&'b Base, &'static str)>,
    /// A directory of its own, renamed when all is done.
    pub(crate) directory: &'b Path,
    pub(crate) log: Log,
    /// The base's lock. The tools inherit it, so that nobody starts anew while one of a dead process is still at work.
    pub(crate) lock: &'b File,
}

impl Build<'_> {
    /// Builds it all. What is in the directory is complete afterwards.
    pub(crate) fn run(mut self, progress: Progress<'_>) -> Result<()> {
        let place = self.directory.join("place");
        let root = self.directory.join("root");
        for directory in [&place, &root] {
            fs::create_dir(directory).map_err(Error::io("create", directory))?;
            open_to_all(directory)?;
        }
        let (tree, difference) = self.begin(&root, progress)?;
        let inside = Root::for_building(&tree, &place)?;
        self.borrow(&inside, progress)?;
        let mut releases = Vec::new();
        for step in self.recipe.steps {
            releases.extend(self.step(&inside, step, progress)?);
        }
        let gone = match (&tree, difference) {
            (Tree::Layer { layers, .. }, true) => hidden(&inside, layers)?,
            _ => Vec::new(),
        };
        drop(inside);
        let work = self.directory.join("work");
        if work.exists() {
            fs::remove_dir_all(&work).map_err(Error::io("remove", &work))?;
        }
        let about = About { releases, identity: identity(), difference };
        Entry::complete(self.directory, &about, &gone)?;
        self.settle()
    }

    /// Waits until it is all on the disk: a base that a power cut left half-written would look whole.
    fn settle(&self) -> Result<()> {
        let directory = File::open(self.directory).map_err(Error::io("open", self.directory))?;
        nix::unistd::syncfs(directory).map_err(|errno| Error::io("write to disk", self.directory)(errno.into()))
    }

    /// What the steps start from, and whether only the difference is kept.
    fn begin(&mut self, root: &Path, progress: Progress<'_>) -> Result<(Tree, bool)> {
        match (&self.recipe.start, self.below) {
            (Start::Debian { suite, packages }, _) => {
                self.bootstrap(root, suite, packages, progress)?;
                Ok((Tree::InPlace(root.to_owned()), false))
            }
            (Start::On(_) | Start::With { .. }, Some(below)) if self.can_layer(below)? => {
                let layers = below.directories();
                let stage = self.directory.to_owned();
                let work = stage.join("work");
                fs::create_dir(&work).map_err(Error::io("create", &work))?;
                Ok((Tree::Layer { layers, stage }, true))
            }
            (Start::On(_) | Start::With { .. }, Some(below)) => {
                self.tell(progress, "copying the base below");
                assemble(below.layers(), root)?;
                Ok((Tree::InPlace(root.to_owned()), false))
            }
            (Start::On(recipe) | Start::With { below: recipe, .. }, None) => Err(self.failed(recipe.name)),
        }
    }

    /// Copies the directory of another base to its place, before any step.
    fn borrow(&mut self, inside: &Root, progress: Progress<'_>) -> Result<()> {
        let Some((lender, path)) = self.lent else {
            return Ok(());
        };
        self.tell(progress, "a directory of another base");
        let directory = lender.own_directory(path).ok_or_else(|| self.failed(lender.name()))?;
        inside.copy_in(directory, path)
    }

    /// Whether the cache's file system can be the upper side of an overlay, tried out: one that is an overlay itself cannot.
    fn can_layer(&self, below: &Base) -> Result<bool> {
        let trial = self.directory.join("trial");
        for directory in ["root", "work"] {
            let directory = trial.join(directory);
            fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
        }
        let tree = Tree::Layer { layers: below.directories(), stage: trial.clone() };
        let can = Root::for_building(&tree, &self.directory.join("place")).is_ok();
        fs::remove_dir_all(&trial).map_err(Error::io("remove", &trial))?;
        Ok(can)
    }

    fn bootstrap(&mut self, root: &Path, suite: &str, packages: &[&str], progress: Progress<'_>) -> Result<()> {
        const STEP: &str = "mmdebstrap";
        let mmdebstrap = tools::MMDEBSTRAP.find()?;
        self.tell(progress, "minimal system (mmdebstrap)");
        let mut command = Command::new(mmdebstrap);
        command
            .args(["--variant=apt", "--aptopt=APT::Install-Recommends \"false\""])
            .args(["--aptopt=Acquire::Retries \"3\""])
            // A mirror that stands still has the lists of a Debian to be beyond their date; they are signed all the same.
            .args(["--aptopt=Acquire::Check-Valid-Until \"false\""])
            .arg(format!("--include={}", packages.join(",")))
            .arg(suite)
            .arg(root)
            .stdin(Stdio::from(self.inherited_lock()?))
            .stdout(self.log.writer()?)
            .stderr(self.log.writer()?);
        let ended = command.status();
        if ended.is_ok_and(|status| status.success()) { Ok(()) } else { Err(self.failed(STEP)) }
    }

    /// Runs one step; returns the releases that it told.
    fn step(&mut self, inside: &Root, step: &Step, progress: Progress<'_>) -> Result<Vec<String>> {
        self.tell(progress, step.title);
        let releases = self.below.map(|base| base.releases().join(" "));
        let script = format!("set -eu\n{}", step.script);
        let mut command = inside
            .command(&["sh", "-c", &script])
            .env("RELEASES", releases.unwrap_or_default())
            .timeout(STEP_LIMIT)
            .tee(self.log.writer()?);
        // Only here may the network be used, so only here does a proxy matter.
        for name in ["http_proxy", "https_proxy", "no_proxy"] {
            if let Some(value) = std::env::var_os(name) {
                command = command.env(name, value);
            }
        }
        match command.run() {
            Ok(outcome) if outcome.code == 0 => Ok(outcome
                .output
                .lines()
                .filter_map(|line| line.strip_prefix("release: "))
                .map(str::to_owned)
                .collect()),
            Ok(outcome) => {
                self.log.note(&format!("ended with code {}", outcome.code));
                Err(self.failed(step.title))
            }
            Err(error @ Error::TimedOut { .. }) => {
                self.log.note(&error.to_string());
                Err(self.failed(step.title))
            }
            Err(error) => Err(error),
        }
    }

    fn tell(&mut self, progress: Progress<'_>, what: &str) {
        self.log.note(what);
        progress(&format!("{}: {what}", self.recipe.name));
    }

    fn inherited_lock(&self) -> Result<File> {
        self.lock.try_clone().map_err(Error::io("open", self.directory))
    }

    fn failed(&self, step: &'static str) -> Error {
        Error::Build { base: self.recipe.name, step, log: self.log.path().to_owned(), tail: self.log.tail() }
    }
}

/// Different for every build.
fn identity() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", now.as_nanos(), std::process::id())
}
