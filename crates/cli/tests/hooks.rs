// SPDX-License-Identifier: MIT OR Apache-2.0
//! `hooks`: the state of each, by the files that its caller reads. That these files mean what is said here is
//! shown with real apt and dpkg in tests/end-to-end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "the support module serves several tests")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use serde_json::Value;
use support::{Run, System};

const APT_LINK: &str = "etc/apt/apt.conf.d/05kbuild-guard";
const APT_CONF: &str = "usr/share/kbuild-guard/apt.conf";
const KERNEL_SCRIPT: &str = "etc/kernel/postinst.d/05kbuild-guard";
const KERNEL_VENDOR: &str = "usr/share/kernel/postinst.d/05kbuild-guard";
const PLUGIN: &str = "usr/lib/kernel/install.d/30-kbuild-guard.install";
const ADMINS_PLUGIN: &str = "etc/kernel/install.d/30-kbuild-guard.install";
const PRE_INVOKE: &str = "etc/dpkg/dpkg.cfg.d/kbuild-guard";
const TRIGGERS: &str = "var/lib/dpkg/triggers/File";

const TIMER: &str = "kbuild-guard-check.timer";
const SERVICE: &str = "kbuild-guard-check.service";
const WANTED: &str = "etc/systemd/system/timers.target.wants/kbuild-guard-check.timer";

fn program(system: &System, path: &str) {
    system.write(path, "#!/bin/sh\n");
    fs::set_permissions(system.at(path), fs::Permissions::from_mode(0o755)).unwrap();
}

fn remove(system: &System, path: &str) {
    fs::remove_file(system.at(path)).unwrap();
}

fn status(system: &System, state: &str) {
    let text = format!("Package: kbuild-guard\nStatus: install ok {state}\nArchitecture: amd64\nVersion: 0.1.0\n\n");
    system.write("var/lib/dpkg/status", &text);
}

/// A system with everything in its place.
fn guarded() -> System {
    let system = System::empty();
    for path in ["usr/bin/apt-get", "usr/lib/kbuild-guard/apt-hook", "usr/lib/kbuild-guard/dpkg-trigger-hook"] {
        program(&system, path);
    }
    for path in ["usr/lib/kbuild-guard/kernel-hook", KERNEL_SCRIPT, "var/lib/dpkg/info/kbuild-guard.postinst"] {
        program(&system, path);
    }
    for path in ["usr/bin/kernel-install", "usr/lib/kbuild-guard/kernel-install-hook", PLUGIN] {
        program(&system, path);
    }
    system.write(APT_CONF, include_str!("../../../hooks/apt/kbuild-guard.conf"));
    fs::create_dir_all(system.at(APT_LINK).parent().unwrap()).unwrap();
    symlink("/usr/share/kbuild-guard/apt.conf", system.at(APT_LINK)).unwrap();
    for path in ["usr/bin/kbuild-guard", "usr/lib/systemd/systemd"] {
        program(&system, path);
    }
    for unit in [TIMER, SERVICE] {
        system.write(&format!("usr/lib/systemd/system/{unit}"), "");
    }
    fs::create_dir_all(system.at(WANTED).parent().unwrap()).unwrap();
    symlink("/usr/lib/systemd/system/kbuild-guard-check.timer", system.at(WANTED)).unwrap();
    status(&system, "installed");
    let triggers = "/usr/share/mime mime/noawait\n/lib/modules kbuild-guard/noawait\n\
                    /usr/lib/modules kbuild-guard/noawait\n/usr/src kbuild-guard/noawait\n/usr/src dkms\n";
    system.write(TRIGGERS, triggers);
    system
}

fn hook(system: &System, name: &str) -> Value {
    let document = system.run(["hooks", "--json"]).json();
    let hooks = document["hooks"].as_array().unwrap().clone();
    hooks.into_iter().find(|hook| hook["name"] == name).unwrap()
}

