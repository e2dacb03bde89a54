// SPDX-License-Identifier: MIT OR Apache-2.0
//! What dnf5's plugin "actions" answers in its JSON mode (libdnf5-actions(8)): a line a question, a line an answer.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use kbuild_guard::package_db::PackageId;
use kbuild_guard::transaction::{Driver, Element, Files, Transaction};
use serde::{Deserialize, Serialize};

use super::typed_words::{Names, why};

/// What a transaction is asked for: its packages.
pub const PACKAGES: &str = "{\"op\":\"get\",\"domain\":\"trans_packages\",\"args\":{\"output\":\
    [\"direction\",\"action\",\"name\",\"epoch\",\"version\",\"release\",\"arch\"]}}";

/// And the root it works on.
pub const ROOT: &str = "{\"op\":\"get\",\"domain\":\"conf\",\"args\":{\"key\":\"installroot\"}}";

/// What is wrong with an answer.
#[derive(Debug)]
pub enum AnswerError {
    /// It is not the JSON that was asked for.
    Json(serde_json::Error),
    /// dnf5 says that it failed, or has left out what was asked for.
    Failed,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The text itself may be anything; where it is wrong is enough.
            AnswerError::Json(error) => {
                write!(f, "dnf5's answer cannot be read from column {}", error.column())
            }
            AnswerError::Failed => write!(f, "dnf5 has no answer"),
        }
    }
}

impl std::error::Error for AnswerError {}

#[derive(Debug, Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    r#return: Returned,
}

#[derive(Debug, Default, Deserialize)]
struct Returned {
    trans_packages: Option<Vec<Item>>,
    keys_val: Option<Vec<KeyValue>>,
}

#[derive(Debug, Deserialize)]
struct KeyValue {
    value: String,
}

/// A package of the transaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Item {
    direction: Direction,
    /// `E` erased, `O` replaced by what arrives, `?` another reason, `I`, `U`, `D`, `R` and more for what arrives.
    action: String,
    name: String,
    epoch: String,
    version: String,
    release: String,
    arch: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Direction {
    #[serde(rename = "IN")]
    In,
    #[serde(rename = "OUT")]
    Out,
}

/// The packages in the answer to [`PACKAGES`].
pub fn packages(line: &str) -> Result<Vec<Item>, AnswerError> {
    answer(line)?.trans_packages.ok_or(AnswerError::Failed)
}

/// The path in the answer to [`ROOT`].
pub fn root(line: &str) -> Result<PathBuf, AnswerError> {
    let values = answer(line)?.keys_val.unwrap_or_default();
    values.into_iter().next().map(|of| PathBuf::from(of.value)).ok_or(AnswerError::Failed)
}

