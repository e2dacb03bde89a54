// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever happens to our binaries or to what they read, apt and dpkg work.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, guarded, with_kernels, words_of_ours};
use test_roots::{Outcome, Root};

const HOOK: &str = "/usr/lib/kbuild-guard/apt-hook";
const TRIGGER: &str = "/usr/lib/kbuild-guard/dpkg-trigger-hook";

fn live() -> (Root, Releases) {
    let base = with_kernels().unwrap();
    let releases = Releases::of(&base).unwrap();
    (guarded(Root::builder(&base).running(&releases.old)).unwrap(), releases)
}

fn hook(root: &Root, stream: impl Into<Vec<u8>>) -> Outcome {
    root.command(&[HOOK]).stdin_bytes(stream).run().unwrap()
}

/// A removal that the hook would block, and a reinstallation, with each kind of broken hook.
#[test]
fn a_broken_binary_never_stops_apt() {
    let (root, Releases { old, .. }) = live();
    let blocked = root.sh(&format!("apt-get -y remove linux-headers-{old}")).unwrap();
    assert_eq!(blocked.code, 100, "{blocked:?}");
    for (name, break_it) in [
        ("missing", "rm -f"),
        ("crashing", "printf '#!/bin/sh\\nkill -SEGV $$\\n' >"),
        ("killed", "printf '#!/bin/sh\\nkill -KILL $$\\n' >"),
        ("failing", "printf '#!/bin/sh\\nexit 1\\n' >"),
        ("no program", "printf 'garbage' >"),
        ("not executable", "chmod -x"),
    ] {
        root.sh(&format!("{break_it} {HOOK}; {break_it} {TRIGGER}; true")).unwrap();
        let removed = root.sh(&format!("apt-get -y remove linux-headers-{old}")).unwrap();
        assert_eq!(removed.code, 0, "{name}: {removed:?}");
        let installed = root.sh(&format!("apt-get -y --no-download install linux-headers-{old}")).unwrap();
        assert_eq!(installed.code, 0, "{name}: {installed:?}");
        let health = root.sh("dpkg --audit").unwrap();
        assert_eq!(health.output, "", "{name}");
        root.sh("dpkg --install /kbuild-guard.deb").unwrap().success().unwrap();
    }
}

#[test]
fn a_hook_that_is_blocked_on_its_input_ends_by_itself() {
    let (root, _) = live();
    // A pipe that nobody writes to and nobody closes.
    let open = "mkfifo /tmp/never; exec 3<>/tmp/never;";
    let hung = root.sh(&format!("{open} {HOOK} <&3; echo status $?")).unwrap();
    assert_eq!(hung.output, "kbuild-guard: apt-hook: no answer within 2 s; nothing is checked\nstatus 0\n");
    // Nor does anybody read what it says: it ends all the same, and not with the status that blocks. (A
    // shell would wait for that reader itself, to tell of the signal.)
    let mute = format!(
        "import fcntl, os, subprocess\n\
         never, (_, full) = os.open('/tmp/never', os.O_RDWR), os.pipe()\n\
         os.write(full, b'x' * fcntl.fcntl(full, 1032))\n\
         print(subprocess.run(['{HOOK}'], stdin=never, stderr=full, timeout=30).returncode)\n"
    );
    let mute = root.run(&["python3", "-c", &mute]).unwrap().success().unwrap();
    assert_eq!(mute.output, "-14\n", "ended by SIGALRM");
}

#[test]
fn a_stream_that_is_wrong_is_told_in_one_line_and_stops_nothing() {
    let (root, _) = live();
    for (stream, words) in [
        (&b""[..], "apt's stream is cut short"),
        (b"VERSION 3\nDir=/\n", "apt's stream is cut short"),
        (b"VERSION 4\n\n", "apt's stream does not begin with 'VERSION 3'"),
        (b"/var/cache/apt/archives/x.deb\n", "apt's stream does not begin with 'VERSION 3'"),
        (b"VERSION 3\n\nlinux-headers 1 amd64\n", "line 3 of apt's stream is no action"),
        (b"VERSION 3\n\nx\x1b[31m 1 amd64 none > - - none **REMOVE", "apt's stream is cut short"),
        (b"\xff\xfe\x00\x00", "apt's stream does not begin with 'VERSION 3'"),
    ] {
        let outcome = hook(&root, stream);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert_eq!(outcome.output, format!("kbuild-guard: apt-hook: {words}; nothing is checked\n"));
    }
}

