// SPDX-License-Identifier: MIT OR Apache-2.0
//! One look at one closure: what the checks share while they read it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::rc::Rc;

use super::known::Known;
use super::{Effect, Finding, FindingId, Sight};
use crate::build_tree::build_inputs::{Input, Side, When};
use crate::build_tree::{Closure, TreeConfig};
use crate::error::Error;
use crate::kernels::Kernel;
use crate::machine::Machine;
use crate::package_db::{Need, PackageDb, Remedy};
use crate::quote::quoted;
use crate::sysroot::{Directory, Kind, RootPath, Status, Sysroot, WalkEnd};

/// The largest text file of a tree that is read whole: an `auto.conf` is 250 kB, a Makefile 75 kB.
const LARGEST_TEXT: usize = 4 << 20;

/// How a file that a build reads is found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// A regular file that is not empty.
    Fine(Status),
    /// Not there.
    Absent,
    /// There and empty.
    Empty(Status),
    /// A directory, FIFO, socket or device.
    NotAFile,
    /// Missing because a further tree is, which is said elsewhere.
    InGap,
    /// It could not be looked at.
    Unclear,
}

impl Found {
    /// What is there, if it is a regular file.
    pub(super) fn of_file(status: Status) -> Option<Self> {
        let found = if status.size > 0 { Found::Fine(status) } else { Found::Empty(status) };
        (status.kind == Kind::File).then_some(found)
    }
}

/// The state of a look at one closure.
pub(super) struct Inspection<'a> {
    pub(super) root: &'a Sysroot,
    pub(super) db: &'a dyn PackageDb,
    pub(super) known: &'a Known,
    pub(super) machine: &'a Machine,
    pub(super) kernel: &'a Kernel,
    pub(super) closure: &'a Closure,
    /// The tree make runs in.
    pub(super) build: RootPath,
    /// The configuration; empty where the tree has none.
    pub(super) config: TreeConfig,
    /// The name of the architecture's directory, where the tree shows it.
    pub(super) arch: Option<String>,
    findings: Vec<Finding>,
    /// Paths that findings speak of, those that are only counted included.
    said: HashSet<RootPath>,
}

impl<'a> Inspection<'a> {
    /// Begins; `None` if the closure has no build tree.
    pub(super) fn begin(sight: &Sight<'a>, kernel: &'a Kernel, closure: &'a Closure) -> Option<Self> {
        let Sight { root, machine, db, known, .. } = *sight;
        let build = closure.build_tree()?.clone();
        let mut inspection = Inspection {
            root,
            machine,
            db,
            kernel,
            closure,
            build,
            config: TreeConfig::default(),
            arch: None,
            known,
            findings: Vec::new(),
            said: HashSet::new(),
        };
        let auto_conf = inspection.build.join("include/config/auto.conf");
        inspection.config = TreeConfig::new(inspection.text(&auto_conf));
        inspection.arch = inspection.find_arch();
        Some(inspection)
    }

