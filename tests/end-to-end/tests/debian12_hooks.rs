// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `kbuild-guard hooks` says of each hook is what apt and dpkg really do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{bare, guarded};
use serde_json::Value;
use test_roots::Root;

const LINK: &str = "/etc/apt/apt.conf.d/05kbuild-guard";
const CONF: &str = "/usr/share/kbuild-guard/apt.conf";

/// In the place of our programs: each says that it was called.
const SPY: &str = "#!/bin/sh\necho \"SPY $0\" >&2\n";

/// A package in whose installation apt and dpkg call everybody.
const STRANGER: &str = "\
    set -e; umask 022; mkdir -p /tmp/stranger/DEBIAN /tmp/stranger/usr/src/stranger-1
    echo x >/tmp/stranger/usr/src/stranger-1/file
    printf 'Package: stranger\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' \
        >/tmp/stranger/DEBIAN/control
    dpkg-deb -Znone --root-owner-group --build /tmp/stranger /stranger.deb";

fn root() -> Root {
    let root = guarded(Root::builder(&bare().unwrap()).running("6.1.0-0-host")).unwrap();
    root.sh("rm -r /var/lib/apt/lists/*").unwrap().success().unwrap();
    root.sh(STRANGER).unwrap().success().unwrap();
    root
}

fn hook(root: &Root, name: &str) -> Value {
    let split = root.command(&["kbuild-guard", "hooks", "--json"]).split().unwrap();
    let document: Value = serde_json::from_str(&split.stdout).unwrap();
    let hooks = document["hooks"].as_array().unwrap().clone();
    hooks.into_iter().find(|hook| hook["name"] == name).unwrap()
}

fn state(root: &Root, name: &str) -> String {
    hook(root, name)["state"].as_str().unwrap().to_owned()
}

fn spies(root: &Root, called: &str) -> bool {
    let run = root.sh("apt-get -y install /stranger.deb; apt-get -y purge stranger").unwrap();
    run.output.contains(&format!("SPY /usr/lib/kbuild-guard/{called}"))
}

#[test]
fn installed_everything_is_live_and_what_is_told_mends_what_is_broken() {
    let root = root();
    let said = root.sh("kbuild-guard hooks").unwrap().success().unwrap().output;
    assert_eq!((state(&root, "apt"), state(&root, "dpkg-trigger")), ("live".into(), "live".into()), "{said}");
    assert!(said.contains("Package managers here: apt, dpkg.\n"), "{said}");
    for program in ["apt-hook", "dpkg-trigger-hook"] {
        let path = format!("/usr/lib/kbuild-guard/{program}");
        root.write_executable(&path, SPY).unwrap();
        assert!(spies(&root, program));
        root.sh(&format!("rm {path}")).unwrap().success().unwrap();
        let name = if program == "apt-hook" { "apt" } else { "dpkg-trigger" };
        let broken = hook(&root, name);
        assert_eq!(broken["state"], "broken", "{broken:#}");
        assert_eq!(root.sh("kbuild-guard hooks -q").unwrap().code, 1);
        // No repository has our package here: the .deb in its place.
        let command = broken["command"].as_str().unwrap().replace(" kbuild-guard", " -y /kbuild-guard.deb");
        root.sh(&command).unwrap().success().unwrap();
        assert_eq!(state(&root, name), "live");
    }
}

#[test]
fn the_state_of_apts_hook_is_whether_apt_calls_it() {
    let root = root();
    root.write_executable("/usr/lib/kbuild-guard/apt-hook", SPY).unwrap();
    for (make, expected) in [
        (format!("rm {LINK}"), "off"),
        (format!("ln -s /dev/null {LINK}"), "off"),
        (format!("rm {LINK}; cp {CONF} /etc/apt/apt.conf.d/99-mine"), "live"),
        ("mv /etc/apt/apt.conf.d/99-mine /etc/apt/apt.conf.d/99-mine.disabled".to_owned(), "off"),
        (format!("cp {CONF} /etc/apt/apt.conf"), "live"),
        ("echo '#clear DPkg::Pre-Install-Pkgs;' >>/etc/apt/apt.conf".to_owned(), "broken"),
        (format!("rm /etc/apt/apt.conf; ln -s {CONF} {LINK}"), "live"),
        (format!("ln -sf /nowhere {LINK}"), "broken"),
    ] {
        root.sh(&make).unwrap().success().unwrap();
        assert_eq!(state(&root, "apt"), expected, "{make}");
        assert_eq!(spies(&root, "apt-hook"), expected == "live", "{make}");
    }
    // What is told brings it back.
    let command = hook(&root, "apt")["command"].as_str().unwrap().to_owned();
    root.sh(&command).unwrap().success().unwrap();
    assert!(state(&root, "apt") == "live" && spies(&root, "apt-hook"));
}

