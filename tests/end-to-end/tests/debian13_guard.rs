// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 13, real apt 3: a removal that would orphan a build link is blocked or warned of, and nothing else is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, bare_13, guarded, kernel, said, with_kernels_13, words_of_ours};
use test_roots::{Outcome, Root};

/// Everything apt or dpkg could have changed, as one text.
fn package_state(root: &Root) -> String {
    let script = "sha256sum /var/lib/dpkg/status /var/lib/apt/extended_states; \
                  find /usr/lib/modules /usr/src /usr/lib/linux-kbuild* -printf '%p %s %l\\n' | sort | sha256sum";
    root.sh(script).unwrap().success().unwrap().output
}

fn live() -> (Root, Releases) {
    let base = with_kernels_13().unwrap();
    let releases = Releases::of(&base).unwrap();
    (guarded(Root::builder(&base).running(&releases.old)).unwrap(), releases)
}

/// The name that a kernel's -common headers and kbuild packages have in theirs.
fn version(release: &str) -> &str {
    release.trim_end_matches("-cloud-amd64")
}

fn apt(root: &Root, words: &str) -> Outcome {
    root.sh(&format!("apt-get {words}")).unwrap()
}

fn blocked(run: &Outcome) -> String {
    assert_eq!(run.code, 100, "{run:?}");
    let words = words_of_ours(run);
    assert!(words[0].starts_with("kbuild-guard: blocked: kernel "), "{run:?}");
    said(run)
}

#[test]
fn the_running_kernels_headers_are_kept_from_every_way_to_lose_them() {
    let (root, Releases { old, .. }) = live();
    let version = version(&old);
    let before = package_state(&root);

    // As apt 3 shows it: our words come between its list and its error, and nothing else is asked or done.
    let run = root.sh(&format!("apt -y remove linux-headers-{old}")).unwrap();
    assert_eq!(
        blocked(&run),
        format!(
            "kbuild-guard: blocked: kernel {old} (running) would lose its headers remove linux-headers-{old} \
             lost /usr/src/linux-headers-{old} needed by DKMS: acpi-call 1.2.2 \
             anyway apt -o KbuildGuard::Mode=warn -y remove linux-headers-{old}"
        )
    );
    let (list, rest) = run.output.split_once("kbuild-guard: blocked").unwrap();
    assert!(list.contains(&format!("REMOVING:\n  linux-headers-{old}\n")), "{run:?}");
    assert!(rest.contains("\nError: Sub-process /usr/lib/kbuild-guard/apt-hook || test $? -ne 10 returned"), "{rest}");
    assert!(rest.contains("\nError: Failure running script /usr/lib/kbuild-guard/apt-hook"), "{rest}");

    // Whatever name takes them along.
    for words in [
        format!("-y purge linux-headers-{old}"),
        format!("-y remove linux-headers-{version}-common"),
        format!("-y remove linux-kbuild-{version}"),
    ] {
        let run = apt(&root, &words);
        assert!(blocked(&run).ends_with(&format!("anyway apt-get -o KbuildGuard::Mode=warn {words}")), "{run:?}");
    }
    // Every kernel's kbuild needs pahole: three kernels, three messages.
    let run = apt(&root, "-y remove pahole");
    assert_eq!(blocked(&run).matches("kbuild-guard: blocked: kernel").count(), 3, "{run:?}");

    // sudo leaves nothing of the caller's environment but its own words.
    let run = root
        .sh(&format!(
            "KBUILD_GUARD_MODE=off exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb SUDO_USER=felix SUDO_UID=1000 \
             apt-get -y remove linux-headers-{old}"
        ))
        .unwrap();
    blocked(&run);

    assert_eq!(package_state(&root), before);
}

#[test]
fn autoremove_is_blocked_and_the_override_tells_the_way_back() {
    let (root, Releases { old, .. }) = live();
    let version = version(&old);
    apt(&root, "-y autoremove").success().unwrap();
    root.sh(&format!("apt-mark auto linux-headers-{old}")).unwrap().success().unwrap();
    let before = package_state(&root);
    assert_eq!(
        blocked(&apt(&root, "-y autoremove")),
        format!(
            "kbuild-guard: blocked: kernel {old} (running) would lose its headers \
             remove linux-headers-{old}, linux-headers-{version}-common, linux-kbuild-{version} \
             lost /usr/src/linux-headers-{old}, /usr/src/linux-headers-{version}-common and 2 more \
             needed by DKMS: acpi-call 1.2.2 keep apt-mark manual linux-headers-{old} \
             anyway apt-get -o KbuildGuard::Mode=warn -y autoremove"
        )
    );
    assert_eq!(package_state(&root), before);

    // What it says is true: the headers stay once they are marked.
    root.sh(&format!("apt-mark manual linux-headers-{old}")).unwrap().success().unwrap();
    let kept = apt(&root, "-y autoremove").success().unwrap();
    assert!(
        words_of_ours(&kept).is_empty() && package_state(&root).lines().last() == before.lines().last(),
        "{kept:?}"
    );

    // The override passes once, and the trigger does not say again what the guard has just said.
    root.sh(&format!("apt-mark auto linux-headers-{old}")).unwrap().success().unwrap();
    let passed = apt(&root, "-y -o KbuildGuard::Mode=warn autoremove").success().unwrap();
    let words = said(&passed);
    assert!(words.starts_with(&format!("kbuild-guard: warning: kernel {old} (running) loses its headers")), "{words}");
    assert!(words.ends_with(&format!("back apt-get install linux-headers-{old}")), "{words}");
    assert_eq!(words.matches("kbuild-guard:").count(), 1, "{words}");
    assert_eq!(kernel(&root, &old).unwrap()["state"], "absent");

    // And the way back is one.
    let back = apt(&root, &format!("-y --no-download install linux-headers-{old}")).success().unwrap();
    assert!(words_of_ours(&back).is_empty(), "{back:?}");
    assert_eq!(kernel(&root, &old).unwrap()["state"], "ready");
}

