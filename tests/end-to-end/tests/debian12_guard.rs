// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, real apt: a removal that would orphan a build link is blocked or warned of, and nothing else is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, guarded, said, with_kernels, words_of_ours};
use test_roots::{Outcome, Root};

/// Everything apt or dpkg could have changed, as one text.
fn package_state(root: &Root) -> String {
    let script = "sha256sum /var/lib/dpkg/status /var/lib/apt/extended_states; \
                  find /lib/modules /usr/src /usr/lib/linux-kbuild* -printf '%p %s %l\\n' | sort | sha256sum";
    root.sh(script).unwrap().success().unwrap().output
}

fn apt(root: &Root, words: &str) -> Outcome {
    root.sh(&format!("apt-get {words}")).unwrap()
}

fn live() -> (Root, Releases) {
    let base = with_kernels().unwrap();
    let releases = Releases::of(&base).unwrap();
    (guarded(Root::builder(&base).running(&releases.old)).unwrap(), releases)
}

/// The headers of the running, by-name kernel were pulled in by something that is gone: autoremove takes them.
fn make_headers_automatic(root: &Root, release: &str) {
    root.sh(&format!("apt-mark auto linux-headers-{release}")).unwrap().success().unwrap();
}

#[test]
fn autoremove_of_needed_headers_is_blocked_and_the_override_passes() {
    let (root, Releases { old, .. }) = live();
    make_headers_automatic(&root, &old);
    let before = package_state(&root);
    let blocked = apt(&root, "-y autoremove");
    assert_eq!(blocked.code, 100, "{blocked:?}");
    let common = format!("linux-headers-{}-common", old.trim_end_matches("-cloud-amd64"));
    assert_eq!(
        said(&blocked),
        format!(
            "kbuild-guard: blocked: kernel {old} (running) would lose its headers \
             remove linux-headers-{old}, {common} \
             lost /usr/src/linux-headers-{old}, /usr/src/{common} \
             needed by DKMS: acpi-call 1.2.2 \
             keep apt-mark manual linux-headers-{old} \
             anyway apt-get -o KbuildGuard::Mode=warn -y autoremove"
        )
    );
    let widest = words_of_ours(&blocked).iter().map(String::len).max();
    assert!(widest <= Some(80) && words_of_ours(&blocked).len() <= 8, "{blocked:?}");
    assert_eq!(package_state(&root), before, "a block changes nothing");

    // What the message offers works: keeping, and then there is nothing to remove.
    root.sh(&format!("apt-mark manual linux-headers-{old}")).unwrap().success().unwrap();
    let kept = apt(&root, "-y autoremove").success().unwrap();
    assert!(words_of_ours(&kept).is_empty(), "{kept:?}");
    make_headers_automatic(&root, &old);

    let passed = apt(&root, "-y -o KbuildGuard::Mode=warn autoremove").success().unwrap();
    let words = words_of_ours(&passed);
    assert!(words[0].starts_with(&format!("kbuild-guard: warning: kernel {old} (running) loses its")), "{passed:?}");
    assert!(words.iter().any(|line| line.starts_with("  back    apt-get install linux-headers-")), "{words:?}");
    assert_eq!(
        words.iter().filter(|line| line.starts_with("kbuild-guard:")).count(),
        1,
        "the trigger says it again: {words:?}"
    );
    assert!(!root.exists(format!("/usr/src/linux-headers-{old}")).unwrap());
}

#[test]
fn the_environment_overrides_too_and_a_dry_run_is_no_matter() {
    let (root, Releases { old, .. }) = live();
    make_headers_automatic(&root, &old);
    for words in ["-s autoremove", "-y --download-only autoremove"] {
        let dry = apt(&root, words).success().unwrap();
        assert!(words_of_ours(&dry).is_empty(), "{dry:?}");
    }
    let passed = root.command(&["apt-get", "-y", "autoremove"]).env("KBUILD_GUARD_MODE", "warn").run().unwrap();
    assert_eq!(passed.code, 0, "{passed:?}");
    assert!(words_of_ours(&passed)[0].starts_with("kbuild-guard: warning:"), "{passed:?}");
}

#[test]
fn asked_for_by_name_is_blocked_without_advice_to_keep() {
    let (root, Releases { old, .. }) = live();
    let blocked = apt(&root, &format!("-y remove linux-headers-{old}"));
    assert_eq!(blocked.code, 100, "{blocked:?}");
    let words = words_of_ours(&blocked);
    assert!(words[0].starts_with("kbuild-guard: blocked:"), "{words:?}");
    assert!(!words.iter().any(|line| line.starts_with("  keep")), "{words:?}");
    assert!(
        said(&blocked).ends_with(&format!("anyway apt-get -o KbuildGuard::Mode=warn -y remove linux-headers-{old}")),
        "{words:?}"
    );
    // The shared tree takes every kernel along: one message each, the strongest decision wins.
    let blocked = apt(&root, "-y remove linux-kbuild-6.1");
    assert_eq!(blocked.code, 100, "{blocked:?}");
    assert_eq!(words_of_ours(&blocked).iter().filter(|line| line.starts_with("kbuild-guard: blocked")).count(), 3);
}