#[test]
fn the_state_of_the_trigger_is_whether_dpkg_runs_it() {
    let root = root();
    root.write_executable("/usr/lib/kbuild-guard/dpkg-trigger-hook", SPY).unwrap();
    root.sh("sed -i '/kbuild-guard/d' /var/lib/dpkg/triggers/File").unwrap().success().unwrap();
    assert_eq!(state(&root, "dpkg-trigger"), "broken");
    assert!(!spies(&root, "dpkg-trigger-hook"));
    root.sh("apt-get -y install --reinstall /kbuild-guard.deb").unwrap().success().unwrap();
    root.write_executable("/usr/lib/kbuild-guard/dpkg-trigger-hook", SPY).unwrap();
    assert!(state(&root, "dpkg-trigger") == "live" && spies(&root, "dpkg-trigger-hook"));

    root.sh("dpkg --unpack /kbuild-guard.deb").unwrap().success().unwrap();
    let broken = hook(&root, "dpkg-trigger");
    assert_eq!(broken["state"], "broken");
    root.sh(broken["command"].as_str().unwrap()).unwrap().success().unwrap();
    assert_eq!(state(&root, "dpkg-trigger"), "live");

    // Removed, and a copy of the command left to ask.
    root.sh("cp /usr/bin/kbuild-guard /usr/local/bin/; apt-get -y remove kbuild-guard").unwrap().success().unwrap();
    for name in ["apt", "dpkg-trigger"] {
        assert_eq!(state(&root, name), "not-installed");
    }
}

#[test]
fn the_state_of_pre_invoke_is_whether_dpkg_calls_it() {
    let root = root();
    assert_eq!(state(&root, "dpkg-pre-invoke"), "not-installed");
    root.write_executable("/usr/lib/kbuild-guard/ours", SPY).unwrap();
    let file = "/etc/dpkg/dpkg.cfg.d/kbuild-guard";
    for (line, expected, called) in [
        ("pre-invoke=\"/usr/lib/kbuild-guard/ours || test $? -ne 10\"", "live", true),
        (
            "pre-invoke test ! -x /usr/lib/kbuild-guard/ours || /usr/lib/kbuild-guard/ours || test $? -ne 10",
            "live",
            true,
        ),
        ("pre-invoke /usr/lib/kbuild-guard/ours", "broken", true),
        ("# pre-invoke=/usr/lib/kbuild-guard/ours", "not-installed", false),
    ] {
        root.write(file, format!("{line}\n")).unwrap();
        assert_eq!(state(&root, "dpkg-pre-invoke"), expected, "{line}");
        assert_eq!(spies(&root, "ours"), called, "{line}");
    }
    // dpkg stops where the program is gone, and what is told lets it go on.
    root.write(file, "pre-invoke=/usr/lib/kbuild-guard/gone\n").unwrap();
    let broken = hook(&root, "dpkg-pre-invoke");
    assert_eq!(broken["state"], "broken");
    assert_ne!(root.sh("dpkg --install /stranger.deb").unwrap().code, 0);
    root.sh(broken["command"].as_str().unwrap()).unwrap().success().unwrap();
    root.sh("dpkg --install /stranger.deb").unwrap().success().unwrap();
    assert_eq!(state(&root, "dpkg-pre-invoke"), "not-installed");
}

