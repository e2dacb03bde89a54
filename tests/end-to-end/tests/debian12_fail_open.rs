// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever happens to our binaries or to what they read, apt and dpkg work.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::package_life::{add_stranger, healthy};
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

/// What apt tells the hook when a person removes the headers.
fn removal(old: &str) -> String {
    format!(
        "VERSION 3\nAPT::Architecture=amd64\nDir=/\nCommandLine::AsString=apt%20remove%20x\n\n\
         linux-headers-{old} 6.1 amd64 none > - - none **REMOVE**\n"
    )
}

/// The first lines of what we say: a message each.
fn messages(outcome: &Outcome) -> Vec<String> {
    words_of_ours(outcome).into_iter().filter(|line| line.starts_with("kbuild-guard:")).collect()
}

/// A run of apt that has nothing to do with us but pulls our trigger, there and back. Each may say so many things.
fn probe(root: &Root, things: usize, what: &str) {
    for words in ["install /stranger.deb", "purge stranger"] {
        let run = root.sh(&format!("apt-get -y {words}")).unwrap();
        assert_eq!(run.code, 0, "{what}: {run:?}");
        assert!(messages(&run).len() <= things, "{what}: {run:?}");
        // A long one may be wrapped.
        assert!(words_of_ours(&run).len() <= 2 * things, "{what}: {run:?}");
    }
    healthy(root);
}

/// Nothing can be remembered: everything is decided and said all the same, and no word is lost on it.
#[test]
fn a_hook_that_cannot_remember_still_works() {
    let (root, Releases { old, .. }) = live();
    add_stranger(&root);
    let memory = ["/var/lib/kbuild-guard", "/run/kbuild-guard"];
    let each = |script: &str| -> String { memory.map(|directory| script.replace('@', directory)).join(" && ") };
    for (what, broken, restored) in [
        ("files in the way", "rm -rf @ && touch @", "rm @"),
        ("read-only", "mkdir -p @ && mount -t tmpfs -o ro none @", "umount @"),
        (
            "disk full",
            "mkdir -p @ && mount -t tmpfs -o size=4k none @ && { ! head -c 9000 /dev/zero >@/full; }",
            "umount @",
        ),
        ("no inodes", "mkdir -p @ && mount -t tmpfs -o nr_inodes=1 none @", "umount @"),
        ("a link out of it", "rm -rf @ && ln -s /nowhere/at/all @", "rm @"),
    ] {
        root.sh(&each(broken)).unwrap().success().unwrap();
        probe(&root, 0, what);
        let blocked = root.sh(&format!("apt-get -y remove linux-headers-{old}")).unwrap();
        assert_eq!(blocked.code, 100, "{what}: {blocked:?}");
        assert_eq!(messages(&blocked).len(), 1, "{what}: {blocked:?}");
        let warned = root.sh(&format!("apt-get -y -o KbuildGuard::Mode=warn remove linux-headers-{old}")).unwrap();
        assert_eq!(warned.code, 0, "{what}: {warned:?}");
        // The trigger does not know what the guard has said.
        let said = messages(&warned);
        assert!(said[0].starts_with("kbuild-guard: warning:") && said.len() <= 2, "{what}: {warned:?}");
        let back = root.sh(&format!("apt-get -y --no-download install linux-headers-{old}")).unwrap();
        assert_eq!((back.code, words_of_ours(&back)), (0, vec![]), "{what}: {back:?}");
        let left = root.sh(&each("ls -A @ 2>/dev/null | grep '[.]new$' || true")).unwrap();
        assert_eq!(left.output, "", "{what}");
        root.sh(&each(restored)).unwrap().success().unwrap();
    }
    // And with a place to write to, it remembers again.
    probe(&root, 0, "restored");
    assert!(root.exists("/var/lib/kbuild-guard/seen.json").unwrap());
}

/// apt cannot work where /var is read-only, but something may call the hooks there (an image, a rescue system).
#[test]
fn where_var_and_run_are_read_only_the_hooks_answer() {
    let (root, Releases { old, .. }) = live();
    let lock = "for d in /var /run; do mount --bind $d $d && mount -o remount,bind,ro $d || exit 1; done; ! touch /var/x /run/x";
    root.sh(lock).unwrap().success().unwrap();
    let judged = hook(&root, removal(&old));
    assert_eq!((judged.code, messages(&judged).len()), (10, 1), "{judged:?}");
    let triggered = root.run(&[TRIGGER, "/usr/src"]).unwrap();
    assert_eq!((triggered.code, triggered.output.as_str()), (0, ""));
    let check = root.run(&["kbuild-guard", "check"]).unwrap();
    assert_eq!((check.code, check.output.as_str()), (0, ""));
}

