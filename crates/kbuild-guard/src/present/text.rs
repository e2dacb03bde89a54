// SPDX-License-Identifier: MIT OR Apache-2.0
//! Messages and tables for people: at most eight lines a kernel, nothing raw.

use crate::assess::{Assessment, State};
use crate::build_tree::{LinkKind, Role};
use crate::checks::{Effect, Finding};
use crate::demand::{Builder, Demand};
use crate::guard::{Because, Decision};
use crate::judge::{Bereft, Orphan};
use crate::kernels::{KeptBecause, Kernel};
use crate::package_db::{Advisor, PackageId, Remedy, WayBack};
use crate::policy::Policy;
use crate::present::Owners;
use crate::present::layout::{command_row, few, row, wrapped};
use crate::quote::{quoted, quoted_os};
use crate::transaction::{Files, Transaction};

/// What the guard says about one orphan.
pub fn orphan(orphan: &Orphan, transaction: &Transaction, advisor: &dyn Advisor) -> String {
    let blocked = orphan.decision == Decision::Block;
    let packages = orphan.loss.packages();
    let kernel = &orphan.assessment.kernel;
    let head = if blocked {
        format!("kbuild-guard: blocked: kernel {} would lose its headers", named(kernel))
    } else {
        format!("kbuild-guard: warning: kernel {} loses its headers", named(kernel))
    };
    let mut out = format!("{}\n", wrapped(&head, 2, 0));
    out.push_str(&row("remove", &few(&packages, 3)));
    out.push_str(&row("lost", &few(&lost_paths(orphan), 2)));
    let needed: Vec<&Demand> = orphan.still_needed().collect();
    if !needed.is_empty() {
        out.push_str(&row("needed", &needed_by(&needed)));
    }
    if blocked {
        if let Some(keep) = advisor.keep(&packages, transaction) {
            out.push_str(&command_row("keep", &keep));
        }
        if transaction.leaving.iter().any(|element| !matches!(element.files, Files::Below(_))) {
            out.push_str(&command_row("anyway", &advisor.anyway(transaction)));
        }
    } else {
        out.push_str(&back_row(&packages, advisor));
        if let Some(why) = why_only_warned(orphan) {
            out.push_str(&row("note", why));
        }
    }
    out
}

/// What the guard says of a flavour whose kernels to come will lack headers.
pub fn bereft(bereft: &Bereft, advisor: &dyn Advisor) -> String {
    let mut out = String::from("kbuild-guard: warning: new kernels will come without their headers\n");
    out.push_str(&row("remove", &few(&bereft.packages, 3)));
    let stays = if bereft.brought_by.len() == 1 { "stays, which brings" } else { "stay, which bring" };
    out.push_str(&row("while", &format!("{} {stays} new kernels", few(&bereft.brought_by, 2))));
    let needed: Vec<&Demand> = bereft.needed_by.iter().collect();
    if !needed.is_empty() {
        out.push_str(&row("needed", &needed_by(&needed)));
    }
    out.push_str(&back_row(&bereft.packages, advisor));
    out
}

/// How removed packages come back, where that is known.
fn back_row(packages: &[PackageId], advisor: &dyn Advisor) -> String {
    match advisor.bring_back(packages) {
        WayBack::Command(command) => command_row("back", &command),
        WayBack::Gone => row("back", "no repository offers these packages any more"),
        WayBack::Unknown => String::new(),
    }
}

/// What is worth saying about a warning that would have been a block.
fn why_only_warned(orphan: &Orphan) -> Option<&'static str> {
    let serious = orphan.assessment.kernel.kept.is_some() && orphan.still_needed().next().is_some();
    let why = match orphan.because {
        Because::Recovery => "not blocked: packages are half-installed, this may be the cure",
        Because::Unattended => "not blocked: nobody is there to answer",
        Because::AlsoInstalls => "not blocked: the transaction also installs or upgrades",
        _ => return None,
    };
    serious.then_some(why)
}

fn named(kernel: &Kernel) -> String {
    match kernel.kept {
        Some(KeptBecause::Running) => format!("{} (running)", kernel.release),
        Some(because) => format!("{} ({})", kernel.release, because.words()),
        None => kernel.release.to_string(),
    }
}

/// The trees rather than the link that leads to them, where one package takes both.
fn lost_paths(orphan: &Orphan) -> Vec<String> {
    let hops = &orphan.loss.hops;
    hops.iter()
        .filter(|hop| {
            hop.role != Role::BuildLink || !hops.iter().any(|other| other.role != Role::BuildLink && other.by == hop.by)
        })
        .map(|hop| quoted(&hop.path))
        .collect()
}

/// `by DKMS: nvidia 535.183, zfs 2.1.11; hand-built: foo`.
pub(crate) fn needed_by(demand: &[&Demand]) -> String {
    let mut parts = Vec::new();
    for builder in [Builder::Dkms, Builder::Akmods, Builder::Hand, Builder::Predecessor] {
        let of: Vec<&&Demand> = demand.iter().filter(|one| one.builder == builder).collect();
        if !of.is_empty() {
            parts.push(format!("{}: {}", builder.name(), few(&of, 4)));
        }
    }
    match parts.as_slice() {
        [only] if only.starts_with(Builder::Predecessor.name()) => {
            let predecessor = demand.first().map(ToString::to_string).unwrap_or_default();
            format!("the kernel before it, {predecessor}, has its headers")
        }
        _ => format!("by {}", parts.join("; ")),
    }
}

/// As many lines as a message about one kernel may have.
const MOST_LINES: usize = 8;

