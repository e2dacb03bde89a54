// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, a kernel that felix built in the home directory, installed by systemd's own kernel-install (252): what our
//! plugin says of it, what becomes of kernel-install whatever becomes of the plugin, and what is said of a tree that
//! changes afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::kernel_install::{assert_quiet, entry, kernel_install, remove_fails_never, with_kernel_install};
use end_to_end::{kernel, said, self_built, words_of_ours};
use test_roots::Root;

const TREE: &str = "/home/felix/linux";
const IMAGE: &str = "/home/felix/linux/arch/x86/boot/bzImage";
const HOOK: &str = "/usr/lib/kbuild-guard/kernel-install-hook";
const MASK: &str = "/etc/kernel/install.d/30-kbuild-guard.install";

/// A root with kernel-install, our package and felix' modules installed, and the release of that kernel.
fn built() -> (Root, String) {
    let base = self_built().unwrap();
    let release = base.releases()[0].clone();
    let root = with_kernel_install(&base, &release);
    root.sh(&format!("make -C {TREE} modules_install")).unwrap().success().unwrap();
    (root, release)
}

fn configure(root: &Root, script: &str) {
    root.sh(&format!("su felix -c 'cd {TREE} && {script} && make olddefconfig syncconfig'"))
        .unwrap()
        .success()
        .unwrap();
}

const VERIFY: &str = "dpkg-trigger --no-await /lib/modules && dpkg --configure --pending";

#[test]
fn a_kernel_from_a_home_directory_is_told_on_day_one_and_not_again() {
    let (root, release) = built();
    let first = kernel_install(&root, &["add", &release, IMAGE]);
    assert!(
        said(&first).starts_with(&format!(
            "kbuild-guard: warning: external module builds for kernel {release} (the newest of its flavour) are at risk \
             KBG010 no package looks after the tree: {TREE} lies in felix's home directory"
        )),
        "{first:?}"
    );
    assert!(said(&first).contains(&format!("fix kbuild-guard preserve {release}")), "{first:?}");
    assert!(words_of_ours(&first).len() <= 8, "{first:?}");
    assert!(entry(&root, &release));
    // Once it is in its place among the boot entries the image is found there.
    assert_eq!(kernel(&root, &release).unwrap()["state"], "degraded");
    for again in [VERIFY.to_owned(), format!("kernel-install add {release} {IMAGE}")] {
        assert_quiet(&root.sh(&again).unwrap());
    }
    // Both ways in one: installkernel, its hooks, and systemd-boot's among them, which calls kernel-install.
    root.write_executable(
        "/etc/kernel/postinst.d/zz-systemd-boot",
        "#!/bin/sh\nexec kernel-install add \"$1\" \"$2\"\n",
    )
    .unwrap();
    root.remove("/var/lib/kbuild-guard").unwrap();
    let both = root.sh(&format!("make -C {TREE} install")).unwrap().success().unwrap();
    assert_eq!(both.output.matches("kbuild-guard: warning:").count(), 1, "{both:?}");
    root.remove("/var/lib/kbuild-guard").unwrap();
    let linked = format!(
        "ln -sf /usr/bin/kernel-install /usr/local/sbin/installkernel && \
                          /usr/local/sbin/installkernel {release} {IMAGE} {TREE}/System.map /boot"
    );
    let linked = root.sh(&linked).unwrap().success().unwrap();
    assert_eq!(linked.output.matches("kbuild-guard: warning:").count(), 1, "{linked:?}");
}

#[test]
fn verbose_says_what_it_did_and_a_package_or_a_mask_keeps_it_silent() {
    let (root, release) = built();
    let add = ["add", &release, IMAGE];
    let verbose = |environment: &[(&str, &str)]| {
        let mut command = root.command(&["kernel-install", "--verbose", "add", &release, IMAGE]);
        for (name, value) in environment {
            command = command.env(name, value);
        }
        let outcome = command.run().unwrap();
        assert_eq!(outcome.code, 0, "{outcome:?}");
        said(&outcome)
    };
    for variable in ["DPKG_MAINTSCRIPT_NAME", "DEB_MAINT_PARAMS"] {
        let inside = root.command(&["kernel-install"]).arg("add").arg(&release).arg(IMAGE).env(variable, "postinst");
        assert_quiet(&inside.run().unwrap());
        let told = verbose(&[(variable, "postinst")]);
        assert_eq!(told, "kbuild-guard: kernel-install-hook: dpkg's trigger looks at the end of the run");
    }
    let scriptlet = format!("kernel-install add {release} {IMAGE}\n:\n");
    root.write("/var/tmp/rpm-tmp.Ab12cd", scriptlet).unwrap();
    assert_quiet(&root.sh("/bin/sh /var/tmp/rpm-tmp.Ab12cd 1; exit $?").unwrap());

    root.sh(&format!("ln -s /dev/null {MASK}")).unwrap().success().unwrap();
    assert_quiet(&kernel_install(&root, &add));
    let state = root.sh("kbuild-guard hooks --json").unwrap().output;
    assert!(state.contains("link to /dev/null"), "{state}");
    root.remove(MASK).unwrap();
    let bypassed = root.command(&["kernel-install", "add", &release, IMAGE]).env("KERNEL_INSTALL_BYPASS", "1");
    assert_quiet(&bypassed.run().unwrap());
    root.write("/etc/kbuild-guard/config.toml", "mode = \"off\"\n").unwrap();
    assert_quiet(&kernel_install(&root, &add));
    root.write("/etc/kbuild-guard/config.toml", "ignore = [{ finding = \"KBG010\" }, { finding = \"KBG012\" }]\n")
        .unwrap();
    assert_quiet(&kernel_install(&root, &add));
    root.remove("/etc/kbuild-guard/config.toml").unwrap();

    // Nothing of it was said to anybody.
    assert!(verbose(&[]).contains("are at risk KBG010"));
    let told =
        format!("kbuild-guard: kernel-install-hook: kernel {release} is degraded, and there is nothing new to say");
    assert_eq!(verbose(&[]), told);
    for wrong in ["", "add", "add ''", "add ../x", "remove", "inspect"] {
        let told = root.sh(&format!("/usr/lib/kernel/install.d/30-kbuild-guard.install {wrong}")).unwrap();
        assert_eq!(told.code, 0, "{told:?}");
        let lines = if wrong.starts_with("add") { 1 } else { 0 };
        assert_eq!(told.output.lines().count(), lines, "{told:?}");
    }
}