/// The state of a hook, why, and what is to be done.
fn is(system: &System, name: &str, state: &str, because: &str, command: &str) {
    let hook = hook(system, name);
    assert_eq!(hook["state"], state, "{hook:#}");
    assert!(hook["because"].as_str().unwrap_or_default().contains(because), "{because}: {hook:#}");
    assert!(hook["command"].as_str().unwrap_or_default().contains(command), "{command}: {hook:#}");
    let code = i32::from(state == "broken");
    let quiet = system.run(["hooks", "-q"]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (code, ""), "{hook:#}");
}

const ALL_WELL: &str = "HOOK             STATE          CALLED
apt              live           by apt, before it changes anything
dpkg-trigger     live           by dpkg, at the end of a run that touched
                                kernels or headers
kernel           live           by 'make install', for a kernel that somebody
                                built
kernel-install   live           by systemd's kernel-install, when it adds a
                                kernel
dpkg-pre-invoke  not-installed  by dpkg, before each action (opt-in)
timer            live           by systemd, at boot and once a day

Package managers here: apt, dpkg.
";

#[test]
fn all_is_well() {
    let system = guarded();
    let run = system.run(["hooks"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, ALL_WELL, ""));
    let run = system.run(["hooks", "--color", "always"]);
    assert!(run.stdout.contains("\u{1b}[32mlive         \u{1b}[0m  by apt"), "{run:?}");
}

