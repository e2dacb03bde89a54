// SPDX-License-Identifier: MIT OR Apache-2.0
//! `preserve` killed at one system call after the other: the link always leads to a tree that modules can be built in, and
//! the next run finishes.
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

use support::killed::run_for;
use support::{Layout, System};

const RELEASE: &str = "6.8.0-felix";
const TREE: &str = "/home/felix/linux-6.8";
const COPY: &str = "/usr/src/linux-headers-6.8.0-felix";

/// Calls at the end of a run, each of which is tried: proving, publishing, writing down, moving.
const LAST: usize = 160;

/// Of those before, one of so many.
const EVERY: usize = 61;

fn names(system: &System, dir: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(system.at(dir))
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn killed_at_any_system_call_it_leaves_a_link_that_is_good_and_the_next_run_finishes() {
    let layout = Layout::named("modules-install");
    let (all, has_ended) = run_for(&layout.assemble(), &["preserve", RELEASE], usize::MAX);
    assert!(has_ended && all > 2 * LAST, "{all}");
    let last = all - LAST;
    let mut seen = Vec::new();
    for limit in (1..last).step_by(EVERY).chain(last..all) {
        let system = layout.assemble();
        let (_, has_ended) = run_for(&system, &["preserve", RELEASE], limit);
        let link = fs::read_link(system.at("/lib/modules/6.8.0-felix/build")).unwrap();
        let link = link.to_str().unwrap();
        assert!(link == TREE || link == COPY, "{limit} of {all}: {link}");
        let state = system.run(["check", "--json"]).json()["kernels"][0]["state"].clone();
        assert_eq!(state, if link == TREE { "degraded" } else { "ready" }, "{limit} of {all}");
        // Not published, or whole.
        let is_published = system.at(COPY).exists();
        assert!(!is_published || system.at(COPY).join(".kbuild-guard.json").exists(), "{limit} of {all}");
        seen.push((is_published, link == COPY));

        let again = system.run(["preserve", RELEASE, "--json"]);
        assert_eq!(again.code, 0, "{limit} of {all}, {has_ended}: {again:?}");
        assert_eq!(names(&system, "/usr/src"), ["linux-headers-6.8.0-felix"], "{limit} of {all}");
        let modules = names(&system, "/lib/modules/6.8.0-felix");
        assert_eq!(modules, ["build", "kernel", "modules.order", "source"], "{limit} of {all}");
        assert_eq!(names(&system, "/var/lib/kbuild-guard"), ["relinked.json"], "{limit} of {all}");
        for name in ["build", "source"] {
            let link = fs::read_link(system.at("/lib/modules/6.8.0-felix").join(name)).unwrap();
            assert_eq!(link.to_str(), Some(COPY), "{limit} of {all}");
        }
    }
    // Every stage was met: nothing yet, published, and one link or both moved.
    for stage in [(false, false), (true, false), (true, true)] {
        assert!(seen.contains(&stage), "{stage:?}");
    }
}
