// SPDX-License-Identifier: MIT OR Apache-2.0
//! The JSON that programs read: docs/check.schema.json and docs/what-if.schema.json.

use serde::Serialize;

use crate::assess::{Assessment, State};
use crate::build_tree::LinkKind;
use crate::checks::{Entry, Finding};
use crate::guard::Decision;
use crate::judge::{Bereft, Orphan, Verdict};
use crate::package_db::PackageId;
use crate::policy::Policy;
use crate::present::{Owners, SCHEMA, probe, story};
use crate::probe::Probe;

/// What `check --json` and `status --json` print.
#[derive(Debug, Serialize)]
pub struct Check {
    schema: u32,
    kernels: Vec<KernelEntry>,
}

#[derive(Debug, Serialize)]
struct KernelEntry {
    release: String,
    running: bool,
    kept: bool,
    state: &'static str,
    needed: bool,
    needed_by: Vec<String>,
    build_link: Link,
    closure: Vec<HopEntry>,
    findings: Vec<FindingEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<probe::Json>,
}

#[derive(Debug, Serialize)]
struct Link {
    path: String,
    target: Option<String>,
}

#[derive(Debug, Serialize)]
struct HopEntry {
    path: String,
    owner: Option<String>,
}

#[derive(Debug, Serialize)]
struct FindingEntry {
    id: &'static str,
    effect: &'static str,
    path: String,
    cause: String,
    consequence: &'static str,
    fix: String,
    ignored: bool,
}

/// What `what-if remove --json` prints.
#[derive(Debug, Serialize)]
pub struct WhatIf {
    schema: u32,
    decision: &'static str,
    orphans: Vec<OrphanEntry>,
    bereft: Vec<BereftEntry>,
}

#[derive(Debug, Serialize)]
struct BereftEntry {
    by: Vec<String>,
    brought_by: Vec<String>,
    needed_by: Vec<String>,
}

#[derive(Debug, Serialize)]
struct OrphanEntry {
    release: String,
    decision: &'static str,
    lost: Vec<String>,
    by: Vec<String>,
    needed_by: Vec<String>,
}

/// What `explain KBGnnn --json` prints.
#[derive(Debug, Serialize)]
pub struct Explained {
    schema: u32,
    id: &'static str,
    title: &'static str,
    consequence: &'static str,
    advice: &'static str,
    story: &'static str,
    ignore: String,
}

impl Explained {
    /// Of this finding.
    pub fn of(entry: &Entry) -> Self {
        let Entry { code, title, consequence, advice, story: told, .. } = *entry;
        Explained {
            schema: SCHEMA,
            id: code,
            title,
            consequence,
            advice,
            story: told,
            ignore: story::ignore_line(entry),
        }
    }
}

impl Check {
    /// Of these kernels.
    pub fn of(assessments: &[Assessment], owners: &Owners, policy: &Policy) -> Self {
        Check { schema: SCHEMA, kernels: assessments.iter().map(|one| kernel(one, owners, policy)).collect() }
    }

    /// The same with what a probe of each kernel, in the same order, came to.
    pub fn with_probes(mut self, probes: &[Probe]) -> Self {
        for (kernel, probe) in self.kernels.iter_mut().zip(probes) {
            kernel.probe = Some(probe::Json::of(probe));
        }
        self
    }
}

impl WhatIf {
    /// Of this verdict. A kernel whose loss is allowed is no orphan to report.
    pub fn of(verdict: &Verdict) -> Self {
        let reported = verdict.orphans.iter().filter(|orphan| orphan.decision > Decision::Allow);
        WhatIf {
            schema: SCHEMA,
            decision: verdict.decision.as_str(),
            orphans: reported.map(orphan).collect(),
            bereft: verdict.bereft.iter().map(bereft).collect(),
        }
    }
}

fn kernel(assessment: &Assessment, owners: &Owners, policy: &Policy) -> KernelEntry {
    let release = &assessment.kernel.release;
    debug_assert!(assessment.state() != State::Ready || assessment.closure.build_tree().is_some());
    KernelEntry {
        release: release.to_string(),
        running: assessment.kernel.running,
        kept: assessment.kernel.kept.is_some(),
        state: assessment.state().as_str(),
        needed: assessment.is_needed(),
        needed_by: assessment.demand.iter().map(ToString::to_string).collect(),
        build_link: Link {
            path: text(assessment.closure.link.path.as_path()),
            target: match &assessment.closure.link.kind {
                LinkKind::Symlink(target) => Some(text(target)),
                LinkKind::Directory | LinkKind::Missing | LinkKind::Other => None,
            },
        },
        closure: assessment
            .closure
            .hops
            .iter()
            .map(|hop| HopEntry { path: text(hop.path.as_path()), owner: owners.owner(hop).map(ToString::to_string) })
            .collect(),
        findings: assessment.findings.iter().map(|one| finding(one, policy.ignores(one, release))).collect(),
        probe: None,
    }
}

fn finding(finding: &Finding, ignored: bool) -> FindingEntry {
    FindingEntry {
        id: finding.id.code(),
        effect: finding.effect.as_str(),
        path: text(finding.path.as_path()),
        cause: finding.cause.clone(),
        consequence: finding.id.entry().consequence,
        fix: finding.fix_or_advice().to_owned(),
        ignored,
    }
}

fn orphan(orphan: &Orphan) -> OrphanEntry {
    OrphanEntry {
        release: orphan.assessment.kernel.release.to_string(),
        decision: orphan.decision.as_str(),
        lost: orphan.loss.hops.iter().map(|hop| text(hop.path.as_path())).collect(),
        by: orphan.loss.packages().iter().map(ToString::to_string).collect(),
        needed_by: orphan.still_needed().map(ToString::to_string).collect(),
    }
}

fn bereft(bereft: &Bereft) -> BereftEntry {
    let names = |packages: &[PackageId]| packages.iter().map(ToString::to_string).collect();
    BereftEntry {
        by: names(&bereft.packages),
        brought_by: names(&bereft.brought_by),
        needed_by: bereft.needed_by.iter().map(ToString::to_string).collect(),
    }
}

/// JSON has no bytes: what is not UTF-8 becomes U+FFFD.
fn text(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}