#[test]
fn kernel_install_goes_on_whatever_becomes_of_the_plugin() {
    let (root, release) = built();
    remove_fails_never(&root, &release, IMAGE, HOOK);
}

#[test]
fn a_tree_that_changes_after_the_installation_is_told_with_what_has_changed() {
    let (root, release) = built();
    kernel_install(&root, &["add", &release, IMAGE]);
    root.sh(&format!("cp {TREE}/.config /tmp/config")).unwrap().success().unwrap();
    // The same once more, and times alone, are nothing.
    root.sh(&format!("su felix -c 'make -C {TREE} modules' && touch {TREE}/Module.symvers"))
        .unwrap()
        .success()
        .unwrap();
    assert_quiet(&root.sh(VERIFY).unwrap());

    configure(&root, "scripts/config --disable MODULE_UNLOAD --enable SMP");
    let drift = root.sh(VERIFY).unwrap().success().unwrap();
    assert!(said(&drift).contains("KBG0"), "{drift:?}");
    let found = kernel(&root, &release).unwrap()["findings"].to_string();
    assert!(found.contains("KBG013") && found.contains("CONFIG_SMP is set now"), "{found}");
    assert!(found.contains("CONFIG_MODULE_UNLOAD is no longer set"), "{found}");
    assert_quiet(&root.sh(VERIFY).unwrap());

    // What it was again is none.
    configure(&root, "cp /tmp/config .config");
    assert!(!kernel(&root, &release).unwrap()["findings"].to_string().contains("KBG013"));

    root.sh(VERIFY).unwrap().success().unwrap();

    // Another driver alone is worth knowing, and no more.
    configure(&root, "scripts/config --module CRC4");
    assert_quiet(&root.sh(VERIFY).unwrap());
    let found = kernel(&root, &release).unwrap()["findings"].to_string();
    assert!(found.contains("other options are built as modules"), "{found}");

    // Something that no stamp on a module tells of.
    configure(&root, "scripts/config --enable DEBUG_LIST --set-val LOG_BUF_SHIFT 18");
    let drift = root.sh(VERIFY).unwrap().success().unwrap();
    let words = said(&drift);
    assert!(words.contains("KBG013 the tree has changed since its kernel was installed"), "{drift:?}");
    assert!(words.contains("CONFIG_DEBUG_LIST is set now; CONFIG_LOG_BUF_SHIFT is 18, was "), "{drift:?}");
    assert!(words_of_ours(&drift).len() <= 8, "{drift:?}");
    root.write("/etc/kbuild-guard/config.toml", "ignore = [{ finding = \"KBG013\" }]\n").unwrap();
    let ignored = root.sh("kbuild-guard check").unwrap();
    assert!(!ignored.output.contains("KBG013"), "{ignored:?}");
    root.remove("/etc/kbuild-guard/config.toml").unwrap();

    // Whoever installs the kernel again means what there is.
    kernel_install(&root, &["add", &release, IMAGE]);
    assert!(!kernel(&root, &release).unwrap()["findings"].to_string().contains("KBG013"));

    // Preserved and deleted, nothing has changed: the link was meant to lead elsewhere.
    let preserved = root.sh(&format!("kbuild-guard preserve {release} --trust-owner felix && rm -r {TREE}")).unwrap();
    assert_eq!(preserved.code, 0, "{preserved:?}");
    let kept = kernel(&root, &release).unwrap();
    assert!(!kept["findings"].to_string().contains("KBG013"), "{kept}");
    // A record goes with its kernel.
    let record = format!("/var/lib/kbuild-guard/kernels/{release}.json");
    assert!(root.exists(&record).unwrap());
    root.sh(&format!("kernel-install remove {release}; rm -r /lib/modules/{release}; {VERIFY}"))
        .unwrap()
        .success()
        .unwrap();
    assert!(!root.exists(&record).unwrap());
}
