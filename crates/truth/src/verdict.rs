// SPDX-License-Identifier: MIT OR Apache-2.0
//! What our program says of a kernel in a root.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use test_roots::{Root, fnv1a};

use crate::build::last_lines;
use crate::error::{Error, Result};

/// Where it lies in a root, as its package lays it.
const PLACE: &str = "/usr/bin/kbuild-guard";

/// The program that is judged.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    /// Its content as a hash: a verdict is this program's and no other's.
    pub(crate) hash: String,
}

/// One finding, as `check --json` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// `KBGnnn`.
    pub(crate) id: String,
    /// no-build, no-load, risk, note.
    pub(crate) effect: String,
    /// What it is about.
    pub(crate) path: String,
    /// Why it is said.
    pub(crate) cause: String,
    /// What mends it.
    pub(crate) fix: String,
}

/// What is said of one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// `ready`, `degraded`, `broken`, `absent`, `unknown`; anything else is a failure of the program.
    pub(crate) state: String,
    /// The findings, in order.
    pub(crate) findings: Vec<Finding>,
}

/// A tree of the closure, and the package it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hop {
    /// Where it is.
    pub(crate) path: String,
    /// Its package.
    pub(crate) owner: Option<String>,
}

impl Program {
    /// The program at `path`.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        Ok(Self { path: path.to_owned(), hash: format!("{:016x}", fnv1a(&bytes)) })
    }

    /// What it says of `release`.
    pub(crate) fn judge(&self, root: &Root, release: &str) -> Result<Verdict> {
        Ok(self.ask(root, release)?.0)
    }

    /// What it says of `release`, and the hops it names.
    pub(crate) fn ask(&self, root: &Root, release: &str) -> Result<(Verdict, Vec<Hop>)> {
        self.lay(root)?;
        let said = root.command(&["kbuild-guard", "check", "--json", release]).split()?;
        let words = format!("{}\n{}", said.stdout, said.stderr);
        let verdict = Verdict::read(&said.stdout_bytes, said.code, &words);
        Ok((verdict, kernel(&said.stdout_bytes).as_ref().map(hops).unwrap_or_default()))
    }

    /// Lays it into a root.
    pub(crate) fn lay(&self, root: &Root) -> Result<()> {
        Ok(root.copy_in(&self.path, PLACE)?)
    }
}

impl Verdict {
    /// Reads what `check --json` wrote; what is none is a failure, told by its exit code and its words.
    pub(crate) fn read(json: &[u8], code: i32, words: &str) -> Self {
        let none = || Self { state: format!("exit {code}: {}", last_lines(words.trim(), 5)), findings: Vec::new() };
        kernel(json).as_ref().map_or_else(none, parse)
    }
}

/// The first kernel of a document.
fn kernel(json: &[u8]) -> Option<Value> {
    let document: Value = serde_json::from_slice(json).ok()?;
    document.get("kernels")?.get(0).cloned()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn parse(kernel: &Value) -> Verdict {
    let finding = |value: &Value| Finding {
        id: text(value, "id"),
        effect: text(value, "effect"),
        path: text(value, "path"),
        cause: text(value, "cause"),
        fix: text(value, "fix"),
    };
    Verdict { state: text(kernel, "state"), findings: list(kernel, "findings").map(finding).collect() }
}

fn hops(kernel: &Value) -> Vec<Hop> {
    let owner = |value: &Value| value.get("owner").and_then(Value::as_str).map(str::to_owned);
    list(kernel, "closure").map(|hop| Hop { path: text(hop, "path"), owner: owner(hop) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_check_says_is_read() {
        let kernel = json!({
            "state": "broken",
            "closure": [{"path": "/l", "owner": null}, {"path": "/t", "owner": "p"}],
            "findings": [{"id": "KBG030", "effect": "no-build", "path": "/t/x", "cause": "c", "fix": "f"}]
        });
        let verdict = parse(&kernel);
        assert_eq!(verdict.state, "broken");
        assert_eq!(verdict.findings[0].id, "KBG030");
        let hops = hops(&kernel);
        assert_eq!((hops[0].owner.as_deref(), hops[1].owner.as_deref()), (None, Some("p")));
    }
}
