// SPDX-License-Identifier: MIT OR Apache-2.0
//! What zypper tells its commit plugins: frames `COMMAND`, headers, an empty line, a body, a zero byte (libzypp's
//! zypp-plugin); and what we keep of it while the commit goes on. zypper's classic way starts an rpm for each package, and
//! none of them knows what the others do.

use std::collections::HashSet;

use kbuild_guard::error::{Error, Result};
use kbuild_guard::package_db::PackageId;
use kbuild_guard::sysroot::{RootPath, Sysroot};
use kbuild_guard::transaction::{Driver, Element, Files, Transaction};
use serde::{Deserialize, Serialize};

use super::kernel_names::{are_headers_of, headers_of};
use super::owners::{self, Installed};
use super::typed_words::{Names, why};

/// Where the plan of the commit that is under way is.
const PLAN: &str = "/run/kbuild-guard/zypp-commit.json";

/// The format of that file.
const VERSION: u32 = 1;

/// An upgrade of a whole distribution has 5,000 steps of 130 bytes.
const LARGEST: usize = 16 << 20;

/// What zypper waits for after each frame.
pub const ANSWER: &[u8] = b"ACK\n\n\0";

/// A frame, as far as it is of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A commit begins. What its steps are, if they can be read.
    Begin(Vec<Step>),
    /// It has ended.
    End,
    /// Something else.
    Other,
}

/// One package of a commit, with one of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    leaves: bool,
    name: String,
    version: String,
    release: String,
    arch: String,
}

impl Frame {
    /// From a frame without the zero byte.
    pub fn parse(frame: &[u8]) -> Self {
        let text = String::from_utf8_lossy(frame);
        let (command, rest) = text.split_once('\n').unwrap_or((&text, ""));
        match command {
            "COMMITBEGIN" => {
                let body = rest.split_once("\n\n").map_or(rest.trim_start(), |(_, body)| body);
                Frame::Begin(steps(body))
            }
            "COMMITEND" | "PLUGINEND" | "_DISCONNECT" => Frame::End,
            _ => Frame::Other,
        }
    }
}

fn steps(body: &str) -> Vec<Step> {
    #[derive(Deserialize)]
    struct Commit {
        #[serde(rename = "TransactionStepList", default)]
        steps: Vec<Told>,
    }
    #[derive(Deserialize)]
    struct Told {
        r#type: Option<String>,
        solvable: Solvable,
    }
    /// Of patterns and patches there is less.
    #[derive(Deserialize)]
    struct Solvable {
        n: Option<String>,
        v: Option<String>,
        r: Option<String>,
        a: Option<String>,
    }
    let commit: Commit = serde_json::from_str(body).unwrap_or(Commit { steps: Vec::new() });
    let step = |told: Told| {
        let Solvable { n, v, r, a } = told.solvable;
        Some(Step { leaves: told.r#type.as_deref() == Some("-"), name: n?, version: v?, release: r?, arch: a? })
    };
    commit.steps.into_iter().filter_map(step).collect()
}

impl Step {
    fn id(&self) -> PackageId {
        PackageId::new(&format!("{}-{}-{}.{}", self.name, self.version, self.release, self.arch))
    }
}

/// The plan of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    version: u32,
    /// The process that commits: a plan is believed by nobody but what that one has started.
    by: String,
    steps: Vec<Step>,
}

impl Plan {
    /// Writes down what the process `by` is about to do.
    pub fn store(root: &Sysroot, by: &str, steps: Vec<Step>) -> Result<()> {
        let path = RootPath::new(PLAN);
        let plan = Plan { version: VERSION, by: by.to_owned(), steps };
        let bytes = serde_json::to_vec(&plan).map_err(|error| Error::Io {
            operation: "write",
            path: path.clone(),
            source: error.into(),
        })?;
        root.replace(&path, &bytes)
    }

    /// What one of these processes is about to do, if it has said so.
    pub fn of<'b>(root: &Sysroot, mut processes: impl Iterator<Item = &'b str>) -> Option<Self> {
        let path = RootPath::new(PLAN);
        // Whoever can write there is root already; anybody else's file is none.
        if root.link_status(&path).ok()?.uid != 0 {
            return None;
        }
        let plan: Plan = serde_json::from_slice(&root.read(&path, LARGEST).ok()?).ok()?;
        (plan.version == VERSION && !plan.by.is_empty() && processes.any(|by| by == plan.by)).then_some(plan)
    }

    /// Whether the process `by` commits.
    pub fn is_by(&self, by: &str) -> bool {
        self.by == by
    }

    /// Forgets it: the commit has ended.
    pub fn forget(root: &Sysroot) -> Result<()> {
        root.remove(&RootPath::new(PLAN))
    }

    /// Adds the rest of the commit to what one of its rpms does.
    pub fn complete(&self, transaction: &mut Transaction) {
        let Transaction { leaving, arriving, driver } = transaction;
        for step in &self.steps {
            let elements = if step.leaves { &mut *leaving } else { &mut *arriving };
            let id = step.id();
            if !elements.iter().any(|element| element.package == id || element.package.as_str() == step.name) {
                elements.push(step.element(id, driver));
            }
        }
    }

    /// What is still to be done to the kernels whose images these packages have, or to their headers: of a whole
    /// distribution's upgrade no more is asked.
    pub(super) fn pending(&self, root: &Sysroot, images: &[&Installed]) -> Result<Pending> {
        let concerns =
            |step: &&Step| images.iter().any(|image| step.name == image.name || step.name == headers_of(&image.name));
        let steps: Vec<&Step> = self.steps.iter().filter(concerns).collect();
        if steps.is_empty() {
            return Ok(Pending::default());
        }
        let ids: Vec<PackageId> = steps.iter().map(|step| step.id()).collect();
        let installed: HashSet<PackageId> = owners::installed_among(root, &ids)?;
        let is_pending = |step: &&Step| step.leaves == installed.contains(&step.id());
        Ok(Pending(steps.into_iter().filter(is_pending).cloned().collect()))
    }
}

