// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our package on Debian 12: installed, upgraded, removed, purged and damaged, apt and dpkg work and are quiet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::package_life::{
    CONF, DEB, FAILING, LINK, NEWER, PROGRAMS, SETTINGS, assert_live, assert_not_called, assert_nothing_left, before,
    complaints, complaints_but_of_directories, files, healthy, original, output, plain, probe, quiet, version,
    with_package,
};
use end_to_end::{Releases, with_kernels, words_of_ours};
use test_roots::{Outcome, Root};

#[test]
fn apt_installs_upgrades_removes_and_purges_it_in_silence() {
    let root = plain();
    let files_before = files(&root);
    quiet(&root, &format!("apt -y install {DEB}"));
    assert_live(&root, &original(&root));
    quiet(&root, &format!("apt -y install {NEWER}"));
    assert_live(&root, "99.1");
    root.write(SETTINGS, "mode = \"warn\"\n").unwrap();

    quiet(&root, "apt -y remove kbuild-guard");
    assert_not_called(&root);
    assert_eq!(root.read_to_string(SETTINGS).unwrap(), "mode = \"warn\"\n");
    quiet(&root, &format!("apt-get -y install {NEWER}"));
    assert_live(&root, "99.1");
    assert_eq!(root.read_to_string(SETTINGS).unwrap(), "mode = \"warn\"\n");

    // Removed first, purged then: the settings go with everything else.
    quiet(&root, "apt-get -y remove kbuild-guard");
    quiet(&root, "apt-get -y purge kbuild-guard");
    assert_nothing_left(&root, &files_before);

    // Purged at once.
    quiet(&root, &format!("apt-get -y install {DEB}; mkdir -p /etc/kbuild-guard/conf.d"));
    assert_live(&root, &original(&root));
    quiet(&root, "apt-get -y purge kbuild-guard");
    assert_nothing_left(&root, &files_before);
}

#[test]
fn dpkg_alone_does_the_same() {
    let root = plain();
    let files_before = files(&root);
    // One that fails at first is as if it had never come.
    assert_eq!(root.sh(&format!("dpkg --install {FAILING}")).unwrap().code, 1);
    assert_nothing_left(&root, &files_before);

    quiet(&root, &format!("dpkg --install {DEB}"));
    assert_live(&root, &original(&root));
    quiet(&root, &format!("dpkg --install {NEWER}"));
    assert_live(&root, "99.1");
    quiet(&root, "dpkg --remove kbuild-guard");
    assert_not_called(&root);
    quiet(&root, "dpkg --purge kbuild-guard");
    assert_nothing_left(&root, &files_before);
    quiet(&root, &format!("dpkg --install {DEB} && dpkg --purge kbuild-guard"));
    assert_nothing_left(&root, &files_before);
}

/// Whenever it is installed and configured, and only then, the removal of needed headers is blocked.
#[test]
fn it_bites_after_every_step() {
    let base = with_kernels().unwrap();
    let Releases { old, .. } = Releases::of(&base).unwrap();
    let root = before(Root::builder(&base).running(&old));
    let remove = format!("apt-get -y remove linux-headers-{old}");
    let bites = |step: &str| {
        let blocked = root.sh(&remove).unwrap();
        assert_eq!(blocked.code, 100, "{step}: {blocked:?}");
        assert!(words_of_ours(&blocked)[0].starts_with("kbuild-guard: blocked:"), "{step}: {blocked:?}");
    };
    let back = format!("apt-get -y --no-download install linux-headers-{old}");
    quiet(&root, &format!("apt-get -y install {DEB}"));
    assert_live(&root, &original(&root));
    bites("installed");
    let failed = root.sh(&format!("apt-get -y install {FAILING}")).unwrap();
    assert_eq!(failed.code, 100, "{failed:?}");
    assert!(words_of_ours(&failed).is_empty(), "{failed:?}");
    assert_live(&root, &original(&root));
    bites("after an upgrade that failed");
    quiet(&root, &format!("dpkg --unpack {NEWER}"));
    assert_eq!(version(&root), "99.1 iU");
    // Half-way through an upgrade the hook answers, but stands in nobody's way.
    let warned = root.sh(&remove).unwrap().success().unwrap();
    assert!(words_of_ours(&warned)[0].starts_with("kbuild-guard: warning:"), "unpacked: {warned:?}");
    assert_live(&root, "99.1");
    quiet(&root, &back);
    bites("upgraded");
    quiet(&root, "apt-get -y remove kbuild-guard");
    quiet(&root, &format!("{remove} && {back}"));
    quiet(&root, &format!("apt-get -y install {DEB}"));
    bites("installed again");
    quiet(&root, "apt-get -y purge kbuild-guard");
    assert_not_called(&root);
}

