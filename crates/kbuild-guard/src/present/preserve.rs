// SPDX-License-Identifier: MIT OR Apache-2.0
//! What preserving a tree did, or would do: for people, and docs/preserve.schema.json for programs.

use std::path::Path;

use serde::Serialize;

use crate::present::SCHEMA;
use crate::present::layout::{few, row, wrapped};
use crate::preserve::{Account, megabytes};
use crate::quote::{quoted, quoted_os};

/// So many things that were left out are listed one by one.
const MOST_LISTED: usize = 10;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Preserved,
    Relinked,
    Unchanged,
    WouldPreserve,
    WouldRelink,
}

impl Outcome {
    fn of(account: &Account) -> Self {
        match (account.from.is_some(), account.moves.is_empty(), account.after.is_some()) {
            (true, _, true) => Outcome::Preserved,
            (true, _, false) => Outcome::WouldPreserve,
            (false, true, _) => Outcome::Unchanged,
            (false, false, true) => Outcome::Relinked,
            (false, false, false) => Outcome::WouldRelink,
        }
    }
}

/// For a terminal.
pub fn text(account: &Account) -> String {
    let Account { release, from, source, to, .. } = account;
    let outcome = Outcome::of(account);
    let head = match outcome {
        Outcome::Preserved => format!("kernel {release}: what modules are built with is preserved"),
        Outcome::WouldPreserve => format!("kernel {release}: what modules are built with would be preserved"),
        Outcome::Relinked => format!("kernel {release}: its tree is preserved already; the build link was moved to it"),
        Outcome::WouldRelink => {
            format!("kernel {release}: its tree is preserved already; the build link would be moved to it")
        }
        Outcome::Unchanged => {
            format!("kernel {release}: its tree is preserved already, and the build link leads to it")
        }
    };
    let mut out = format!("{}\n", wrapped(&head, 2, 0));
    for path in from.iter().chain(source) {
        out.push_str(&row("from", &quoted(path)));
    }
    out.push_str(&row("to", &quoted(to)));
    if from.is_some() {
        out.push_str(&row("copy", &format!("{} files, {}", account.files, megabytes(account.bytes))));
    }
    for one in &account.moves {
        let old = one.old.as_ref().map_or_else(|| "nothing".to_owned(), |old| quoted_os(old.as_os_str()));
        let verb = if account.after.is_some() { "led" } else { "leads" };
        out.push_str(&row("link", &format!("{} ({verb} to {old})", quoted(&one.link))));
    }
    for left in account.left_out.iter().take(MOST_LISTED) {
        out.push_str(&row("without", &format!("{}: {}", quoted(&left.path), left.why)));
    }
    if let Some(more) = account.left_out.len().checked_sub(MOST_LISTED).filter(|more| *more > 0) {
        out.push_str(&row("without", &format!("{more} more")));
    }
    if let Some(after) = account.after.filter(|_| outcome != Outcome::Unchanged) {
        out.push_str(&row("state", &format!("{}, was {}", after.as_str(), account.before.as_str())));
    }
    out.push_str(&end(account, outcome));
    out
}

/// What can be done now.
fn end(account: &Account, outcome: Outcome) -> String {
    let trees: Vec<String> = account.from.iter().chain(&account.source).map(quoted).collect();
    let text = match outcome {
        Outcome::Preserved if account.still_needed.is_empty() => {
            format!("No kernel here needs {} any more: archive or delete it as you like.", trees.join(" and "))
        }
        Outcome::Preserved => {
            format!("Before you delete anything: {}.", few(&account.still_needed, 3))
        }
        Outcome::WouldPreserve | Outcome::WouldRelink => "Nothing was changed.".to_owned(),
        Outcome::Relinked | Outcome::Unchanged => return String::new(),
    };
    format!("{}\n", wrapped(&text, 0, 0))
}

/// What `preserve --json` prints.
#[derive(Debug, Serialize)]
pub struct Json {
    schema: u32,
    release: String,
    outcome: Outcome,
    from: Option<String>,
    source: Option<String>,
    to: String,
    files: u64,
    bytes: u64,
    left_out: Vec<LeftOutEntry>,
    links: Vec<LinkEntry>,
    state_before: &'static str,
    state_after: Option<&'static str>,
    still_needed: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LeftOutEntry {
    path: String,
    why: String,
}

#[derive(Debug, Serialize)]
struct LinkEntry {
    path: String,
    old: Option<String>,
    new: Option<String>,
}

impl Json {
    /// Of this account.
    pub fn of(account: &Account) -> Self {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        Json {
            schema: SCHEMA,
            release: account.release.to_string(),
            outcome: Outcome::of(account),
            from: account.from.as_ref().map(|from| path(from.as_path())),
            source: account.source.as_ref().map(|source| path(source.as_path())),
            to: path(account.to.as_path()),
            files: account.files,
            bytes: account.bytes,
            left_out: account
                .left_out
                .iter()
                .map(|left| LeftOutEntry { path: path(left.path.as_path()), why: left.why.clone() })
                .collect(),
            links: account
                .moves
                .iter()
                .map(|one| LinkEntry {
                    path: path(one.link.as_path()),
                    old: one.old.as_deref().map(path),
                    new: one.new.as_deref().map(path),
                })
                .collect(),
            state_before: account.before.as_str(),
            state_after: account.after.map(|state| state.as_str()),
            still_needed: account.still_needed.clone(),
        }
    }
}
