// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12: whoever drives apt's library. A person is stopped, a daemon is not, and everybody is told once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, guarded, said, with_front_ends, words_of_ours};
use test_roots::{Outcome, Root};

fn live() -> (Root, Releases) {
    let base = with_front_ends().unwrap();
    let releases = Releases::of(&base).unwrap();
    (guarded(Root::builder(&base).running(&releases.old)).unwrap(), releases)
}

fn tree(root: &Root, release: &str) -> bool {
    root.exists(format!("/usr/src/linux-headers-{release}")).unwrap()
}

fn warnings(outcome: &Outcome) -> usize {
    words_of_ours(outcome).iter().filter(|line| line.starts_with("kbuild-guard: warning")).count()
}

/// aptitude and nala leave apt's `CommandLine::AsString` empty, as daemons do; still a person typed them.
#[test]
fn aptitude_and_nala_are_typed_by_people() {
    for (typed, anyway) in [
        ("aptitude -y remove", "aptitude -o KbuildGuard::Mode=warn -y remove"),
        ("nala remove -y", "nala remove -o KbuildGuard::Mode=warn -y"),
    ] {
        let (root, Releases { old, .. }) = live();
        let blocked = root.sh(&format!("{typed} linux-headers-{old}")).unwrap();
        let words = said(&blocked);
        assert!(words.starts_with(&format!("kbuild-guard: blocked: kernel {old} (running) would lose its headers")));
        assert!(words.ends_with(&format!("anyway {anyway} linux-headers-{old}")), "{typed}: {words}");
        assert_eq!(words.matches("kbuild-guard:").count(), 1, "{blocked:?}");
        assert!(!words.contains("keep"), "it was asked for by name: {words}");
        assert!(tree(&root, &old), "{blocked:?}");
        // What the message offers works, and says so once.
        let passed = root.sh(&format!("{anyway} linux-headers-{old}")).unwrap().success().unwrap();
        assert_eq!(warnings(&passed), 1, "{passed:?}");
        assert!(said(&passed).contains(&format!("back apt-get install linux-headers-{old}")), "{passed:?}");
        assert!(!tree(&root, &old), "{passed:?}");
    }
}

/// python-apt runs the hooks of one commit twice.
#[test]
fn a_program_is_warned_once_a_commit() {
    let (root, Releases { old, middle, .. }) = live();
    let remove = |release: &str| {
        let script = format!(
            "import apt\ncache = apt.Cache()\ncache['linux-headers-{release}'].mark_delete(auto_fix=False)\ncache.commit()\n"
        );
        root.run(&["python3", "-c", &script]).unwrap().success().unwrap()
    };
    for release in [&old, &middle] {
        let run = remove(release);
        assert_eq!(warnings(&run), 1, "{run:?}");
        assert!(said(&run).contains("not blocked: nobody is there to answer"), "{run:?}");
        assert!(!tree(&root, release), "{run:?}");
    }
}

/// PackageKit is a daemon: who asked it sees nothing of what a hook says, and could not be told how to go on. It
/// does set `CommandLine::AsString`.
#[test]
fn packagekit_is_never_stopped() {
    let (root, Releases { old, .. }) = live();
    root.sh("mkdir -p /run/dbus && dbus-daemon --system --fork && { setsid /usr/libexec/packagekitd >/pk.log 2>&1 </dev/null & }")
        .unwrap()
        .success()
        .unwrap();
    let removed = root.sh(&format!("sleep 1; timeout 200 pkcon -y -p remove linux-headers-{old}")).unwrap();
    let log = root.read_to_string("/pk.log").unwrap();
    assert_eq!(removed.code, 0, "{removed:?}\n{log}");
    assert!(!tree(&root, &old), "{removed:?}\n{log}");
    // It runs apt's library on a terminal of its own and keeps what is said there to itself.
    assert!(!removed.output.contains("kbuild-guard") && !log.contains("kbuild-guard"), "{removed:?}\n{log}");
    let status = root.run(&["kbuild-guard", "check", &old]).unwrap();
    assert_eq!(status.code, 1, "what it did can be asked for: {status:?}");
}

/// Neither -y nor a missing terminal nor debconf's front end make a daemon of a person.
#[test]
fn a_person_in_a_hurry_is_a_person() {
    let (root, Releases { old, .. }) = live();
    for front_end in ["noninteractive", "readline", "dialog"] {
        for command in ["apt-get -y -q=2 remove", "apt -y remove"] {
            let words: Vec<String> = format!("{command} linux-headers-{old}").split(' ').map(str::to_owned).collect();
            let blocked = root.command(&words).env("DEBIAN_FRONTEND", front_end).run().unwrap();
            assert_eq!(blocked.code, 100, "{front_end}: {blocked:?}");
            assert!(said(&blocked).starts_with("kbuild-guard: blocked:"), "{front_end}: {blocked:?}");
        }
    }
}
