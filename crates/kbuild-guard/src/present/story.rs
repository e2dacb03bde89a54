// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole story, for somebody who meets the matter for the first time, late in the evening: what the
//! link is, where it leads, what is wrong, what that means, the command that mends it, and what happens
//! otherwise.

use crate::assess::{Assessment, State};
use crate::build_tree::{Closure, End, LinkKind, Role, Unclear};
use crate::checks::{Effect, Entry, Finding, FindingId};
use crate::demand::{Builder, Demand};
use crate::kernels::KeptBecause;
use crate::package_db::Remedy;
use crate::policy::Policy;
use crate::present::Owners;
use crate::present::layout::{command_line, few, paragraph, row};
use crate::present::text::{Colour, code, painted};
use crate::quote::{quoted, quoted_os, shell_word};
use crate::repair;
use crate::sysroot::RootPath;

/// Names beyond these are counted.
const MOST_MODULES: usize = 8;

/// The story of one kernel.
pub fn of_kernel(assessment: &Assessment, owners: &Owners, policy: &Policy, colour: Colour) -> String {
    let kernel = &assessment.kernel;
    let state = assessment.state();
    let running = if kernel.running { " (running)" } else { "" };
    let mut out =
        format!("Kernel {}{running}: {}\n\n", kernel.release, painted(state.as_str(), code(state), 0, colour));
    out.push_str(&paragraph(0, verdict(assessment)));

    out.push_str("\nWhat the link is\n");
    out.push_str(&paragraph(2, &purpose(&assessment.closure)));

    out.push_str("\nWhere it leads\n");
    out.push_str(&way(assessment, owners));

    out.push_str("\nWho needs it\n");
    out.push_str(&need(assessment));

    if !assessment.findings.is_empty() {
        let what = if state == State::Ready { "What is worth knowing" } else { "What is wrong" };
        out.push_str(&format!("\n{what}\n"));
        for finding in &assessment.findings {
            out.push_str(&found(finding, policy.ignores(finding, &kernel.release)));
        }
    }
    if let Some(text) = meaning(assessment) {
        out.push_str(&format!("\nWhat that means\n{}", paragraph(2, &text)));
    }
    if assessment.is_at_fault() || state == State::Unknown {
        out.push_str("\nWhat mends it\n");
        out.push_str(&cure(assessment, policy));
        out.push_str(&search(assessment, owners));
    }
    out.push_str(&format!("\nIf nothing is done\n{}", paragraph(2, otherwise(assessment))));
    out.push_str("\nTo read more\n");
    let mut told: Vec<&str> = Vec::new();
    for finding in &assessment.findings {
        if !told.contains(&finding.id.code()) {
            told.push(finding.id.code());
            out.push_str(&format!("  kbuild-guard explain {}\n", finding.id.code()));
        }
    }
    out.push_str("  man 7 kbuild-guard-findings\n");
    out
}

fn verdict(assessment: &Assessment) -> &'static str {
    match assessment.state() {
        State::Ready => "External modules can be built for it, and nothing speaks against their loading.",
        State::Degraded => "External modules can be built for it today; see below why that may not last.",
        State::Broken if only_loading(assessment) => {
            "External modules can be built for it, and it would refuse to load them."
        }
        State::Broken => "No external module can be built for it.",
        State::Absent if assessment.is_needed() => "It has no headers installed, and something needs them.",
        State::Absent => "It has no headers installed, and nothing needs them: all is well.",
        State::Unknown => "Whether external modules can be built for it could not be determined.",
    }
}

/// Whether modules are built as if nothing was wrong.
fn only_loading(assessment: &Assessment) -> bool {
    assessment.findings.iter().all(|finding| finding.effect < Effect::NoBuild)
}

fn purpose(closure: &Closure) -> String {
    let link = quoted(&closure.link.path);
    let what = match closure.link.kind {
        LinkKind::Directory => "is the directory",
        _ => "is the link",
    };
    format!(
        "{link} {what} that every build of a module which did not come with this kernel goes through: dkms, akmods \
         and 'make -C' enter it and expect the kernel's headers, its configuration and a few programs there."
    )
}

