// SPDX-License-Identifier: MIT OR Apache-2.0
//! What repairing links did, would do, or why it was refused: for people, and docs/repair.schema.json for programs.

use std::path::Path;

use serde::Serialize;

use crate::assess::State;
use crate::kernels::Kernel;
use crate::package_db::Remedy;
use crate::present::SCHEMA;
use crate::present::layout::{command_row, row, wrapped};
use crate::quote::{quoted, quoted_os, shell_word};
use crate::relink::{Move, Undo};
use crate::repair::{Account, Outcome, Verdict};

/// So many trees that do not fit are listed one by one.
const MOST_LISTED: usize = 10;

/// For a terminal: what was done, or would be, or that there is nothing to do.
pub fn text(account: &Account, program: &str) -> String {
    let Account { release, before, .. } = account;
    let is_done = account.after.is_some();
    let head = match (account.outcome, &account.tree) {
        (Outcome::Unchanged, _) if *before == State::Ready => {
            format!("kernel {release} is ready: there is nothing to repair")
        }
        (Outcome::Unchanged, _) if !before.is_usable() => {
            format!("kernel {release} is {}, and its tree is good: there is nothing to repair", before.as_str())
        }
        (Outcome::Unchanged, _) if account.verdicts.is_empty() => {
            format!("kernel {release} is {}: modules can be built for it, and its link is left alone", before.as_str())
        }
        (Outcome::Unchanged, _) => format!("kernel {release} is {}: there is no better tree for it", before.as_str()),
        (_, Some(_)) if is_done => format!("kernel {release}: its build link leads to a tree that fits"),
        (_, Some(_)) => format!("kernel {release}: its build link would lead to a tree that fits"),
        (_, None) if is_done => {
            format!("kernel {release}: its build link is good, and its source link leads there now")
        }
        (_, None) => format!("kernel {release}: its build link is good, and its source link would lead there"),
    };
    let mut out = format!("{}\n", wrapped(&head, 2, 0));
    if let Some(tree) = &account.tree {
        out.push_str(&row("tree", &quoted(tree)));
    }
    if let Some(package) = &account.package {
        out.push_str(&row("of", &format!("the package {package}")));
    }
    out.push_str(&links(&account.moves, is_done));
    if account.outcome == Outcome::Unchanged {
        if *before != State::Ready {
            out.push_str(&trees(account));
            out.push_str(&command_row("more", &format!("{program} explain {release}")));
        }
        return out;
    }
    match account.after {
        Some(after) => {
            out.push_str(&row("state", &format!("{}, was {}", after.as_str(), before.as_str())));
            out.push_str(&command_row("undo", &format!("{program} repair --undo {release}")));
        }
        None => out.push_str("Nothing was changed.\n"),
    }
    out
}

/// For a terminal, below "refused": the trees with what speaks against each, and what can be done.
pub fn refusal(account: &Account, program: &str) -> String {
    let mut out = trees(account);
    match &account.fix {
        Some(Remedy::Command(command)) => out.push_str(&command_row("fix", command)),
        Some(Remedy::Advice(advice)) => out.push_str(&row("fix", advice)),
        None => {}
    }
    if let Some(near) = account.near.as_ref().filter(|_| account.trust.is_empty()) {
        let command = format!("{program} repair {} --search {}", account.release, shell_word(near.as_os_str()));
        out.push_str(&command_row("search", &command));
    }
    out
}

fn trees(account: &Account) -> String {
    let unfit = account.verdicts.iter().filter_map(|verdict| Some((verdict, verdict.reason()?)));
    let mut out = String::new();
    for (verdict, reason) in unfit.clone().take(MOST_LISTED) {
        let tree = quoted(&verdict.candidate.path);
        // A finding often begins with the tree itself.
        let text = if reason.starts_with(&tree) { reason } else { format!("{tree}: {reason}") };
        out.push_str(&row("no", &text));
    }
    if let Some(more) = unfit.count().checked_sub(MOST_LISTED).filter(|more| *more > 0) {
        out.push_str(&row("no", &format!("{more} more")));
    }
    out
}

fn links(moves: &[Move], is_done: bool) -> String {
    let verb = if is_done { "led" } else { "leads" };
    let target = |target: &Option<std::path::PathBuf>| {
        target.as_ref().map_or_else(|| "nothing".to_owned(), |target| quoted_os(target.as_os_str()))
    };
    moves.iter().map(|one| row("link", &format!("{} ({verb} to {})", quoted(&one.link), target(&one.old)))).collect()
}

