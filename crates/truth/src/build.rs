// SPDX-License-Identifier: MIT OR Apache-2.0
//! One module, built as everybody builds one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use test_roots::{Root, fnv1a};

use crate::error::Result;

/// The simplest module that says something.
const SOURCE: &str = r#"#include <linux/module.h>
#include <linux/init.h>

static int __init truth_init(void)
{
	pr_info("truth: in\n");
	return 0;
}

static void __exit truth_exit(void)
{
	pr_info("truth: out\n");
}

module_init(truth_init);
module_exit(truth_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A module that only comes and goes");
"#;

/// Where it lies in a root.
const DIRECTORY: &str = "/tmp/m";

/// How long a build may take; a sound one takes two seconds.
const LIMIT: Duration = Duration::from_secs(20);

/// How long it may take the second time: a machine that others use too is no fault of a tree.
const LAST_LIMIT: Duration = Duration::from_secs(120);

/// What became of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Built {
    /// The exit code of make; `None`: it took too long.
    pub(crate) code: Option<i32>,
    /// The content of the module that it left, as a hash.
    pub(crate) module: Option<String>,
    /// The last lines that it said.
    pub(crate) words: String,
}

impl Built {
    /// Whether make was content and there is a module.
    pub(crate) fn is_done(&self) -> bool {
        self.code == Some(0) && self.module.is_some()
    }
}

/// Lays the module's source into a root.
pub(crate) fn lay_source(root: &Root) -> Result<()> {
    root.write(format!("{DIRECTORY}/m.c"), SOURCE)?;
    root.write(format!("{DIRECTORY}/Makefile"), "obj-m := m.o\n")?;
    Ok(())
}

/// The words that build it.
pub(crate) fn words(release: &str) -> [String; 5] {
    ["make".into(), "-C".into(), format!("/lib/modules/{release}/build"), format!("M={DIRECTORY}"), "modules".into()]
}

/// Builds; with the bytes of the module if there is one.
pub(crate) fn build(root: &Root, release: &str) -> Result<(Built, Option<Vec<u8>>)> {
    let mut attempt = attempt(root, release, LIMIT)?;
    if attempt.code.is_none() {
        attempt = self::attempt(root, release, LAST_LIMIT)?;
    }
    let module = format!("{DIRECTORY}/m.ko");
    let bytes = if attempt.code == Some(0) && root.exists(&module)? { Some(root.read(&module)?) } else { None };
    let hash = bytes.as_ref().map(|bytes| format!("{:016x}", fnv1a(bytes)));
    Ok((Built { module: hash, ..attempt }, bytes))
}

/// Builds once, from nothing but the source.
fn attempt(root: &Root, release: &str, limit: Duration) -> Result<Built> {
    root.remove(DIRECTORY)?;
    lay_source(root)?;
    let (code, said) = match root.command(&words(release)).timeout(limit).run() {
        Ok(outcome) => (Some(outcome.code), outcome.output),
        Err(test_roots::Error::TimedOut { transcript, .. }) => (None, transcript),
        Err(error) => return Err(error.into()),
    };
    Ok(Built { code, module: None, words: last_lines(&said, 12) })
}

/// The last lines of a text, each of a length that a report bears.
pub(crate) fn last_lines(text: &str, most: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| line.chars().take(300).collect()).collect();
    lines.get(lines.len().saturating_sub(most)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_make_without_a_module_has_built_nothing() {
        let built = Built { code: Some(0), module: None, words: String::new() };
        assert!(!built.is_done());
        assert!(Built { module: Some("x".into()), ..built.clone() }.is_done());
        assert!(!Built { module: Some("x".into()), code: Some(2), ..built }.is_done());
    }

    #[test]
    fn only_the_end_of_what_is_said_is_kept() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
        assert_eq!(last_lines(&"x".repeat(1000), 2).len(), 300);
    }
}