fn answer(line: &str) -> Result<Returned, AnswerError> {
    let answer: Answer = serde_json::from_str(line).map_err(AnswerError::Json)?;
    if answer.status == "OK" { Ok(answer.r#return) } else { Err(AnswerError::Failed) }
}

/// The transaction of these packages. dnf5 does not tell their files: rpm is asked for those that leave, and a package
/// that is replaced goes by its name.
pub fn transaction(items: &[Item], driver: Driver) -> Transaction {
    let replaced: HashSet<&str> =
        items.iter().filter(|item| item.action == "O").map(|item| item.name.as_str()).collect();
    let command = driver.command_line.clone().unwrap_or_default();
    let mut transaction = Transaction { driver, ..Transaction::default() };
    for item in items {
        let Item { name, epoch, version, release, arch, .. } = item;
        let vr = format!("{version}-{release}");
        let evr = if epoch == "0" { vr.clone() } else { format!("{epoch}:{vr}") };
        // Another version of what may be installed more than once is erased, not replaced.
        let is_one = replaced.contains(name.as_str()) && (item.direction == Direction::In || item.action == "O");
        let package = if is_one { PackageId::new(name) } else { PackageId::new(&format!("{name}-{vr}.{arch}")) };
        let why = why(&command, &Names { name, evr: &evr, arch });
        let element = Element { package, version: evr, files: Files::InDatabase, why };
        match (item.direction, item.action.as_str()) {
            (Direction::In, _) => transaction.arriving.push(element),
            (Direction::Out, "E" | "O") => transaction.leaving.push(element),
            // Of a package that stays only the reason changes (`dnf5 mark`).
            (Direction::Out, _) => {}
        }
    }
    transaction
}

/// What is said to dnf5 to stop it; people see the message behind words of dnf5's own.
pub fn stop(message: &str) -> String {
    #[derive(Serialize)]
    struct Stop<'m> {
        op: &'static str,
        args: Message<'m>,
    }
    #[derive(Serialize)]
    struct Message<'m> {
        message: &'m str,
    }
    // Behind the file's name and line, it would stand in the middle of one.
    let message = format!("\n{}", message.trim_end());
    serde_json::to_string(&Stop { op: "stop", args: Message { message: &message } }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kbuild_guard::transaction::Why;

    /// An answer of dnf5 5.4.6 to an upgrade and the rotation of what may be installed more than once, and what it says of a
    /// changed reason.
    const ANSWER: &str = r#"{ "op": "reply", "requested_op": "get", "domain": "trans_packages", "return": { "trans_packages": [
        { "direction": "OUT", "action": "O", "name": "plain", "arch": "noarch", "version": "1", "release": "1", "epoch": "0", "full_nevra": "plain-0:1-1.noarch" },
        { "direction": "OUT", "action": "E", "name": "kernel-devel", "arch": "noarch", "version": "1", "release": "1", "epoch": "2" },
        { "direction": "OUT", "action": "?", "name": "kernel-core", "arch": "noarch", "version": "1", "release": "1", "epoch": "0" },
        { "direction": "IN", "action": "I", "name": "kernel-devel", "arch": "noarch", "version": "3", "release": "1", "epoch": "2" },
        { "direction": "IN", "action": "U", "name": "plain", "arch": "noarch", "version": "3", "release": "1", "epoch": "0" } ] }, "status": "OK" }"#;

    #[test]
    fn what_is_erased_is_told_from_what_is_replaced() {
        let items = packages(ANSWER).unwrap();
        let driver = Driver { command_line: Some("dnf5 upgrade plain".to_owned()), ..Driver::default() };
        let made = transaction(&items, driver);
        let ids = |elements: &[Element]| elements.iter().map(|one| one.package.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(&made.leaving), ["plain", "kernel-devel-1-1.noarch"]);
        assert_eq!(ids(&made.arriving), ["kernel-devel-3-1.noarch", "plain"]);
        assert_eq!(made.gone(), [PackageId::new("kernel-devel-1-1.noarch")]);
        assert_eq!(made.leaving[0].why, Why::Asked);
        assert_eq!((made.leaving[1].version.as_str(), made.leaving[1].why), ("2:1-1", Why::Unknown));
    }

    #[test]
    fn answers_that_are_none() {
        let conf = r#"{"op":"reply","domain":"conf","return":{"keys_val":[{"key":"installroot","value":"\/new"}]},"status":"OK"}"#;
        assert_eq!(root(conf).unwrap(), PathBuf::from("/new"));
        assert!(matches!(packages(conf), Err(AnswerError::Failed)));
        assert!(matches!(root(r#"{"op":"reply","status":"ERROR","message":"no"}"#), Err(AnswerError::Failed)));
        for cut in ["", "{", "[]", r#"{"status":"OK","return":{"trans_packages":[{"direction":"UP"}]}}"#] {
            assert!(matches!(packages(cut), Err(AnswerError::Json(_))), "{cut}");
        }
        assert_eq!(stop("a\n\"b\"\n"), r#"{"op":"stop","args":{"message":"\na\n\"b\""}}"#);
    }
}