    /// The directory under arch/ that holds generated headers.
    fn find_arch(&self) -> Option<String> {
        let arch = self.build.join("arch");
        self.root
            .list(&arch, 64)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|entry| entry.name.into_string().ok())
            .find(|name| self.root.exists(&arch.join(name).join("include/generated")))
    }

    /// The path of a file in its tree; `None` where the tree or the architecture is not known.
    pub(super) fn path(&self, side: Side, path: &str) -> Option<RootPath> {
        let tree = match side {
            Side::Build => &self.build,
            Side::Source => self.closure.source.as_ref()?,
        };
        let path = match path.contains("$ARCH") {
            true => PathBuf::from(path.replace("$ARCH", self.arch.as_deref()?)),
            false => PathBuf::from(path),
        };
        let mut parts = path.components();
        let entry = parts.next()?;
        match parts.as_path() {
            rest if rest.as_os_str().is_empty() => Some(tree.join(entry)),
            rest => Some(self.behind_link(tree.join(entry)).join(rest)),
        }
    }

    /// Where an entry of a tree (`scripts`, `tools`) really is: what is missing is missing there, and that
    /// is where people have to look and what packages own. Looked up once for all files below it.
    fn behind_link(&self, entry: RootPath) -> RootPath {
        self.known.behind_link(self.root, &self.build, entry)
    }

    /// Whether this tree's builds read the file at all.
    pub(super) fn is_read(&self, input: &Input) -> bool {
        self.is_read_when(input.when)
    }

    /// Whether this condition holds for this tree's builds.
    pub(super) fn is_read_when(&self, when: When) -> bool {
        match when {
            When::Always => true,
            When::Set(option) => self.config.is_set(option),
            When::Unless(option) => !self.config.is_set(option),
            When::Mentioned(word, files) => files
                .iter()
                .any(|file| self.path(Side::Source, file).is_some_and(|path| self.text(&path).contains(word))),
            When::Btf => {
                self.config.is_set("CONFIG_DEBUG_INFO_BTF_MODULES") && self.root.exists(&self.build.join("vmlinux"))
            }
        }
    }

    /// A text file of the tree; empty where it cannot be read.
    pub(super) fn text(&self, path: &RootPath) -> Rc<str> {
        self.known.text(self.root, &self.build, path, LARGEST_TEXT)
    }

    /// How a file is found. What cannot be looked at becomes a finding of its own.
    pub(super) fn find(&mut self, path: &RootPath) -> Found {
        if let Some(found) = self.known.found(&self.build, path) {
            return found;
        }
        let found = self.look(path);
        // What could not be looked at is tried again, and said again, for each kernel.
        if !matches!(found, Found::Unclear) {
            self.known.keep(&self.build, path, found);
        }
        found
    }

    /// The same of a file in a directory that was entered, if it could be.
    pub(super) fn find_in(&mut self, directory: Option<&Directory>, path: &RootPath) -> Found {
        if let Some(found) = self.known.found(&self.build, path) {
            return found;
        }
        let status = directory.and_then(|directory| directory.status(self.root, path.file_name()).ok());
        match status.and_then(Found::of_file) {
            Some(found) => {
                self.known.keep(&self.build, path, found);
                found
            }
            None => self.find(path),
        }
    }

    fn look(&mut self, path: &RootPath) -> Found {
        match self.root.status(path) {
            Ok(status) => Found::of_file(status).unwrap_or(Found::NotAFile),
            Err(error) if error.is_not_found() => {
                if self.is_in_gap(path) {
                    Found::InGap
                } else {
                    Found::Absent
                }
            }
            // A link in a circle is as good as no file.
            Err(error) if error.is_circle() => Found::Absent,
            Err(error) => {
                self.unclear(path, &error);
                Found::Unclear
            }
        }
    }

    /// Whether a path is missing because a further tree is.
    pub(super) fn is_in_gap(&self, path: &RootPath) -> bool {
        if self.closure.gaps.is_empty() {
            return false;
        }
        match self.root.walk(path).end {
            WalkEnd::Missing { at, .. } => self.closure.gaps.iter().any(|gap| gap.missing == at),
            _ => false,
        }
    }

    /// Says that something could not be looked at; once is enough.
    pub(super) fn unclear(&mut self, path: &RootPath, error: &Error) {
        if !self.findings.iter().any(|finding| finding.id == FindingId::Unclear) {
            self.add(FindingId::Unclear, Effect::Note, path.clone(), error.to_string(), Need::Advice);
        }
    }

    /// Adds a finding. What is needed is asked for where it really is: packages list no path behind a
    /// link (Debian's `scripts` and `tools`).
    pub(super) fn add(&mut self, id: FindingId, effect: Effect, path: RootPath, cause: String, need: Need) {
        let need = match need {
            Need::Path(path) => Need::Path(match self.root.walk(&path).end {
                WalkEnd::Found { path, .. } | WalkEnd::Missing { path, .. } => path,
                _ => path,
            }),
            other => other,
        };
        self.said.insert(path.clone());
        self.findings.push(Finding { id, effect, path, cause, need, fix: None });
    }

    /// Adds a finding of which it is known what mends it, or that no package does.
    pub(super) fn add_with_fix(
        &mut self,
        id: FindingId,
        effect: Effect,
        path: RootPath,
        cause: String,
        fix: Option<Remedy>,
    ) {
        self.said.insert(path.clone());
        self.findings.push(Finding { id, effect, path, cause, need: Need::Advice, fix });
    }

    /// Adds one finding for a family of files that are missing, empty or no files: the first by name,
    /// the others by number.
    pub(super) fn add_missing(&mut self, id: FindingId, effect: Effect, faults: Vec<(RootPath, &'static str)>) {
        let Some((path, what)) = faults.first().cloned() else { return };
        self.said.extend(faults.iter().map(|(path, _)| path.clone()));
        let cause = match faults.len() {
            1 => format!("{} {what}", quoted(&path)),
            more => format!("{} {what}, and {} more like it", quoted(&path), more - 1),
        };
        self.add(id, effect, path.clone(), cause, Need::Path(path));
    }

    /// Whether a finding speaks of this path already.
    pub(super) fn is_said(&self, path: &RootPath) -> bool {
        self.said.contains(path)
    }

    /// Whether there is such a finding.
    pub(super) fn has(&self, id: FindingId) -> bool {
        self.findings.iter().any(|finding| finding.id == id)
    }

    /// What the weightiest finding means.
    pub(super) fn worst(&self) -> Option<Effect> {
        self.findings.iter().map(|finding| finding.effect).max()
    }

    /// Whether it is known already that nothing can be built.
    pub(super) fn is_stuck(&self) -> bool {
        self.findings.iter().any(|finding| finding.effect == Effect::NoBuild)
    }

    /// The findings, those that stop builds first.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.effect));
        self.findings
    }
}

/// What is wrong with a file that a build reads; `None` if nothing is, or if it is said elsewhere.
pub(super) fn fault(found: &Found) -> Option<&'static str> {
    match found {
        Found::Fine(_) | Found::InGap | Found::Unclear => None,
        Found::Absent => Some("does not exist"),
        Found::Empty(_) => Some("is empty"),
        Found::NotAFile => Some("is not a file"),
    }
}
