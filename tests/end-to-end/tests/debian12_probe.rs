// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, real kernels, gcc and make: a probe builds what can be built, says what make says, and is never
//! more than an ordinary user without a network, whatever the tree's makefiles do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::{Duration, Instant};

use end_to_end::{Releases, guarded, with_kernels};
use serde_json::{Value, json};
use test_roots::{Root, RootBuilder, Split};

/// Process 1 of a throw-away root is `cat`; a `sleep` is a build's.
const NAP: &str = "4242";

fn builder(change: impl Fn(RootBuilder) -> RootBuilder) -> (Root, Releases) {
    let base = with_kernels().unwrap();
    let releases = Releases::of(&base).unwrap();
    (guarded(change(Root::builder(&base).running(&releases.new))).unwrap(), releases)
}

fn fresh() -> (Root, Releases) {
    builder(|builder| builder)
}

/// What `check --probe --json` says of one kernel.
struct Probed {
    split: Split,
    kernel: Value,
    probe: Value,
}

impl std::fmt::Display for Probed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Probed { split, kernel, .. } = self;
        write!(f, "{}: {} {:#} {:#}", split.code, split.stderr, kernel["findings"], kernel["probe"])
    }
}

impl Probed {
    fn of(split: Split) -> Self {
        let document: Value = serde_json::from_str(&split.stdout).unwrap_or_else(|error| panic!("{error}: {split:?}"));
        let kernel = document["kernels"][0].clone();
        Probed { probe: kernel["probe"].clone(), kernel, split }
    }