/// Headers of Debian 13 depend on their image, so that removing the image takes them along.
#[test]
fn a_kernel_that_goes_with_all_its_packages_is_no_matter() {
    let (root, Releases { old, middle, .. }) = live();
    let both = apt(&root, &format!("-y purge linux-image-{middle} linux-headers-{middle}")).success().unwrap();
    assert!(words_of_ours(&both).is_empty(), "{both:?}");
    assert!(!root.exists(format!("/boot/vmlinuz-{middle}")).unwrap());
    // `-` keeps apt from putting the unsigned image in the signed one's place, for which the headers would stay.
    let image = apt(&root, &format!("-y purge linux-image-{old} linux-image-{old}-unsigned-")).success().unwrap();
    assert!(image.output.contains(&format!("linux-headers-{old}*")), "the headers went along: {image:?}");
    assert!(words_of_ours(&image).is_empty(), "{image:?}");
    assert!(!root.exists(format!("/usr/src/linux-headers-{old}")).unwrap());
}

/// `apt purge linux-image-R` where the headers were asked for by name: apt brings the unsigned image, for their sake.
#[test]
fn an_image_replaced_by_its_unsigned_twin_is_no_matter() {
    let (root, Releases { new, .. }) = live();
    let run = apt(&root, &format!("-y --no-download purge linux-image-{new}")).success().unwrap();
    assert!(run.output.contains(&format!("Setting up linux-image-{new}-unsigned")), "{run:?}");
    assert!(words_of_ours(&run).is_empty(), "{run:?}");
    let kernel = kernel(&root, &new).unwrap();
    assert_eq!(kernel["state"], "ready", "{kernel}");
    assert_eq!(root.run(&["kbuild-guard", "check"]).unwrap().code, 0);
}

#[test]
fn what_nothing_needs_is_only_warned() {
    let (root, Releases { old, .. }) = live();
    apt(&root, "-y purge acpi-call-dkms dkms").success().unwrap();
    let warned = apt(&root, &format!("-y remove linux-headers-{old}")).success().unwrap();
    let words = words_of_ours(&warned);
    assert!(words[0].starts_with("kbuild-guard: warning:"), "{warned:?}");
    assert!(!words.iter().any(|line| line.starts_with("  needed")), "{warned:?}");
}

/// The compiler is all headers' dependency; a module that no package brought needs them all the same.
#[test]
fn a_removal_that_drags_headers_along_is_blocked() {
    let (root, Releases { old, .. }) = live();
    root.write(format!("/usr/lib/modules/{old}/extra/mine.ko"), "").unwrap();
    let run = apt(&root, "-y remove gcc-14");
    let words = blocked(&run);
    assert!(words.contains("hand-built: mine") && !words.contains(" keep "), "marking is no help: {words}");
}