/// What verification says about one kernel that is at fault: two of its findings if there is room.
pub fn fault(assessment: &Assessment) -> String {
    let findings: Vec<&Finding> = assessment.findings.iter().filter(|finding| finding.effect > Effect::Note).collect();
    let tries = [(2, true), (1, true), (1, false)].map(|(most, more)| fault_with(assessment, &findings, most, more));
    let fits = tries.iter().find(|text| text.lines().count() <= MOST_LINES);
    fits.or(tries.last()).cloned().unwrap_or_default()
}

fn fault_with(assessment: &Assessment, findings: &[&Finding], most: usize, more: bool) -> String {
    let head = format!("kbuild-guard: warning: {}", headline(assessment));
    let mut out = format!("{}\n", wrapped(&head, 2, 0));
    if assessment.state() != State::Absent {
        for finding in findings.iter().take(most) {
            out.push_str(&row(finding.id.code(), &format!("{}: {}", finding.id.entry().title, finding.cause)));
        }
    }
    let demand: Vec<&Demand> = assessment.demand.iter().collect();
    if !demand.is_empty() {
        out.push_str(&row("needed", &needed_by(&demand)));
    }
    if let Some(first) = findings.first() {
        out.push_str(&fix_row(first));
    }
    if more && findings.len() > 1 {
        out.push_str(&row("more", &format!("kbuild-guard explain {}", assessment.kernel.release)));
    }
    out
}

/// What is wrong with a kernel that is at fault, in one line and without saying why.
pub fn headline(assessment: &Assessment) -> String {
    let kernel = named(&assessment.kernel);
    let stops = |finding: &Finding| finding.effect == Effect::NoBuild;
    match assessment.state() {
        State::Absent => format!("kernel {kernel} has no headers installed"),
        State::Degraded => format!("external module builds for kernel {kernel} are at risk"),
        _ if !assessment.findings.iter().any(stops) => {
            format!("external modules built for kernel {kernel} would not load")
        }
        _ => format!("external modules cannot be built for kernel {kernel}"),
    }
}

fn fix_row(finding: &Finding) -> String {
    match &finding.fix {
        Some(Remedy::Command(command)) => command_row("fix", command),
        Some(Remedy::Advice(_)) | None => row("fix", finding.fix_or_advice()),
    }
}

/// Whether states are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// ANSI colours.
    Always,
}

/// The colour of a state, as a parameter of SGR (ECMA-48, 8.3.117).
pub(super) fn code(state: State) -> &'static str {
    match state {
        State::Ready => "32",
        State::Degraded | State::Unknown => "33",
        State::Broken => "31",
        State::Absent => "2",
    }
}

/// A word in its colour, filled up with spaces.
pub(super) fn painted(word: &str, code: &str, width: usize, colour: Colour) -> String {
    let text = format!("{word:<width$}");
    match colour {
        Colour::Always => format!("\x1b[{code}m{text}\x1b[0m"),
        Colour::Never => text,
    }
}

/// The table of `status`: a row a kernel.
pub fn table(assessments: &[Assessment], owners: &Owners, policy: &Policy, colour: Colour) -> String {
    let head = ["KERNEL", "STATE", "BUILD TREE", "OWNER", "NEEDED BY", "FINDING"];
    let rows: Vec<[String; 6]> = assessments.iter().map(|one| table_row(one, owners, policy)).collect();
    let mut widths = head.map(str::len);
    for cells in &rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    let line = |cells: &[String], state: Option<State>| {
        let mut line = String::new();
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            match state {
                Some(state) if index == 1 => line.push_str(&painted(state.as_str(), code(state), width, colour)),
                _ => line.push_str(&format!("{cell:<width$}")),
            }
            line.push_str("  ");
        }
        format!("{}\n", line.trim_end())
    };
    out.push_str(&line(&head.map(str::to_owned), None));
    for (cells, assessment) in rows.iter().zip(assessments) {
        out.push_str(&line(cells, Some(assessment.state())));
    }
    out
}

fn table_row(assessment: &Assessment, owners: &Owners, policy: &Policy) -> [String; 6] {
    let dash = || "-".to_owned();
    let running = if assessment.kernel.running { " (running)" } else { "" };
    let tree = assessment.closure.build_tree().map(quoted).or(match &assessment.closure.link.kind {
        LinkKind::Symlink(target) => Some(quoted_os(target.as_os_str())),
        _ => None,
    });
    let telling = assessment.closure.hops.iter().find(|hop| hop.role == Role::BuildTree);
    let owner = telling.or(assessment.closure.hops.first()).and_then(|hop| owners.owner(hop));
    let finding = assessment
        .findings
        .iter()
        .find(|finding| assessment.is_at_fault() && !policy.ignores(finding, &assessment.kernel.release))
        .map(|finding| format!("{} {}", finding.id.code(), finding.id.entry().title));
    [
        format!("{}{running}", assessment.kernel.release),
        assessment.state().as_str().to_owned(),
        tree.unwrap_or_else(dash),
        owner.map_or_else(dash, ToString::to_string),
        if assessment.demand.is_empty() { dash() } else { few(&assessment.demand, 2) },
        finding.unwrap_or_else(dash),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stays_and_several_stay() {
        let said = |names: &[&str]| {
            let brought_by = names.iter().map(|name| PackageId::new(name)).collect();
            let bereft = Bereft { packages: vec![PackageId::new("h")], brought_by, needed_by: Vec::new() };
            super::bereft(&bereft, &crate::package_db::NoPackages)
        };
        assert!(said(&["a"]).contains("a stays, which brings new kernels"), "{}", said(&["a"]));
        assert!(said(&["a", "b"]).contains("a, b stay, which bring new kernels"), "{}", said(&["a", "b"]));
    }
}
