// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files that a report leaves: the status, the login notice, the metrics. Each is there whole or not at all.

use std::ffi::OsStr;

use super::{Report, is_problem};
use crate::assess::{Assessment, State};
use crate::error::{Error, Result};
use crate::memory::Reported;
use crate::policy::{Metrics, Policy};
use crate::present::{prometheus, report as shown};
use crate::quote::quoted_json;
use crate::sysroot::{RootPath, Sysroot};

/// Where status and notice are: gone with the next boot, as what they say is.
const RUN: &str = "/run/kbuild-guard";

/// The status, as docs/status.schema.json describes it.
pub const STATUS: &str = "status.json";

/// The line for whoever logs in. /usr/lib/motd.d/kbuild-guard leads to it, where pam_motd(8) looks.
pub const NOTICE: &str = "notice";

/// The metrics, in the directory that node_exporter reads.
pub const METRICS: &str = "kbuild-guard.prom";

/// Writes all of them, and keeps what could not be written as failures.
pub(super) fn write(root: &Sysroot, report: &mut Report, before: Option<&Reported>, policy: &Policy) {
    report.notice = notice(&report.assessments, policy).filter(|_| policy.report_to.notice);
    let status = shown::Status::of(&report.assessments, &report.owners, policy, report.at);
    let steps = [write_run(root, &status, report.notice.as_deref()), write_metrics(root, report, before, policy)];
    report.failures.extend(steps.into_iter().flat_map(Result::err));
    // What could not be written this time may still be there from the last.
    let written = report.metrics.as_ref().map(RootPath::parent);
    let metrics_dir = written.or_else(|| policy.report_to.metrics.dir().and(before?.metrics_dir()));
    let reported = Reported::of(&report.assessments, |one| !is_problem(one, policy), metrics_dir.as_ref());
    if before != Some(&reported) {
        report.failures.extend(reported.store(root).err());
    }
}

fn write_run(root: &Sysroot, status: &shown::Status, notice: Option<&str>) -> Result<()> {
    let run = root.hold_or_make(&RootPath::new(RUN))?;
    // Everybody who logs in reads the notice as himself.
    run.set_mode(0o755)?;
    let json = serde_json::to_string_pretty(status).map_err(|error| Error::Io {
        operation: "write",
        path: RootPath::new(RUN).join(STATUS),
        source: error.into(),
    })?;
    let written = run.publish(OsStr::new(STATUS), (quoted_json(&json) + "\n").as_bytes());
    let noticed = match notice {
        Some(line) => run.publish(OsStr::new(NOTICE), format!("{line}\n").as_bytes()),
        None => run.remove_file(OsStr::new(NOTICE)),
    };
    written.and(noticed)
}

/// The line for whoever logs in.
fn notice(assessments: &[Assessment], policy: &Policy) -> Option<String> {
    let mut problems = assessments.iter().filter(|one| is_problem(one, policy));
    let first = problems.next()?.without_ignored(policy);
    let what = match problems.count() {
        0 => {
            let what = match first.state() {
                State::Degraded => "builds modules at a risk",
                State::Absent => "has no headers, and modules need them",
                _ => "cannot have its modules built",
            };
            format!("kernel {} {what}", first.kernel.release)
        }
        others => format!("{} kernels are not ready for module builds", others + 1),
    };
    Some(format!("kbuild-guard: {what}: kbuild-guard status"))
}

/// Takes the notice away where it is not true any more: whoever looks at all kernels knows. Failing to is no reason to
/// fail, since the next report does.
pub fn settle(root: &Sysroot, assessments: &[Assessment], policy: &Policy) {
    if !assessments.iter().any(|one| is_problem(one, policy)) {
        if let Err(error) = root.remove(&RootPath::new(RUN).join(NOTICE)) {
            log::debug!("{error}");
        }
    }
}

/// Whether whoever logs in is told of something.
pub fn is_noticed(root: &Sysroot) -> bool {
    root.exists(&RootPath::new(RUN).join(NOTICE))
}

fn write_metrics(root: &Sysroot, report: &mut Report, before: Option<&Reported>, policy: &Policy) -> Result<()> {
    let wanted = &policy.report_to.metrics;
    let old = before.and_then(Reported::metrics_dir).filter(|old| Some(old) != wanted.dir());
    let removed = old.map_or(Ok(()), |old| remove_metrics(root, &old));
    let Some(dir) = wanted.dir() else { return removed };
    let held = match root.hold(dir) {
        Err(error) if error.is_not_found() && matches!(wanted, Metrics::Usual(_)) => return removed,
        answer => answer?,
    };
    // Whoever can write there could put a link in the place of what root is about to write.
    if !held.is_ours_alone()? {
        return Err(Error::WritableByOthers { path: dir.clone() });
    }
    let text = prometheus::metrics(&report.assessments, policy, report.at);
    held.publish(OsStr::new(METRICS), text.as_bytes())?;
    report.metrics = Some(dir.join(METRICS));
    removed
}

fn remove_metrics(root: &Sysroot, dir: &RootPath) -> Result<()> {
    match root.hold(dir) {
        Err(error) if error.is_not_found() => Ok(()),
        answer => {
            let held = answer?;
            if held.is_ours_alone()? { held.remove_file(OsStr::new(METRICS)) } else { Ok(()) }
        }
    }
}

/// Removes all of them, wherever the last report wrote.
pub(super) fn clear(root: &Sysroot, before: Option<&Reported>) -> Result<()> {
    let run = RootPath::new(RUN);
    let metrics = before.and_then(Reported::metrics_dir).map_or(Ok(()), |dir| remove_metrics(root, &dir));
    let all = [root.remove(&run.join(STATUS)), root.remove(&run.join(NOTICE)), metrics, Reported::forget(root)];
    all.into_iter().collect()
}
