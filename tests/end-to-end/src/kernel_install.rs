// SPDX-License-Identifier: MIT OR Apache-2.0
//! systemd's kernel-install with boot entries of layout bls, in a throw-away root. Asserts, as the tests do that share it.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a part of the tests")]

use test_roots::{Base, Outcome, Root};

use crate::{deb, words_of_ours};

/// A root with systemd, and so kernel-install, from Debian, and our package. Of a kernel that is built by hand boot
/// entries are made in /boot/test.
pub fn with_kernel_install(base: &Base, release: &str) -> Root {
    let root = Root::builder(base).running("6.1.0-0-host").start().unwrap();
    let install = "apt-get install --yes --no-install-recommends systemd";
    root.sh(&format!("{install} || {{ apt-get update && {install}; }}")).unwrap().success().unwrap();
    // dkms would take its module out and build it again, time after time.
    let settings = "mkdir -p /boot/test /etc/kernel/install.d && ln -s /dev/null /etc/kernel/install.d/40-dkms.install && echo test >/etc/kernel/entry-token && echo quiet >/etc/kernel/cmdline \
                    && printf 'layout=bls\\nBOOT_ROOT=/boot\\n' >/etc/kernel/install.conf";
    root.sh(&format!("{settings} && rm -f /boot/initrd.img-{release}")).unwrap().success().unwrap();
    root.copy_in(deb().unwrap(), "/kbuild-guard.deb").unwrap();
    let installed = root.run(&["dpkg", "--install", "/kbuild-guard.deb"]).unwrap().success().unwrap();
    assert_eq!(words_of_ours(&installed), Vec::<String>::new(), "{installed:?}");
    root
}

/// A run of kernel-install, which has to end well.
pub fn kernel_install(root: &Root, words: &[&str]) -> Outcome {
    let mut command = root.command(&["kernel-install"]);
    for word in words {
        command = command.arg(word);
    }
    let outcome = command.run().unwrap();
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome
}

/// It ended well, and neither we nor a shell about us said a word.
pub fn assert_quiet(outcome: &Outcome) {
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let ours: Vec<&str> = outcome
        .output
        .lines()
        .filter(|line| line.contains("kbuild-guard") && !line.contains("Processing triggers"))
        .collect();
    assert_eq!(ours, Vec::<&str>::new(), "{outcome:?}");
}

/// Whether there is a whole boot entry; half of one is a fault of the test.
pub fn entry(root: &Root, release: &str) -> bool {
    let exists = |path: String| root.exists(path).unwrap();
    let (described, image) =
        (exists(format!("/boot/loader/entries/test-{release}.conf")), exists(format!("/boot/test/{release}/linux")));
    assert_eq!(described, image, "half an entry");
    described
}

/// Adds and removes a kernel with each kind of broken hook.
pub fn remove_fails_never(root: &Root, release: &str, image: &str, hook: &str) {
    let whole = format!("rm -f {hook}; cp /whole {hook}");
    root.sh(&format!("cp {hook} /whole")).unwrap().success().unwrap();
    for (name, break_it) in [
        ("whole", ":"),
        ("missing", "rm -f HOOK"),
        ("a link that leads nowhere", "ln -sf /nowhere HOOK"),
        ("crashing", "printf '#!/bin/sh\\nkill -SEGV $$\\n' >HOOK"),
        ("killed", "printf '#!/bin/sh\\nkill -KILL $$\\n' >HOOK"),
        ("failing", "printf '#!/bin/sh\\nexit 1\\n' >HOOK"),
        ("asking to stop", "printf '#!/bin/sh\\nexit 77\\n' >HOOK"),
        ("no program", "printf 'garbage' >HOOK"),
        ("not executable", "chmod -x HOOK"),
    ] {
        root.sh(&break_it.replace("HOOK", hook)).unwrap().success().unwrap();
        kernel_install(root, &["add", release, image]);
        assert!(entry(root, release), "{name}");
        let removed = kernel_install(root, &["remove", release]);
        assert_quiet(&removed);
        assert!(!entry(root, release), "{name}");
        root.sh(&whole).unwrap().success().unwrap();
    }
    // On remove a program that never ends is not even started.
    kernel_install(root, &["add", release, image]);
    root.write_executable(hook, "#!/bin/sh\nsleep 100000\n").unwrap();
    let in_time = ["timeout", "60", "kernel-install", "remove", release];
    assert_eq!(root.run(&in_time).unwrap().code, 0);
    assert!(!entry(root, release));
}