#[test]
fn a_broken_package_database_is_no_reason_to_stop() {
    let (root, Releases { old, .. }) = live();
    let stream = format!(
        "VERSION 3\nAPT::Architecture=amd64\nDir=/\nCommandLine::AsString=apt%20remove%20x\n\n\
         linux-headers-{old} 6.1 amd64 none > - - none **REMOVE**\n"
    );
    assert_eq!(hook(&root, stream.clone()).code, 10);
    // One broken paragraph spoils no other.
    root.sh("printf '\\nPackage broken\\nno colon\\n: :\\n\\n' >> /var/lib/dpkg/status").unwrap().success().unwrap();
    assert_eq!(hook(&root, stream.clone()).code, 10);
    for (broken, restored) in [
        (
            "mv /var/lib/dpkg/status /s; mkfifo /var/lib/dpkg/status",
            "rm /var/lib/dpkg/status; mv /s /var/lib/dpkg/status",
        ),
        (
            "mv /var/lib/dpkg/status /s; mkdir /var/lib/dpkg/status",
            "rmdir /var/lib/dpkg/status; mv /s /var/lib/dpkg/status",
        ),
        ("mv /var/lib/dpkg/info /i", "mv /i /var/lib/dpkg/info"),
        ("mv /lib/modules /m; ln -s modules /lib/modules", "rm /lib/modules; mv /m /lib/modules"),
    ] {
        root.sh(broken).unwrap().success().unwrap();
        let outcome = hook(&root, stream.clone());
        assert_eq!(outcome.code, 0, "{broken}: {outcome:?}");
        assert!(outcome.output.lines().count() <= 1, "{broken}: {outcome:?}");
        root.sh(restored).unwrap().success().unwrap();
    }
    assert_eq!(hook(&root, stream).code, 10);
}

#[test]
fn names_with_control_characters_are_never_printed() {
    let (root, Releases { old, .. }) = live();
    root.sh("mkdir -p \"/var/lib/dkms/evil/1\u{1b}[31m\" && ln -s /nowhere \"/var/lib/dkms/evil/1\u{1b}[31m/source\"")
        .unwrap()
        .success()
        .unwrap();
    root.sh(&format!("mkdir -p \"/var/lib/dkms/evil/1\u{1b}[31m/{old}/x86_64\"; mkdir \"/lib/modules/6.1\u{1b}[2J\""))
        .unwrap()
        .success()
        .unwrap();
    let blocked = root.sh(&format!("apt-get -y remove linux-headers-{old}")).unwrap();
    assert_eq!(blocked.code, 100, "{blocked:?}");
    let words = words_of_ours(&blocked).join("\n");
    assert!(words.contains("evil"), "{words}");
    assert!(!words.contains('\u{1b}'), "{words:?}");
    let status = root.sh("kbuild-guard status; kbuild-guard check --json").unwrap();
    assert!(!status.output.contains('\u{1b}'), "{status:?}");
}

/// Neither /run nor /var can be written: everything is decided and said all the same.
#[test]
fn a_hook_that_cannot_remember_still_works() {
    let (root, Releases { old, .. }) = live();
    root.sh("rm -rf /var/lib/kbuild-guard /run/kbuild-guard; touch /var/lib/kbuild-guard /run/kbuild-guard")
        .unwrap()
        .success()
        .unwrap();
    let warned = root
        .sh(&format!("apt-get -y -o KbuildGuard::Mode=warn remove linux-headers-{old}"))
        .unwrap()
        .success()
        .unwrap();
    assert!(words_of_ours(&warned)[0].starts_with("kbuild-guard: warning:"), "{warned:?}");
}
