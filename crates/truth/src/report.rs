// SPDX-License-Identifier: MIT OR Apache-2.0
//! What came out, for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::matrix::{MERELY_DEGRADED, Matrix, Row, STATES, Truth, by_family};

/// What came out of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Every case of every subject.
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// The rows that must not be.
    fn wrong_rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.wrong.is_some())
    }

    /// How many rows must not be.
    pub fn wrong(&self) -> usize {
        self.wrong_rows().count()
    }

    /// Every case with its truth and its verdict, as JSON.
    pub fn json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(&self.rows).unwrap_or_default()
    }

    /// Whether all that must hold does, in every subject.
    pub fn holds(&self) -> bool {
        self.wrong_rows().next().is_none()
            && self.subjects().iter().all(|(_, rows)| is_telling(&Matrix::of(rows.iter().copied())))
    }

    fn subjects(&self) -> Vec<(&'static str, Vec<&Row>)> {
        let mut subjects: Vec<(&'static str, Vec<&Row>)> = Vec::new();
        for row in &self.rows {
            match subjects.iter_mut().find(|(name, _)| *name == row.subject) {
                Some((_, rows)) => rows.push(row),
                None => subjects.push((row.subject, vec![row])),
            }
        }
        subjects
    }

    /// The whole report.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (subject, rows) in self.subjects() {
            let rows: Vec<Row> = rows.into_iter().cloned().collect();
            let all = Matrix::of(rows.iter());
            let _ = writeln!(text, "\n{subject}: {} cases\n", rows.len());
            table(&mut text, "all", &all, true);
            for (family, matrix) in by_family(&rows) {
                table(&mut text, family.as_str(), &matrix, false);
            }
            let (merely, broken) = all.merely_degraded();
            let _ = writeln!(
                text,
                "\nof {broken} that do not build or load, {merely} are merely degraded (at most {MERELY_DEGRADED} in 100 may be)"
            );
        }
        reasons(&mut text, &self.rows);
        let wrong: Vec<&Row> = self.wrong_rows().collect();
        let _ = writeln!(text, "\n{} mismatches", wrong.len());
        for row in wrong {
            entry(&mut text, row);
        }
        let weak: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| row.wrong.is_none() && row.truth != Truth::Loads && row.verdict.state == "degraded")
            .collect();
        let _ = writeln!(text, "\n{} that break and are merely degraded", weak.len());
        for row in weak {
            entry(&mut text, row);
        }
        text
    }
}

fn is_telling(matrix: &Matrix) -> bool {
    let (merely, broken) = matrix.merely_degraded();
    merely * 100 <= broken * MERELY_DEGRADED
}

fn table(text: &mut String, title: &str, matrix: &Matrix, head: bool) {
    if head {
        let _ = write!(text, "{:<12}{:<9}", "", "");
        for state in STATES {
            let _ = write!(text, "{state:>10}");
        }
        text.push('\n');
    }
    let mut title = title;
    for truth in [Truth::Loads, Truth::Refused, Truth::Fails] {
        if matrix.all(truth) == 0 {
            continue;
        }
        let _ = write!(text, "{title:<12}{:<9}", truth.as_str());
        title = "";
        for state in STATES {
            let count = matrix.count(truth, state);
            let shown = if count == 0 { "-".to_owned() } else { count.to_string() };
            let _ = write!(text, "{shown:>10}");
        }
        text.push('\n');
    }
}

/// Why cases are degraded: how often each finding says so, with one that does.
fn reasons(text: &mut String, rows: &[Row]) {
    let mut reasons: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.verdict.state == "degraded") {
        for finding in row.verdict.findings.iter().filter(|finding| finding.effect == "risk") {
            reasons.entry(&finding.id).or_insert((0, &finding.cause)).0 += 1;
        }
    }
    let _ = writeln!(text, "\nwhy degraded");
    for (id, (count, cause)) in reasons {
        let _ = writeln!(text, "  {count:>6} {id} {cause}");
    }
}

fn entry(text: &mut String, row: &Row) {
    let _ = writeln!(text, "\n{}: {}", row.subject, row.case);
    if let Some(wrong) = row.wrong {
        let _ = writeln!(text, "  wrong    {wrong}");
    }
    let _ = writeln!(text, "  truth    {}", row.truth.as_str());
    let _ = writeln!(text, "  verdict  {}", row.verdict.state);
    for finding in &row.verdict.findings {
        let _ = writeln!(text, "           {} {} {}", finding.id, finding.effect, finding.cause);
    }
    for line in row.words.lines() {
        let _ = writeln!(text, "  | {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Family;
    use crate::verdict::Verdict;

    fn row(case: &str, truth: Truth, state: &str, wrong: Option<&'static str>) -> Row {
        Row {
            subject: "s",
            case: case.into(),
            family: Family::Link,
            truth,
            verdict: Verdict { state: state.into(), findings: Vec::new() },
            words: "make: *** x".into(),
            wrong,
        }
    }

    #[test]
    fn a_mismatch_is_told_with_all_that_is_known() {
        let report =
            Report { rows: vec![row("a", Truth::Fails, "ready", Some("no")), row("b", Truth::Loads, "ready", None)] };
        assert!(!report.holds());
        let text = report.text();
        assert!(
            text.contains("1 mismatches\n\ns: a\n  wrong    no\n  truth    fails\n  verdict  ready\n  | make: *** x\n"),
            "{text}"
        );
        assert!(!text.contains("s: b"));
        assert!(text.contains("all         loads             1         -"), "{text}");
    }

    #[test]
    fn too_many_merely_degraded_do_not_hold() {
        let of = |weak: usize| {
            let mut rows: Vec<Row> = (0..100 - weak).map(|_| row("a", Truth::Fails, "broken", None)).collect();
            rows.extend((0..weak).map(|_| row("b", Truth::Fails, "degraded", None)));
            Report { rows }.holds()
        };
        assert!(of(3) && !of(4));
        assert!(Report::default().holds());
    }
}
