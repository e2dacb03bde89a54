// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 13, kernels whose trees no package owns, installed by systemd's own kernel-install (257): what our plugin says of
//! them, and what becomes of kernel-install whatever becomes of the plugin. A plugin that fails on remove costs the files of
//! a kernel that stays there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::kernel_install::{assert_quiet, entry, kernel_install, remove_fails_never, with_kernel_install};
use end_to_end::{kernel, said, unowned_13};
use test_roots::Root;

const HOOK: &str = "/usr/lib/kbuild-guard/kernel-install-hook";
const PLUGINS: &str = "/etc/kernel/install.d";

/// A root with kernel-install and our package, the newest release, and its image.
fn installed() -> (Root, String, String) {
    let base = unowned_13().unwrap();
    let release = base.releases().last().unwrap().clone();
    let root = with_kernel_install(&base, &release);
    let image = format!("/boot/vmlinuz-{release}");
    (root, release, image)
}

#[test]
fn a_tree_that_does_not_last_is_told_when_its_kernel_is_added() {
    let (root, release, image) = installed();
    let add = ["add", release.as_str(), image.as_str()];
    assert_quiet(&kernel_install(&root, &add));
    let verbose = kernel_install(&root, &["--verbose", "add", &release, &image]);
    let told = format!("kbuild-guard: kernel-install-hook: kernel {release} is ready, and there is nothing new to say");
    assert_eq!(said(&verbose), told);
    assert!(entry(&root, &release));

    // Somebody works in it.
    root.sh("mkdir /srv/trees/.git").unwrap().success().unwrap();
    root.write("/etc/kbuild-guard/config.toml", "ignore = [{ finding = \"KBG011\" }]\n").unwrap();
    assert_quiet(&kernel_install(&root, &add));
    assert_eq!(kernel(&root, &release).unwrap()["state"], "degraded");
    root.remove("/etc/kbuild-guard/config.toml").unwrap();
    let work = kernel_install(&root, &add);
    let place = format!("/srv/trees/linux-headers-{release} lies in /srv/trees, a git work tree");
    let words = format!("KBG011 the tree is in a place that does not last: {place}");
    assert!(said(&work).contains(&words), "{work:?}");
    assert!(said(&work).ends_with(&format!("fix kbuild-guard preserve {release}")), "{work:?}");
    assert_quiet(&kernel_install(&root, &add));

    // It is somebody's home.
    root.sh("echo 'felix:x:1000:1000::/srv/trees:/bin/sh' >>/etc/passwd").unwrap().success().unwrap();
    let home = kernel_install(&root, &add);
    assert!(said(&home).contains("KBG010") && !said(&home).contains("KBG011"), "{home:?}");

    root.sh(&format!("mkdir -p {PLUGINS}; ln -s /dev/null {PLUGINS}/30-kbuild-guard.install"))
        .unwrap()
        .success()
        .unwrap();
    root.remove("/var/lib/kbuild-guard").unwrap();
    assert_quiet(&kernel_install(&root, &add));
    root.remove(format!("{PLUGINS}/30-kbuild-guard.install")).unwrap();
    let inside = root.command(&["kernel-install"]).arg("add").arg(&release).arg(&image);
    assert_quiet(&inside.env("DPKG_MAINTSCRIPT_NAME", "postinst").run().unwrap());
    assert!(said(&kernel_install(&root, &add)).contains("KBG010"), "neither of them was told");
}

#[test]
fn kernel_install_goes_on_whatever_becomes_of_the_plugin() {
    let (root, release, image) = installed();
    remove_fails_never(&root, &release, &image, HOOK);
    // Why the script starts nothing on remove: kernel-install ends with an error, and the entry is torn.
    root.write_executable(format!("{PLUGINS}/30-kbuild-guard.install"), "#!/bin/sh\ntest \"$1\" = add\n").unwrap();
    kernel_install(&root, &["add", &release, &image]);
    assert_ne!(root.run(&["kernel-install", "remove", &release]).unwrap().code, 0);
    assert!(root.exists(format!("/boot/loader/entries/test-{release}.conf")).unwrap());
    assert!(!root.exists(format!("/boot/test/{release}/linux")).unwrap());
}
