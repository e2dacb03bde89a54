// SPDX-License-Identifier: MIT OR Apache-2.0
//! The upgrade of Debian 12 to 13, as its release notes tell (chapter 4): never blocked, and what is said is true.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use end_to_end::{Releases, eve_of_13, guarded, kernel, said, words_of_ours};
use test_roots::{Outcome, Root};

/// The whole upgrade takes a minute on an idle machine.
const PATIENCE: Duration = Duration::from_secs(1800);

fn apt(root: &Root, words: &str) -> Outcome {
    let script = format!("apt -y --no-download {words}");
    root.command(&["sh", "-c", &script]).timeout(PATIENCE).run().unwrap()
}

/// What make says, for a trivial module.
fn make(root: &Root, release: &str) -> Outcome {
    root.sh(&format!(
        "rm -rf /tmp/m && mkdir /tmp/m && cd /tmp/m && printf 'obj-m := m.o\\n' >Makefile && \
         printf '#include <linux/module.h>\\nMODULE_LICENSE(\"GPL\");\\n' >m.c && \
         make -C /lib/modules/{release}/build M=/tmp/m modules"
    ))
    .unwrap()
}

/// Every installed kernel: its release and state.
fn kernels(root: &Root) -> Vec<(String, String)> {
    let check = root.command(&["kbuild-guard", "check", "--json"]).split().unwrap();
    let answer: serde_json::Value = serde_json::from_str(&check.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    answer["kernels"].as_array().unwrap().iter().map(|k| (text(&k["release"]), text(&k["state"]))).collect()
}

#[test]
fn the_upgrade_is_silent_and_what_follows_it_is_guarded() {
    let base = eve_of_13().unwrap();
    let Releases { old, middle, new } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&new)).unwrap();
    let version = || root.read_to_string("/etc/debian_version").unwrap().trim().to_owned();
    assert!(version().starts_with("12."), "{}", version());

    // First without new packages: tools and libraries below the old kernels change, and the kernels stay.
    let minimal = apt(&root, "upgrade --without-new-pkgs").success().unwrap();
    assert!(words_of_ours(&minimal).is_empty(), "{minimal:?}");
    let ready = |releases: &[&str]| -> Vec<(String, String)> {
        releases.iter().map(|release| ((*release).to_owned(), "ready".to_owned())).collect()
    };
    assert_eq!(kernels(&root), ready(&[&old, &middle, &new]));

    // Then all of it. Libraries that the old kernels' tools were linked with leave; their successors come.
    let full = apt(&root, "full-upgrade").success().unwrap();
    assert!(words_of_ours(&full).is_empty(), "{full:?}");
    assert!(full.output.contains("Removing libssl3:amd64"), "the test's own ground: {full:?}");
    assert!(full.output.contains("Processing triggers for kbuild-guard"), "{full:?}");
    assert!(version().starts_with("13."), "{}", version());
    let arrived = kernels(&root).last().unwrap().0.clone();
    assert!(arrived.contains("+deb13-cloud-amd64"), "{arrived}");
    assert_eq!(kernels(&root), ready(&[&old, &middle, &new, &arrived]));

    // It is true: make says so for the running 6.1 kernel, with Debian 13's compiler and libraries, and for the new one.
    for release in [&new, &arrived] {
        let make = make(&root, release);
        assert_eq!(make.code, 0, "{make:?}");
    }
    // The link of the old ones is packaged as /lib/modules, that of the new one as /usr/lib/modules.
    for release in [&new, &arrived] {
        let kernel = kernel(&root, release).unwrap();
        assert_eq!(kernel["closure"][0]["path"], format!("/usr/lib/modules/{release}/build"), "{kernel}");
        assert_eq!(kernel["closure"][0]["owner"], format!("linux-headers-{release}"), "{kernel}");
    }

    // The memory is sound: every kernel, and nothing but them.
    let seen: serde_json::Value =
        serde_json::from_str(&root.read_to_string("/var/lib/kbuild-guard/seen.json").unwrap()).unwrap();
    let mut remembered: Vec<&str> = seen["kernels"].as_object().unwrap().keys().map(String::as_str).collect();
    remembered.sort_unstable();
    assert_eq!(remembered, [&old, &middle, &new, &arrived]);

    // The hooks are live under the new apt and dpkg, and say what is true: no repository has these headers any more.
    let blocked = root.sh(&format!("apt -y remove linux-headers-{new}")).unwrap();
    assert_eq!(blocked.code, 100, "{blocked:?}");
    assert!(
        said(&blocked).starts_with(&format!("kbuild-guard: blocked: kernel {new} (running) would lose its headers"))
    );
    let before = root.sh("dpkg-query -W").unwrap().output;
    // What an admin tidies up after an upgrade: the old compiler takes the old kernels' headers along.
    let blocked = root.sh("apt -y remove gcc-12").unwrap();
    assert_eq!(blocked.code, 100, "{blocked:?}");
    assert!(said(&blocked).contains(&format!("kernel {new} (running) would lose its headers")), "{blocked:?}");
    assert_eq!(root.sh("dpkg-query -W").unwrap().output, before);
    let warned = root.sh(&format!("apt -y -o KbuildGuard::Mode=warn remove linux-headers-{old}")).unwrap();
    let words = said(&warned.success().unwrap());
    assert!(words.starts_with(&format!("kbuild-guard: warning: kernel {old}")), "{words}");
    assert!(words.ends_with("back no repository offers these packages any more"), "{words}");
    assert_eq!(words.matches("kbuild-guard:").count(), 1, "{words}");

    let told = root.run(&["dpkg", "--remove", &format!("linux-headers-{middle}")]).unwrap().success().unwrap();
    assert_eq!(
        said(&told),
        format!(
            "kbuild-guard: warning: kernel {middle} (installed by name) has no headers installed \
             needed by DKMS: acpi-call 1.2.2 fix install the headers of exactly this release"
        ),
        "no package to name: {told:?}"
    );

    // The old kernels go as apt sees fit, and there is nothing to say of them any more.
    let mark = format!("apt-mark auto linux-image-{old} linux-image-{middle}");
    root.sh(&mark).unwrap().success().unwrap();
    let autoremove = apt(&root, "autoremove").success().unwrap();
    assert!(words_of_ours(&autoremove).is_empty(), "{autoremove:?}");
    assert_eq!(kernels(&root), ready(&[&new, &arrived]));
}
