// SPDX-License-Identifier: MIT OR Apache-2.0
//! Trees that are git work trees, or lie in one. git keeps no `.git` of a layout's, so they are made here.
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
use std::os::unix::fs::symlink;

use support::{Layout, System};

const LINK: &str = "usr/lib/modules/6.8.0-felix/build";

/// A self-built kernel whose tree lies at `tree`.
fn at(tree: &str) -> System {
    let system = Layout::named("modules-install").assemble();
    fs::create_dir_all(system.at(tree).parent().unwrap()).unwrap();
    fs::rename(system.at("home/felix/linux-6.8"), system.at(tree)).unwrap();
    fs::remove_file(system.at(LINK)).unwrap();
    symlink(format!("/{tree}"), system.at(LINK)).unwrap();
    system
}

/// The state, and each finding's code, effect, cause and fix. That no package owns the tree goes without saying here.
fn found(system: &System) -> (String, Vec<[String; 4]>) {
    let document = system.run(["check", "--json"]).json();
    let kernel = &document["kernels"][0];
    let of = |finding: &serde_json::Value| {
        ["id", "effect", "cause", "fix"].map(|key| finding[key].as_str().unwrap_or_default().to_owned())
    };
    let is_nobodys = |finding: &[String; 4]| finding[0] == "KBG010" && finding[1] == "note";
    let findings = kernel["findings"].as_array().unwrap().iter().map(of).filter(|one| !is_nobodys(one)).collect();
    (kernel["state"].as_str().unwrap().to_owned(), findings)
}

fn is(system: &System, state: &str, findings: &[[&str; 4]]) {
    let expected = findings.iter().map(|finding| finding.map(str::to_owned)).collect();
    assert_eq!(found(system), (state.to_owned(), expected));
}

const PRESERVE: &str = "kbuild-guard preserve 6.8.0-felix";

#[test]
fn a_work_tree_is_a_risk() {
    let system = at("srv/linux");
    is(&system, "ready", &[]);
    fs::create_dir(system.at("srv/linux/.git")).unwrap();
    let cause = "/srv/linux is a git work tree, which the next checkout changes";
    is(&system, "degraded", &[["KBG011", "risk", cause, PRESERVE]]);
    system.write("etc/kbuild-guard/config.toml", "ignore = [{ finding = \"KBG011\", release = \"*-felix\" }]\n");
    assert_eq!(system.run(["check"]).code, 0);
}

#[test]
fn one_that_was_added_to_another_has_a_file_and_one_may_lie_above() {
    let system = at("srv/build/output/linux");
    system.write("srv/build/.git", "gitdir: /srv/other/.git/worktrees/build\n");
    let cause = "/srv/build/output/linux lies in /srv/build, a git work tree";
    is(&system, "degraded", &[["KBG011", "risk", cause, PRESERVE]]);
}

#[test]
fn the_systems_own_sources_are_only_noted() {
    let system = at("usr/src/linux-6.8");
    fs::create_dir(system.at("usr/src/linux-6.8/.git")).unwrap();
    let cause = "/usr/src/linux-6.8 is a git work tree, which the next checkout changes";
    is(&system, "ready", &[["KBG011", "note", cause, PRESERVE]]);
}

#[test]
fn a_whole_system_in_git_is_no_work_tree() {
    let system = at("srv/linux");
    fs::create_dir(system.at(".git")).unwrap();
    is(&system, "ready", &[]);
}

#[test]
fn of_a_home_it_need_not_be_said() {
    let system = Layout::named("modules-install").assemble();
    let before = found(&system);
    fs::create_dir(system.at("home/felix/linux-6.8/.git")).unwrap();
    assert_eq!(found(&system), before);
    assert_eq!(before.1[0][0], "KBG010");
}

#[test]
fn a_package_has_the_care_of_its_tree() {
    let system = Layout::named("debian12").assemble();
    let before = system.run(["check", "--json"]).stdout;
    fs::create_dir(system.at("usr/src/.git")).unwrap();
    assert_eq!(system.run(["check", "--json"]).stdout, before);
}
