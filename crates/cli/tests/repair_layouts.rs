// SPDX-License-Identifier: MIT OR Apache-2.0
//! `repair` on every golden layout: a link is moved to a tree that fits and to nothing else, and back.
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

use serde_json::Value;
use support::{Layout, System, run_in_time};

fn kernels(system: &System) -> Vec<Value> {
    system.run(["check", "--json"]).json()["kernels"].as_array().unwrap().clone()
}

fn usable(state: &Value) -> bool {
    ["ready", "degraded"].contains(&state.as_str().unwrap())
}

/// Whatever is found anywhere in any system, what the link is moved to is a tree in which this kernel's modules are
/// built; and where it is not moved, nothing is.
#[test]
fn on_every_layout_a_link_is_moved_to_what_fits_or_not_at_all() {
    let (mut relinked, mut left) = (0, 0);
    for layout in Layout::all() {
        for kernel in kernels(&layout.assemble()) {
            let system = layout.assemble();
            let release = kernel["release"].as_str().unwrap();
            let before = system.listing();
            let run = run_in_time(&system, &["repair", release, "--search", "/", "--force", "--json"]);
            let what = format!("{}: {release}: {run:?}", layout.name);
            let account = run.json()["kernels"][0].clone();
            let after = kernels(&system).into_iter().find(|other| other["release"] == release).unwrap();
            match account["outcome"].as_str().unwrap() {
                "relinked" => {
                    assert_eq!(run.code, if usable(&after["state"]) { 0 } else { 1 }, "{what}");
                    let is_of_a_tree = |finding: &Value| {
                        let id = finding["id"].as_str().unwrap();
                        !["KBG050", "KBG051", "KBG052", "KBG053", "KBG060"].contains(&id)
                            && ["no-build", "no-load"].contains(&finding["effect"].as_str().unwrap())
                    };
                    assert!(!after["findings"].as_array().unwrap().iter().any(is_of_a_tree), "{what}");
                    // And back.
                    let undone = system.run(["repair", "--undo"]);
                    assert_eq!(undone.code, 0, "{what}: {undone:?}");
                    let again = kernels(&system).into_iter().find(|other| other["release"] == release).unwrap();
                    assert_eq!(again, kernel, "{what}");
                    relinked += 1;
                }
                "unchanged" => {
                    assert!(run.code == 0 && system.listing() == before, "{what}");
                    left += 1;
                }
                "refused" => assert!(run.code == 1 && system.listing() == before, "{what}"),
                other => panic!("{other}: {what}"),
            }
        }
    }
    assert!(relinked > 5 && left > 40, "{relinked} {left}");
}

/// Where the link of a sound kernel is lost, its own tree is found again, wherever it lies.
#[test]
fn every_lost_link_is_found_again() {
    let (mut found, mut elsewhere) = (0, 0);
    for layout in Layout::all() {
        for kernel in kernels(&layout.assemble()).iter().filter(|kernel| usable(&kernel["state"])) {
            let system = layout.assemble();
            let path = system.at(kernel["build_link"]["path"].as_str().unwrap());
            if kernel["build_link"]["kind"] == "directory" || !path.is_symlink() {
                continue;
            }
            fs::remove_file(&path).unwrap();
            let release = kernel["release"].as_str().unwrap();
            let run = system.run(["repair", release, "--search", "/", "--force", "--json"]);
            let what = format!("{}: {release}: {run:?}", layout.name);
            if run.code == 1 {
                // What fits today by the symbols that happen to agree is no tree of this kernel.
                assert!(run.stdout.contains("KBG020") || run.stdout.contains("KBG021"), "{what}");
                elsewhere += 1;
                continue;
            }
            assert_eq!(run.code, 0, "{what}");
            let after = kernels(&system).into_iter().find(|other| other["release"] == release).unwrap();
            assert_eq!(after["state"], run.json()["kernels"][0]["state_after"], "{what}");
            assert!(after["state"] == kernel["state"] || after["state"] == "ready", "{what}");
            let undone = system.run(["repair", "--undo", release]);
            assert_eq!((undone.code, path.symlink_metadata().is_err()), (0, true), "{what}: {undone:?}");
            found += 1;
        }
    }
    assert!(found > 40 && elsewhere < 10, "{found} {elsewhere}");
}
