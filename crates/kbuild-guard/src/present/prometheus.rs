// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels as metrics, in the text format that node_exporter's textfile collector reads
//! (prometheus.io/docs/instrumenting/exposition_formats). docs/monitoring.md describes each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::assess::{Assessment, State};
use crate::policy::Policy;
use crate::report::is_problem;

/// Every kernel is some ten series, and every series costs the server that stores it.
const MOST_KERNELS: usize = 100;

/// Every state, so that a series of each is there whatever the state is.
const STATES: [State; 5] = [State::Ready, State::Degraded, State::Broken, State::Absent, State::Unknown];

/// A gauge family: its name, and what it tells.
struct Family(&'static str, &'static str);

const KERNELS: Family = Family("kbuild_guard_kernels", "Installed kernels, those without metrics of their own too.");
const STATE: Family = Family("kbuild_guard_kernel_state", "1 for the state that the kernel is in, 0 for the others.");
const NEEDED: Family = Family("kbuild_guard_kernel_needed", "Whether anything needs the kernel's headers.");
const RUNNING: Family = Family("kbuild_guard_kernel_running", "Whether the kernel runs.");
const PROBLEM: Family = Family(
    "kbuild_guard_kernel_problem",
    "Whether the kernel is needed, at fault, and neither silenced nor about to be removed.",
);
const FINDINGS: Family = Family("kbuild_guard_kernel_findings", "How often the finding was made on the kernel.");
const LAST: Family = Family("kbuild_guard_last_check_timestamp_seconds", "When the kernels were last looked at.");

/// All of it. `at` is when the kernels were looked at, in seconds since 1970.
pub fn metrics(assessments: &[Assessment], policy: &Policy, at: u64) -> String {
    let shown = chosen(assessments, policy);
    let mut out = Page::default();
    out.family(&KERNELS);
    out.gauge(&KERNELS, &[], assessments.len());
    out.family(&STATE);
    for one in &shown {
        for state in STATES {
            let labels = [("release", release(one)), ("state", state.as_str())];
            out.gauge(&STATE, &labels, usize::from(one.state() == state));
        }
    }
    let is_running = |one: &Assessment| one.kernel.running;
    out.truths(&NEEDED, &shown, Assessment::is_needed);
    out.truths(&RUNNING, &shown, is_running);
    out.truths(&PROBLEM, &shown, |one| is_problem(one, policy));
    out.family(&FINDINGS);
    for one in &shown {
        let mut counts: BTreeMap<(&str, &str, bool), usize> = BTreeMap::new();
        for finding in &one.findings {
            let ignored = policy.ignores(finding, &one.kernel.release);
            *counts.entry((finding.id.code(), finding.effect.as_str(), ignored)).or_default() += 1;
        }
        for ((code, effect, ignored), count) in counts {
            let ignored = if ignored { "true" } else { "false" };
            let labels = [("release", release(one)), ("finding", code), ("effect", effect), ("ignored", ignored)];
            out.gauge(&FINDINGS, &labels, count);
        }
    }
    out.family(&LAST);
    out.gauge(&LAST, &[], at);
    out.0
}

fn release(assessment: &Assessment) -> &str {
    assessment.kernel.release.as_str()
}

/// The kernels that there is room for: first those with a problem and the running one, then the newest.
fn chosen<'a>(assessments: &'a [Assessment], policy: &Policy) -> Vec<&'a Assessment> {
    let mut order: Vec<(usize, &Assessment)> = assessments.iter().enumerate().collect();
    let weighs = |one: &Assessment| is_problem(one, policy) || one.kernel.running;
    order.sort_by_key(|(index, one)| (!weighs(one), std::cmp::Reverse(*index)));
    order.truncate(MOST_KERNELS);
    order.sort_by_key(|(index, _)| *index);
    order.into_iter().map(|(_, one)| one).collect()
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, Family(name, help): &Family) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    }

    /// A family that is 1 or 0 for each kernel.
    fn truths(&mut self, family: &Family, kernels: &[&Assessment], is: impl Fn(&Assessment) -> bool) {
        self.family(family);
        for one in kernels {
            self.gauge(family, &[("release", release(one))], usize::from(is(one)));
        }
    }

    fn gauge(&mut self, Family(name, _): &Family, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", escaped(text));
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

/// A label's value: a backslash, a quote and a line end are escaped. No release has the last, and any may have the first.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_are_escaped_and_families_stand_together() {
        let mut page = Page::default();
        page.gauge(&STATE, &[("release", "6.1\"\\x"), ("state", "ready")], 1);
        assert_eq!(page.0, "kbuild_guard_kernel_state{release=\"6.1\\\"\\\\x\",state=\"ready\"} 1\n");
        let none = metrics(&[], &Policy::default(), 12);
        assert!(none.ends_with("kbuild_guard_last_check_timestamp_seconds 12\n"), "{none}");
        assert_eq!(none.matches("# TYPE").count(), 7);
    }

    proptest! {
        #[test]
        fn a_label_is_one_line_whose_quotes_are_escaped(text in any::<String>()) {
            let escaped = escaped(&text);
            prop_assert!(!escaped.contains('\n'));
            let bare = escaped.replace("\\\\", "").replace("\\\"", "").replace("\\n", "");
            prop_assert!(!bare.contains('"') && !bare.contains('\\'));
        }
    }
}
