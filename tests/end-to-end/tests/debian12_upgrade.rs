// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the version before to this one, back again, and interrupted on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::package_life::{
    CONF, DEB, FROZEN, LINK, PREVIOUS, PROGRAMS, SETTINGS, assert_live, assert_not_called, assert_nothing_left, before,
    complaints, files, healthy, original, output, plain, probe, quiet, version,
};
use end_to_end::{Releases, said, with_kernels, words_of_ours};
use test_roots::Root;

fn previous(root: &Root) -> String {
    format!("{}~previous", original(root))
}

#[test]
fn an_upgrade_and_a_downgrade_keep_the_hooks_live() {
    let root = plain();
    let files_before = files(&root);
    for [install, upgrade, downgrade] in
        [["apt-get -y install", "apt-get -y install", "apt-get -y --allow-downgrades install"], ["dpkg --install"; 3]]
    {
        quiet(&root, &format!("{install} {PREVIOUS}"));
        assert_live(&root, &previous(&root));
        root.write(SETTINGS, "mode = \"warn\"\n").unwrap();
        // Nobody is there to answer a question; dpkg fails if it has one.
        quiet(&root, &format!("{upgrade} {DEB} </dev/null"));
        assert_live(&root, &original(&root));
        let back = root.sh(&format!("{downgrade} {PREVIOUS} </dev/null")).unwrap().success().unwrap();
        let said: Vec<String> =
            complaints(&back).into_iter().filter(|line| !line.starts_with("dpkg: warning: downgrading")).collect();
        assert!(said.is_empty(), "{back:?}");
        assert_live(&root, &previous(&root));
        assert_eq!(root.read_to_string(SETTINGS).unwrap(), "mode = \"warn\"\n");
        quiet(&root, &format!("{upgrade} {DEB} && dpkg --remove kbuild-guard"));
        assert_not_called(&root);
        quiet(&root, &format!("{install} {DEB}"));
        assert_live(&root, &original(&root));
        quiet(&root, "dpkg --purge kbuild-guard");
        assert_nothing_left(&root, &files_before);
    }
}

#[test]
fn what_the_admin_made_of_the_link_outlives_the_way_there_and_back() {
    for (choice, make, kept) in [
        ("deleted", format!("rm {LINK}"), ""),
        ("masked", format!("ln -sf /dev/null {LINK}"), "/dev/null\n"),
        ("a file", format!("rm {LINK}; echo 'Admin::Own \"1\";' >{LINK}"), "Admin::Own \"1\";\n"),
    ] {
        let root = plain();
        quiet(&root, &format!("dpkg --install {PREVIOUS}"));
        output(&root, &make);
        for step in [
            format!("apt-get -y install {DEB}"),
            format!("apt-get -y --allow-downgrades install {PREVIOUS}"),
            format!("apt-get -y install {DEB}"),
        ] {
            root.sh(&step).unwrap().success().unwrap();
            let is = root.sh(&format!("readlink {LINK} || cat {LINK} 2>/dev/null")).unwrap().output;
            assert_eq!(is, kept, "{choice}, after {step}");
            assert!(!output(&root, "apt-config dump").contains(PROGRAMS), "{choice}, after {step}");
            probe(&root);
        }
    }
}

/// What the version before has said is not said again by this one, nor by the one before that when one goes back.
#[test]
fn nothing_is_said_twice() {
    let base = with_kernels().unwrap();
    let Releases { old, middle, new } = Releases::of(&base).unwrap();
    let root = before(Root::builder(&base).running(&old));
    quiet(&root, &format!("dpkg --install {PREVIOUS}"));
    quiet(&root, "dpkg --install /stranger.deb");
    let header = format!("/usr/src/linux-headers-{new}/include/generated/autoconf.h");
    let memory =
        output(&root, &format!("sed 's/@OLD@/{old}/g; s/@MIDDLE@/{middle}/g; s/@NEW@/{new}/g' {FROZEN}/seen.json"));
    output(&root, &format!("mv {header} /autoconf.h"));

    // Without a memory it is said: this is what would be said twice.
    root.write("/var/lib/kbuild-guard/seen.json", "").unwrap();
    let upgraded = root.sh(&format!("dpkg --install {DEB}")).unwrap().success().unwrap();
    assert!(said(&upgraded).contains(&format!("cannot be built for kernel {new}")), "{upgraded:?}");
    assert_eq!(words_of_ours(&upgraded).iter().filter(|line| line.starts_with("kbuild-guard:")).count(), 1);

    let again = format!("dpkg --install {PREVIOUS} 2>&1 | grep -v downgrading");
    quiet(&root, &again);
    // As the version before has really written it, byte by byte.
    root.write("/var/lib/kbuild-guard/seen.json", memory).unwrap();
    quiet(&root, &format!("apt-get -y install {DEB}"));
    quiet(&root, "dpkg --purge stranger");
    // Removed and installed again, it remembers; purged, it does not.
    quiet(&root, &format!("dpkg --remove kbuild-guard && dpkg --install {DEB}"));
    quiet(&root, "dpkg --purge kbuild-guard");
    let anew = root.sh(&format!("dpkg --install {DEB}")).unwrap().success().unwrap();
    assert!(said(&anew).contains(&format!("cannot be built for kernel {new}")), "{anew:?}");
    output(&root, &format!("mv /autoconf.h {header}"));
    assert_live(&root, &original(&root));
}