#[test]
fn what_the_admin_made_of_the_link_outlives_upgrades() {
    let files_before = files(&plain());
    for (choice, make, kept, ours_is_called, comes_back) in [
        ("deleted", format!("rm {LINK}"), "", false, true),
        ("masked", format!("ln -sf /dev/null {LINK}"), "/dev/null\n", false, false),
        ("a file", format!("rm {LINK}; echo 'Admin::Own \"1\";' >{LINK}"), "Admin::Own \"1\";\n", false, false),
        ("another link", format!("ln -s {CONF} /a; ln -sf /a {LINK}"), "/a\n", true, false),
    ] {
        let root = with_package();
        root.sh(&make).unwrap().success().unwrap();
        let is = || root.sh(&format!("readlink {LINK} || cat {LINK} 2>/dev/null")).unwrap().output;
        let check = |step: &str| {
            assert_eq!(is(), kept, "{choice}, {step}");
            let options = output(&root, "apt-config dump");
            assert_eq!(options.contains(PROGRAMS), ours_is_called, "{choice}, {step}: {options}");
            probe(&root);
        };
        check("chosen");
        quiet(&root, &format!("apt-get -y install {NEWER}"));
        check("upgraded");
        quiet(&root, "apt-get -y remove kbuild-guard");
        assert_not_called(&root);
        quiet(&root, &format!("apt-get -y install {DEB}"));
        if comes_back {
            assert_live(&root, &original(&root));
        } else {
            check("installed after a removal");
        }
        quiet(&root, "apt-get -y remove kbuild-guard && apt-get -y purge kbuild-guard && rm -f /a");
        assert_nothing_left(&root, &files_before);
    }
}

#[test]
fn without_its_files_apt_and_dpkg_work() {
    let root = with_package();
    let files_before = files(&plain());
    let damages = [
        ("its programs", format!("rm -r {PROGRAMS} /usr/bin/kbuild-guard"), 1),
        ("all but apt's link", format!("rm -r {PROGRAMS} /usr/bin/kbuild-guard /usr/share/kbuild-guard"), 0),
        ("its memory", "rm -rf /var/lib/kbuild-guard /run/kbuild-guard".to_owned(), 0),
    ];
    for (what, damage, lines) in damages {
        root.sh(&damage).unwrap().success().unwrap();
        for words in ["install /stranger.deb", "purge stranger"] {
            let run = root.sh(&format!("apt-get -y {words}")).unwrap().success().unwrap();
            let complaints = complaints(&run);
            assert_eq!(complaints.len(), lines, "without {what}: {run:?}");
            assert!(complaints.iter().all(|line| line.ends_with("apt-hook: not found")), "without {what}: {run:?}");
        }
        quiet(&root, "dpkg --install /stranger.deb && dpkg --purge stranger && dpkg --configure --pending");
        healthy(&root);
        // Installing it mends it.
        let mended = root.sh(&format!("apt-get -y --reinstall install {DEB}")).unwrap().success().unwrap();
        assert_eq!(complaints(&mended).len(), lines, "without {what}: {mended:?}");
        assert_live(&root, &original(&root));
        // So it can be removed in that state, and purged.
        root.sh(&damage).unwrap().success().unwrap();
        let removed = root.sh("apt-get -y remove kbuild-guard").unwrap().success().unwrap();
        assert_eq!(complaints_but_of_directories(&removed).len(), lines, "without {what}: {removed:?}");
        assert_not_called(&root);
        quiet(&root, "apt-get -y purge kbuild-guard");
        assert_nothing_left(&root, &files_before);
        quiet(&root, &format!("dpkg --install {DEB}"));
    }
}