/// A new kernel by the packages that lead to it, the oldest one going some time later: the whole life, unharmed.
#[test]
fn an_upgrade_to_a_new_kernel_and_the_autoremove_after_it_are_silent() {
    let base = bare_13().unwrap();
    let Releases { old, middle, new } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&middle)).unwrap();
    // The archive has only the newest of these packages: yesterday's is made after it.
    for kind in ["image", "headers"] {
        root.sh(&format!(
            "mkdir -p /tmp/{kind}/DEBIAN && cd /tmp/{kind} && \
             apt-cache show linux-{kind}-cloud-amd64 | sed -n '/^$/q;p' | grep -E '^(Package|Architecture|Maintainer|Description):' \
             >DEBIAN/control && printf 'Version: 6.12.1-1\\nDepends: linux-{kind}-{middle}\\n' >>DEBIAN/control && \
             dpkg-deb --build /tmp/{kind} /tmp/{kind}.deb"
        ))
        .unwrap()
        .success()
        .unwrap();
    }
    let words =
        format!("-y install acpi-call-dkms linux-image-{old} linux-headers-{old} /tmp/image.deb /tmp/headers.deb");
    let begin = apt(&root, &words).success().unwrap();
    assert!(words_of_ours(&begin).is_empty(), "{begin:?}");
    root.sh(&format!("apt-mark auto linux-image-{old} linux-headers-{old}")).unwrap().success().unwrap();

    let upgrade = root
        .sh("apt-get -y --no-download --with-new-pkgs upgrade linux-image-cloud-amd64 linux-headers-cloud-amd64")
        .unwrap()
        .success()
        .unwrap();
    assert!(upgrade.output.contains(&format!("Setting up linux-headers-{new}")), "{upgrade:?}");
    assert!(words_of_ours(&upgrade).is_empty(), "{upgrade:?}");
    assert_eq!(kernel(&root, &new).unwrap()["state"], "ready");

    let autoremove = apt(&root, "-y autoremove").success().unwrap();
    assert!(words_of_ours(&autoremove).is_empty(), "{autoremove:?}");
    assert!(!root.exists(format!("/boot/vmlinuz-{old}")).unwrap(), "{autoremove:?}");
    assert!(!root.exists(format!("/usr/lib/linux-kbuild-{}", version(&old))).unwrap(), "{autoremove:?}");
    assert_eq!(kernel(&root, &middle).unwrap()["state"], "ready", "the running one stays as it was");
}

#[test]
fn an_upgrade_in_the_same_run_is_only_warned() {
    let (root, Releases { old, new, .. }) = live();
    apt(&root, &format!("-y purge linux-image-{new} linux-image-{new}-unsigned- linux-headers-{new}"))
        .success()
        .unwrap();
    let words = format!("-y --no-download install linux-image-{new} linux-headers-{new} linux-headers-{old}-");
    let warned = apt(&root, &words).success().unwrap();
    let words = said(&warned);
    assert!(words.starts_with(&format!("kbuild-guard: warning: kernel {old} (running) loses its")), "{words}");
    assert!(words.contains("also installs or upgrades"), "{words}");
    assert_eq!(words.matches("kbuild-guard:").count(), 1, "{words}");
}

/// Debian 13's headers packages call the hooks of /usr/share/kernel as well: one that fails leaves them
/// half-configured, and removing them is the cure.
#[test]
fn headers_that_a_hook_left_half_configured_can_be_removed() {
    let (root, Releases { old, .. }) = live();
    root.write_executable("/usr/share/kernel/header_postinst.d/zz-fails", "#!/bin/sh\nexit 1\n").unwrap();
    let broken = apt(&root, &format!("-y --no-download install --reinstall linux-headers-{old}"));
    assert_ne!(broken.code, 0, "{broken:?}");
    let state = root.sh(&format!("dpkg-query -W -f '${{db:Status-Status}}' linux-headers-{old}")).unwrap().output;
    assert_eq!(state, "half-configured");
    let removed = apt(&root, &format!("-y remove linux-headers-{old}")).success().unwrap();
    let words = said(&removed);
    assert!(words.starts_with("kbuild-guard: warning:") && words.contains("this may be the cure"), "{removed:?}");
}

/// python-apt 3, where nobody is there to answer: warned, not blocked; strict blocks.
#[test]
fn an_unattended_run_is_only_warned() {
    let (root, Releases { old, .. }) = live();
    let script =
        format!("import apt\ncache = apt.Cache()\ncache['linux-headers-{old}'].mark_delete()\ncache.commit()\n");
    root.write("/etc/kbuild-guard/config.toml", "mode = \"strict\"\n").unwrap();
    let refused = root.run(&["python3", "-c", &script]).unwrap();
    assert_ne!(refused.code, 0, "{refused:?}");
    assert!(root.exists(format!("/usr/src/linux-headers-{old}")).unwrap());
    root.remove("/etc/kbuild-guard/config.toml").unwrap();
    let warned = root.run(&["python3", "-c", &script]).unwrap().success().unwrap();
    assert!(said(&warned).contains("nobody is there to answer"), "{warned:?}");
}

/// unattended-upgrades, which removes what is unused in many commits. Its own idea of a kernel's name
/// (Remove-Unused-Kernel-Packages) does not fit those of Debian 13.
#[test]
fn unattended_upgrades_removes_an_unused_kernel_in_silence() {
    let base = with_kernels_13().unwrap();
    let Releases { old, new, .. } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&new)).unwrap();
    root.sh(&format!("apt-mark auto linux-image-{old} linux-headers-{old}")).unwrap().success().unwrap();
    root.write(
        "/etc/apt/apt.conf.d/99unattended",
        "Unattended-Upgrade::Remove-Unused-Dependencies \"true\";\nUnattended-Upgrade::Origins-Pattern { };\n\
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