impl Step {
    fn element(&self, package: PackageId, driver: &Driver) -> Element {
        let evr = format!("{}-{}", self.version, self.release);
        let names = Names { name: &self.name, evr: &evr, arch: &self.arch };
        let why = why(driver.command_line.as_deref().unwrap_or_default(), &names);
        Element { package, version: evr, files: Files::InDatabase, why }
    }
}

/// What a commit has still to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pending(Vec<Step>);

impl Pending {
    /// Whether something is still to happen to the kernel whose image this package has, or to its headers.
    pub(super) fn concerns(&self, image: &Installed) -> bool {
        let headers = headers_of(&image.name);
        self.0.iter().any(|step| {
            let vr = format!("{}-{}", step.version, step.release);
            (step.leaves && step.id() == image.id()) || (step.name == headers && are_headers_of(&vr, image))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A frame of libzypp 17.31, for an upgrade of one package and the removal of another.
    const BEGIN: &str = r#"COMMITBEGIN

{
"TransactionStepList": [{
"solvable": {
"a": "noarch",
"n": "aaa",
"r": "1",
"v": "2"
},
"type": "+"
}, {
"solvable": {
"a": "x86_64",
"n": "kernel-default",
"r": "150600.1",
"v": "6.4.0"
},
"type": "-"
}, {
"solvable": {
"n": "pattern:base"
}
}]
}"#;

    fn begun() -> Vec<Step> {
        let Frame::Begin(steps) = Frame::parse(BEGIN.as_bytes()) else { panic!("no beginning") };
        steps
    }

    #[test]
    fn frames_tell_what_a_commit_does() {
        let steps = begun();
        let shown: Vec<(bool, String)> = steps.iter().map(|step| (step.leaves, step.id().to_string())).collect();
        let expected = [(false, "aaa-2-1.noarch"), (true, "kernel-default-6.4.0-150600.1.x86_64")];
        assert_eq!(shown, expected.map(|(leaves, id)| (leaves, id.to_owned())));
        assert_eq!(Frame::parse(b"COMMITEND\n\n{}"), Frame::End);
        assert_eq!(Frame::parse(b"_DISCONNECT\n\n"), Frame::End);
        assert_eq!(Frame::parse(b"PLUGINBEGIN\n\n"), Frame::Other);
        assert_eq!(Frame::parse(b"COMMITBEGIN\n\n{"), Frame::Begin(Vec::new()));
    }

    #[test]
    fn nobody_elses_plan_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        Plan::store(&root, "12 345", begun()).unwrap();
        let of = |processes: &[&str]| Plan::of(&root, processes.iter().copied());
        assert!(of(&["13 346"]).is_none() && of(&[]).is_none() && of(&[""]).is_none());
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let plan = of(&["99 1", "12 345"]).unwrap();
        let mut transaction = Transaction::default();
        transaction.leaving.push(plan.steps[1].element(plan.steps[1].id(), &Driver::default()));
        plan.complete(&mut transaction);
        assert_eq!((transaction.leaving.len(), transaction.arriving.len()), (1, 1), "what is known stays alone");
        Plan::forget(&root).unwrap();
        assert!(of(&["12 345"]).is_none());
    }

    proptest! {
        #[test]
        fn any_frame_is_one(bytes: Vec<u8>) {
            let _ = Frame::parse(&[b"COMMITBEGIN\n\n", bytes.as_slice()].concat());
        }
    }
}
