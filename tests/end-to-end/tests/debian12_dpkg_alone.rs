// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12: dpkg without apt, looked at where an admin has copied the example into /etc/dpkg/dpkg.cfg.d.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, apt, guarded, said, with_kernels, words_of_ours};
use test_roots::{Outcome, Root};

const EXAMPLE: &str = "/usr/share/doc/kbuild-guard/examples/dpkg-pre-invoke";
const LIVE: &str = "/etc/dpkg/dpkg.cfg.d/kbuild-guard";
const HOOK: &str = "/usr/lib/kbuild-guard/dpkg-pre-invoke-hook";

fn live() -> (Root, Releases) {
    let base = with_kernels().unwrap();
    let releases = Releases::of(&base).unwrap();
    (guarded(Root::builder(&base).running(&releases.old)).unwrap(), releases)
}

/// As the example says.
fn switched_on() -> (Root, Releases) {
    let (root, releases) = live();
    root.sh(&format!("cp {EXAMPLE} {LIVE}")).unwrap().success().unwrap();
    (root, releases)
}

fn state(root: &Root) -> String {
    root.sh("sha256sum /var/lib/dpkg/status; ls -l /usr/src /lib/modules/*/build").unwrap().success().unwrap().output
}

fn tree(root: &Root, release: &str) -> bool {
    root.exists(format!("/usr/src/linux-headers-{release}")).unwrap()
}

fn blocked(outcome: &Outcome) -> bool {
    outcome.code != 0 && said(outcome).starts_with("kbuild-guard: blocked:")
}

#[test]
fn without_the_example_dpkg_is_verified_afterwards() {
    let (root, Releases { old, .. }) = live();
    let removed = root.sh(&format!("dpkg -r linux-headers-{old}")).unwrap().success().unwrap();
    assert!(said(&removed).starts_with("kbuild-guard: warning: kernel"), "{removed:?}");
    assert!(said(&removed).contains("has no headers installed"), "{removed:?}");
    assert!(said(&removed).ends_with(&format!("fix apt-get install linux-headers-{old}")), "{removed:?}");
}

#[test]
fn a_removal_is_blocked_and_the_override_passes() {
    let (root, Releases { old, .. }) = switched_on();
    for how in ["-r", "-P", "--remove", "--purge"] {
        let before = state(&root);
        let outcome = root.sh(&format!("dpkg {how} linux-headers-{old}")).unwrap();
        assert_eq!(outcome.code, 2, "{outcome:?}");
        assert_eq!(
            said(&outcome),
            format!(
                "kbuild-guard: blocked: kernel {old} (running) would lose its headers \
                 remove linux-headers-{old} \
                 lost /usr/src/linux-headers-{old} \
                 needed by DKMS: acpi-call 1.2.2 \
                 anyway env KBUILD_GUARD_MODE=warn dpkg {how} linux-headers-{old}"
            )
        );
        assert_eq!(state(&root), before);
    }
    let passed =
        root.sh(&format!("env KBUILD_GUARD_MODE=warn dpkg -P linux-headers-{old}")).unwrap().success().unwrap();
    let words = words_of_ours(&passed);
    assert_eq!(words.iter().filter(|line| line.starts_with("kbuild-guard:")).count(), 1, "{words:?}");
    assert!(words[0].starts_with(&format!("kbuild-guard: warning: kernel {old} (running) loses its")), "{words:?}");
    assert!(!tree(&root, &old));
}

#[test]
fn what_changes_nothing_is_no_matter() {
    let (root, Releases { old, .. }) = switched_on();
    for line in [
        format!("dpkg --no-act -r linux-headers-{old}"),
        format!("dpkg -r --simulate linux-headers-{old}"),
        "dpkg --remove --pending".to_owned(),
        "dpkg --purge --pending".to_owned(),
        "dpkg --configure --pending".to_owned(),
        "dpkg -r make".to_owned(),
    ] {
        let outcome = root.sh(&line).unwrap();
        // make is needed by dkms: dpkg itself refuses.
        assert_eq!(outcome.code, i32::from(line == "dpkg -r make"), "{outcome:?}");
        assert!(words_of_ours(&outcome).is_empty(), "{outcome:?}");
    }
    // So it does with the tools that the headers need, but not if it is forced to.
    let refused = root.sh("dpkg -r linux-kbuild-6.1").unwrap();
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.output.contains("dependency problems"), "{refused:?}");
    assert!(words_of_ours(&refused).is_empty(), "{refused:?}");
    for force in ["--force-depends", "--force-all", "--no-triggers --force-depends --abort-after=1"] {
        let forced = root.sh(&format!("dpkg {force} -r linux-kbuild-6.1")).unwrap();
        assert!(blocked(&forced), "{forced:?}");
        assert_eq!(said(&forced).matches("kbuild-guard: blocked").count(), 3, "every kernel: {forced:?}");
    }
    let listed = root.sh("dpkg-query -W -f '${Package}\\n' 'linux-headers-*-cloud-amd64' | paste -sd,").unwrap().output;
    let ignored = root.sh(&format!("dpkg --ignore-depends={} -r linux-kbuild-6.1", listed.trim())).unwrap();
    assert!(blocked(&ignored), "{ignored:?}");
}