/// The trees, hop by hop, and where the way ends if it does not end well.
fn way(assessment: &Assessment, owners: &Owners) -> String {
    let closure = &assessment.closure;
    let mut out = match &closure.link.kind {
        LinkKind::Symlink(target) => {
            row("link", &format!("{} -> {}", quoted(&closure.link.path), quoted_os(target.as_os_str())))
        }
        LinkKind::Directory => row("tree", &format!("{}, itself", quoted(&closure.link.path))),
        LinkKind::Missing => row("link", &format!("there is no {}", quoted(&closure.link.path))),
        LinkKind::Other => row("link", &format!("{} is neither link nor directory", quoted(&closure.link.path))),
    };
    let mut passed: Vec<&RootPath> = Vec::new();
    for hop in &closure.hops {
        // A link in a circle is met again and again.
        if passed.contains(&&hop.path) {
            continue;
        }
        passed.push(&hop.path);
        let owner = match owners.owner(hop) {
            Some(owner) => format!("of the package {owner}"),
            None => "no package owns it".to_owned(),
        };
        let (label, what) = match hop.role {
            Role::BuildLink => ("link", ""),
            Role::BuildTree => ("tree", "modules are built here; "),
            Role::SourceTree => ("source", "the tree's Makefile includes this one's; "),
            Role::Companion => ("shared", "the tree links into it; "),
        };
        // The first one stands there already, with its target.
        if hop.path != closure.link.path {
            out.push_str(&row(label, &quoted(&hop.path)));
        }
        out.push_str(&row("", &format!("{what}{owner}")));
    }
    for gap in &closure.gaps {
        out.push_str(&row("missing", &quoted(&gap.missing)));
        out.push_str(&row("", &format!("{} asks for it", quoted(&gap.via))));
    }
    match &closure.end {
        End::Complete | End::NoLink => {}
        End::Dangling { at, path } => {
            out.push_str(&row("end", &format!("{} is not there", quoted(path))));
            if at != path {
                out.push_str(&row("", &format!("nor is {}", quoted(at))));
            }
        }
        End::Loop(at) => out.push_str(&row("end", &format!("in a circle, at {}", quoted(at)))),
        End::NotADirectory(at) => out.push_str(&row("end", &format!("at {}, which is no directory", quoted(at)))),
        End::Unknown(Unclear::NotMounted(at)) => {
            out.push_str(&row("end", &format!("not known: {} is not mounted", quoted(at))));
        }
        End::Unknown(Unclear::Failed(why)) => out.push_str(&row("end", &format!("not known: {why}"))),
    }
    out
}

fn need(assessment: &Assessment) -> String {
    let mut out = String::new();
    for builder in [Builder::Dkms, Builder::Akmods, Builder::Hand, Builder::Predecessor] {
        let modules: Vec<&Demand> = assessment.demand.iter().filter(|one| one.builder == builder).collect();
        if !modules.is_empty() {
            out.push_str(&paragraph(2, &format!("{}: {}", builder.name(), few(&modules, MOST_MODULES))));
        }
    }
    if out.is_empty() {
        out = paragraph(2, "Nothing: no module is registered with dkms or akmods, and none was built by hand.");
    }
    let kept = match assessment.kernel.kept {
        Some(KeptBecause::Running) => "It is the kernel that runs now.",
        Some(KeptBecause::Newest) => "It is the newest kernel of its flavour.",
        Some(KeptBecause::Held) => "Its image is held.",
        Some(KeptBecause::ByName) => "Its image was installed by name.",
        None if assessment.standing.autoremovable => {
            "Nobody counts on this kernel: the package manager would remove it as no longer needed."
        }
        None => "Nobody counts on this kernel: it neither runs nor is it the newest, held or installed by name.",
    };
    out + &paragraph(2, kept)
}

fn found(finding: &Finding, ignored: bool) -> String {
    let Entry { code, title, consequence, .. } = finding.id.entry();
    let ignored = if ignored { " (ignored by the configuration)" } else { "" };
    paragraph(2, &format!("{code} {title}{ignored}"))
        + &paragraph(4, &sentence(&finding.cause))
        + &paragraph(4, &format!("So {}.", consequence.trim_end_matches('.')))
}

/// What follows for the modules that need the headers, by name.
fn meaning(assessment: &Assessment) -> Option<String> {
    let (one, many) = match assessment.state() {
        State::Ready => return None,
        State::Degraded => ("can be built for this kernel today", "can be built for this kernel today"),
        State::Unknown => ("may or may not be built for this kernel", "may or may not be built for this kernel"),
        State::Broken if only_loading(assessment) => (
            "builds for this kernel without an error, and does not load in it",
            "build for this kernel without an error, and do not load in it",
        ),
        State::Absent | State::Broken => ("cannot be built for this kernel", "cannot be built for this kernel"),
    };
    match assessment.demand.as_slice() {
        [] => None,
        [module] => Some(format!("{module} {one}.")),
        modules => Some(format!("{} {many}.", few(modules, MOST_MODULES))),
    }
}

