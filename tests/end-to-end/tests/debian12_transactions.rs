// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, real apt: every kind of transaction that takes something of a build link's closure away, and what a user
//! sees of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{MadeUp, Releases, apt, guarded, said, with_kernels, words_of_ours};
use test_roots::{Outcome, Root};

fn running(which: fn(&Releases) -> &str) -> (Root, Releases) {
    let base = with_kernels().unwrap();
    let releases = Releases::of(&base).unwrap();
    (guarded(Root::builder(&base).running(which(&releases))).unwrap(), releases)
}

/// The oldest runs: apt protects it, the newest, and nothing between.
fn live() -> (Root, Releases) {
    running(|releases| &releases.old)
}

fn common(release: &str) -> String {
    format!("linux-headers-{}-common", release.trim_end_matches("-cloud-amd64"))
}

fn tree(root: &Root, release: &str) -> bool {
    root.exists(format!("/usr/src/linux-headers-{release}")).unwrap()
}

fn count(outcome: &Outcome, what: &str) -> usize {
    words_of_ours(outcome).iter().filter(|line| line.starts_with(&format!("kbuild-guard: {what}"))).count()
}

fn assert_blocked(outcome: &Outcome, kernels: usize) {
    assert_eq!((outcome.code, count(outcome, "blocked"), count(outcome, "")), (100, kernels, kernels), "{outcome:?}");
}

fn assert_warned(outcome: &Outcome, kernels: usize) {
    assert_eq!((outcome.code, count(outcome, "warning"), count(outcome, "")), (0, kernels, kernels), "{outcome:?}");
}

fn assert_silent(outcome: &Outcome) {
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(words_of_ours(outcome).is_empty(), "{outcome:?}");
}

/// The tree that a kernel shares with its siblings of the same version, and the tools that it shares with all.
#[test]
fn a_shared_tree_takes_every_kernel_that_needs_it() {
    let (root, Releases { old, middle, new }) = live();
    // -common belongs to one version here: one kernel.
    let blocked = apt(&root, &format!("remove {}", common(&old))).unwrap();
    assert_blocked(&blocked, 1);
    assert!(said(&blocked).contains(&format!("remove linux-headers-{old}, {}", common(&old))), "{blocked:?}");
    // kbuild serves all, alone or among others, by whatever way it is said.
    for words in [
        "remove linux-kbuild-6.1",
        "purge linux-kbuild-6.1",
        "remove linux-kbuild-6.1:amd64",
        "install linux-kbuild-6.1-",
        "remove linux-kb*-6.1",
        "autopurge linux-kbuild-6.1",
        "remove linux-kbuild-6.1 unattended-upgrades",
    ] {
        let blocked = apt(&root, words).unwrap();
        assert_blocked(&blocked, 3);
        for release in [&old, &middle, &new] {
            assert!(said(&blocked).contains(&format!("kernel {release} (")), "{words}: {blocked:?}");
        }
        assert!(!said(&blocked).contains("keep"), "{words}: {blocked:?}");
        assert!(said(&blocked).contains("linux-kbuild-6.1 lost "), "{words}: {blocked:?}");
    }
    // One kernel goes with it: the others are named.
    let rest = apt(&root, &format!("remove linux-kbuild-6.1 linux-image-{new}")).unwrap();
    assert_blocked(&rest, 2);
    assert!(!said(&rest).contains(&format!("kernel {new}")), "{rest:?}");
}

#[test]
fn a_trailing_minus_removes() {
    let (root, Releases { old, .. }) = live();
    // Nothing is installed in the same run: a removal like any other.
    assert_blocked(&apt(&root, &format!("install linux-headers-{old}-")).unwrap(), 1);
    // Something is.
    let deb = MadeUp::new("tool", "1").files("mkdir -p usr/bin; touch usr/bin/tool").build(&root).unwrap();
    let warned = apt(&root, &format!("install {deb} linux-headers-{old}-")).unwrap();
    assert_warned(&warned, 1);
    assert!(said(&warned).contains("not blocked: the transaction also installs or upgrades"), "{warned:?}");
    assert!(said(&warned).contains(&format!("back apt-get install linux-headers-{old}")), "{warned:?}");
    assert!(!tree(&root, &old));
    // The way back works, in silence.
    assert_silent(&apt(&root, &format!("install linux-headers-{old}")).unwrap());
}