/// For a terminal: what was taken back, or would be.
pub fn undo_text(kernel: &Kernel, undo: Option<&Undo>, states: (State, Option<State>)) -> String {
    let release = &kernel.release;
    let Some(undo) = undo else {
        return format!("kernel {release}: nothing was moved that has not been taken back\n");
    };
    let (before, after) = states;
    let head = match (undo.moves.is_empty(), after.is_some()) {
        (true, _) => format!("kernel {release}: its links lead where they led before '{}' already", undo.of),
        (false, true) => format!("kernel {release}: its links lead where they led before '{}'", undo.of),
        (false, false) => format!("kernel {release}: its links would lead where they led before '{}'", undo.of),
    };
    let mut out = format!("{}\n", wrapped(&head, 2, 0));
    for one in &undo.moves {
        let text = match (&one.new, after.is_some()) {
            (Some(new), true) => format!("{} leads to {}", quoted(&one.link), quoted_os(new.as_os_str())),
            (Some(new), false) => format!("{} would lead to {}", quoted(&one.link), quoted_os(new.as_os_str())),
            (None, true) => format!("{} is gone: there was none", quoted(&one.link)),
            (None, false) => format!("{} would go: there was none", quoted(&one.link)),
        };
        out.push_str(&row("link", &text));
    }
    match after {
        Some(after) => out.push_str(&row("state", &format!("{}, was {}", after.as_str(), before.as_str()))),
        None => out.push_str("Nothing was changed.\n"),
    }
    out
}

/// What `repair --json` prints.
#[derive(Debug, Serialize)]
pub struct Json {
    schema: u32,
    kernels: Vec<KernelEntry>,
    remarks: Vec<String>,
}

/// What came of one kernel.
#[derive(Debug, Serialize)]
pub struct KernelEntry {
    release: String,
    outcome: &'static str,
    tree: Option<String>,
    package: Option<String>,
    links: Vec<LinkEntry>,
    trees: Vec<TreeEntry>,
    state_before: &'static str,
    state_after: Option<&'static str>,
    reason: Option<String>,
    fix: Option<String>,
}

#[derive(Debug, Serialize)]
struct LinkEntry {
    path: String,
    old: Option<String>,
    new: Option<String>,
}

#[derive(Debug, Serialize)]
struct TreeEntry {
    path: String,
    found: &'static str,
    fits: bool,
    state: Option<&'static str>,
    package: Option<String>,
    finding: Option<&'static str>,
    reason: Option<String>,
}

impl Json {
    /// Of what came of each kernel, and of what was not looked through.
    pub fn of(kernels: Vec<KernelEntry>, remarks: &[String]) -> Self {
        Json { schema: SCHEMA, kernels, remarks: remarks.to_vec() }
    }
}

impl KernelEntry {
    /// Of this account.
    pub fn of(account: &Account) -> Self {
        KernelEntry {
            release: account.release.to_string(),
            outcome: match account.outcome {
                Outcome::Relinked => "relinked",
                Outcome::WouldRelink => "would-relink",
                Outcome::Unchanged => "unchanged",
                Outcome::Refused => "refused",
            },
            tree: account.tree.as_ref().map(|tree| path(tree.as_path())),
            package: account.package.as_ref().map(ToString::to_string),
            links: account.moves.iter().map(LinkEntry::of).collect(),
            trees: account.verdicts.iter().map(TreeEntry::of).collect(),
            state_before: account.before.as_str(),
            state_after: account.after.map(State::as_str),
            reason: account.why.as_ref().map(|why| why.text(account)),
            fix: account.fix.as_ref().map(|fix| fix.text().to_owned()),
        }
    }

    /// Of what was taken back.
    pub fn of_undo(kernel: &Kernel, undo: Option<&Undo>, (before, after): (State, Option<State>)) -> Self {
        let moves = undo.map(|undo| undo.moves.as_slice()).unwrap_or_default();
        KernelEntry {
            release: kernel.release.to_string(),
            outcome: match (moves.is_empty(), after.is_some()) {
                (true, _) => "unchanged",
                (false, true) => "undone",
                (false, false) => "would-undo",
            },
            tree: None,
            package: None,
            links: moves.iter().map(LinkEntry::of).collect(),
            trees: Vec::new(),
            state_before: before.as_str(),
            state_after: after.filter(|_| !moves.is_empty()).map(State::as_str),
            reason: None,
            fix: None,
        }
    }
}

impl LinkEntry {
    fn of(one: &Move) -> Self {
        LinkEntry {
            path: path(one.link.as_path()),
            old: one.old.as_deref().map(path),
            new: one.new.as_deref().map(path),
        }
    }
}

impl TreeEntry {
    fn of(verdict: &Verdict) -> Self {
        TreeEntry {
            path: path(verdict.candidate.path.as_path()),
            found: verdict.candidate.found.as_str(),
            fits: verdict.unfit.is_none(),
            state: verdict.state.map(State::as_str),
            package: verdict.package.as_ref().map(ToString::to_string),
            finding: verdict.finding().map(|id| id.code()),
            reason: verdict.reason(),
        }
    }
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