/// One command: that of the most telling finding. The others are often gone with it.
fn cure(assessment: &Assessment, policy: &Policy) -> String {
    let release = &assessment.kernel.release;
    let open = |finding: &&Finding| finding.effect > Effect::Note && !policy.ignores(finding, release);
    let first = assessment.findings.iter().find(open).or(assessment.findings.first());
    let Some(first) = first else { return String::new() };
    let mut out = match &first.fix {
        Some(Remedy::Command(command)) => command_line(2, command),
        Some(Remedy::Advice(_)) | None => paragraph(2, &sentence(first.fix_or_advice())),
    };
    let others = assessment.findings.iter().filter(open).filter(|other| other.fix_or_advice() != first.fix_or_advice());
    if others.count() > 0 {
        out.push_str(&paragraph(2, "That is the first step. Then ask again:"));
        out.push_str(&format!("  kbuild-guard explain {release}\n"));
    }
    out
}

/// Where a tree that fits may be elsewhere: how to have it looked for. A package's link is the package's to mend.
fn search(assessment: &Assessment, owners: &Owners) -> String {
    let link = assessment.closure.hops.iter().find(|hop| hop.role == Role::BuildLink);
    if !repair::may_help(assessment) || link.is_some_and(|link| owners.owner(link).is_some()) {
        return String::new();
    }
    let mut command = format!("kbuild-guard repair {}", assessment.kernel.release);
    if let Some(near) = repair::near(&assessment.closure) {
        command.push_str(&format!(" --search {}", shell_word(near.as_os_str())));
    }
    paragraph(2, "Where its own tree is elsewhere now, this finds it, proves it and links to it:")
        + &command_line(2, &command)
}

fn otherwise(assessment: &Assessment) -> &'static str {
    match (assessment.state(), assessment.is_needed()) {
        (State::Ready, true) => "All is well: there is nothing to do.",
        (State::Ready, false) => "All is well: there is nothing to do, and nothing that needs it.",
        (State::Degraded, _) if is_changed(assessment) => {
            "Builds go on, and what they make may crash the kernel or misbehave: the headers may not be those that it \
             was made with."
        }
        (State::Degraded, _) => "Builds go on as long as what is told above does not change. Then they fail.",
        (State::Absent | State::Broken, false) => {
            "Nothing happens, until somebody builds a module for this kernel: that fails."
        }
        (State::Broken, true) if only_loading(assessment) => {
            "What is built already goes on loading. The next rebuild puts a module in its place that the kernel \
             refuses, and no build tool says so."
        }
        (State::Absent | State::Broken, true) => {
            "What is built already goes on loading. The next update of such a module cannot be built for this kernel, \
             and one that was not built yet is missing after the next boot into it."
        }
        (State::Unknown, _) => "Nobody knows: look again as root, with everything mounted.",
    }
}

/// Whether the tree has changed under its kernel.
fn is_changed(assessment: &Assessment) -> bool {
    assessment.findings.iter().any(|finding| finding.id == FindingId::Drift && finding.effect == Effect::Risk)
}

/// The story of one finding, whether it was found or not.
pub fn of_finding(entry: &Entry) -> String {
    let Entry { code, title, consequence, advice, story, .. } = entry;
    let mut out = format!("{code} {title}\n");
    out.push_str(&format!("\nWhat it is\n{}", paragraph(2, story)));
    out.push_str(&format!("\nWhy it matters\n{}", paragraph(2, &sentence(consequence))));
    out.push_str(&format!("\nWhat to do\n{}", paragraph(2, &sentence(advice))));
    let more = "Where a package brings what is missing, 'kbuild-guard explain RELEASE' names the command.";
    out.push_str(&paragraph(2, more));
    out.push_str("\nTo hear no more of it\n");
    out.push_str(&paragraph(2, "Where you know of it and want it so, write in /etc/kbuild-guard/config.toml"));
    out.push_str(&format!("    {}\n", ignore_line(entry)));
    let pattern = "with a kernel's release in the place of the *, or a part of it as in \"*-felix\".";
    out.push_str(&paragraph(2, pattern));
    out.push_str("\nTo read more\n  man 7 kbuild-guard-findings\n  man 5 kbuild-guard.toml\n");
    out
}

/// The line that silences a finding.
pub(super) fn ignore_line(entry: &Entry) -> String {
    format!("ignore = [{{ finding = \"{}\", release = \"*\" }}]", entry.code)
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut rest = text.chars();
    // A path or the name of a file stays as it is.
    let is_word = text.split(' ').next().is_some_and(|word| word.chars().all(char::is_alphabetic));
    if let Some(first) = rest.next() {
        out.push(if is_word { first.to_ascii_uppercase() } else { first });
    }
    out.push_str(rest.as_str());
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_and_end() {
        for (text, expected) in [
            ("modules are built", "Modules are built."),
            ("/usr/src/x is gone", "/usr/src/x is gone."),
            ("run 'make'.", "Run 'make'."),
            ("", "."),
        ] {
            assert_eq!(sentence(text), expected);
        }
    }
}