/// dpkg itself fails when /var is full. We do not add to it, and when there is room again, all goes on.
#[test]
fn where_var_is_full_it_is_dpkg_that_says_so() {
    let (root, Releases { old, .. }) = live();
    add_stranger(&root);
    root.sh("mount -t tmpfs -o size=200m none /mnt && tar -C /var --exclude='*.deb' --exclude='./lib/apt/lists/*' -c . | tar -C /mnt -x && \
         mount --move /mnt /var && \
         { cat /dev/zero >/var/full 2>/dev/null; ! echo x >/var/also-full; }")
        .unwrap()
        .success()
        .unwrap();
    let judged = hook(&root, removal(&old));
    assert_eq!((judged.code, messages(&judged).len()), (10, 1), "{judged:?}");
    let triggered = root.run(&[TRIGGER, "/usr/src"]).unwrap();
    assert_eq!((triggered.code, triggered.output.as_str()), (0, ""));
    let failed = root.sh("apt-get -y install /stranger.deb").unwrap();
    assert!(failed.code != 0 && failed.output.contains("No space left on device"), "{failed:?}");
    assert_eq!(words_of_ours(&failed), Vec::<String>::new());
    root.sh("rm /var/full /var/also-full; dpkg --configure -a && apt-get -y --fix-broken install")
        .unwrap()
        .success()
        .unwrap();
    probe(&root, 0, "room again");
}

/// A root without dpkg's database: nobody's package can leave, so nothing is stopped.
#[test]
fn without_dpkgs_database_nothing_is_stopped() {
    let (root, Releases { old, .. }) = live();
    root.sh("mv /var/lib/dpkg /dpkg").unwrap().success().unwrap();
    for outcome in [hook(&root, removal(&old)), root.run(&[TRIGGER, "/usr/src"]).unwrap()] {
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(outcome.output.lines().count() <= 1, "{outcome:?}");
    }
    // Whether modules can be built does not depend on it.
    let state = end_to_end::kernel(&root, &old).unwrap();
    assert_eq!(state["state"], "ready", "{state}");
    root.sh("mv /dpkg /var/lib/dpkg").unwrap().success().unwrap();
    assert_eq!(hook(&root, removal(&old)).code, 10);
}

/// Settings that cannot be read are told in one line, and what was in force before them holds.
#[test]
fn settings_that_cannot_be_read_are_one_line() {
    let (root, Releases { old, .. }) = live();
    add_stranger(&root);
    // apt reads what Debian has again in each run, for half a second.
    root.sh("rm -r /var/lib/apt/lists/*").unwrap().success().unwrap();
    let (settings, drop_ins) = ("/etc/kbuild-guard/config.toml", "/etc/kbuild-guard/conf.d");
    for (broken, lines) in [
        (format!("mkdir {settings}"), 1),
        (format!("mkfifo {settings}"), 1),
        // Reading from its beginning is an I/O error, for root too.
        (format!("ln -s /proc/self/mem {settings}"), 1),
        (format!("ln -s {settings} {settings}"), 1),
        (format!("head -c 300000 /dev/zero >{settings}"), 1),
        (format!("head -c 300 /dev/urandom >{settings}"), 1),
        (format!("ln -s /nowhere {settings}"), 1),
        (format!("mkdir -p {drop_ins}/a.toml"), 1),
        (format!("touch {drop_ins}"), 1),
        ("rmdir /etc/kbuild-guard && ln -s kbuild-guard /etc/kbuild-guard".to_owned(), 1),
    ] {
        root.sh(&format!("mkdir -p /etc/kbuild-guard && {broken}")).unwrap().success().unwrap();
        probe(&root, lines, &broken);
        let blocked = root.sh(&format!("apt-get -y remove linux-headers-{old}")).unwrap();
        assert_eq!(blocked.code, 100, "{broken}: {blocked:?}");
        assert!(messages(&blocked).len() <= 1 + lines, "{broken}: {blocked:?}");
        root.sh("rm -rf /etc/kbuild-guard").unwrap().success().unwrap();
    }
}