#[test]
fn nothing_is_here() {
    let run = System::empty().run(["hooks"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.stdout.matches("not-installed").count(), 3, "{run:?}");
    assert!(run.stdout.ends_with("\nNo package manager is here that calls kbuild-guard.\n"), "{run:?}");
    let system = System::empty();
    program(&system, "usr/bin/pacman");
    let run = system.run(["hooks"]);
    assert!(run.stdout.contains("without a hook of ours: pacman."), "{run:?}");
    program(&system, "usr/bin/rpm");
    let run = system.run(["hooks"]);
    assert!(run.stdout.contains("rpm-plugin      not-installed"), "{run:?}");
    assert!(run.stdout.contains("Package managers here: rpm"), "{run:?}");
}

#[test]
fn broken_and_off_say_what_to_do() {
    let system = guarded();
    remove(&system, "usr/lib/kbuild-guard/apt-hook");
    remove(&system, KERNEL_SCRIPT);
    system.write("etc/kbuild-guard/config.toml", "mode = \"off\"\n");
    let run = system.run(["hooks"]);
    let tail = "
apt is broken
  because /usr/lib/kbuild-guard/apt-hook is not there
  fix     apt-get install --reinstall kbuild-guard

kernel is off
  because there is no /etc/kernel/postinst.d/05kbuild-guard
  on      apt-get -o Dpkg::Options::=--force-confmiss install --reinstall \\
          kbuild-guard

Package managers here: apt, dpkg.
mode is \"off\" (from /etc/kbuild-guard/config.toml:1): whatever is called says
  nothing.
";
    assert!(run.code == 1 && run.stdout.ends_with(tail), "{}", run.stdout);
}

#[test]
fn apts_hook() {
    let relink = "ln -sf /usr/share/kbuild-guard/apt.conf /etc/apt/apt.conf.d/05kbuild-guard";
    let reinstall = "apt-get install --reinstall kbuild-guard";
    is(&guarded(), "apt", "live", "", "");

    let system = guarded();
    remove(&system, APT_LINK);
    is(&system, "apt", "off", "there is no", relink);
    symlink("/dev/null", system.at(APT_LINK)).unwrap();
    is(&system, "apt", "off", "link to /dev/null", relink);
    remove(&system, APT_LINK);
    system.write(APT_LINK, "// nothing\n");
    is(&system, "apt", "off", "does not name it", relink);
    remove(&system, APT_LINK);
    symlink("/usr/share/elsewhere", system.at(APT_LINK)).unwrap();
    is(&system, "apt", "broken", "leads nowhere", relink);

    // The link is right, what it leads to is gone.
    let system = guarded();
    remove(&system, APT_CONF);
    is(&system, "apt", "broken", "leads nowhere", reinstall);

    let system = guarded();
    fs::set_permissions(system.at("usr/lib/kbuild-guard/apt-hook"), fs::Permissions::from_mode(0o644)).unwrap();
    is(&system, "apt", "broken", "is no program", reinstall);
    remove(&system, "usr/lib/kbuild-guard/apt-hook");
    is(&system, "apt", "broken", "is not there", reinstall);

    // By way of another file, with a comment that names it, or taken away again.
    let system = guarded();
    remove(&system, APT_LINK);
    let conf = include_str!("../../../hooks/apt/kbuild-guard.conf");
    system.write("etc/apt/apt.conf.d/99-mine", conf);
    is(&system, "apt", "live", "", "");
    assert_eq!(hook(&system, "apt")["registered"], "/etc/apt/apt.conf.d/99-mine");
    fs::rename(system.at("etc/apt/apt.conf.d/99-mine"), system.at("etc/apt/apt.conf.d/99-mine.off")).unwrap();
    is(&system, "apt", "off", "there is no", relink);
    system.write("etc/apt/apt.conf", conf);
    is(&system, "apt", "live", "", "");
    system.write("etc/apt/apt.conf", &conf.replace("DPkg::Pre-Install-Pkgs", "// DPkg::Pre-Install-Pkgs"));
    is(&system, "apt", "off", "there is no", relink);
    let system = guarded();
    system.write("etc/apt/apt.conf.d/99-clear", "#clear DPkg::Pre-Install-Pkgs;\n");
    is(&system, "apt", "broken", "99-clear clears", "");

    // The admin's own file, which is not as it should be.
    for (from, to, because) in [
        ("Version \"3\"", "Version \"1\"", "version 3"),
        (" || test $? -ne 10", "", "stop apt"),
        ("\"/usr/lib/kbuild-guard/apt-hook ||", "\"exec /usr/lib/kbuild-guard/apt-hook ||", "does not begin"),
    ] {
        let system = guarded();
        remove(&system, APT_LINK);
        assert_ne!(conf.replace(from, to), conf);
        system.write(APT_LINK, &conf.replace(from, to));
        is(&system, "apt", "broken", because, relink);
    }

    // A second file beside the link: apt runs every command, and the link anew would not mend that one.
    let mine = "etc/apt/apt.conf.d/99-mine";
    let call = |command: &str| format!("DPkg::Pre-Install-Pkgs {{ \"{command}\"; }};\n");
    for (text, state, because) in [
        (call("/usr/lib/kbuild-guard/apt-hook || test $? -ne 10"), "live", ""),
        (call("/usr/lib/kbuild-guard/apt-hook"), "broken", "99-mine: without"),
        (call("exec /usr/lib/kbuild-guard/apt-hook || test $? -ne 10"), "broken", "99-mine: the command"),
        (
            "DPkg::Tools::Options::/usr/lib/kbuild-guard/apt-hook::Version \"2\";".to_owned(),
            "broken",
            "99-mine: apt is",
        ),
    ] {
        let system = guarded();
        system.write(mine, &text);
        is(&system, "apt", state, because, "");
        if state == "broken" {
            is(&system, "apt", state, "; edit that file", "");
            assert_eq!(hook(&system, "apt")["command"], Value::Null);
        }
    }
    let system = guarded();
    system.write("etc/apt/apt.conf.d/00-mine", &call("/usr/lib/kbuild-guard/apt-hook || test $? -ne 10"));
    remove(&system, APT_LINK);
    system.write(APT_LINK, &conf.replace(" || test $? -ne 10", ""));
    is(&system, "apt", "broken", "05kbuild-guard: without", relink);

    // The package is gone and its file in /etc is not.
    let system = guarded();
    for path in [APT_LINK, APT_CONF, "usr/lib/kbuild-guard/apt-hook"] {
        remove(&system, path);
    }
    is(&system, "apt", "not-installed", "", "");
    system.write(APT_LINK, conf);
    is(&system, "apt", "broken", "is not there", "rm /etc/apt/apt.conf.d/05kbuild-guard");
}

#[test]
fn dpkgs_trigger() {
    let reinstall = "apt-get install --reinstall kbuild-guard";
    is(&guarded(), "dpkg-trigger", "live", "", "");

    let system = guarded();
    system.write(TRIGGERS, "/lib/modules kbuild-guard/noawait\n/usr/src kbuild-guard\n/usr/lib/modules other\n");
    is(&system, "dpkg-trigger", "broken", "no trigger for /usr/lib/modules", reinstall);
    remove(&system, TRIGGERS);
    is(&system, "dpkg-trigger", "broken", "/lib/modules, /usr/lib/modules, /usr/src", reinstall);

    let system = guarded();
    remove(&system, "usr/lib/kbuild-guard/dpkg-trigger-hook");
    is(&system, "dpkg-trigger", "broken", "is not there", reinstall);
    let system = guarded();
    remove(&system, "var/lib/dpkg/info/kbuild-guard.postinst");
    is(&system, "dpkg-trigger", "broken", "postinst", reinstall);
    let system = guarded();
    for state in ["unpacked", "half-configured", "triggers-pending"] {
        status(&system, state);
        is(&system, "dpkg-trigger", "broken", "not configured", "dpkg --configure --pending");
    }
    status(&system, "config-files");
    is(&system, "dpkg-trigger", "not-installed", "", "");
}

#[test]
fn the_kernel_hook() {
    is(&guarded(), "kernel", "live", "", "");
    let system = guarded();
    remove(&system, KERNEL_SCRIPT);
    is(&system, "kernel", "off", "there is no", "--force-confmiss");
    // run-parts fails on it, whether there is a second directory or not.
    symlink("/dev/null", system.at(KERNEL_SCRIPT)).unwrap();
    is(&system, "kernel", "broken", "no kernel can be installed", "rm /etc/kernel/postinst.d/05kbuild-guard");
    program(&system, KERNEL_VENDOR);
    is(&system, "kernel", "broken", "/dev/null", "rm /etc");
    // What is not executable in /etc does not stand in front.
    remove(&system, KERNEL_SCRIPT);
    is(&system, "kernel", "live", "", "");
    assert_eq!(hook(&system, "kernel")["registered"], format!("/{KERNEL_VENDOR}"));
    system.write(KERNEL_SCRIPT, "");
    is(&system, "kernel", "live", "", "");
    fs::set_permissions(system.at(KERNEL_VENDOR), fs::Permissions::from_mode(0o644)).unwrap();
    is(&system, "kernel", "off", "/etc/kernel/postinst.d/05kbuild-guard is not executable", "chmod 755 /etc");

    let system = guarded();
    fs::set_permissions(system.at(KERNEL_SCRIPT), fs::Permissions::from_mode(0o644)).unwrap();
    is(&system, "kernel", "off", "not executable", "chmod 755 /etc/kernel/postinst.d/05kbuild-guard");
    let system = guarded();
    remove(&system, KERNEL_SCRIPT);
    symlink("nowhere", system.at(KERNEL_SCRIPT)).unwrap();
    is(&system, "kernel", "broken", "leads nowhere", "rm ");
    let system = guarded();
    remove(&system, "usr/lib/kbuild-guard/kernel-hook");
    is(&system, "kernel", "broken", "is not there", "--reinstall");
    status(&system, "config-files");
    is(&system, "kernel", "not-installed", "", "");
    remove(&system, KERNEL_SCRIPT);
    is(&system, "kernel", "not-installed", "", "");
}

#[test]
fn kernel_installs_plugin() {
    is(&guarded(), "kernel-install", "live", "", "");
    assert_eq!(hook(&guarded(), "kernel-install")["registered"], format!("/{PLUGIN}"));
    let system = guarded();
    fs::create_dir_all(system.at(ADMINS_PLUGIN).parent().unwrap()).unwrap();
    symlink("/dev/null", system.at(ADMINS_PLUGIN)).unwrap();
    is(&system, "kernel-install", "off", "link to /dev/null", &format!("rm /{ADMINS_PLUGIN}"));
    remove(&system, ADMINS_PLUGIN);
    program(&system, ADMINS_PLUGIN);
    is(&system, "kernel-install", "off", "takes its place", &format!("rm /{ADMINS_PLUGIN}"));
    remove(&system, ADMINS_PLUGIN);
    fs::set_permissions(system.at(PLUGIN), fs::Permissions::from_mode(0o644)).unwrap();
    is(&system, "kernel-install", "off", "not executable", &format!("chmod 755 /{PLUGIN}"));
    remove(&system, PLUGIN);
    is(&system, "kernel-install", "broken", "there is no", "--reinstall");
    program(&system, PLUGIN);
    remove(&system, "usr/bin/kernel-install");
    is(&system, "kernel-install", "not-installed", "kernel-install is not here", "");
    program(&system, "bin/kernel-install");
    is(&system, "kernel-install", "live", "", "");
    remove(&system, "usr/lib/kbuild-guard/kernel-install-hook");
    is(&system, "kernel-install", "broken", "is not there", "--reinstall");
    remove(&system, PLUGIN);
    is(&system, "kernel-install", "not-installed", "", "");
}

#[test]
fn dpkgs_pre_invoke() {
    let ours = "/usr/lib/kbuild-guard/apt-hook";
    let open = "|| test $? -ne 10";
    let line = "sed -i '/pre-invoke.*kbuild-guard/d' /etc/dpkg/dpkg.cfg.d/kbuild-guard";
    let gone = "/usr/lib/kbuild-guard/gone";
    for (path, text, state, command) in [
        (PRE_INVOKE, format!("pre-invoke=\"{ours} {open}\"\n"), "live", ""),
        (PRE_INVOKE, format!("# why\n\n  pre-invoke test ! -x {ours} || {ours} {open}\n"), "live", ""),
        ("etc/dpkg/dpkg.cfg", format!("no-debsig\npre-invoke='{ours} {open}'\n"), "live", ""),
        (PRE_INVOKE, format!("#pre-invoke={ours}\n"), "not-installed", ""),
        (PRE_INVOKE, format!("post-invoke={ours}\n"), "not-installed", ""),
        (PRE_INVOKE, format!("pre-invoker={ours}\n"), "not-installed", ""),
        ("etc/dpkg/dpkg.cfg.d/ours.conf", format!("pre-invoke={ours}\n"), "not-installed", ""),
        (PRE_INVOKE, format!("pre-invoke={ours}\n"), "broken", line),
        (PRE_INVOKE, format!("pre-invoke={gone}\n"), "broken", line),
        (PRE_INVOKE, format!("pre-invoke={gone} {open}\n"), "broken", "apt-get install --reinstall kbuild-guard"),
    ] {
        let system = guarded();
        system.write(path, &text);
        is(&system, "dpkg-pre-invoke", state, "", command);
        if state == "live" {
            assert_eq!(hook(&system, "dpkg-pre-invoke")["program"], ours);
        }
    }
    // dpkg runs the command of every line.
    let system = guarded();
    system.write(PRE_INVOKE, &format!("pre-invoke={ours} {open}\npre-invoke={ours}\n"));
    is(&system, "dpkg-pre-invoke", "broken", "stops dpkg", line);
    system.write(PRE_INVOKE, &format!("pre-invoke={ours} {open}\n"));
    system.write("etc/dpkg/dpkg.cfg", &format!("pre-invoke={ours}\n"));
    is(&system, "dpkg-pre-invoke", "broken", "in /etc/dpkg/dpkg.cfg a", "/d' /etc/dpkg/dpkg.cfg");
    // The example is at hand: how to switch it on is told.
    let system = guarded();
    let example = "usr/share/doc/kbuild-guard/examples/dpkg-pre-invoke";
    system.write(example, "");
    let on = format!("cp /{example} /{PRE_INVOKE}");
    is(&system, "dpkg-pre-invoke", "not-installed", "", &on);
    assert!(system.run(["hooks"]).stdout.contains("dpkg-pre-invoke is not-installed\n"), "and to people too");
}

/// What stands where a file ought to cannot hold the command up.
#[test]
fn traps_do_not_hang() {
    for path in
        [APT_LINK, APT_CONF, TRIGGERS, KERNEL_SCRIPT, PRE_INVOKE, "etc/apt/apt.conf", "usr/lib/kbuild-guard/apt-hook"]
    {
        let system = guarded();
        let at = system.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        if at.symlink_metadata().is_ok() {
            fs::remove_file(&at).unwrap();
        }
        nix::unistd::mkfifo(&at, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let run = support::run_in_time(&system, &["hooks"]);
        assert!(run.code <= 1, "{path} {run:?}");
    }
}

/// apt's own reading of a file agrees with ours, where this machine has apt.
#[test]
fn apt_reads_the_same() {
    let Ok(probe) = Command::new("apt-config").arg("--version").output() else { return };
    assert!(probe.status.success());
    let system = guarded();
    for (text, is_called) in [
        (include_str!("../../../hooks/apt/kbuild-guard.conf").to_owned(), true),
        ("dpkg { pre-install-pkgs { \"/usr/lib/kbuild-guard/apt-hook\"; }; };".to_owned(), true),
        ("DPkg::Pre-Install-Pkgs:: \"/usr/lib/kbuild-guard/apt-hook\"; /* x */".to_owned(), true),
        ("/* DPkg::Pre-Install-Pkgs:: \"/usr/lib/kbuild-guard/apt-hook\"; */".to_owned(), false),
        (
            "DPkg::Pre-Install-Pkgs:: \"/usr/lib/kbuild-guard/apt-hook\";\n#clear DPkg::Pre-Install-Pkgs;".to_owned(),
            false,
        ),
    ] {
        remove(&system, APT_LINK);
        system.write(APT_LINK, &text);
        let only = system.at("only.conf");
        fs::write(
            &only,
            format!("Dir::Etc::parts \"/nowhere\";\nDir::Etc::main \"{}\";\n", system.at(APT_LINK).display()),
        )
        .unwrap();
        let dump = Run::of(Command::new("apt-config").arg("dump").env("APT_CONFIG", &only));
        assert_eq!(dump.stdout.contains("\"/usr/lib/kbuild-guard/apt-hook"), is_called, "{text}: {dump:?}");
        let ours = hook(&system, "apt");
        let registered_by_text =
            ours["state"] == "live" || !ours["because"].as_str().unwrap().contains("does not name");
        let cleared = ours["because"].as_str().unwrap_or_default().contains("clears");
        assert_eq!(registered_by_text && !cleared, is_called, "{text}: {ours:#}");
    }
}

#[test]
fn the_timer() {
    let system = guarded();
    is(&system, "timer", "live", "", "");
    remove(&system, WANTED);
    is(&system, "timer", "off", "the timer is disabled", "systemctl enable --now kbuild-guard-check.timer");
    for unit in [SERVICE, TIMER] {
        let mask = system.at(&format!("etc/systemd/system/{unit}"));
        symlink("/dev/null", mask).unwrap();
        let command = format!("systemctl unmask {unit}");
        is(&system, "timer", "off", &format!("/etc/systemd/system/{unit} is a link to /dev/null"), &command);
    }
    let system = guarded();
    remove(&system, "usr/bin/kbuild-guard");
    is(&system, "timer", "broken", "/usr/bin/kbuild-guard is not there", "--reinstall");
    let system = guarded();
    remove(&system, "usr/lib/systemd/system/kbuild-guard-check.service");
    is(&system, "timer", "broken", "there is no kbuild-guard-check.service", "--reinstall");
    status(&system, "half-configured");
    is(&system, "timer", "broken", "there is no kbuild-guard-check.service", "--reinstall");
    remove(&system, "var/lib/dpkg/status");
    is(&system, "timer", "not-installed", "the package is not installed", "");
    remove(&system, "usr/lib/systemd/systemd");
    is(&system, "timer", "not-installed", "systemd is not here", "");
}