/// dpkg is killed at a chosen moment by a program that it starts then, in that program's place.
enum Killed {
    /// While it unpacks: dpkg-deb hands it half of the files.
    Unpacking,
    /// While our postinst runs.
    Configuring,
}

fn kill_dpkg(root: &Root, when: &Killed, package: &str) {
    let (program, script) = match when {
        // The first kilobytes of the archive hold the first directories and a part of the first program.
        Killed::Unpacking => (
            "/usr/bin/dpkg-deb",
            "#!/bin/sh\ncase \" $* \" in\n*' --fsys-tarfile '*) /usr/bin/dpkg-deb.real \"$@\" | head -c 300000; \
             sleep 1; kill -KILL $PPID ;;\n*) exec /usr/bin/dpkg-deb.real \"$@\" ;;\nesac\n",
        ),
        // Its parent is the postinst, whose parent is dpkg.
        Killed::Configuring => {
            ("/usr/bin/dpkg-trigger", "#!/bin/sh\nread -r _ _ _ dpkg _ </proc/$PPID/stat\nkill -KILL \"$dpkg\" $PPID\n")
        }
    };
    output(root, &format!("mv {program} {program}.real"));
    root.write_executable(program, script).unwrap();
    let killed = root.sh(&format!("dpkg --install {package}")).unwrap();
    output(root, &format!("mv {program}.real {program}"));
    assert_eq!(killed.code, 137, "{killed:?}");
}

#[test]
fn a_first_installation_that_is_cut_off_can_be_finished_or_given_up() {
    let root = plain();
    let files_before = files(&root);
    for give_up in [false, true] {
        kill_dpkg(&root, &Killed::Unpacking, DEB);
        assert_eq!(version(&root), format!("{} iHR", original(&root)));
        assert!(!root.exists(LINK).unwrap());
        // Nothing calls what is half there. dpkg wants the package unpacked once more; that is its own rule.
        quiet(&root, "dpkg --install /stranger.deb && dpkg --purge stranger");
        if give_up {
            output(&root, "dpkg --remove --force-remove-reinstreq kbuild-guard && dpkg --purge kbuild-guard");
            // What dpkg was writing when it was killed it does not know of any more.
            output(&root, "find / -xdev -path '*kbuild-guard*' -name '*.dpkg-new' -delete");
            assert_nothing_left(&root, &files_before);
            continue;
        }
        quiet(&root, &format!("dpkg --install {DEB}"));
        assert_live(&root, &original(&root));
        quiet(&root, "dpkg --purge kbuild-guard");
        assert_nothing_left(&root, &files_before);

        kill_dpkg(&root, &Killed::Configuring, DEB);
        assert!(version(&root).ends_with(" iF"), "{}", version(&root));
        quiet(&root, "dpkg --configure -a");
        assert_live(&root, &original(&root));
        quiet(&root, "dpkg --purge kbuild-guard");
        assert_nothing_left(&root, &files_before);
    }
    healthy(&root);
}

/// Cut off half-way to the next version, the system still works; finishing it brings everything back.
#[test]
fn an_upgrade_that_is_cut_off_leaves_the_hooks_working() {
    let root = plain();
    quiet(&root, &format!("dpkg --install {PREVIOUS}"));
    for (when, finish) in
        [(Killed::Unpacking, format!("dpkg --install {DEB}")), (Killed::Configuring, "dpkg --configure -a".to_owned())]
    {
        root.write("/var/lib/kbuild-guard/seen.json", r#"{"version":1,"kernels":{}}"#).unwrap();
        kill_dpkg(&root, &when, DEB);
        assert_eq!(root.sh(&format!("readlink {LINK}")).unwrap().output, format!("{CONF}\n"));
        for file in [format!("{PROGRAMS}/apt-hook"), format!("{PROGRAMS}/dpkg-trigger-hook"), CONF.to_owned()] {
            assert!(root.exists(&file).unwrap(), "{file}");
        }
        // Each program is one version's or the other's, never a half.
        output(&root, &format!("{PROGRAMS}/dpkg-trigger-hook && kbuild-guard --version"));
        quiet(&root, "dpkg --install /stranger.deb && dpkg --purge stranger");
        assert!(root.exists("/var/lib/kbuild-guard/seen.json").unwrap());
        quiet(&root, &finish);
        assert_live(&root, &original(&root));
        let leftovers = output(&root, "find / -xdev -name '*.dpkg-*' -path '*kbuild-guard*'");
        assert_eq!(leftovers, "");
        quiet(&root, &format!("dpkg --purge kbuild-guard; dpkg --install {PREVIOUS}"));
    }
}