#[test]
fn not_live_is_only_warned() {
    let base = with_kernels().unwrap();
    let Releases { old, .. } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&old).not_live()).unwrap();
    make_headers_automatic(&root, &old);
    let warned = apt(&root, "-y autoremove").success().unwrap();
    assert!(words_of_ours(&warned)[0].starts_with("kbuild-guard: warning:"), "{warned:?}");
}

#[test]
fn what_nothing_needs_is_only_warned() {
    let (root, Releases { old, .. }) = live();
    let purged = apt(&root, "-y purge acpi-call-dkms dkms").success().unwrap();
    assert!(words_of_ours(&purged).is_empty(), "{purged:?}");
    let warned = apt(&root, &format!("-y remove linux-headers-{old}")).success().unwrap();
    let words = words_of_ours(&warned);
    assert!(words[0].starts_with("kbuild-guard: warning:"), "{warned:?}");
    assert!(!words.iter().any(|line| line.starts_with("  needed")), "{warned:?}");
}

#[test]
fn headers_that_leave_together_with_all_that_needs_them_are_no_matter() {
    let (root, Releases { old, .. }) = live();
    let both = apt(&root, &format!("-y purge acpi-call-dkms linux-headers-{old}")).success().unwrap();
    assert!(words_of_ours(&both).is_empty(), "{both:?}");
}

#[test]
fn kernel_and_headers_together_are_silent() {
    let (root, Releases { middle, .. }) = live();
    let both = apt(&root, &format!("-y purge linux-image-{middle} linux-headers-{middle}")).success().unwrap();
    assert!(words_of_ours(&both).is_empty(), "{both:?}");
    assert!(!root.exists(format!("/boot/vmlinuz-{middle}")).unwrap());
}

#[test]
fn an_upgrade_in_the_same_run_is_only_warned() {
    let (root, Releases { old, new, .. }) = live();
    apt(&root, &format!("-y purge linux-image-{new} linux-headers-{new}")).success().unwrap();
    let warned = apt(&root, &format!("-y install linux-image-{new} linux-headers-{new} linux-headers-{old}-"))
        .success()
        .unwrap();
    let words = words_of_ours(&warned);
    assert!(words[0].starts_with(&format!("kbuild-guard: warning: kernel {old} (running) loses its")), "{warned:?}");
    assert!(words.iter().any(|line| line.contains("also installs or upgrades")), "{words:?}");
    assert_eq!(words.iter().filter(|line| line.starts_with("kbuild-guard:")).count(), 1, "{words:?}");
}

#[test]
fn strict_blocks_and_off_is_silent() {
    let (root, Releases { old, .. }) = live();
    apt(&root, "-y purge acpi-call-dkms").success().unwrap();
    root.write("/etc/kbuild-guard/config.toml", "mode = \"strict\"\n").unwrap();
    let blocked = apt(&root, &format!("-y remove linux-headers-{old}"));
    assert_eq!(blocked.code, 100, "{blocked:?}");
    root.write("/etc/kbuild-guard/conf.d/10-off.toml", "mode = \"off\"\n").unwrap();
    let passed = apt(&root, &format!("-y remove linux-headers-{old}")).success().unwrap();
    assert!(words_of_ours(&passed).is_empty(), "{passed:?}");
}

#[test]
fn a_wrong_configuration_never_stops_a_transaction() {
    let (root, Releases { old, .. }) = live();
    root.write("/etc/kbuild-guard/config.toml", "# mine\nmode = \"loud\"\ncolour = 1\n").unwrap();
    let blocked = apt(&root, &format!("-y remove linux-headers-{old}"));
    assert_eq!(blocked.code, 100, "the default holds: {blocked:?}");
    assert!(
        blocked.output.contains("kbuild-guard: warning: /etc/kbuild-guard/config.toml:2: mode loud is none of"),
        "{blocked:?}"
    );
    assert!(
        blocked.output.contains("kbuild-guard: warning: /etc/kbuild-guard/config.toml:3: unknown key colour"),
        "{blocked:?}"
    );
}

/// A failing module build leaves headers half-configured; removing them is the usual cure.
#[test]
fn half_configured_headers_can_be_removed() {
    let (root, Releases { old, .. }) = live();
    root.write_executable("/etc/kernel/header_postinst.d/zz-fails", "#!/bin/sh\nexit 1\n").unwrap();
    let broken = apt(&root, &format!("-y install --reinstall linux-headers-{old}"));
    assert_ne!(broken.code, 0, "{broken:?}");
    let state = root.sh(&format!("dpkg-query -W -f '${{db:Status-Status}}' linux-headers-{old}")).unwrap().output;
    assert_eq!(state, "half-configured");
    let removed = apt(&root, &format!("-y remove linux-headers-{old}")).success().unwrap();
    let words = words_of_ours(&removed);
    assert!(words.iter().any(|line| line.starts_with("kbuild-guard: warning:")), "{removed:?}");
    assert!(words.iter().any(|line| line.contains("this may be the cure")), "{words:?}");
}