#[test]
fn what_the_selections_say() {
    let (root, Releases { old, middle, .. }) = switched_on();
    root.sh(&format!("echo linux-headers-{old} deinstall | dpkg --set-selections")).unwrap().success().unwrap();
    for line in ["dpkg --remove --pending", "dpkg -r -a", "dpkg --purge --pending", "dpkg -Pa"] {
        let outcome = root.sh(line).unwrap();
        assert!(blocked(&outcome), "{line}: {outcome:?}");
        assert!(said(&outcome).ends_with(&format!("anyway env KBUILD_GUARD_MODE=warn {line}")), "{outcome:?}");
    }
    assert!(tree(&root, &old));
    // Its image goes too.
    root.sh(&format!("printf 'linux-headers-{old} purge\\nlinux-image-{old} purge\\n' | dpkg --set-selections"))
        .unwrap()
        .success()
        .unwrap();
    // A running kernel's prerm asks; nobody is there to answer.
    root.sh(&format!("echo linux-image-{old} linux-image-{old}/prerm/removing-running-kernel-{old} boolean false | debconf-set-selections; true"))
        .unwrap();
    let both = root.sh("dpkg --purge --pending").unwrap();
    assert!(words_of_ours(&both).is_empty(), "{both:?}");
    assert!(!tree(&root, &old), "{both:?}");
    assert!(tree(&root, &middle));
}

#[test]
fn under_apt_it_says_nothing() {
    let (root, Releases { old, middle, .. }) = switched_on();
    let blocked = apt(&root, &format!("remove linux-headers-{old}")).unwrap();
    assert_eq!(blocked.code, 100, "{blocked:?}");
    assert_eq!(said(&blocked).matches("kbuild-guard:").count(), 1, "{blocked:?}");
    let passed =
        apt(&root, &format!("-o KbuildGuard::Mode=warn purge linux-headers-{old}")).unwrap().success().unwrap();
    assert_eq!(said(&passed).matches("kbuild-guard:").count(), 1, "{passed:?}");
    let both = apt(&root, &format!("purge linux-headers-{middle} linux-image-{middle}")).unwrap().success().unwrap();
    assert!(words_of_ours(&both).is_empty(), "{both:?}");
}

#[test]
fn a_broken_binary_never_stops_dpkg() {
    let (root, Releases { old, .. }) = switched_on();
    assert!(blocked(&root.sh(&format!("dpkg -r linux-headers-{old}")).unwrap()));
    for (name, break_it) in [
        ("missing", "rm -f"),
        ("crashing", "printf '#!/bin/sh\\nkill -SEGV $$\\n' >"),
        ("killed", "printf '#!/bin/sh\\nkill -KILL $$\\n' >"),
        ("failing", "printf '#!/bin/sh\\nexit 1\\n' >"),
        ("not executable", "chmod -x"),
    ] {
        root.sh(&format!("{break_it} {HOOK}; KBUILD_GUARD_MODE=off dpkg -r linux-headers-{old}; true")).unwrap();
        assert!(!tree(&root, &old), "{name}");
        let installed = apt(&root, &format!("install linux-headers-{old}")).unwrap();
        assert_eq!(installed.code, 0, "{name}: {installed:?}");
        assert!(name != "missing" || words_of_ours(&installed).is_empty(), "{name}: {installed:?}");
        root.sh("dpkg --install /kbuild-guard.deb").unwrap().success().unwrap();
    }
    // The package goes, the admin's copy stays: not a word.
    let purged = root.sh("dpkg -P kbuild-guard").unwrap().success().unwrap();
    assert!(root.exists(LIVE).unwrap());
    let removed = root.sh(&format!("dpkg -r linux-headers-{old}")).unwrap().success().unwrap();
    for outcome in [purged, removed] {
        assert!(!outcome.output.contains("not found") && !outcome.output.contains(HOOK), "{outcome:?}");
    }
    assert!(!tree(&root, &old));
}
