// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12: apt and dpkg at work on another root than their own. The right root is judged, by the hook of the world
//! they run in; where nobody can know which is meant, nothing is said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, guarded, said, with_kernels, words_of_ours};
use test_roots::{Outcome, Root};

/// What makes apt and dpkg work on /alt.
const APT: &str = "apt-get -y -o Dir=/alt -o DPkg::Options::=--root=/alt";

/// A live system that has another one in /alt: a second layer on the same files.
fn live() -> (Root, Releases) {
    let base = with_kernels().unwrap();
    let releases = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&releases.old)).unwrap();
    root.sh("mkdir /alt /stage && mount -t tmpfs stage /stage && mkdir /stage/upper /stage/work && \
         mount -t overlay -o lowerdir=/,upperdir=/stage/upper,workdir=/stage/work alt /alt")
        .unwrap()
        .success()
        .unwrap();
    (root, releases)
}

fn tree(root: &Root, place: &str, release: &str) -> bool {
    root.exists(format!("{place}/usr/src/linux-headers-{release}")).unwrap()
}

fn assert_silent(outcome: &Outcome) {
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(words_of_ours(outcome).is_empty(), "{outcome:?}");
}

#[test]
fn apt_on_another_root_is_judged_there() {
    for command in [
        APT,
        // apt changes into it, and our hook is the one that is there.
        "apt-get -y -o RootDir=/alt",
        "env DPKG_ROOT=/alt apt-get -y -o Dir=/alt",
    ] {
        let (root, Releases { old, .. }) = live();
        // Here it would be stopped: the kernel runs, and is needed. There nothing runs.
        let warned = root.sh(&format!("{command} remove linux-headers-{old}")).unwrap();
        let words = said(&warned);
        assert_eq!(warned.code, 0, "{command}: {warned:?}");
        assert!(
            words.starts_with(&format!("kbuild-guard: warning: kernel {old} (installed by name) loses its headers")),
            "{command}: {warned:?}"
        );
        assert_eq!(words.matches("kbuild-guard:").count(), 1, "{command}: {warned:?}");
        assert!(words.contains("needed by DKMS: acpi-call 1.2.2"), "{command}: {words}");
        assert!(!tree(&root, "/alt", &old) && tree(&root, "", &old), "{command}: {warned:?}");
        assert!(tree(&root, "/alt", &Releases::of(&with_kernels().unwrap()).unwrap().new));
    }
}

/// apt reads one system's database and dpkg would change another's.
#[test]
fn where_they_disagree_nothing_is_said() {
    let (root, Releases { old, .. }) = live();
    for options in [
        // dpkg on /alt, apt here.
        "-o DPkg::Options::=--root=/alt",
        "-o DPkg::Options::=--admindir=/alt/var/lib/dpkg",
        "-o DPkg::Options::=--instdir=/alt",
        // apt on /alt, dpkg here.
        "-o RootDir=/alt -o DPkg::Options::=--root=/alt",
        "-o Dir=/alt",
    ] {
        let outcome =
            root.sh(&format!("apt-get -y {options} -o DPkg::Options::=--no-act remove linux-headers-{old}")).unwrap();
        assert!(words_of_ours(&outcome).is_empty(), "{options}: {outcome:?}");
        assert_ne!(outcome.code, 100, "{options}: {outcome:?}");
        assert!(tree(&root, "", &old) && tree(&root, "/alt", &old), "{options}");
    }
}

/// dpkg runs triggers in the root that it works on, and its hooks in the world that it runs in.
#[test]
fn dpkg_on_another_root() {
    let (root, Releases { old, middle, .. }) = live();
    let removed = root.sh(&format!("dpkg --root=/alt -r linux-headers-{old}")).unwrap().success().unwrap();
    // Not there in /alt, but here: the trigger has looked at /alt.
    assert!(said(&removed).starts_with(&format!("kbuild-guard: warning: kernel {old}")), "{removed:?}");
    assert!(said(&removed).contains("has no headers installed"), "{removed:?}");
    assert_eq!(said(&removed).matches("kbuild-guard:").count(), 1, "{removed:?}");
    assert!(tree(&root, "", &old));
    let here = root.run(&["kbuild-guard", "check", &old]).unwrap();
    assert_eq!(here.code, 0, "{here:?}");
    let there = root.run(&["kbuild-guard", "--root", "/alt", "check", &old]).unwrap();
    assert_eq!(there.code, 1, "{there:?}");

    // The example's hook, switched on here: told /alt, which is no live system.
    root.sh("cp /usr/share/doc/kbuild-guard/examples/dpkg-pre-invoke /etc/dpkg/dpkg.cfg.d/kbuild-guard")
        .unwrap()
        .success()
        .unwrap();
    for (index, root_option) in ["--root=/alt", "--root /alt"].into_iter().enumerate() {
        let release = [&middle, &old][index];
        if index == 1 {
            root.sh(&format!("chroot /alt apt-get -y install linux-headers-{old}")).unwrap().success().unwrap();
        }
        let warned = root.sh(&format!("dpkg {root_option} -r linux-headers-{release}")).unwrap().success().unwrap();
        let words = said(&warned);
        assert!(words.starts_with(&format!("kbuild-guard: warning: kernel {release}")), "{warned:?}");
        assert!(words.contains("loses its headers") && words.matches("kbuild-guard:").count() == 1, "{warned:?}");
        assert!(tree(&root, "", release) && !tree(&root, "/alt", release));
    }
    // A database that is not its root's own.
    assert_silent(
        &root.sh(&format!("dpkg --admindir=/alt/var/lib/dpkg --no-act -r linux-headers-{old}; true")).unwrap(),
    );
}

/// In a chroot nothing is live, and everything is judged inside.
#[test]
fn in_a_chroot() {
    let (root, Releases { old, .. }) = live();
    let warned = root.sh(&format!("chroot /alt apt-get -y remove linux-headers-{old}")).unwrap().success().unwrap();
    assert!(said(&warned).contains("loses its headers"), "{warned:?}");
    assert!(!tree(&root, "/alt", &old) && tree(&root, "", &old));
    // With /proc, as people enter a system to mend it: it is not this machine's all the same.
    let new = Releases::of(&with_kernels().unwrap()).unwrap().new;
    root.sh("mount -t proc proc /alt/proc").unwrap().success().unwrap();
    let warned = root.sh(&format!("chroot /alt apt-get -y remove linux-headers-{new}")).unwrap().success().unwrap();
    assert!(said(&warned).contains("loses its headers"), "{warned:?}");
}

/// A root that is bootstrapped: kernel and headers come, in whatever world, in silence.
#[test]
fn installing_into_another_root_is_silent() {
    let (root, Releases { old, .. }) = live();
    root.sh(&format!("chroot /alt apt-get -y -o KbuildGuard::Mode=off purge linux-headers-{old}"))
        .unwrap()
        .success()
        .unwrap();
    let installed = root.sh(&format!("{APT} -o Dir::Cache=/var/cache/apt install linux-headers-{old}")).unwrap();
    assert_silent(&installed);
    assert!(tree(&root, "/alt", &old));
}
