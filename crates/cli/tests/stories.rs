// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `explain` tells, word by word: tests/stories has the story of a kernel of some of tests/layouts, and of
//! one finding. `KBUILD_GUARD_BLESS=1` writes down what is told now, for `git diff` to judge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "the support module serves several tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use kbuild_guard::checks::CATALOGUE;
use support::{Layout, System, compare};

/// One of each kind: every state, every end of a link, needed and not, one finding and many.
const LAYOUTS: [&str; 17] = [
    "debian12",
    "debian12-two-kernels",
    "ubuntu",
    "modules-install",
    "o-equals-source-gone",
    "headers-not-installed",
    "headers-not-installed-not-needed",
    "tree-deleted",
    "field-build-hosts-home",
    "link-loop",
    "link-to-a-file",
    "home-not-mounted",
    "symvers-missing",
    "kbuild-missing",
    "unprepared-source",
    "kernelvariables-empty",
    "drift-reconfigured",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stories")
}

fn releases(system: &System) -> Vec<String> {
    let check = system.run(["check", "--json"]).json();
    let kernels = check["kernels"].as_array().unwrap().clone();
    kernels.iter().map(|kernel| kernel["release"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn stories_are_told_as_they_were() {
    let mut differences = String::new();
    for name in LAYOUTS {
        let system = Layout::named(name).assemble();
        let mut told = String::new();
        for release in releases(&system) {
            let run = system.run(["explain", &release]);
            assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{name}");
            told.push_str(&run.stdout);
        }
        differences.push_str(&compare(&folder().join(format!("{name}.txt")), &told));
    }
    let run = Layout::named("debian12").assemble().run(["explain", "KBG036"]);
    differences.push_str(&compare(&folder().join("KBG036.txt"), &run.stdout));
    assert!(differences.is_empty(), "\n{differences}\nKBUILD_GUARD_BLESS=1 writes down what is told now.");
    let expected = LAYOUTS.len() + 1;
    assert_eq!(fs::read_dir(folder()).unwrap().count(), expected, "a story that no test tells");
}

/// Whether every line that could be shorter is.
fn assert_narrow(what: &str, told: &str) {
    for line in told.lines() {
        assert!(line.chars().count() <= 80 || !line.trim_start().contains(' '), "{what}: {line}");
        assert!(!line.ends_with(' ') && !line.contains('\u{1b}'), "{what}: {line:?}");
    }
}

/// What stands below a heading.
fn section<'t>(told: &'t str, heading: &str) -> &'t str {
    let (_, rest) = told.split_once(&format!("\n{heading}\n")).unwrap_or_default();
    rest.split_once("\n\n").map_or(rest, |(section, _)| section)
}

#[test]
fn every_kernel_has_a_whole_story() {
    for layout in Layout::all() {
        let system = layout.assemble();
        let check = system.run(["check", "--json"]).json();
        for kernel in check["kernels"].as_array().unwrap() {
            let release = kernel["release"].as_str().unwrap();
            let what = format!("{}: {release}", layout.name);
            let told = system.run(["explain", release]).stdout;
            assert_narrow(&what, &told);
            assert!(told.starts_with(&format!("Kernel {release}")), "{what}: {told}");
            for heading in ["What the link is", "Where it leads", "Who needs it", "If nothing is done", "To read more"]
            {
                assert!(!section(&told, heading).is_empty(), "{what}: nothing below {heading}: {told}");
            }
            // Everything that check knows is in it.
            let plain = |text: &str| text.split_whitespace().collect::<Vec<&str>>().join(" ");
            for finding in kernel["findings"].as_array().unwrap() {
                assert!(told.contains(finding["id"].as_str().unwrap()), "{what}: {finding}");
                assert!(plain(&told).contains(&plain(finding["cause"].as_str().unwrap())[1..]), "{what}: {finding}");
            }
            for module in kernel["needed_by"].as_array().unwrap() {
                assert!(section(&told, "Who needs it").contains(module.as_str().unwrap()), "{what}: {told}");
            }
            for hop in kernel["closure"].as_array().unwrap() {
                assert!(section(&told, "Where it leads").contains(hop["path"].as_str().unwrap()), "{what}: {told}");
            }
            let is_at_fault = ["broken", "degraded"].contains(&kernel["state"].as_str().unwrap());
            assert!(!is_at_fault || !section(&told, "What mends it").is_empty(), "{what}: {told}");
        }
    }
}

#[test]
fn every_finding_has_a_whole_story() {
    let system = System::empty();
    for entry in CATALOGUE {
        let told = system.run(["explain", entry.code]).stdout;
        assert_narrow(entry.code, &told);
        assert!(told.starts_with(&format!("{} {}\n", entry.code, entry.title)), "{told}");
        for heading in ["What it is", "Why it matters", "What to do", "To hear no more of it", "To read more"] {
            assert!(!section(&told, heading).is_empty(), "nothing below {heading}: {told}");
        }
        // The line that silences it does, when it is copied.
        let line = told.lines().find(|line| line.trim_start().starts_with("ignore = ")).unwrap();
        system.write("etc/kbuild-guard/config.toml", line);
        let configuration = system.run(["config", "--json"]);
        assert_eq!(configuration.code, 0, "{configuration:?}");
        assert_eq!(configuration.json()["ignore"]["value"][0]["finding"], entry.code);
    }
}