/// Our script as the package ships it, in whatever state the admin has put it: what is said is what run-parts does.
#[test]
fn the_state_of_the_kernel_hook_is_whether_run_parts_runs_it() {
    let root = root();
    let script = "/etc/kernel/postinst.d/05kbuild-guard";
    root.write_executable("/usr/lib/kbuild-guard/kernel-hook", SPY).unwrap();
    let own = "#!/bin/sh\ntest ! -x /usr/lib/kbuild-guard/kernel-hook || /usr/lib/kbuild-guard/kernel-hook\n";
    for (make, expected, code) in [
        ("true", "live", 0),
        ("chmod -x /etc/kernel/postinst.d/05kbuild-guard", "off", 0),
        ("rm /etc/kernel/postinst.d/05kbuild-guard", "off", 0),
        ("ln -sf /dev/null /etc/kernel/postinst.d/05kbuild-guard", "broken", 1),
        ("ln -sf /nowhere /etc/kernel/postinst.d/05kbuild-guard", "broken", 1),
        ("rm /usr/lib/kbuild-guard/kernel-hook", "broken", 0),
    ] {
        root.sh("mkdir -p /etc/kernel/postinst.d; rm -f /etc/kernel/postinst.d/05kbuild-guard").unwrap();
        root.write_executable(script, own).unwrap();
        root.sh(make).unwrap().success().unwrap();
        assert_eq!(state(&root, "kernel"), expected, "{make}");
        let run = root.sh("run-parts --report --exit-on-error --arg=6.1 /etc/kernel/postinst.d").unwrap();
        assert_eq!(run.output.contains("SPY"), expected == "live", "{make} {run:?}");
        assert_eq!(run.code, code, "{make} {run:?}");
    }
}

/// The hooks and the command read the same settings, and nothing that stands there stops apt.
#[test]
fn settings_that_are_none_stop_nobody() {
    let root = root();
    for make in [
        "printf 'mode = \"\\377\"\\n' >/etc/kbuild-guard/config.toml",
        "mkfifo /etc/kbuild-guard/config.toml",
        "mkdir /etc/kbuild-guard/config.toml",
        "truncate -s 4G /etc/kbuild-guard/config.toml",
        "ln -s /dev/zero /etc/kbuild-guard/config.toml",
        "mkfifo /etc/kbuild-guard/conf.d",
    ] {
        root.sh(&format!("rm -rf /etc/kbuild-guard; mkdir /etc/kbuild-guard; {make}")).unwrap().success().unwrap();
        let config = root.sh("timeout 10 kbuild-guard config").unwrap();
        assert_eq!(config.code, 1, "{make} {config:?}");
        assert!(config.output.contains("\n  do      "), "{make} {config:?}");
        let run = root.sh("apt-get -y install /stranger.deb && apt-get -y purge stranger").unwrap();
        run.success().unwrap();
    }
}

#[test]
fn man_pages_and_completions_are_where_they_are_looked_for() {
    let root = root();
    for path in [
        "/usr/share/man/man1/kbuild-guard.1.gz",
        "/usr/share/man/man5/kbuild-guard.toml.5.gz",
        "/usr/share/man/man7/kbuild-guard-findings.7.gz",
        "/usr/share/man/man8/kbuild-guard.8.gz",
        "/usr/share/bash-completion/completions/kbuild-guard",
        "/usr/share/zsh/vendor-completions/_kbuild-guard",
        "/usr/share/fish/vendor_completions.d/kbuild-guard.fish",
    ] {
        let listed = root.sh(&format!("dpkg-deb --contents /kbuild-guard.deb | grep -F ' .{path}'")).unwrap();
        assert_eq!(listed.code, 0, "{path}");
    }
    root.sh("dpkg-deb --extract /kbuild-guard.deb /tmp/x").unwrap().success().unwrap();
    // The day of the pages is the day of the sources, not of the build.
    let title = "zcat /tmp/x/usr/share/man/man*/* | grep '^\\.TH'";
    let titles = root.sh(title).unwrap().success().unwrap().output;
    assert_eq!(titles.lines().count(), 4, "{titles}");
    let day = root.sh("date -u -d \"$(zcat /tmp/x/usr/share/doc/kbuild-guard/changelog.gz | sed -n 's/^ -- .*>  //p' | head -1)\" +%F");
    let day = day.unwrap().success().unwrap().output;
    assert!(titles.lines().all(|line| line.contains(&format!("\"{}\"", day.trim()))), "{day} {titles}");
    root.sh("bash -n /tmp/x/usr/share/bash-completion/completions/kbuild-guard").unwrap().success().unwrap();
    let completed = "source /tmp/x/usr/share/bash-completion/completions/kbuild-guard; \
                     COMP_WORDS=(kbuild-guard explain KBG05); COMP_CWORD=2; \
                     called=$(complete -p kbuild-guard); called=${called#*-F }; \
                     ${called%% *} kbuild-guard KBG05 explain; \
                     echo \"${COMPREPLY[@]}\"";
    root.write("/tmp/complete", completed).unwrap();
    let offered = root.sh("bash /tmp/complete").unwrap().success().unwrap().output;
    assert!(offered.starts_with("KBG050 KBG051"), "{offered}");
}