#[test]
fn what_is_only_unpacked_is_configured_by_the_next_run() {
    let root = plain();
    let files_before = files(&root);
    quiet(&root, &format!("dpkg --unpack {DEB}"));
    assert_eq!(version(&root), format!("{} iU", original(&root)));
    assert!(!root.exists(LINK).unwrap());
    quiet(&root, "dpkg --install /stranger.deb");
    assert!(!root.exists(LINK).unwrap());
    let run = quiet(&root, "apt-get -y purge stranger");
    assert!(run.output.contains("Setting up kbuild-guard"), "{run:?}");
    assert_live(&root, &original(&root));

    quiet(&root, &format!("dpkg --unpack {NEWER}"));
    assert!(root.exists(LINK).unwrap());
    let run = quiet(&root, "apt-get -y install /stranger.deb");
    assert!(run.output.contains("Setting up kbuild-guard (99.1)"), "{run:?}");
    quiet(&root, "apt-get -y purge stranger");
    assert_live(&root, "99.1");

    // Left with a trigger to run, by who asked dpkg not to.
    quiet(&root, "dpkg --no-triggers --install /stranger.deb");
    assert_eq!(version(&root), "99.1 it");
    let run = quiet(&root, "apt-get -y purge stranger");
    assert_eq!(run.output.matches("Processing triggers for kbuild-guard").count(), 1, "{run:?}");
    assert_live(&root, "99.1");
    quiet(&root, "dpkg --no-triggers --install /stranger.deb; apt-get -y remove kbuild-guard");
    assert_not_called(&root);

    // Purged half-way.
    quiet(&root, &format!("dpkg --unpack {DEB} && dpkg --purge kbuild-guard"));
    assert_nothing_left(&root, &files_before);
}

#[test]
fn the_trigger_runs_once_a_run_and_is_quiet_where_all_is_well() {
    let base = with_kernels().unwrap();
    let Releases { old, new, .. } = Releases::of(&base).unwrap();
    let root = before(Root::builder(&base).running(&old));
    let ship = |name: &str, paths: &[&str]| {
        let mut script = format!("set -e; umask 022; mkdir -p /tmp/{name}/DEBIAN; cd /tmp/{name}; ");
        for path in paths {
            script += &format!("mkdir -p .{path}; echo x >.{path}/{name}; ");
        }
        script += &format!(
            "printf 'Package: {name}\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\n\
             Description: x\\n' >DEBIAN/control; dpkg-deb -Znone --root-owner-group --build . /{name}.deb"
        );
        root.sh(&script).unwrap().success().unwrap();
    };
    let modules = format!("/lib/modules/{new}/updates");
    ship("in-modules", &[&modules]);
    ship("in-usr-modules", &[&format!("/usr{modules}")]);
    ship("in-source", &["/usr/src/in-source-1"]);
    ship("in-both", &[&modules, "/usr/src/in-both-1"]);
    ship("elsewhere", &["/usr/share/elsewhere"]);
    quiet(&root, &format!("dpkg --install {DEB}"));
    let packages = ["in-modules", "in-usr-modules", "in-source", "in-both", "elsewhere"];
    let debs = packages.map(|name| format!("/{name}.deb")).join(" ");
    let names = packages.join(" ");
    let triggered = |run: &Outcome| run.output.matches("Processing triggers for kbuild-guard").count();

    let apt = quiet(&root, &format!("apt-get -y install {debs}"));
    assert_eq!(triggered(&apt), 1, "{apt:?}");
    let apt = root.sh(&format!("apt-get -y purge {names}")).unwrap().success().unwrap();
    assert_eq!((triggered(&apt), complaints_but_of_directories(&apt)), (1, vec![]), "{apt:?}");
    healthy(&root);

    // What dpkg tells us of each, written down in our program's place.
    root.write_executable(
        format!("{PROGRAMS}/dpkg-trigger-hook"),
        "#!/bin/sh\necho \"$@\" | tr ' ' '\\n' | sort | paste -sd' '\n",
    )
    .unwrap();
    for (name, told) in [
        ("in-modules", Some("/lib/modules")),
        ("in-usr-modules", Some("/usr/lib/modules")),
        ("in-source", Some("/usr/src")),
        ("in-both", Some("/lib/modules /usr/src")),
        ("elsewhere", None),
    ] {
        for script in [format!("dpkg --install /{name}.deb"), format!("dpkg --purge {name}")] {
            let run = root.sh(&script).unwrap().success().unwrap();
            assert_eq!(complaints_but_of_directories(&run), Vec::<String>::new(), "{run:?}");
            assert_eq!(triggered(&run), usize::from(told.is_some()), "{run:?}");
            assert_eq!(run.output.lines().rfind(|line| line.starts_with('/')), told, "{run:?}");
        }
    }
    healthy(&root);
}

