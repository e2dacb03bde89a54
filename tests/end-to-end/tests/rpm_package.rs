// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our packages on systems of rpm packages: installed, upgraded, reinstalled, downgraded and removed by each package
//! manager, and in halves, all of them work, and are quiet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::rpm_package_life::{NAMES, NEWER, OURS, System, as_said, output};
use end_to_end::rpm_system::{ACTIONS, DEBIAN12, DEBIAN13, Kind, SID};
use end_to_end::said;

/// Each of these on every system.
macro_rules! on_each_system {
    ($($test:ident)*) => {
        mod rpm_4_18 { $(#[test] fn $test() { super::$test(&super::DEBIAN12); })* }
        mod rpm_4_20 { $(#[test] fn $test() { super::$test(&super::DEBIAN13); })* }
        mod rpm_6 { $(#[test] fn $test() { super::$test(&super::SID); })* }
    };
}

on_each_system! {
    each_manager_takes_every_step_in_silence
    its_parts_come_and_go_one_by_one
    without_the_programs_the_rest_is_silent
    what_the_admin_made_of_the_actions_is_kept
    kernels_are_verified_when_it_comes_and_when_trees_come_and_go
    another_root_is_looked_after_by_its_own
}

fn each_manager_takes_every_step_in_silence(kind: &Kind) {
    let system = System::start(kind);
    system.others_come_and_go();
    let before = system.files();
    for manager in &system.managers {
        for (command, release) in [
            (manager.install(), OURS),
            (manager.upgrade(), NEWER),
            (manager.reinstall(), NEWER),
            (manager.downgrade(), OURS),
        ] {
            system.quiet(&command);
            system.assert_live(release);
        }
        // What comes about while it is there.
        output(&system.root, "kbuild-guard --quiet report; mkdir -p /var/lib/systemd/timers");
        output(&system.root, "touch /var/lib/systemd/timers/stamp-kbuild-guard-check.timer");
        system.quiet(&manager.remove(&NAMES));
        system.root.sh("rmdir /var/lib/systemd/timers").unwrap();
        system.assert_nothing_left(&before);
    }
}

fn its_parts_come_and_go_one_by_one(kind: &Kind) {
    let system = System::start(kind);
    let before = system.files();
    for manager in &system.managers {
        // The plugin is loaded while it is erased itself; or it is there while the other is.
        for parts in
            [["kbuild-guard-dnf5", "kbuild-guard-rpm-plugin"], ["kbuild-guard-rpm-plugin", "kbuild-guard-dnf5"]]
        {
            system.quiet(&manager.install());
            for part in parts {
                system.quiet(&manager.remove(&[part]));
                system.others_come_and_go();
            }
            system.quiet(&manager.remove(&["kbuild-guard"]));
            system.assert_nothing_left(&before);
        }
    }
}

fn without_the_programs_the_rest_is_silent(kind: &Kind) {
    let system = System::start(kind);
    let before = system.files();
    system.quiet(&system.managers[0].install());
    // The plugin, its macro and dnf5's actions stay, with nobody to ask.
    system.quiet("rpm --erase --nodeps kbuild-guard");
    // zypper would mend the dependency first.
    for manager in system.managers.iter().filter(|manager| !manager.remove(&[]).starts_with("zypper")) {
        system.quiet(&manager.install_others(&["made-tree"]));
        system.quiet(&manager.remove(&["made-tree"]));
    }
    system.quiet(&system.managers[0].remove(&NAMES[..2]));
    system.assert_nothing_left(&before);

    // Programs that are gone, without any package's knowing.
    system.quiet(&system.managers[0].install());
    output(&system.root, "rm -r /usr/lib/kbuild-guard /usr/bin/kbuild-guard");
    system.others_come_and_go();
    system.root.sh(&system.managers[0].remove(&NAMES)).unwrap().success().unwrap();
    system.assert_nothing_left(&before);
}

fn what_the_admin_made_of_the_actions_is_kept(kind: &Kind) {
    let system = System::start(kind);
    for manager in &system.managers {
        system.quiet(&manager.install());
        system.change_actions();
        let mine = system.root.read_to_string(ACTIONS).unwrap();
        system.root.sh(&manager.upgrade()).unwrap().success().unwrap();
        assert_eq!(system.root.read_to_string(ACTIONS).unwrap(), mine, "{manager:?}");
        system.others_come_and_go();
        system.root.sh(&manager.remove(&NAMES)).unwrap().success().unwrap();
        // Kept under a name that dnf5 does not read.
        assert!(!system.root.exists(ACTIONS).unwrap(), "{manager:?}");
        assert_eq!(system.root.read_to_string(format!("{ACTIONS}.rpmsave")).unwrap(), mine, "{manager:?}");
        system.others_come_and_go();
        system.root.remove(format!("{ACTIONS}.rpmsave")).unwrap();
    }
}

/// A kernel that no package owns, and whose tree `made-tree` brings.
const KERNEL: &str = "\
    set -e; R=6.1.0-made; mkdir -p /usr/lib/modules/$R/kernel; ln -s /usr/src/linux-made /usr/lib/modules/$R/build
    for file in modules.dep modules.builtin vmlinuz; do echo x >/usr/lib/modules/$R/$file; done";

fn kernels_are_verified_when_it_comes_and_when_trees_come_and_go(kind: &Kind) {
    let system = System::start(kind);
    let files_before = system.files();
    output(&system.root, KERNEL);
    let before = system.files();
    let hears = |command: &str, finding: &str| {
        let outcome = system.root.sh(command).unwrap().success().unwrap();
        let said = said(&as_said(&outcome));
        assert_eq!(said.matches("kbuild-guard: warning:").count(), 1, "{outcome:?}");
        assert!(said.contains("kernel 6.1.0-made") && said.contains(finding), "{outcome:?}");
    };
    hears(&system.managers[0].install(), "KBG002");
    for manager in &system.managers {
        hears(&manager.install_others(&["made-tree"]), "KBG004");
        hears(&manager.remove(&["made-tree"]), "KBG002");
    }
    // Nothing new: not a word.
    system.quiet(&system.managers[0].upgrade());
    system.quiet(&system.managers[0].reinstall());
    system.others_come_and_go();

    // It goes with the tree that it would speak of.
    hears(&system.managers[0].install_others(&["made-tree"]), "KBG004");
    system.quiet(&system.managers[0].remove(&[NAMES.as_slice(), &["made-tree"]].concat()));
    system.assert_nothing_left(&before);
    output(&system.root, "rm -r /usr/lib/modules/6.1.0-made; rmdir --ignore-fail-on-non-empty /usr/lib/modules");
    assert_eq!(system.files(), files_before);
}

/// A shell and what it needs: all that scripts in another root have to have.
const ANOTHER_ROOT: &str = "\
    set -e; mkdir -p /other/usr/bin /other/usr/lib /other/usr/lib64 /other/run; ln -s usr/bin /other/bin; ln -s usr/lib /other/lib
    ln -s usr/lib64 /other/lib64
    for file in /usr/bin/sh /usr/bin/rm $(ldd /usr/bin/sh /usr/bin/rm /usr/lib/kbuild-guard/rpm-hook | grep -o '/[^ :]*'); do
        mkdir -p \"/other$(dirname \"$file\")\"; cp -L \"$file\" \"/other$file\"
    done
    rpm --root /other --initdb; rpm --root /other --install /srv/repository/debian-underneath-*.rpm";

fn another_root_is_looked_after_by_its_own(kind: &Kind) {
    let system = System::start(kind);
    let rpm = &system.managers[0];
    system.quiet(&rpm.install());
    output(&system.root, ANOTHER_ROOT);
    output(
        &system.root,
        &KERNEL
            .replace("mkdir -p /usr/lib", "mkdir -p /other/usr/lib")
            .replace(" /usr/lib", " /other/usr/lib")
            .replace(">/usr/lib", ">/other/usr/lib"),
    );
    let before = output(&system.root, "find /var/lib/kbuild-guard /run/kbuild-guard 2>/dev/null | sort; true");
    let there = |command: String| {
        let command = command.replacen("rpm ", "rpm --root /other ", 1);
        let outcome = system.root.sh(&command).unwrap().success().unwrap();
        assert!(!outcome.output.contains("scriptlet failed"), "{outcome:?}");
        outcome
    };
    // Its own hook is called in it, and says that there is no rpm to ask; nobody here speaks of it.
    for command in [rpm.install(), rpm.install_others(&["made-tree"]), rpm.remove(&["made-tree"])] {
        let outcome = there(command);
        assert!(said(&outcome).starts_with("kbuild-guard: rpm-hook: cannot ask the package database"), "{outcome:?}");
    }
    there(rpm.remove(&NAMES));
    let left = output(&system.root, "find /other -name '*kbuild*'");
    assert_eq!(left, "");
    assert_eq!(output(&system.root, "find /var/lib/kbuild-guard /run/kbuild-guard 2>/dev/null | sort; true"), before);
    system.assert_live(OURS);
}