#[test]
fn by_name_and_architecture() {
    let (root, Releases { old, .. }) = live();
    root.sh(&format!("apt-mark auto linux-headers-{old}")).unwrap().success().unwrap();
    let blocked = apt(&root, &format!("remove linux-headers-{old}:amd64")).unwrap();
    assert_blocked(&blocked, 1);
    assert!(said(&blocked).ends_with(&format!("remove linux-headers-{old}:amd64")), "{blocked:?}");
    assert!(!said(&blocked).contains("keep"), "it was named: {blocked:?}");
}

/// dpkg keeps a file as long as one architecture's instance of a package has it.
#[test]
fn another_architecture_keeps_what_it_has_too() {
    let (root, Releases { old, .. }) = live();
    root.sh("dpkg --add-architecture i386").unwrap().success().unwrap();
    let extra = |arch: &str| {
        let copy = format!("mkdir -p usr/src; cp -a /usr/src/linux-headers-{old} usr/src/extra");
        MadeUp::new("extra-tree", "1").arch(arch).field("Multi-Arch: same").files(&copy).build(&root).unwrap()
    };
    let (native, foreign) = (extra("amd64"), extra("i386"));
    apt(&root, &format!("install {native} {foreign}")).unwrap().success().unwrap();
    root.sh(&format!("ln -sfn /usr/src/extra /lib/modules/{old}/build")).unwrap().success().unwrap();
    let both = apt(&root, "remove extra-tree:amd64 extra-tree:i386").unwrap();
    assert_blocked(&both, 1);
    assert!(said(&both).contains("remove extra-tree lost /usr/src/extra"), "{both:?}");
    for arch in ["amd64", "i386"] {
        assert_silent(&apt(&root, &format!("remove extra-tree:{arch}")).unwrap());
        assert!(root.exists("/usr/src/extra/Makefile").unwrap());
        assert_blocked(&apt(&root, "remove extra-tree*").unwrap(), 1);
        apt(&root, &format!("install {native} {foreign}")).unwrap().success().unwrap();
    }
}

/// A package of the same name and another architecture is another package.
#[test]
fn another_architecture_replaces_nothing() {
    let (root, Releases { .. }) = live();
    root.sh("dpkg --add-architecture i386").unwrap().success().unwrap();
    let foreign = MadeUp::new("linux-kbuild-6.1", "6.1.999-1")
        .arch("i386")
        .field("Multi-Arch: foreign")
        .files("mkdir -p usr/lib; cp -a /usr/lib/linux-kbuild-6.1 usr/lib/")
        .build(&root)
        .unwrap();
    let swapped = apt(&root, &format!("install {foreign}")).unwrap();
    assert_warned(&swapped, 3);
    assert!(said(&swapped).contains("remove linux-kbuild-6.1 lost"), "{swapped:?}");
    // From here it is what holds the hops.
    assert_blocked(&apt(&root, "remove linux-kbuild-6.1:i386").unwrap(), 3);
}

/// The removal that nobody asked for, under each of its names.
#[test]
fn autoremove_and_autopurge() {
    let (root, Releases { old, .. }) = live();
    root.sh(&format!("apt-mark auto linux-headers-{old}")).unwrap().success().unwrap();
    for words in ["autoremove", "autopurge", "autoremove --purge", "remove --autoremove unattended-upgrades"] {
        let blocked = apt(&root, words).unwrap();
        assert_blocked(&blocked, 1);
        assert!(said(&blocked).contains(&format!("keep apt-mark manual linux-headers-{old}")), "{blocked:?}");
    }
}