/// The kernel hook is the only conffile. dpkg has no question about it as long as its text stays the same, and what the
/// admin made of it stays; that is why it does nothing but call a program. A new text would be asked about where it was
/// deleted or changed.
#[test]
fn the_conffile_asks_nothing_and_is_harmless_once_we_are_gone() {
    const HOOK: &str = "/etc/kernel/postinst.d/05kbuild-guard";
    // A version that brings another text.
    const CHANGED: &str = "/kbuild-guard-changed.deb";
    let root = plain();
    output(
        &root,
        &format!(
            "set -e; umask 022; dpkg-deb --raw-extract {NEWER} /tmp/changed; \
             sed -i '2i# another line' /tmp/changed{HOOK}; \
             dpkg-deb -Znone --root-owner-group --build /tmp/changed {CHANGED}; rm -r /tmp/changed"
        ),
    );
    let files_before = files(&root);
    let install = format!("dpkg --install {DEB} </dev/null");
    quiet(&root, &install);
    let conffiles = output(&root, "dpkg-query --show --showformat '${Conffiles}' kbuild-guard");
    let paths: Vec<&str> = conffiles.split_whitespace().step_by(2).collect();
    assert_eq!(paths, [HOOK]);
    let ours = root.read_to_string(HOOK).unwrap();
    for (choice, make, upgrade, kept_is) in [
        ("untouched", "true".to_owned(), CHANGED, "another line"),
        ("deleted", format!("rm {HOOK}"), NEWER, ""),
        ("switched off", format!("chmod a-x {HOOK}"), CHANGED, "not executable"),
        ("edited", format!("sed -i '2i# my own' {HOOK}"), NEWER, "my own"),
    ] {
        output(&root, &make);
        quiet(&root, &format!("apt-get -y install {upgrade} </dev/null"));
        let is = root
            .sh(&format!("if [ -x {HOOK} ]; then sed -n 2p {HOOK}; elif [ -e {HOOK} ]; then echo not executable; fi"))
            .unwrap();
        assert_eq!(is.output.trim_start_matches("# ").trim_end(), kept_is, "{choice}");
        // Also where it is not called any more, its package can go and come.
        quiet(&root, "dpkg --remove kbuild-guard");
        quiet(&root, &format!("{install} && dpkg --purge kbuild-guard"));
        assert_nothing_left(&root, &files_before);
        quiet(&root, &install);
        assert_eq!(root.read_to_string(HOOK).unwrap(), ours, "{choice}");
    }
    quiet(&root, "dpkg --remove kbuild-guard");
    assert!(root.exists(HOOK).unwrap());
    let left = root.run(&[HOOK, "6.1.0-0-host", "/boot/vmlinuz-6.1.0-0-host"]).unwrap();
    assert_eq!((left.code, left.output.as_str()), (0, ""));
    assert_not_called(&root);
    quiet(&root, "dpkg --purge kbuild-guard");
    assert_nothing_left(&root, &files_before);
}