/// unattended-upgrades, which removes an unused kernel one package a commit.
#[test]
fn unattended_upgrades_removes_an_unused_kernel_in_silence() {
    let base = with_kernels().unwrap();
    let Releases { old, new, .. } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&new)).unwrap();
    root.sh(&format!("apt-mark auto linux-image-{old} linux-headers-{old}")).unwrap().success().unwrap();
    root.write(
        "/etc/apt/apt.conf.d/99unattended",
        "Unattended-Upgrade::Remove-Unused-Kernel-Packages \"true\";\nUnattended-Upgrade::Origins-Pattern { };\n\
         Unattended-Upgrade::Allowed-Origins { };\nUnattended-Upgrade::Skip-Updates-On-Metered-Connections \"false\";\n",
    )
    .unwrap();
    let run = root.run(&["unattended-upgrade", "--verbose"]).unwrap().success().unwrap();
    assert!(words_of_ours(&run).is_empty(), "{run:?}");
    assert!(!root.exists(format!("/boot/vmlinuz-{old}")).unwrap(), "{run:?}");
    assert!(!root.exists(format!("/usr/src/linux-headers-{old}")).unwrap(), "{run:?}");
    let log = root.sh("cat /var/log/unattended-upgrades/*.log").unwrap().output;
    assert!(!log.contains("kbuild-guard:"), "{log}");
}

/// The same through python-apt, in either order, under the strictest mode.
#[test]
fn an_unused_kernel_goes_in_either_order() {
    for order in [["headers", "image"], ["image", "headers"]] {
        let base = with_kernels().unwrap();
        let Releases { old, new, .. } = Releases::of(&base).unwrap();
        let root = guarded(Root::builder(&base).running(&new)).unwrap();
        root.write("/etc/kbuild-guard/config.toml", "mode = \"strict\"\n").unwrap();
        root.sh(&format!("apt-mark auto linux-image-{old} linux-headers-{old}")).unwrap().success().unwrap();
        for kind in order {
            let script = format!(
                "import apt\ncache = apt.Cache()\ncache['linux-{kind}-{old}'].mark_delete(auto_fix=False)\ncache.commit()\n"
            );
            let run = root.run(&["python3", "-c", &script]).unwrap().success().unwrap();
            assert!(words_of_ours(&run).is_empty(), "{order:?}: {run:?}");
        }
        assert!(!root.exists(format!("/boot/vmlinuz-{old}")).unwrap());
    }
}

/// Nobody is there to answer: warned, not blocked; strict blocks.
#[test]
fn an_unattended_run_is_only_warned() {
    let (root, Releases { old, .. }) = live();
    let script =
        format!("import apt\ncache = apt.Cache()\ncache['linux-headers-{old}'].mark_delete()\ncache.commit()\n");
    root.write("/etc/kbuild-guard/config.toml", "mode = \"strict\"\n").unwrap();
    let blocked = root.run(&["python3", "-c", &script]).unwrap();
    assert_ne!(blocked.code, 0, "{blocked:?}");
    root.remove("/etc/kbuild-guard/config.toml").unwrap();
    let warned = root.run(&["python3", "-c", &script]).unwrap().success().unwrap();
    assert!(words_of_ours(&warned).iter().any(|line| line.contains("nobody is there to answer")), "{warned:?}");
}

/// What apt takes along by its dependencies is judged, and `what-if` knows it too.
#[test]
fn a_removal_that_drags_headers_along_is_blocked() {
    let (root, Releases { old, .. }) = live();
    // A module that nobody's package brought, so that no demand leaves with the packages.
    let module = format!("/lib/modules/{old}/extra/mine.ko");
    root.write(&module, "").unwrap();
    let would = root.run(&["kbuild-guard", "what-if", "remove", "linux-compiler-gcc-12-x86"]).unwrap();
    assert_eq!(would.code, 1, "{would:?}");
    let blocked = apt(&root, "-y remove linux-compiler-gcc-12-x86");
    assert_eq!(blocked.code, 100, "{blocked:?}");
    assert!(said(&blocked).contains("hand-built: mine"), "{blocked:?}");
    assert!(!said(&blocked).contains("keep"), "marking is no help: {blocked:?}");
}

/// `what-if` gives the guard's own answer.
#[test]
fn what_if_says_what_apt_would_meet() {
    let (root, Releases { old, .. }) = live();
    let would = root
        .command(&["kbuild-guard", "what-if", "remove", &format!("linux-headers-{old}"), "--json"])
        .split()
        .unwrap();
    assert_eq!(would.code, 1, "{would:?}");
    let answer: serde_json::Value = serde_json::from_str(&would.stdout).unwrap();
    assert_eq!(answer["decision"], "block", "{answer}");
    assert_eq!(answer["orphans"][0]["release"], old.as_str());
    assert_eq!(answer["orphans"][0]["needed_by"][0], "acpi-call 1.2.2");
    let both = root
        .run(&["kbuild-guard", "what-if", "remove", &format!("linux-headers-{old}"), &format!("linux-image-{old}")])
        .unwrap();
    assert_eq!((both.code, both.output.as_str()), (0, "allowed: no kernel that stays loses its headers\n"));
}