/// Upgrades: a versioned name brings its tree again, an unversioned one another release's.
#[test]
fn an_unversioned_name_takes_the_old_tree_along() {
    let (root, Releases { old, .. }) = live();
    // As on a Raspberry Pi: one package, always the newest kernel's headers. The kernel itself is nobody's.
    let pi = "6.1.21-v8+";
    let tree_of = |release: &str| {
        format!(
            "mkdir -p usr/src usr/lib/modules/{release}; cp -a /usr/src/linux-headers-{old} usr/src/linux-headers-{release}; \
             sed -i s/{old}/{release}/ usr/src/linux-headers-{release}/include/generated/utsrelease.h \
             usr/src/linux-headers-{release}/.kernelvariables; \
             mkdir -p lib/modules/{release}; rm -r usr/lib; ln -s /usr/src/linux-headers-{release} lib/modules/{release}/build"
        )
    };
    let headers = |version: &str, release: &str| {
        MadeUp::new("raspberrypi-kernel-headers", version).files(&tree_of(release)).build(&root).unwrap()
    };
    root.sh(&format!(
        "cp /boot/vmlinuz-{old} /boot/vmlinuz-{pi}; mkdir -p /lib/modules/{pi}; \
         cp -a /lib/modules/{old}/kernel /lib/modules/{old}/modules.* /lib/modules/{pi}/"
    ))
    .unwrap()
    .success()
    .unwrap();
    apt(&root, &format!("install {}", headers("1.20230405-1", pi))).unwrap().success().unwrap();
    let state = root.sh(&format!("kbuild-guard check --json {pi}")).unwrap();
    assert!(!state.output.contains("\"state\": \"broken\""), "{state:?}");
    // A mere rebuild has the same tree.
    assert_silent(&apt(&root, &format!("install {}", headers("1.20230405-2", pi))).unwrap());
    let upgraded = apt(&root, &format!("install {}", headers("1.20240306-1", "6.6.20-v8+"))).unwrap();
    assert_warned(&upgraded, 1);
    let words = said(&upgraded);
    assert!(words.contains(&format!("kernel {pi} (the newest of its flavour) loses its headers")), "{words}");
    assert!(words.contains("remove raspberrypi-kernel-headers"), "{words}");
    assert!(words.contains(&format!("lost /usr/src/linux-headers-{pi}")), "{words}");
    assert!(!tree(&root, pi));
    // Debian's versioned names: nothing is lost, nothing is said.
    let kbuild = MadeUp::new("linux-kbuild-6.1", "6.1.999-1")
        .field("Multi-Arch: foreign")
        .files("mkdir -p usr/lib; cp -a /usr/lib/linux-kbuild-6.1 usr/lib/")
        .build(&root)
        .unwrap();
    assert_silent(&apt(&root, &format!("install {kbuild}")).unwrap());
}

/// What full-upgrade does when something new conflicts with the headers.
#[test]
fn a_full_upgrade_is_never_stopped() {
    let (root, Releases { old, .. }) = live();
    let tool = |version: &str, fields: &str| {
        MadeUp::new("tool", version).field(fields).files("mkdir -p usr/bin; touch usr/bin/tool").build(&root).unwrap()
    };
    apt(&root, &format!("install {}", tool("1", "Section: misc"))).unwrap().success().unwrap();
    let newer = tool("2", &format!("Conflicts: linux-headers-{old}"));
    let index = format!(
        "cd /made-up && {{ dpkg-deb -f {newer}; echo Filename: ./$(basename {newer}); echo Size: $(stat -c %s {newer}); \
         echo SHA256: $(sha256sum {newer} | cut -d' ' -f1); }} > Packages && \
         echo 'deb [trusted=yes] file:/made-up ./' > /etc/apt/sources.list.d/made-up.list && \
         apt-get update -o Dir::Etc::sourcelist=sources.list.d/made-up.list -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0"
    );
    root.sh(&index).unwrap().success().unwrap();
    let upgraded = root.sh("apt-get -y -o Dir::Etc::sourceparts=/none -o Dir::Etc::sourcelist=sources.list.d/made-up.list full-upgrade").unwrap();
    assert_warned(&upgraded, 1);
    let words = said(&upgraded);
    assert!(words.contains(&format!("kernel {old} (running) loses its headers")), "{words}");
    assert!(words.contains("not blocked: the transaction also installs or upgrades"), "{words}");
    assert!(!tree(&root, &old));
}