    fn findings(&self) -> Vec<&str> {
        self.kernel["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect()
    }

    /// The line of make's that tells why.
    fn error(&self) -> &str {
        self.probe["error"].as_str().unwrap_or_else(|| panic!("{:#}", self.probe))
    }
}

fn probe(root: &Root, release: &str, more: &[&str]) -> Probed {
    let words = [&["kbuild-guard", "check", "--probe", "--json", release], more].concat();
    Probed::of(root.command(&words).split().unwrap())
}

/// A copy of a release's headers that no package owns, in `dir`, linked to. `top` goes before its Makefile.
fn copy_tree(root: &Root, release: &str, dir: &str, top: &str) {
    let common = format!("{}-common", release.trim_end_matches("-cloud-amd64"));
    let script = format!(
        "set -e; mkdir -p {dir}; cp -a /usr/src/linux-headers-{release} {dir}/linux; cp -a /usr/src/linux-headers-{common} {dir}/common
         for part in scripts tools; do ln -sfn /usr/lib/linux-kbuild-6.1/$part {dir}/linux/$part
         ln -sfn /usr/lib/linux-kbuild-6.1/$part {dir}/common/$part; done
         cd {dir}/linux; cat >Makefile; echo 'include {dir}/common/Makefile' >>Makefile
         ln -sfn {dir}/linux /lib/modules/{release}/build"
    );
    let top = format!("{top}\n");
    root.command(&["sh", "-c", &script]).stdin_bytes(top).run().unwrap().success().unwrap();
}

/// The same in felix' home, all of it felix', which nobody else can look into.
fn felix_tree(root: &Root, release: &str, top: &str) {
    root.sh("useradd --create-home --groups games felix").unwrap().success().unwrap();
    copy_tree(root, release, "/home/felix/src", top);
    root.sh("chown -R felix: /home/felix && chmod 700 /home/felix").unwrap().success().unwrap();
}

/// A Makefile's line that runs a script as soon as it is read, and stops with what the script prints.
fn tells(script: &str) -> String {
    format!("$(error told: $(shell {script}))")
}

/// What such a Makefile made make say.
fn told(root: &Root, release: &str) -> String {
    let probed = probe(root, release, &[]);
    assert_eq!(probed.probe["outcome"], "failed", "{probed}");
    let line = probed.error();
    line.split_once("told: ").unwrap_or_else(|| panic!("{line}")).1.trim_end_matches(".  Stop.").to_owned()
}

/// What a probe may not change: where it works, mounts, processes.
fn traces(root: &Root) -> String {
    let script = "find /tmp /var/tmp /run /dev/shm /usr/src /home -printf '%p %s %T@\\n' | sort; \
                  cut -d' ' -f5- /proc/mounts; for at in /proc/[0-9]*/comm; do cat $at; done | grep -vx 'sh\\|cat\\|sort\\|find\\|cut\\|grep'";
    root.sh(script).unwrap().output
}

/// Whether what a build has started still runs, given a moment for those that nobody waits for.
fn naps(root: &Root, moment: Duration) -> bool {
    let until = Instant::now() + moment;
    loop {
        let found = root.sh(&format!("grep -lsxz {NAP} /proc/[0-9]*/cmdline")).unwrap();
        if found.code != 0 || Instant::now() > until {
            return found.code == 0;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_ready_tree_builds_as_nobody_and_fits() {
    let (root, Releases { new, .. }) = fresh();
    let before = traces(&root);
    let probed = probe(&root, &new, &[]);
    assert_eq!((probed.split.code, probed.split.stderr.as_str()), (0, ""), "{probed}");
    assert_eq!(probed.kernel["state"], "ready");
    let Probed { probe, .. } = &probed;
    assert_eq!((&probe["outcome"], &probe["user"], &probe["loads"]), (&json!("built"), &json!("nobody"), &json!(true)));
    assert!(probe["vermagic"].as_str().unwrap().starts_with(&format!("{new} SMP")), "{probe}");
    assert!(probe["compared"].as_u64().unwrap() >= 3, "{probe}");
    assert_eq!(probe["disagreeing"], json!([]));
    assert_eq!(traces(&root), before);
    let all = root.command(&["kbuild-guard", "check", "--probe"]).split().unwrap();
    assert_eq!((all.code, all.stderr.as_str()), (0, ""), "{all:?}");
    let words = all.stdout.replace("\n  ", " ");
    assert_eq!(words.matches("a module was built as nobody; its version magic and").count(), 3, "{all:?}");
    let quiet = root.command(&["kbuild-guard", "check", "--probe", "-q", &new]).split().unwrap();
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (0, "", ""));
    // Only the command can do that.
    let able = root.sh("grep -l kbuild_guard_probe /usr/bin/kbuild-guard /usr/lib/kbuild-guard/*").unwrap();
    assert_eq!(able.output.trim(), "/usr/bin/kbuild-guard");
}

#[test]
fn a_header_that_no_list_knows_of_is_named_by_make() {
    let (root, Releases { new, .. }) = fresh();
    // In /tmp, where the work would be.
    copy_tree(&root, &new, "/tmp/copy", "");
    assert_eq!(probe(&root, &new, &[]).probe["outcome"], "built");
    // It is there, everything in it is declared, and it is no C any more: looking does not tell.
    let header = "/tmp/copy/common/include/linux/rbtree_latch.h";
    root.sh(&format!("echo 'static inline int bad(void) {{ return 1 + ; }}' >>{header}")).unwrap().success().unwrap();
    let looked = end_to_end::kernel(&root, &new).unwrap();
    assert_eq!((&looked["state"], &looked["probe"]), (&json!("degraded"), &Value::Null), "{looked}");
    let probed = probe(&root, &new, &[]);
    assert_eq!((probed.split.code, &probed.kernel["state"]), (1, &json!("broken")), "{probed}");
    assert_eq!((&probed.probe["outcome"], probed.findings()[0]), (&json!("failed"), "KBG070"), "{probed}");
    assert!(probed.error().starts_with("/tmp/copy/common/include/linux/rbtree_latch.h:"), "{probed}");
    // It is gone, and no package knows of it.
    root.remove(header).unwrap();
    let probed = probe(&root, &new, &[]);
    assert_eq!((probed.split.code, &probed.probe["outcome"]), (1, &json!("failed")), "{probed}");
    assert!(probed.error().ends_with("fatal error: linux/rbtree_latch.h: No such file or directory"), "{probed}");
    assert!(probed.findings().contains(&"KBG070"), "{probed}");
    let text = root.command(&["kbuild-guard", "check", "--probe", &new]).split().unwrap();
    assert!(text.stdout.contains("no module could be built as nobody"), "{text:?}");
}

#[test]
fn a_siblings_tree_fits_as_far_as_the_checksums_do() {
    let (root, Releases { old, new, .. }) = fresh();
    root.sh(&format!("ln -sfn /usr/src/linux-headers-{old} /lib/modules/{new}/build")).unwrap().success().unwrap();
    let crc = |release: &str, symbol: &str| {
        let symvers = format!("/usr/src/linux-headers-{release}/Module.symvers");
        root.sh(&format!("grep -P '\\t{symbol}\\t' {symvers} | cut -f1")).unwrap().success().unwrap().output
    };
    let symbols = ["module_layout", "_printk", "__fentry__", "__x86_return_thunk"];
    let fits = symbols.iter().all(|symbol| crc(&old, symbol) == crc(&new, symbol));
    let probed = probe(&root, &new, &[]);
    assert_eq!((&probed.probe["outcome"], &probed.probe["loads"]), (&json!("built"), &json!(fits)), "{}", probed.probe);
    assert!(probed.probe["vermagic"].as_str().unwrap().starts_with(&old), "{}", probed.probe);
    assert_eq!(probed.findings().contains(&"KBG071"), !fits);

    // One checksum that every module carries is another, in a tree that nobody but root can change.
    copy_tree(&root, &new, "/usr/src/copy", "");
    let change = "sed -i 's/^0x[0-9a-f]*\\t_printk\\t/0x12345678\\t_printk\\t/' /usr/src/copy/linux/Module.symvers";
    root.sh(change).unwrap().success().unwrap();
    let probed = probe(&root, &new, &[]);
    assert_eq!((probed.split.code, &probed.probe["loads"]), (1, &json!(false)), "{}", probed.probe);
    assert_eq!(probed.probe["disagreeing"][0]["symbol"], "_printk");
    assert_eq!(probed.probe["disagreeing"][0]["module"], "0x12345678");
    assert!(probed.findings().contains(&"KBG071"), "{:?}", probed.findings());
}

#[test]
fn a_tree_in_a_home_is_built_by_its_owner_who_gets_nothing_else() {
    let (root, Releases { new, .. }) = fresh();
    felix_tree(&root, &new, "");
    let before = traces(&root);
    let probed = probe(&root, &new, &[]);
    assert_eq!((&probed.probe["outcome"], &probed.probe["user"]), (&json!("built"), &json!("felix")), "{probed}");
    assert_eq!(traces(&root), before);

    root.write("/home/felix/.netrc", "").unwrap();
    let namespaces =
        "for ns in net pid mnt ipc uts; do readlink /proc/self/ns/$ns; done >/etc/namespaces; wc -l </etc/namespaces";
    assert_eq!(root.sh(namespaces).unwrap().output.trim(), "5");
    root.sh("chown felix: /home/felix/.netrc; mkdir -p /run/service /mnt/disk; mount -t tmpfs disk /mnt/disk; chmod 777 /mnt/disk")
        .unwrap()
        .success()
        .unwrap();
    for (script, expected) in [
        ("echo `id -u` `id -g` `id -G` `id -ru`", "1000 1000 1000 1000"),
        ("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '", "lo"),
        (
            "for ns in net pid mnt ipc uts; do readlink /proc/self/ns/$$ns; done | grep -Fxf /etc/namespaces | wc -l",
            "0",
        ),
        (
            "sed -n 's/^\\(CapEff\\|CapPrm\\|CapBnd0\\|NoNewPrivs\\|Seccomp0\\):\\t//p' /proc/self/status | xargs",
            "0000000000000000 0000000000000000 1",
        ),
        (
            "env | cut -d= -f1 | grep -v '^MAKE\\|^MFLAGS\\|^_$$\\|^PWD\\|^OLDPWD\\|^SHLVL\\|^KBUILD\\|^TERMCAP\\|^M$$' | sort | xargs",
            "HOME LC_ALL PATH TMPDIR",
        ),
        ("ulimit -c; ulimit -t", "0 120"),
        ("umask", "0022"),
        ("readlink /proc/self/fd/0", "/dev/null"),
        ("ls /run /var/tmp | xargs", "/run: /var/tmp:"),
        // Nothing of the work's is on a disk, and nothing on a disk can be written, not even one's own.
        (
            "for at in /home/felix/x /home/felix/.netrc /usr/x /mnt/disk/x /proc/sys/kernel/core_pattern; do (echo >$$at) 2>/dev/null && echo $$at; done; echo none",
            "none",
        ),
        ("rm -rf /home/felix 2>&1 | grep -c Read-only >/dev/null; test -e /home/felix/.netrc && echo there", "there"),
        // Its own processes: init, make, the shell and what it runs.
        ("test `ls /proc | grep -c '^[0-9]*$$'` -lt 9 && echo few", "few"),
        ("kill -9 1; kill -9 -1; echo still", ""),
    ] {
        root.write(
            "/home/felix/src/linux/Makefile",
            format!("{}\ninclude /home/felix/src/common/Makefile\n", tells(script)),
        )
        .unwrap();
        if expected.is_empty() {
            // It kills itself, and nobody else.
            assert_eq!(probe(&root, &new, &[]).probe["outcome"], "failed");
        } else {
            assert_eq!(told(&root, &new), expected, "{script}");
        }
    }
    assert!(root.exists("/home/felix/.netrc").unwrap());
}

#[test]
fn what_several_can_change_is_built_by_nobody_or_not() {
    let (root, Releases { new, .. }) = fresh();
    copy_tree(&root, &new, "/srv/shared", &tells("id -u"));
    root.sh("useradd felix; chown -R felix: /srv/shared; chmod 777 /srv/shared/linux").unwrap().success().unwrap();
    assert_eq!(told(&root, &new), "65534");
    // A directory above it.
    root.sh("chmod 755 /srv/shared/linux; chmod 777 /srv/shared").unwrap().success().unwrap();
    assert_eq!(told(&root, &new), "65534");
    root.sh("chmod 755 /srv/shared").unwrap().success().unwrap();
    assert_eq!(told(&root, &new), root.sh("id -u felix").unwrap().output.trim());
    // Nobody cannot read it, and root does not in nobody's place.
    root.sh("chmod 770 /srv/shared; useradd -G felix jelle").unwrap().success().unwrap();
    let probed = probe(&root, &new, &[]);
    assert_eq!((probed.split.code, &probed.probe["outcome"]), (3, &json!("not-run")), "{probed}");
    assert!(probed.probe["reason"].as_str().unwrap().contains("nobody may not read the tree"), "{}", probed.probe);
    assert_eq!((&probed.kernel["state"], &probed.probe["user"]), (&json!("unknown"), &Value::Null));
    assert!(probed.findings().contains(&"KBG072"));
}

#[test]
fn a_build_without_end_is_ended_with_all_it_started() {
    let (root, Releases { new, .. }) = fresh();
    let nap = format!("(setsid sleep {NAP} >/dev/null 2>&1 &)");
    felix_tree(&root, &new, &format!("$(shell {nap}; setsid setsid sleep {NAP} & while :; do :; done)"));
    let before = traces(&root);
    let probed = probe(&root, &new, &["--probe-timeout", "2"]);
    assert_eq!((probed.split.code, &probed.probe["outcome"]), (3, &json!("timed-out")), "{probed}");
    assert!(probed.findings().contains(&"KBG072"));
    assert!(!naps(&root, Duration::ZERO), "something still runs");
    assert_eq!(traces(&root), before);
    let text = root.command(&["kbuild-guard", "check", "--probe", "--probe-timeout", "1", &new]).split().unwrap();
    assert!(text.stderr.contains("did not end within 1 seconds"), "{text:?}");

    // The one who asked is killed.
    let script = format!(
        "kbuild-guard check --probe {new} & asked=$!
         until grep -lsxz {NAP} /proc/[0-9]*/cmdline; do sleep 0.1; done; kill -9 $asked; wait $asked"
    );
    assert_eq!(root.sh(&script).unwrap().code, 137);
    assert!(!naps(&root, Duration::from_secs(20)), "something outlives us");
    assert_eq!(traces(&root), before);

    // A build that ends well and leaves a daemon.
    root.write("/home/felix/src/linux/Makefile", format!("$(shell {nap})\ninclude /home/felix/src/common/Makefile\n"))
        .unwrap();
    assert_eq!(probe(&root, &new, &[]).probe["outcome"], "built");
    assert!(!naps(&root, Duration::ZERO), "a daemon outlives the build");
}

#[test]
fn what_make_says_is_bounded_and_quoted() {
    let (root, Releases { new, .. }) = fresh();
    felix_tree(&root, &new, "$(shell yes >&2)");
    let probed = probe(&root, &new, &[]);
    assert_eq!((probed.split.code, probed.error()), (1, "more than 8 MiB of output"), "{probed}");
    let hostile = "$(error \u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}\u{9b}31m)";
    root.write("/home/felix/src/linux/Makefile", hostile).unwrap();
    let probed = probe(&root, &new, &[]);
    assert!(probed.error().contains("\\u{1b}]0;owned\\u{7}"), "{}", probed.error());
    let text = root.command(&["kbuild-guard", "check", "--probe", &new]).split().unwrap();
    for said in [&text.stdout, &text.stderr, &probed.split.stdout] {
        assert!(!said.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{said:?}");
    }
    // Statuses of our own stages, from make; a module that is none; one that is a link to what root alone reads.
    for (top, outcome) in [
        ("$(shell kill -9 $$PPID)", "failed"),
        ("modules:\n\t@echo rubbish >$(M)/kbuild_guard_probe.ko", "failed"),
        ("modules:\n\t@ln -s /etc/shadow $(M)/kbuild_guard_probe.ko", "failed"),
        ("modules:\n\t@mkfifo $(M)/kbuild_guard_probe.ko", "failed"),
        ("modules:\n\t@head -c 40000000 /dev/zero >$(M)/kbuild_guard_probe.ko", "failed"),
        ("modules:\n\t@rm -rf $(M); :", "failed"),
    ] {
        root.write("/home/felix/src/linux/Makefile", format!("{top}\n")).unwrap();
        let probed = probe(&root, &new, &[]);
        assert_eq!(probed.probe["outcome"], outcome, "{top}: {probed}");
    }
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let (root, Releases { new, .. }) = fresh();
    root.sh("rm $(readlink -f /usr/bin/gcc-12) /usr/bin/gcc-12").unwrap();
    let probed = probe(&root, &new, &[]);
    assert_eq!(probed.probe["outcome"], "failed");
    assert!(probed.error().contains("gcc-12") && probed.error().contains("not found"), "{}", probed.error());
    assert_eq!(probed.findings(), ["KBG050", "KBG070"]);
    root.remove("/usr/bin/make").unwrap();
    assert_eq!(probe(&root, &new, &[]).error(), "make: cannot run: No such file or directory");
}

#[test]
fn where_there_is_no_tree_nothing_is_built() {
    let (root, Releases { old, middle, .. }) = fresh();
    root.remove(format!("/usr/src/linux-headers-{old}")).unwrap();
    root.remove(format!("/lib/modules/{middle}/build")).unwrap();
    for (release, finding) in [(&old, "KBG002"), (&middle, "KBG001")] {
        let probed = probe(&root, release, &[]);
        assert_eq!((probed.split.code, &probed.probe["outcome"]), (1, &json!("not-run")), "{probed}");
        assert_eq!(probed.findings(), [finding]);
    }
}

#[test]
fn an_ordinary_user_builds_as_oneself_and_only_what_others_cannot_change() {
    let (root, Releases { new, .. }) = fresh();
    root.sh("useradd --create-home felix; useradd jelle").unwrap().success().unwrap();
    let probe_as = |user: &str| {
        let words = ["runuser", "-u", user, "--", "kbuild-guard", "check", "--probe", "--json", &new];
        Probed::of(root.command(&words).split().unwrap())
    };
    let before = traces(&root);
    let probed = probe_as("felix");
    assert_eq!((probed.split.code, &probed.probe["user"]), (0, &json!("felix")), "{probed}");
    assert_eq!((&probed.probe["outcome"], &probed.probe["loads"]), (&json!("built"), &json!(true)));
    assert_eq!(traces(&root), before);
    copy_tree(
        &root,
        &new,
        "/srv/felix",
        &tells(
            "echo `id -u` `cut -d: -f1 /proc/net/dev | tail -n +3` `grep CapEff /proc/self/status | cut -f2` `echo x 2>&1 >/srv/felix/x || echo unwritten`",
        ),
    );
    root.sh("chown -R felix: /srv/felix").unwrap().success().unwrap();
    let probed = probe_as("felix");
    let uid = root.sh("id -u felix").unwrap().output.trim().to_owned();
    let expected = format!("{uid} lo 0000000000000000 ");
    assert!(probed.error().contains(&expected) && probed.error().contains("unwritten"), "{}", probed.error());
    assert!(!root.exists("/srv/felix/x").unwrap());
    let refused = probe_as("jelle");
    assert_eq!((refused.split.code, &refused.probe["outcome"]), (3, &json!("refused")), "{refused}");
    assert_eq!(refused.probe["reason"], "/srv/felix can be changed by felix");
    assert!(refused.findings().contains(&"KBG072"));
}

#[test]
fn where_the_network_cannot_be_cut_off_nothing_is_built() {
    // In a chroot an ordinary user gets no namespaces (user_namespaces(7)); root does.
    let (root, Releases { new, .. }) = builder(RootBuilder::not_live);
    root.sh("useradd felix").unwrap().success().unwrap();
    let words = ["runuser", "-u", "felix", "--", "kbuild-guard", "check", "--probe", "--json", &new];
    let probed = Probed::of(root.command(&words).split().unwrap());
    assert_eq!((probed.split.code, &probed.probe["outcome"]), (3, &json!("not-run")), "{probed}");
    assert!(probed.probe["reason"].as_str().unwrap().contains("network cannot be cut off"), "{}", probed.probe);
    assert_eq!(probe(&root, &new, &[]).probe["outcome"], "built");
}
