// SPDX-License-Identifier: MIT OR Apache-2.0
//! `repair` and `repair --undo` killed at one system call after the other: each link leads to the old place or to the new
//! one, and the next run finishes.
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

const OLD: &str = "/home/felix/linux-6.8";
const NEW: &str = "/usr/src/linux-felix";

/// Calls before the last link is moved, each of which is tried: writing down, moving.
const LAST: usize = 150;

/// Of those before and after, one of so many: nothing is changed there.
const EVERY: usize = 211;

const REPAIR: [&str; 2] = ["repair", "6.8.0-felix"];
const UNDO: [&str; 3] = ["repair", "6.8.0-felix", "--undo"];

fn moved() -> System {
    let system = Layout::named("modules-install").assemble();
    fs::create_dir_all(system.at("/usr/src")).unwrap();
    fs::rename(system.at(OLD), system.at(NEW)).unwrap();
    system
}

fn links(system: &System) -> [String; 2] {
    ["build", "source"].map(|name| {
        let link = fs::read_link(system.at("/lib/modules/6.8.0-felix").join(name)).unwrap();
        link.to_str().unwrap().to_owned()
    })
}

fn assert_clean(system: &System, what: &str) {
    let names = |dir: &str| {
        let entries = fs::read_dir(system.at(dir)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names("/lib/modules/6.8.0-felix"), ["build", "kernel", "modules.order", "source"], "{what}");
    // Besides what judging remembers.
    let left = names("/var/lib/kbuild-guard").into_iter().find(|name| name.starts_with('.'));
    assert_eq!(left, None, "{what}");
}

/// Kills at every moment that matters. Says which pairs of links were met: how many lead to the new place.
fn killed(begin: &dyn Fn() -> System, words: &[&str], to: &str) -> Vec<usize> {
    let (all, has_ended) = run_for(&begin(), words, usize::MAX);
    assert!(has_ended && all > 2 * LAST, "{all}");
    // Where the last link is moved: what comes after is judging.
    let (mut before, mut end) = (0, all);
    while end - before > 1 {
        let middle = before.midpoint(end);
        let system = begin();
        run_for(&system, words, middle);
        if links(&system).iter().all(|link| link == to) { end = middle } else { before = middle }
    }
    let first = end.saturating_sub(LAST).max(1);
    let mut met = Vec::new();
    for limit in (1..first).step_by(EVERY).chain(first..end + 9).chain((end + 9..all).step_by(EVERY)) {
        let system = begin();
        run_for(&system, words, limit);
        let what = format!("{limit} of {all}");
        let links_now = links(&system);
        assert!(links_now.iter().all(|link| link == OLD || link == NEW), "{what}: {links_now:?}");
        met.push(links_now.iter().filter(|link| *link == to).count());
        let again = system.run(words);
        assert_eq!(again.code, 0, "{what}: {again:?}");
        assert_eq!(links(&system), [to, to], "{what}: {again:?}");
        // Also what was left behind in the middle of a move.
        assert_clean(&system, &what);
        // Whatever happened, one step back leads to where it all began.
        if words == REPAIR {
            let undone = system.run(UNDO);
            assert_eq!((undone.code, links(&system)), (0, [OLD, OLD].map(str::to_owned)), "{what}: {undone:?}");
        }
    }
    met
}

#[test]
fn killed_at_any_system_call_the_next_run_finishes() {
    let met = killed(&moved, &REPAIR, NEW);
    assert!([0, 1, 2].iter().all(|links| met.contains(links)), "{met:?}");
    let repaired = || {
        let system = moved();
        assert_eq!(system.run(REPAIR).code, 0);
        system
    };
    let met = killed(&repaired, &UNDO, OLD);
    assert!([0, 1, 2].iter().all(|links| met.contains(links)), "{met:?}");
}
