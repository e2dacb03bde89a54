// SPDX-License-Identifier: MIT OR Apache-2.0
//! Telling systemd's journal, in its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): a datagram an entry. Where there
//! is no journal, the same goes to stderr as text.

use super::Report;
use crate::assess::{Assessment, State};
use crate::memory::Reported;
use crate::policy::Policy;
use crate::present::report::summary;
use crate::present::text;
use crate::sysroot::{RootPath, Sysroot};

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// MESSAGE_ID of the entry of a kernel that is needed and not ready. Never changes.
pub const KERNEL_MESSAGE: &str = "edb9184a066d4916bf45304ed8cd7731";

/// MESSAGE_ID of the summary. Never changes.
pub const SUMMARY_MESSAGE: &str = "70a0bc63ff7f4c2296f95fbb7982d4e6";

/// The priorities of syslog(3) that we use.
const WARNING: &str = "4";
const INFO: &str = "6";

/// A field takes no more of a datagram than this; no more of a kind are written than `MOST_VALUES`.
const LONGEST: usize = 4096;
const MOST_VALUES: usize = 64;

/// Tells of each problem, and sums up where there is one or something has changed. All well and as before is no news.
pub(super) fn tell(root: &Sysroot, report: &mut Report, before: Option<&Reported>, policy: &Policy) {
    let is_problem = |one: &&Assessment| super::is_problem(one, policy);
    let now = Reported::of(&report.assessments, |one| !is_problem(&one), None);
    let problems: Vec<Assessment> =
        report.assessments.iter().filter(is_problem).map(|one| one.without_ignored(policy)).collect();
    let is_news = !problems.is_empty() || !before.is_some_and(|before| now.tells_the_same_as(before));
    if !is_news || !policy.report_to.journal {
        return;
    }
    let mut entries: Vec<Entry> = problems.iter().map(of_kernel).collect();
    entries.push(of_all(&report.assessments, problems.len()));
    let datagrams = entries.iter().map(|entry| entry.0.as_slice());
    match root.send(&RootPath::new(SOCKET), datagrams) {
        Ok(()) => report.entries = entries.len(),
        Err(error) => {
            // Whoever reads what a program says wants to hear of problems alone.
            report.said = problems.iter().map(text::fault).collect();
            if !problems.is_empty() {
                report.said.push_str(&format!("kbuild-guard: {}\n", summary(&report.assessments, problems.len())));
            }
            if !error.is_not_found() {
                report.failures.push(error);
            }
        }
    }
}

fn of_kernel(assessment: &Assessment) -> Entry {
    let first = assessment.findings.first();
    let demand: Vec<_> = assessment.demand.iter().collect();
    let mut message = text::headline(assessment);
    if let Some(finding) = first.filter(|_| assessment.state() != State::Absent) {
        message.push_str(&format!(": {}", finding.cause));
    }
    message.push_str(&format!("; needed {}", text::needed_by(&demand)));
    if let Some(finding) = first {
        message.push_str(&format!("; fix: {}", finding.fix_or_advice()));
    }
    let mut entry = Entry::new(&message, WARNING, KERNEL_MESSAGE);
    entry.add("KBUILD_GUARD_RELEASE", assessment.kernel.release.as_str());
    entry.add("KBUILD_GUARD_STATE", assessment.state().as_str());
    entry.add("KBUILD_GUARD_NEEDED", "1");
    entry.add("KBUILD_GUARD_RUNNING", if assessment.kernel.running { "1" } else { "0" });
    for one in assessment.demand.iter().take(MOST_VALUES) {
        entry.add("KBUILD_GUARD_NEEDED_BY", &one.to_string());
    }
    for finding in assessment.findings.iter().take(MOST_VALUES) {
        entry.add("KBUILD_GUARD_FINDING", finding.id.code());
    }
    if let Some(finding) = first {
        entry.add("KBUILD_GUARD_FIX", finding.fix_or_advice());
    }
    entry
}

fn of_all(assessments: &[Assessment], problems: usize) -> Entry {
    let mut entry = Entry::new(&summary(assessments, problems), INFO, SUMMARY_MESSAGE);
    entry.add("KBUILD_GUARD_KERNELS", &assessments.len().to_string());
    entry.add("KBUILD_GUARD_PROBLEMS", &problems.to_string());
    entry
}

/// One entry, field by field.
struct Entry(Vec<u8>);

impl Entry {
    fn new(message: &str, priority: &str, id: &str) -> Self {
        let mut entry = Entry(Vec::new());
        entry.add("MESSAGE", message);
        entry.add("PRIORITY", priority);
        entry.add("MESSAGE_ID", id);
        entry.add("SYSLOG_IDENTIFIER", "kbuild-guard");
        entry
    }

    /// `NAME=value`, or, where a value has line ends, its name, its length in eight bytes and itself.
    fn add(&mut self, name: &str, value: &str) {
        let end = (0..=LONGEST.min(value.len())).rev().find(|end| value.is_char_boundary(*end)).unwrap_or_default();
        let value = value.get(..end).unwrap_or_default();
        self.0.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            self.0.push(b'\n');
            self.0.extend_from_slice(&u64::try_from(value.len()).unwrap_or_default().to_le_bytes());
        } else {
            self.0.push(b'=');
        }
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_as_the_journal_reads_them() {
        let mut entry = Entry(Vec::new());
        entry.add("A", "x=y");
        entry.add("B", "two\nlines");
        entry.add("C", &"ä".repeat(LONGEST));
        let expected = b"A=x=y\nB\n\x09\0\0\0\0\0\0\0two\nlines\nC=";
        assert!(entry.0.starts_with(expected), "{:?}", entry.0.get(..40));
        assert_eq!(entry.0.len(), expected.len() + LONGEST + 1);
        for id in [KERNEL_MESSAGE, SUMMARY_MESSAGE] {
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }
}
