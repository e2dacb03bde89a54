// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, real apt: the package that brings the headers of new kernels leaves, and the one that brings the kernels
//! stays. Nothing breaks today, and the next kernel comes without headers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{MadeUp, Releases, apt, guarded, said, with_front_ends, words_of_ours};
use test_roots::{Outcome, Root};

const IMAGE: &str = "linux-image-cloud-amd64";
const HEADERS: &str = "linux-headers-cloud-amd64";

/// Both are installed by name; the newest kernel runs.
fn live() -> (Root, Releases) {
    let base = with_front_ends().unwrap();
    let releases = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&releases.new)).unwrap();
    assert_silent(&apt(&root, &format!("install {IMAGE} {HEADERS}")).unwrap());
    (root, releases)
}

fn assert_silent(outcome: &Outcome) {
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(words_of_ours(outcome).is_empty(), "{outcome:?}");
}

fn assert_told(outcome: &Outcome) {
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(
        said(outcome),
        format!(
            "kbuild-guard: warning: new kernels will come without their headers remove {HEADERS} \
             while {IMAGE} stays, which brings new kernels needed by DKMS: acpi-call 1.2.2 \
             back apt-get install {HEADERS}"
        ),
        "{outcome:?}"
    );
    assert!(words_of_ours(outcome).iter().all(|line| line.len() <= 80), "{outcome:?}");
}

#[test]
fn removed_by_name_it_is_told_once() {
    let (root, Releases { new, .. }) = live();
    let would = root.run(&["kbuild-guard", "what-if", "remove", HEADERS]).unwrap();
    assert_eq!(would.code, 1, "{would:?}");
    assert!(said(&would).starts_with("kbuild-guard: warning: new kernels will come without"), "{would:?}");
    assert_told(&apt(&root, &format!("remove {HEADERS}")).unwrap());
    // The next runs have nothing to add, nor has the verification.
    assert_silent(&apt(&root, &format!("install --reinstall linux-headers-{new}")).unwrap());
    assert_silent(&apt(&root, "purge unattended-upgrades").unwrap());
    // The way back works; then it is news again.
    assert_silent(&apt(&root, &format!("install {HEADERS}")).unwrap());
    assert_told(&apt(&root, &format!("purge {HEADERS}")).unwrap());
}

#[test]
fn taken_by_autoremove_it_is_told() {
    let (root, _) = live();
    root.sh(&format!("apt-mark auto {HEADERS}")).unwrap().success().unwrap();
    assert_told(&apt(&root, "autoremove").unwrap());
}

/// A daemon or program is told as well, and once.
#[test]
fn taken_by_a_program_it_is_told_once() {
    let (root, _) = live();
    let script =
        format!("import apt\ncache = apt.Cache()\ncache['{HEADERS}'].mark_delete(auto_fix=False)\ncache.commit()\n");
    assert_told(&root.run(&["python3", "-c", &script]).unwrap());
}

#[test]
fn where_no_kernels_come_there_is_nothing_to_tell() {
    let (root, Releases { old, middle, new }) = live();
    // Both leave: no new kernels either.
    assert_silent(&apt(&root, &format!("remove {IMAGE} {HEADERS}")).unwrap());
    assert_silent(&apt(&root, &format!("install {IMAGE} {HEADERS}")).unwrap());
    // The package of the kernels alone: none come.
    assert_silent(&apt(&root, &format!("remove {IMAGE}")).unwrap());
    assert_silent(&apt(&root, &format!("remove {HEADERS}")).unwrap());
    assert_silent(&apt(&root, &format!("install {IMAGE} {HEADERS}")).unwrap());
    // The whole flavour goes, but for the running kernel.
    let packages: Vec<String> =
        [&old, &middle].iter().map(|release| format!("linux-image-{release} linux-headers-{release}")).collect();
    assert_silent(&apt(&root, &format!("purge {IMAGE} {HEADERS} {}", packages.join(" "))).unwrap());
    assert!(root.exists(format!("/usr/src/linux-headers-{new}")).unwrap());
}

#[test]
fn who_asks_for_it_where_nothing_needs_headers_knows_it() {
    let (root, _) = live();
    assert_silent(&apt(&root, "purge acpi-call-dkms dkms").unwrap());
    assert_silent(&apt(&root, &format!("remove {HEADERS}")).unwrap());
}

/// Not its name makes it what it is: it has nothing of its own and depends on what has the tree.
#[test]
fn it_is_known_by_what_it_does() {
    let (root, Releases { new, .. }) = live();
    assert_silent(
        &apt(&root, &format!("install {HEADERS}-"))
            .map(|_| apt(&root, &format!("install {HEADERS}")))
            .unwrap()
            .unwrap(),
    );
    let mine = MadeUp::new("site-tools", "1").field(&format!("Depends: linux-headers-{new}")).build(&root).unwrap();
    assert_silent(&apt(&root, &format!("install {mine}")).unwrap());
    // As long as one of two stays, headers come.
    assert_silent(&apt(&root, &format!("remove {HEADERS}")).unwrap());
    let told = apt(&root, "remove site-tools").unwrap();
    assert!(
        said(&told).starts_with("kbuild-guard: warning: new kernels will come without their headers remove site-tools"),
        "{told:?}"
    );
    assert!(said(&told).ends_with("back no repository offers these packages any more"), "{told:?}");
    // What has files of its own is a user of the headers, not their bringer.
    let user = MadeUp::new("driver", "1")
        .field(&format!("Depends: linux-headers-{new}"))
        .files("mkdir -p usr/bin; touch usr/bin/driver")
        .build(&root)
        .unwrap();
    assert_silent(&apt(&root, &format!("install {user}")).unwrap());
    assert_silent(&apt(&root, "remove driver").unwrap());
}

/// A run that takes it and the newest kernel's headers is stopped for these; nothing else is said then.
#[test]
fn a_block_is_enough() {
    let (root, Releases { new, .. }) = live();
    let blocked = apt(&root, &format!("remove linux-headers-{new}")).unwrap();
    assert_eq!(blocked.code, 100, "{blocked:?}");
    assert_eq!(said(&blocked).matches("kbuild-guard:").count(), 1, "{blocked:?}");
    assert!(said(&blocked).starts_with(&format!("kbuild-guard: blocked: kernel {new} (running)")), "{blocked:?}");
}