/// Who counts on a kernel: by name, held, required by another package, kept by the admin's own patterns.
#[test]
fn which_kernels_stay() {
    let (root, Releases { old, .. }) = running(|releases| &releases.new);
    let remove = format!("remove linux-headers-{old}");
    let again = |outcome: &Outcome| {
        if outcome.code == 0 {
            apt(&root, &format!("install linux-headers-{old}")).unwrap().success().unwrap();
        }
    };
    // By name: kept.
    assert_blocked(&apt(&root, &remove).unwrap(), 1);
    // As a dependency of nothing: autoremove takes it, and nobody will miss its headers.
    root.sh(&format!("apt-mark auto linux-image-{old}")).unwrap().success().unwrap();
    let silent = apt(&root, &remove).unwrap();
    assert_silent(&silent);
    again(&silent);
    // Held: kept.
    root.sh(&format!("apt-mark hold linux-image-{old}")).unwrap().success().unwrap();
    let held = apt(&root, &remove).unwrap();
    assert_blocked(&held, 1);
    assert!(said(&held).contains(&format!("kernel {old} (held)")), "{held:?}");
    root.sh(&format!("apt-mark unhold linux-image-{old}")).unwrap().success().unwrap();
    // The admin's own patterns: it stays, though nobody asked for it.
    let patterns = "/etc/apt/apt.conf.d/02mine";
    let pattern = format!("^linux-image-{}$", old.replace('.', "\\."));
    root.write(patterns, format!("APT::NeverAutoRemove {{ \"{pattern}\"; }};\n")).unwrap();
    let protected = apt(&root, &remove).unwrap();
    assert_warned(&protected, 1);
    again(&protected);
    // The command asks apt itself, and says the same.
    let what_if = root.sh(&format!("kbuild-guard what-if {remove}")).unwrap();
    assert_eq!((what_if.code, count(&what_if, "warning")), (1, 1), "{what_if:?}");
    root.remove(patterns).unwrap();
    let what_if = root.sh(&format!("kbuild-guard what-if {remove}")).unwrap();
    assert_eq!(what_if.code, 0, "{what_if:?}");
    // Required by a package that stays.
    let keeper = MadeUp::new("keeper", "1").field(&format!("Depends: linux-image-{old}")).build(&root).unwrap();
    apt(&root, &format!("install {keeper}")).unwrap().success().unwrap();
    let required = apt(&root, &remove).unwrap();
    assert_warned(&required, 1);
    again(&required);
    // By a package that leaves too, or that nobody needs.
    let silent = apt(&root, &format!("{remove} keeper")).unwrap();
    assert_silent(&silent);
}

/// A pin is no way back: apt would not install what it may not have.
#[test]
fn the_way_back_heeds_pins() {
    let (root, Releases { old, .. }) = live();
    root.write("/etc/apt/preferences.d/mine", "Package: linux-headers-*\nPin: release *\nPin-Priority: -1\n").unwrap();
    let warned = apt(&root, &format!("-o KbuildGuard::Mode=warn remove linux-headers-{old}")).unwrap();
    assert_warned(&warned, 1);
    assert!(said(&warned).contains("back no repository offers these packages any more"), "{warned:?}");
    assert_ne!(apt(&root, &format!("install linux-headers-{old}")).unwrap().code, 0, "apt would not");
    root.remove("/etc/apt/preferences.d/mine").unwrap();
    assert_silent(&apt(&root, &format!("install linux-headers-{old}")).unwrap());
}

/// On a merged /usr a directory has two names, and either may be asked about.
#[test]
fn both_names_of_a_merged_directory() {
    let (root, Releases { old, .. }) = live();
    for (what, code) in [
        (format!("/lib/modules/{old}/build"), 1),
        (format!("/usr/lib/modules/{old}/build"), 1),
        ("/lib/linux-kbuild-6.1".to_owned(), 1),
        ("/usr/lib/linux-kbuild-6.1/scripts".to_owned(), 1),
        ("/lib/linux-kbuild-6.1/scripts/basic/../basic/fixdep".to_owned(), 1),
        (format!("/usr/src/../src/linux-headers-{old}/"), 1),
        // Everything goes: no kernel stays to lose anything.
        ("/lib".to_owned(), 0),
        ("/usr/lib".to_owned(), 0),
        ("/lib/".to_owned(), 0),
        ("/lib/modules".to_owned(), 0),
        (format!("/lib/modules/{old}"), 0),
    ] {
        let answer = root.run(&["kbuild-guard", "what-if", "remove", &what]).unwrap();
        assert_eq!(answer.code, code, "{what}: {answer:?}");
    }
}
