// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 13, real apt 3, dpkg 1.22 and dkms 3.2: kernels below /usr/lib/modules are verified at the end of the run, once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, bare_13, guarded, kernel, said, with_kernels_13, words_of_ours};
use test_roots::{Outcome, Root};

/// What dpkg says when it calls our trigger.
const CALLED: &str = "Processing triggers for kbuild-guard";

fn apt(root: &Root, words: &str) -> Outcome {
    root.sh(&format!("apt-get -y --no-download {words}")).unwrap()
}

fn fresh() -> (Root, Releases) {
    let base = bare_13().unwrap();
    let releases = Releases::of(&base).unwrap();
    (guarded(Root::builder(&base).running("6.12.0+deb13-host")).unwrap(), releases)
}

#[test]
fn image_and_headers_in_one_run_are_silent_and_ready() {
    let (root, Releases { new, .. }) = fresh();
    let run = apt(&root, &format!("install acpi-call-dkms linux-image-{new} linux-headers-{new}")).success().unwrap();
    assert!(words_of_ours(&run).is_empty() && run.output.contains(CALLED), "{run:?}");
    let kernel = kernel(&root, &new).unwrap();
    assert_eq!(kernel["state"], "ready", "{kernel}");
    assert_eq!(kernel["needed_by"][0], "acpi-call 1.2.2", "{kernel}");
    assert_eq!(kernel["closure"][0]["path"], format!("/usr/lib/modules/{new}/build"), "{kernel}");
    assert_eq!(kernel["closure"][0]["owner"], format!("linux-headers-{new}"), "{kernel}");
    assert_eq!(kernel["closure"][1]["owner"], format!("linux-headers-{new}"), "{kernel}");
    // dkms has built for it, in the tree that is called ready.
    let built = root.sh(&format!("dkms status -k {new}")).unwrap().success().unwrap();
    assert!(built.output.contains("installed"), "{built:?}");
}

/// What Debian 13 packages touch is /usr/lib/modules: dpkg compares the path as it is packaged.
#[test]
fn a_kernel_without_headers_is_told_once_by_what_it_touches() {
    let (root, Releases { middle, new, .. }) = fresh();
    apt(&root, &format!("install acpi-call-dkms linux-image-{middle} linux-headers-{middle}")).success().unwrap();
    let run = apt(&root, &format!("install linux-image-{new}")).success().unwrap();
    assert!(run.output.contains(CALLED), "{run:?}");
    assert_eq!(
        said(&run),
        format!(
            "kbuild-guard: warning: kernel {new} (the newest of its flavour) has no headers installed \
             needed by DKMS: acpi-call 1.2.2 fix apt-get install linux-headers-{new}"
        ),
        "{run:?}"
    );
    // Said once, whichever spelling of the directory pulls the trigger.
    for path in ["/usr/lib/modules", "/lib/modules", "/usr/src"] {
        let again = root.sh(&format!("dpkg-trigger --no-await {path} && dpkg --configure --pending")).unwrap();
        let again = again.success().unwrap();
        assert!(words_of_ours(&again).is_empty() && again.output.contains(CALLED), "{again:?}");
    }
    let mended = apt(&root, &format!("install linux-headers-{new}")).success().unwrap();
    assert!(words_of_ours(&mended).is_empty(), "{mended:?}");
    assert_eq!(kernel(&root, &new).unwrap()["state"], "ready");
}

#[test]
fn an_image_alone_is_silent_where_nothing_needs_headers() {
    let (root, Releases { new, .. }) = fresh();
    let run = apt(&root, &format!("install linux-image-{new}")).success().unwrap();
    assert!(words_of_ours(&run).is_empty() && run.output.contains(CALLED), "{run:?}");
    assert_eq!(kernel(&root, &new).unwrap()["state"], "absent");
    assert_eq!(root.run(&["kbuild-guard", "check"]).unwrap().code, 0);
}

/// dpkg alone asks nobody: what it has taken is told at the end of its run.
#[test]
fn a_removal_by_dpkg_is_told_afterwards() {
    let base = with_kernels_13().unwrap();
    let Releases { old, new, .. } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&new)).unwrap();
    let run = root.run(&["dpkg", "--remove", &format!("linux-headers-{new}")]).unwrap().success().unwrap();
    assert_eq!(
        said(&run),
        format!(
            "kbuild-guard: warning: kernel {new} (running) has no headers installed \
             needed by DKMS: acpi-call 1.2.2 fix apt-get install linux-headers-{new}"
        ),
        "{run:?}"
    );
    // Another kernel's whole removal is no news, and does not bring the old news again.
    let gone = apt(&root, &format!("purge linux-image-{old} linux-image-{old}-unsigned- linux-headers-{old}"));
    let gone = gone.success().unwrap();
    assert!(words_of_ours(&gone).is_empty() && gone.output.contains(CALLED), "{gone:?}");
}

/// Each upstream version has a kbuild package of its own here: damage to it is one kernel's.
#[test]
fn damage_is_one_kernels_and_named_with_its_owner() {
    let base = with_kernels_13().unwrap();
    let Releases { old, middle, new } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&new)).unwrap();
    let version = old.trim_end_matches("-cloud-amd64");
    root.remove(format!("/usr/lib/linux-kbuild-{version}/scripts/basic/fixdep")).unwrap();
    let run = root.sh("dpkg-trigger --no-await /usr/src && dpkg --configure --pending").unwrap().success().unwrap();
    let words = said(&run);
    assert_eq!(words.matches("kbuild-guard:").count(), 1, "{run:?}");
    assert!(words.contains(&old) && words.contains("KBG030"), "{words}");
    assert!(words.contains(&format!("apt-get install --reinstall linux-kbuild-{version}")), "{words}");
    for sound in [&middle, &new] {
        assert_eq!(kernel(&root, sound).unwrap()["state"], "ready");
    }
    apt(&root, &format!("install --reinstall linux-kbuild-{version}")).success().unwrap();
    assert_eq!(kernel(&root, &old).unwrap()["state"], "ready");
}

/// Debian 13's kernels also run the hooks of /usr/share/kernel, but for those that a file in /etc that cannot be executed
/// masks (a link to /dev/null masks too, and makes run-parts 5.23 fail, and with it the kernel's installation).
/// dkms run from there is done before we judge, as from /etc.
#[test]
fn hooks_below_usr_share_kernel_are_run_before_we_judge() {
    let (root, Releases { new, .. }) = fresh();
    apt(&root, "install acpi-call-dkms").success().unwrap();
    root.sh("cd /etc/kernel && for stage in postinst.d header_postinst.d; do mkdir -p /usr/share/kernel/$stage; \
         mv $stage/dkms /usr/share/kernel/$stage/; : >$stage/zz-fails; \
         printf '#!/bin/sh\\nexit 1\\n' >/usr/share/kernel/$stage/zz-fails; \
         printf '#!/bin/sh\\necho seen \"$1\" >>/seen\\n' >/usr/share/kernel/$stage/zz-seen; \
         chmod +x /usr/share/kernel/$stage/zz-*; done")
        .unwrap()
        .success()
        .unwrap();
    let run = apt(&root, &format!("install linux-image-{new} linux-headers-{new}")).success().unwrap();
    assert!(words_of_ours(&run).is_empty(), "{run:?}");
    assert_eq!(root.read_to_string("/seen").unwrap(), format!("seen {new}\n").repeat(2));
    let built = root.sh(&format!("dkms status -k {new}")).unwrap().success().unwrap();
    assert!(built.output.contains("installed"), "{built:?}");
    assert_eq!(kernel(&root, &new).unwrap()["state"], "ready");
}
