// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a kernel takes a module: asked of the kernel itself, booted with nothing else, many modules at a time.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use test_roots::TinyBoot;

use crate::error::{Error, Result};
use crate::subject::Stage;

/// What became of loading a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Loaded {
    /// Whether the kernel took it, and let it go again.
    pub(crate) takes: bool,
    /// What insmod and the kernel said.
    pub(crate) words: String,
}

/// Tries what lies in /files, one after the other, each from a clean log.
const SCRIPT: &str = r#"dmesg -c >/dev/null
for file in /files/*; do
    echo "begin ${file##*/}"
    insmod "$file"
    code=$?
    [ "$code" != 0 ] || rmmod m || code=$?
    dmesg -c
    echo "end ${file##*/} $code"
done"#;

/// How many modules go into one boot: they lie in the guest's memory.
const MOST: usize = 200;

/// Says what is missing for it, if anything is, before hours are spent on what could not be shown to the kernel.
pub(crate) fn is_possible(stage: &Stage) -> Result<()> {
    let _ready = TinyBoot::of(&stage.base, &stage.release, SCRIPT)?;
    Ok(())
}

/// Tries modules, by their names; `scratch` is for qemu's files.
pub(crate) fn load(
    stage: &Stage,
    modules: &BTreeMap<String, Vec<u8>>,
    scratch: &Path,
) -> Result<BTreeMap<String, Loaded>> {
    let mut results = BTreeMap::new();
    loop {
        let left: Vec<(&String, &Vec<u8>)> =
            modules.iter().filter(|(name, _)| !results.contains_key(*name)).take(MOST).collect();
        if left.is_empty() {
            return Ok(results);
        }
        let mut boot = TinyBoot::of(&stage.base, &stage.release, SCRIPT)?;
        for (name, bytes) in &left {
            boot = boot.file(name, (*bytes).clone());
        }
        let booted = boot.run(scratch)?;
        let before = results.len();
        read(&booted.report, &booted.console, &mut results);
        if results.len() == before {
            let detail = format!("the kernel tried no module: {}\n{}", booted.report, booted.console);
            return Err(Error::Unsound { subject: stage.subject.name, detail });
        }
    }
}

/// Reads a report. A module that begins and does not end took the kernel with it.
fn read(report: &str, console: &str, results: &mut BTreeMap<String, Loaded>) {
    let mut current: Option<(&str, Vec<&str>)> = None;
    for line in report.lines() {
        if let Some(name) = line.strip_prefix("begin ") {
            current = Some((name, Vec::new()));
            continue;
        }
        let Some((name, words)) = current.as_mut() else { continue };
        let end = line.strip_prefix("end ").and_then(|rest| rest.strip_prefix(*name)).map(str::trim);
        match end {
            Some(code) => {
                results.insert((*name).to_owned(), Loaded { takes: code == "0", words: words.join("\n") });
                current = None;
            }
            None => words.push(line),
        }
    }
    if let Some((name, words)) = current {
        let words = format!("{}\nthe kernel died:\n{console}", words.join("\n"));
        results.insert(name.to_owned(), Loaded { takes: false, words });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_and_a_death_is_the_last_ones() {
        let report = "begin a.ko\n[ 1.0] truth: in\nend a.ko 0\nbegin b.ko\ninsmod: invalid module format\nend b.ko 1\nbegin c.ko\nx";
        let mut results = BTreeMap::new();
        read(report, "BUG: y", &mut results);
        let told: Vec<(&str, bool)> = results.iter().map(|(name, one)| (name.as_str(), one.takes)).collect();
        assert_eq!(told, [("a.ko", true), ("b.ko", false), ("c.ko", false)]);
        assert_eq!(results["b.ko"].words, "insmod: invalid module format");
        assert!(results["c.ko"].words.contains("BUG: y"));
    }
}
