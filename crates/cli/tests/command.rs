// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command as scripts and people meet it: exit statuses, streams, options, configuration, and trees
//! that somebody made to do harm.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "the support module serves several tests")]

mod support;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::stat::{Mode, SFlag};
use support::{Layout, Run, System, run_in_time};

const KERNEL: &str = "6.1.0-56-cloud-amd64";
const HEADERS: &str = "linux-headers-6.1.0-56-cloud-amd64";

/// The tree of the layout `modules-install`, and its kernel.
const FELIX: &str = "6.8.0-felix";
const TREE: &str = "home/felix/linux-6.8";

fn debian12() -> System {
    Layout::named("debian12").assemble()
}

fn modules_install() -> System {
    Layout::named("modules-install").assemble()
}

fn broken() -> System {
    Layout::named("symvers-missing").assemble()
}

/// Whether a terminal would only print this.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c))
}

/// A way of naming a kernel that is refused: nothing on stdout, one line on stderr, status 2.
fn assert_refused(system: &System, arguments: &[&str], said: &str) {
    let run = system.run(arguments);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?} {run:?}");
    assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    assert!(run.stderr.starts_with("kbuild-guard: ") && run.stderr.contains(said), "{run:?}");
    assert!(is_plain(&run.stderr), "{run:?}");
}

// Exit statuses.

#[test]
fn nothing_to_do_is_0_and_silent() {
    let run = debian12().run(["check"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    let run = System::empty().run(["check"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}

#[test]
fn findings_are_1() {
    let system = broken();
    assert_eq!(system.run(["check"]).code, 1);
    assert_eq!(system.run(["check", KERNEL]).code, 1);
    let quiet = system.run(["check", "-q"]);
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (1, "", ""));
    assert_eq!(system.run(["status"]).code, 0, "the table is the answer");
}

#[test]
fn a_wrong_call_is_2() {
    let system = debian12();
    for arguments in [
        &[] as &[&str],
        &["chekc"],
        &["check", "--jsn"],
        &["check", "-q", "--json"],
        &["check", "--color", "sometimes"],
        &["check", "--probe-timeout", "5"],
        &["check", "--probe", "--probe-timeout", "0"],
        &["check", "--probe", "--probe-timeout", "3601"],
        &["check", "--probe", "--probe-timeout", "soon"],
        &["status", "--probe"],
        &["what-if"],
        &["what-if", "remove"],
        &["what-if", "explode", "x"],
    ] {
        let run = system.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?} {run:?}");
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
    for arguments in [&["--help"], &["--version"]] {
        let run = system.run(arguments);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_probe_is_for_the_running_system() {
    let system = debian12();
    let before = system.listing();
    for arguments in [&["check", "--probe"] as &[&str], &["check", "--probe", "--json"], &["check", "--probe", KERNEL]]
    {
        assert_refused(&system, arguments, "--probe builds in the running system only: call kbuild-guard inside of /");
    }
    assert_eq!(system.listing(), before);
}

#[test]
fn the_stages_of_a_probe_are_no_verbs() {
    let system = debian12();
    let help = system.run(["--help"]);
    assert!(!help.stdout.contains("__probe"), "{help:?}");
    for arguments in [&["__probe"] as &[&str], &["__probe", "enter"], &["__probe", "enter", "{}"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kbuild-guard"));
        assert_eq!(Run::of(command.args(arguments)).code, 2, "{arguments:?}");
    }
}

#[test]
fn what_could_not_be_determined_is_3_and_outranks_findings() {
    let system = Layout::named("home-not-mounted").assemble();
    let run = system.run(["check"]);
    assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{run:?}");
    assert!(run.stderr.contains("not determined") && run.stderr.contains("/home"), "{run:?}");

    // A second kernel, broken.
    system.write("boot/vmlinuz-6.9.0-felix", "MZ");
    system.write("usr/lib/modules/6.9.0-felix/modules.order", "");
    symlink("build", system.at("usr/lib/modules/6.9.0-felix/build")).unwrap();
    let run = system.run(["check"]);
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("KBG003"), "{run:?}");
    assert_eq!(system.run(["check", "6.9.0-felix"]).code, 1);
}

#[test]
fn a_root_that_is_none_is_3() {
    let system = System::empty();
    system.write("file", "");
    for root in ["nowhere", "file", "no\u{1b}[31mwhere"] {
        let mut command = system.command(["check"]);
        let run = Run::of(command.arg("--root").arg(system.at(root)));
        // The option may be given once: then by hand.
        let run = if run.code == 2 { run_with_root(&system, root) } else { run };
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{run:?}");
        assert!(run.stderr.starts_with("kbuild-guard: cannot open the root ") && is_plain(&run.stderr), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1);
    }
}

fn run_with_root(system: &System, root: &str) -> Run {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kbuild-guard"));
    Run::of(command.env_clear().arg("--root").arg(system.at(root)).arg("check"))
}

#[test]
fn a_full_disk_is_3() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let system = broken();
    for arguments in [&["check"] as &[&str], &["check", "--json"], &["status"]] {
        let run = Run::of(system.command(arguments).stdout(full.try_clone().unwrap()));
        assert_eq!(run.code, 3, "{arguments:?} {run:?}");
        assert!(run.stderr.contains("cannot write"), "{run:?}");
    }
}

// Naming kernels and findings.

#[test]
fn what_is_no_release_is_refused() {
    let system = debian12();
    let long = "6".repeat(65);
    for (release, said) in [
        ("", "empty"),
        (".", "."),
        ("..", ".."),
        ("a/b", "slash"),
        ("../../etc", "slash"),
        ("/", "slash"),
        ("6.1 x", "space"),
        ("6.1\n", "\\n"),
        ("6.1\u{1b}[2J", "\\u{1b}"),
        ("6.1\u{202e}", "\\u{202e}"),
        (long.as_str(), "longer"),
    ] {
        assert_refused(&system, &["check", release], said);
        assert_refused(&system, &["check", "--json", release], said);
        assert_refused(&system, &["check", KERNEL, release], said);
        assert_refused(&system, &["explain", release], "neither");
    }
    let run = Run::of(&mut system.command([OsStr::new("check"), OsStr::from_bytes(b"6.1\xff")]));
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
    assert!(is_plain(&run.stderr), "{run:?}");
}

#[test]
fn an_unknown_release_is_refused() {
    let system = debian12();
    for arguments in [["check", "6.2.0-1-amd64"], ["check", "6.1.0-56"], ["check", "6.1.0-56-cloud-amd64.old"]] {
        assert_refused(&system, &arguments, "is not an installed kernel here");
    }
    assert_refused(&system, &["check", KERNEL, "6.2.0-1-amd64"], "6.2.0-1-amd64");
    assert_refused(&system, &["explain", "6.2.0-1-amd64"], "neither an installed kernel nor a finding");
    assert_refused(&System::empty(), &["explain"], "running kernel is not installed");
    // A directory that removed packages left behind is no kernel either.
    assert_refused(&Layout::named("field-leftovers").assemble(), &["check", KERNEL], "not an installed kernel");
}

#[test]
fn explain_tells_of_kernels_and_findings() {
    let system = broken();
    let running = system.run(["explain"]);
    assert_eq!(running.code, 0);
    assert_eq!(running.stdout, system.run(["explain", KERNEL]).stdout);
    assert!(running.stdout.contains("KBG036") && running.stdout.contains(HEADERS), "{running:?}");
    for code in ["KBG036", "kbg036"] {
        let run = system.run(["explain", code]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.starts_with("KBG036 Module.symvers is missing\n"), "{run:?}");
    }
}

// JSON and the log.

#[test]
fn json_is_all_there_is_on_stdout() {
    let system = broken();
    system.write("etc/kbuild-guard/config.toml", "colour = 1\n");
    for arguments in [
        &["check", "--json"] as &[&str],
        &["--json", "check"],
        &["check", "--json", "-v"],
        &["check", "--json", "-vv"],
        &["status", "--json", "-vv", "--color", "always"],
        &["explain", "--json", "-vv"],
        &["what-if", "remove", HEADERS, "--json", "-vv"],
        &["what-if", "remove", "/usr/src", "--json"],
    ] {
        let run = system.run(arguments);
        assert_eq!(run.json()["schema"], 1, "{arguments:?}");
        assert!(run.stderr.contains("unknown key colour"), "{arguments:?} {run:?}");
    }
    let run = System::empty().run(["check", "--json"]);
    assert_eq!(run.json(), serde_json::json!({ "schema": 1, "kernels": [] }));
}

#[test]
fn the_environment_does_not_steer_the_log() {
    let system = debian12();
    let run = Run::of(system.command(["check"]).env("RUST_LOG", "trace"));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

// Configuration.

#[test]
fn a_wrong_configuration_is_a_warning_with_file_and_line() {
    let system = broken();
    system.write("etc/kbuild-guard/config.toml", "# ours\n\ncolour = \"blue\"\nmode = \"loud\"\n");
    system.write("etc/kbuild-guard/conf.d/50-x.toml", "ignore = [\n  { finding = \"KBG999\" },\n]\n");
    let run = system.run(["check"]);
    assert_eq!(run.code, 1, "it still works");
    assert!(run.stdout.contains("KBG036"), "{run:?}");
    for line in [
        "kbuild-guard: warning: /etc/kbuild-guard/config.toml:3: unknown key colour",
        "kbuild-guard: warning: /etc/kbuild-guard/config.toml:4: mode loud is none of",
        "  off, warn, guard, strict; guard holds",
        "kbuild-guard: warning: /etc/kbuild-guard/conf.d/50-x.toml:2: there is no finding",
        "  KBG999",
    ] {
        assert!(run.stderr.lines().any(|have| have == line), "{line}\n{run:?}");
    }
    assert_eq!(run.stderr.lines().count(), 5, "{run:?}");

    let system = debian12();
    system.write("etc/kbuild-guard/config.toml", "mode = \x1b[31m\n");
    let run = system.run(["check"]);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("config.toml:1: ") && is_plain(&run.stderr), "{run:?}");
    fs::remove_file(system.at("etc/kbuild-guard/config.toml")).unwrap();
    nix::unistd::mkfifo(&system.at("etc/kbuild-guard/config.toml"), Mode::S_IRWXU).unwrap();
    let run = run_in_time(&system, &["check"]);
    assert!(run.code == 0 && run.stderr.contains("not a regular file"), "{run:?}");
}

#[test]
fn a_finding_that_is_ignored_is_silent_and_0() {
    let system = broken();
    let ignore = |release: &str| {
        let text = format!("ignore = [{{ finding = \"KBG036\", release = \"{release}\" }}]\n");
        system.write("etc/kbuild-guard/conf.d/known.toml", &text);
    };
    ignore("*-felix");
    assert_eq!(system.run(["check"]).code, 1, "another kernel's");
    ignore("6.1.0-*");
    let run = system.run(["check"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    let run = system.run(["check", "--json"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.json()["kernels"][0]["findings"][0]["ignored"], true);
    assert_eq!(run.json()["kernels"][0]["state"], "broken", "ignoring mends nothing");
    assert!(!system.run(["status"]).stdout.contains("KBG036"));
    assert!(system.run(["explain"]).stdout.contains("KBG036 Module.symvers is missing (ignored"));
}

// Terminals.

#[test]
fn an_empty_system_has_no_table() {
    let run = System::empty().run(["status"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "no kernel is installed here\n", ""));
    assert_eq!(System::empty().run(["status", "-q"]).stdout, "");
}

/// What `status` writes when stdout is a terminal.
fn on_a_terminal(system: &System, variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let pty = nix::pty::openpty(None, None).unwrap();
    let mut command = system.command(arguments);
    command.envs(variables.iter().copied()).stdout(pty.slave).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    // The command has the only handle to the slave once ours is dropped with the builder.
    drop(command);
    let mut text = Vec::new();
    // Linux answers EIO when the last slave is closed.
    let _ = File::from(pty.master).read_to_end(&mut text);
    child.wait().unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let system = debian12();
    let terminal = ("TERM", "xterm");
    let is_coloured = |variables: &[(&str, &str)], arguments: &[&str]| {
        let text = on_a_terminal(&system, variables, arguments);
        assert!(text.contains("ready"), "{text}");
        text.contains('\u{1b}')
    };
    assert!(is_coloured(&[terminal], &["status"]));
    assert!(is_coloured(&[terminal, ("NO_COLOR", "")], &["status"]), "an empty NO_COLOR is none");
    assert!(!is_coloured(&[terminal, ("NO_COLOR", "1")], &["status"]));
    assert!(!is_coloured(&[("TERM", "dumb")], &["status"]));
    assert!(!is_coloured(&[], &["status"]), "no TERM at all");
    assert!(!is_coloured(&[terminal], &["status", "--color", "never"]));
    assert!(is_coloured(&[("NO_COLOR", "1")], &["status", "--color", "always"]), "the option is stronger");
    // Not a terminal.
    let run = Run::of(system.command(["status"]).env("TERM", "xterm"));
    assert!(!run.stdout.contains('\u{1b}'));
    assert!(system.run(["status", "--color", "always"]).stdout.contains("\u{1b}[32mready"));
    // JSON has no colours whatever is asked for.
    assert!(!system.run(["status", "--json", "--color", "always"]).stdout.contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let system = broken();
    for arguments in VERBS.into_iter().chain([&["--help"] as &[&str], &["explain", "--help"], &["--version"]]) {
        let closed = || {
            let (reader, writer) = nix::unistd::pipe().unwrap();
            drop(reader);
            writer
        };
        let expected = system.run(arguments).code;
        let run = Run::of(system.command(arguments).stdout(closed()));
        assert_eq!((run.code, run.stderr.as_str()), (expected, ""), "{arguments:?}");
        // Nor is one that does not read the log.
        let run = Run::of(system.command(arguments).arg("-vv").stdout(closed()).stderr(closed()));
        assert_eq!(run.code, expected, "{arguments:?} -vv");
    }
}

/// Every verb, as it may be called on a system with a kernel.
const VERBS: [&[&str]; 10] = [
    &["status"],
    &["status", "--json"],
    &["check"],
    &["check", "--json"],
    &["explain"],
    &["explain", "KBG002"],
    &["explain", "KBG002", "--json"],
    &["config"],
    &["hooks"],
    &["what-if", "remove", HEADERS],
];

#[test]
fn quiet_is_the_exit_status_alone() {
    for system in [debian12(), broken()] {
        for arguments in VERBS.into_iter().filter(|arguments| !arguments.contains(&"--json")) {
            let loud = system.run(arguments);
            for option in ["-q", "--quiet"] {
                let quiet = system.run(arguments.iter().copied().chain([option]));
                let expected = (loud.code, "", "");
                assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), expected, "{arguments:?}");
            }
        }
    }
}

#[test]
fn verbose_says_more_on_stderr_and_nothing_else_on_stdout() {
    let system = broken();
    for arguments in VERBS {
        let run = system.run(arguments);
        let mut lines = Vec::new();
        for option in ["-v", "-vv"] {
            let verbose = system.run(arguments.iter().copied().chain([option]));
            assert_eq!((verbose.code, &verbose.stdout), (run.code, &run.stdout), "{arguments:?} {option}");
            assert!(is_plain(&verbose.stderr), "{verbose:?}");
            lines.push(verbose.stderr.lines().count());
        }
        assert!(lines[0] <= lines[1], "{arguments:?} {lines:?}");
    }
}

#[test]
fn words_that_are_no_text_are_refused_by_name() {
    let system = debian12();
    let bad = OsStr::from_bytes(b"6.1\xff\x1b");
    for arguments in [&["check"] as &[&str], &["check", KERNEL], &["explain"], &["what-if", "remove"]] {
        let run = Run::of(system.command(arguments).arg(bad));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?} {run:?}");
        assert!(run.stderr.starts_with("kbuild-guard: 6.1\\xff\\u{1b} is not UTF-8"), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1);
    }
    // Verbs and options are words of ours.
    for arguments in [&[] as &[&str], &["--color"]] {
        let run = Run::of(system.command(arguments).arg(bad).arg("check"));
        assert!(run.code == 2 && run.stdout.is_empty() && is_plain(&run.stderr), "{run:?}");
    }
    // A path may be any bytes.
    let path = OsStr::from_bytes(b"/usr/src/\xff");
    let run = Run::of(system.command(["what-if", "remove"]).arg(path));
    assert!(run.code == 2 && run.stderr.contains("/usr/src/\\xff does not exist"), "{run:?}");
    fs::create_dir(system.at("usr/src").join(OsStr::from_bytes(b"\xff"))).unwrap();
    let run = Run::of(system.command(["what-if", "remove"]).arg(path));
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn a_root_is_named_as_it_was_looked_for() {
    let system = System::empty();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kbuild-guard"));
    let run = Run::of(command.env_clear().current_dir(system.root()).args(["--root", "nowhere", "status"]));
    assert_eq!(run.code, 3);
    let expected = format!("cannot open the root {}/nowhere: ", system.root().canonicalize().unwrap().display());
    assert!(run.stderr.contains(&expected), "{run:?}");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kbuild-guard"));
    let run = Run::of(command.env_clear().args(["--root", "", "status"]));
    assert!(run.code == 2 && run.stderr.contains("--root <DIR>"), "{run:?}");
    // A root whose name is no text.
    let odd = system.root().join(OsStr::from_bytes(b"odd\xff"));
    for verb in ["status", "hooks", "config"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kbuild-guard"));
        let run = Run::of(command.env_clear().arg("--root").arg(&odd).arg(verb));
        assert!(run.code == 3 && run.stderr.contains("odd\\xff"), "{run:?}");
    }
    fs::create_dir(&odd).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kbuild-guard"));
    assert_eq!(Run::of(command.env_clear().arg("--root").arg(&odd).arg("status")).code, 0);
}

#[test]
fn help_is_narrow_and_plain_on_a_terminal() {
    let system = System::empty();
    for arguments in [&["--help"] as &[&str], &["-h"], &["explain", "--help"], &["help", "hooks"]] {
        let text = on_a_terminal(&system, &[("TERM", "xterm"), ("CLICOLOR_FORCE", "1")], arguments);
        assert!(!text.is_empty() && !text.contains('\u{1b}'), "{text:?}");
        assert!(text.lines().all(|line| line.trim_end().chars().count() <= 80), "{text}");
    }
}

#[test]
fn explain_and_hooks_are_coloured_as_status_is() {
    let system = broken();
    for (arguments, word) in
        [(&["explain"] as &[&str], "\u{1b}[31mbroken\u{1b}[0m"), (&["hooks"], "\u{1b}[2mnot-installed")]
    {
        let always = arguments.iter().copied().chain(["--color", "always"]);
        assert!(system.run(always).stdout.contains(word), "{arguments:?}");
        assert!(!system.run(arguments).stdout.contains('\u{1b}'), "not a terminal");
        let terminal = on_a_terminal(&system, &[("TERM", "xterm")], arguments);
        assert!(terminal.contains(word), "{terminal}");
        for variables in [&[("TERM", "xterm"), ("NO_COLOR", "1")] as &[(&str, &str)], &[("TERM", "dumb")], &[]] {
            assert!(!on_a_terminal(&system, variables, arguments).contains('\u{1b}'), "{variables:?}");
        }
        let never = arguments.iter().copied().chain(["--color=never"]).collect::<Vec<_>>();
        assert!(!on_a_terminal(&system, &[("TERM", "xterm")], &never).contains('\u{1b}'));
    }
}

// Hostile names and files.

#[test]
fn names_with_control_characters_never_reach_the_terminal() {
    let evil = "x\u{1b}]0;owned\u{7}\n\u{9b}31m\u{202e}\u{7f}";
    let system = modules_install();
    // Modules directories, also a file name that is not even UTF-8.
    for name in [OsStr::new(evil), OsStr::from_bytes(b"6.1\xff\x1b[2J")] {
        let dir = system.at("usr/lib/modules").join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("vmlinuz"), "MZ").unwrap();
        fs::write(dir.join("modules.order"), "").unwrap();
    }
    // A kernel whose link, and one whose Makefile leads to such a name; a release in the tree, a module
    // that dkms built, one built by hand, one of akmods.
    for release in ["6.9.0-link", "6.9.1-makefile"] {
        system.write(&format!("boot/vmlinuz-{release}"), "MZ");
        system.write(&format!("usr/lib/modules/{release}/modules.order"), "");
    }
    symlink(format!("/usr/src/{evil}"), system.at("usr/lib/modules/6.9.0-link/build")).unwrap();
    symlink("/usr/src/pointer", system.at("usr/lib/modules/6.9.1-makefile/build")).unwrap();
    let inner = evil.replace('\n', "");
    system.write("usr/src/pointer/Makefile", &format!("include /usr/src/{inner}/Makefile\n"));
    system.write(&format!("{TREE}/include/generated/utsrelease.h"), &format!("#define UTS_RELEASE \"{inner}\"\n"));
    fs::rename(system.at(&format!("{TREE}/arch/x86")), system.at(&format!("{TREE}/arch")).join(evil)).unwrap();
    system.write(&format!("{TREE}/arch/{evil}/include/asm/Kbuild"), &format!("generic-y += {inner}.h\n"));
    system.write(&format!("{TREE}/.kernelvariables"), &format!("CC = {inner}\n"));
    system.write(&format!("usr/lib/modules/{FELIX}/updates/{evil}.ko"), "");
    fs::create_dir_all(system.at("var/lib/dkms").join(evil).join(evil).join(FELIX)).unwrap();
    symlink("/", system.at("var/lib/dkms").join(evil).join(evil).join("source")).unwrap();
    system.write(&format!("usr/src/akmods/{evil}-kmod.latest"), "");

    for arguments in [
        &["check"] as &[&str],
        &["check", "-vv"],
        &["status", "-vv"],
        &["explain", FELIX],
        &["explain", "6.9.0-link"],
        &["explain", "6.9.1-makefile"],
        &["what-if", "remove", "/home", "--as-live"],
        &["what-if", "remove", &format!("/usr/lib/modules/{evil}")],
        &["what-if", "remove", evil],
        &["what-if", "remove", &format!("/usr/{evil}")],
    ] {
        let run = system.run(arguments);
        assert!(is_plain(&run.stdout) && is_plain(&run.stderr), "{arguments:?} {run:?}");
        assert!(run.stdout.len() + run.stderr.len() > 0, "{arguments:?}");
    }
    let run = system.run(["check", "--json"]);
    let controls = run.stdout.chars().filter(|c| c.is_ascii_control() && !"\n\u{7f}".contains(*c)).count();
    assert_eq!(controls, 0, "{run:?}");
    let kernels = run.json()["kernels"].as_array().unwrap().clone();
    let releases: Vec<&str> = kernels.iter().map(|kernel| kernel["release"].as_str().unwrap()).collect();
    assert_eq!(releases, [FELIX, "6.9.0-link", "6.9.1-makefile"]);
    let target = kernels[1]["build_link"]["target"].as_str().unwrap();
    assert_eq!(target, format!("/usr/src/{evil}"), "programs get the name as it is");
}

/// What stands where a build reads a regular file.
#[derive(Debug, Clone, Copy)]
enum Trap {
    Fifo,
    Socket,
    Device,
    Directory,
    Loop,
    Zeros,
}

impl Trap {
    fn set(self, system: &System, path: &str) {
        let path = system.at(path);
        match path.symlink_metadata() {
            Ok(there) if there.is_dir() => fs::remove_dir_all(&path).unwrap(),
            Ok(_) => fs::remove_file(&path).unwrap(),
            Err(_) => {}
        }
        match self {
            Trap::Fifo => nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap(),
            // The socket stays when its listener goes.
            Trap::Socket => drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
            // The console of whoever runs this: reading it would wait. Only root may make one.
            Trap::Device => {
                let tty = nix::sys::stat::makedev(5, 0);
                let made = nix::sys::stat::mknod(&path, SFlag::S_IFCHR, Mode::S_IRWXU, tty);
                made.or_else(|_| symlink("/dev/tty", &path).map_err(|_| nix::errno::Errno::EIO)).unwrap();
            }
            Trap::Directory => fs::create_dir(&path).unwrap(),
            Trap::Loop => symlink(path.file_name().unwrap(), &path).unwrap(),
            // Sparse: takes no room.
            Trap::Zeros => File::create(&path).unwrap().set_len(64 << 30).unwrap(),
        }
    }
}

#[test]
fn what_is_no_regular_file_is_a_finding_and_never_opened() {
    for (path, finding) in [
        ("Makefile", "KBG004"),
        ("Module.symvers", "KBG036"),
        ("include/config/auto.conf", "KBG022"),
        ("include/generated/autoconf.h", "KBG022"),
        ("include/generated/utsrelease.h", "KBG023"),
        ("scripts/Makefile.build", "KBG024"),
        ("scripts/module.lds", "KBG024"),
        ("scripts/basic/fixdep", "KBG030"),
        ("include/linux/module.h", "KBG025"),
    ] {
        for trap in [Trap::Fifo, Trap::Socket, Trap::Device, Trap::Directory, Trap::Loop] {
            let system = modules_install();
            trap.set(&system, &format!("{TREE}/{path}"));
            let run = run_in_time(&system, &["check", "--json"]);
            assert_eq!(run.code, 1, "{path} {trap:?} {run:?}");
            let findings = run.json()["kernels"][0]["findings"].clone();
            let codes: Vec<&str> =
                findings.as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect();
            assert!(codes.contains(&finding), "{path} {trap:?} {codes:?}");
        }
    }
}

#[test]
fn a_huge_file_is_not_read() {
    for path in ["Makefile", "include/config/auto.conf", "include/generated/utsrelease.h", ".kernelvariables"] {
        let system = modules_install();
        Trap::Zeros.set(&system, &format!("{TREE}/{path}"));
        run_in_time(&system, &["check"]);
    }
}

#[test]
fn traps_outside_of_trees_do_not_hang() {
    for path in [
        format!("usr/lib/modules/{FELIX}/build"),
        format!("usr/lib/modules/{FELIX}"),
        format!("boot/vmlinuz-{FELIX}"),
        "etc/kbuild-guard".to_owned(),
        "etc/fstab".to_owned(),
        "usr/bin/dash".to_owned(),
        "usr/bin/gcc".to_owned(),
        "var/lib/dkms".to_owned(),
        "usr/src/akmods".to_owned(),
        "boot".to_owned(),
        "usr/lib/modules".to_owned(),
        "etc/passwd".to_owned(),
        "etc/group".to_owned(),
        "etc/ld.so.cache".to_owned(),
        "proc/sys/kernel/osrelease".to_owned(),
        "usr/share/kernel".to_owned(),
        "usr/share/kernel/lts/kernel.release".to_owned(),
        "sys/kernel/security/lockdown".to_owned(),
        "sys/module/module/parameters/sig_enforce".to_owned(),
        format!("usr/lib/modules/{FELIX}/modules.order"),
        format!("usr/lib/modules/{FELIX}/kernel/drivers/net/dummy.ko"),
        format!("usr/lib/modules/{FELIX}/updates"),
        format!("usr/lib/modules/{FELIX}/extra"),
    ] {
        for trap in [Trap::Fifo, Trap::Socket, Trap::Device, Trap::Directory, Trap::Loop] {
            let system = modules_install();
            fs::create_dir_all(system.at(&path).parent().unwrap()).unwrap();
            fs::create_dir_all(system.at("etc")).unwrap();
            trap.set(&system, &path);
            let run = run_in_time(&system, &["check"]);
            assert!((0..=3).contains(&run.code) && run.code != 2, "{path} {trap:?} {run:?}");
            assert!(is_plain(&run.stderr) && run.stderr.lines().count() <= 2, "{path} {trap:?} {run:?}");
        }
    }
}

#[test]
fn links_never_lead_out_of_the_root() {
    let system = modules_install();
    let outside = system.root().parent().unwrap().join("no-programs");
    fs::write(outside.join("Makefile"), "VERSION = 6\nPATCHLEVEL = 8\n").unwrap();
    let link = system.at(&format!("usr/lib/modules/{FELIX}/build"));
    for target in [outside.clone(), "../../../../../no-programs".into(), "/proc/self/root".into()] {
        fs::remove_file(&link).unwrap();
        symlink(&target, &link).unwrap();
        let run = system.run(["check"]);
        assert_eq!(run.code, 1, "{target:?} {run:?}");
        assert!(run.stdout.contains("KBG002"), "{target:?} {run:?}");
    }
}

#[test]
fn what_may_not_be_read_is_unknown_and_not_missing() {
    if nix::unistd::geteuid().is_root() {
        // Root may read everything.
        return;
    }
    let system = modules_install();
    fs::set_permissions(system.at("home/felix"), fs::Permissions::from_mode(0o000)).unwrap();
    let run = system.run(["check"]);
    fs::set_permissions(system.at("home/felix"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("ermission"), "{run:?}");
}

// What if.

#[test]
fn what_if_names_what_is_there() {
    let system = debian12();
    for what in ["linux-headers-9.9.9", "nothing", "linux", "relative/path"] {
        assert_refused(&system, &["what-if", "remove", what], "no package");
        assert_refused(&system, &["what-if", "remove", HEADERS, what], "no package");
    }
    for live in [&[] as &[&str], &["--as-live"]] {
        let run = system.run(["what-if", "remove", "dash"].iter().chain(live));
        assert_eq!((run.code, run.stdout.as_str()), (0, "allowed: no kernel that stays loses its headers\n"));
    }
    let run = system.run(["what-if", "remove", "-q", HEADERS]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
}

#[test]
fn what_if_warns_of_packages_that_are_not_on_the_live_system() {
    let run = debian12().run(["what-if", "remove", HEADERS]);
    assert_eq!(run.code, 1);
    let expected = "kbuild-guard: warning: kernel 6.1.0-56-cloud-amd64 (running) loses its headers
  remove  linux-headers-6.1.0-56-cloud-amd64
  lost    /usr/src/linux-headers-6.1.0-56-cloud-amd64
  needed  by DKMS: acpi-call 1.2.2
";
    assert_eq!(run.stdout, expected);
}

#[test]
fn what_if_blocks_on_the_live_system() {
    let system = debian12();
    let run = system.run(["what-if", "remove", HEADERS, "--as-live"]);
    assert_eq!(run.code, 1);
    let expected = "kbuild-guard: blocked: kernel 6.1.0-56-cloud-amd64 (running) would lose its
  headers
  remove  linux-headers-6.1.0-56-cloud-amd64
  lost    /usr/src/linux-headers-6.1.0-56-cloud-amd64
  needed  by DKMS: acpi-call 1.2.2
  anyway  apt-get -o KbuildGuard::Mode=warn remove \\
          linux-headers-6.1.0-56-cloud-amd64
";
    assert_eq!(run.stdout, expected);
    let run = system.run(["what-if", "remove", HEADERS, "--as-live", "--json"]);
    let expected = serde_json::json!({
        "schema": 1,
        "decision": "block",
        "orphans": [{
            "release": KERNEL,
            "decision": "block",
            "lost": [
                "/usr/lib/modules/6.1.0-56-cloud-amd64/build",
                "/usr/src/linux-headers-6.1.0-56-cloud-amd64",
            ],
            "by": [HEADERS],
            "needed_by": ["acpi-call 1.2.2"],
        }],
        "bereft": [],
    });
    assert_eq!(run.json(), expected);
    assert_eq!(run.code, 1);
}

#[test]
fn what_if_follows_the_decision_table() {
    let two = Layout::named("debian12-two-kernels").assemble();
    let decision = |system: &System, arguments: &[&str]| {
        let run = system.run(["what-if", "remove", "--as-live", "--json"].iter().chain(arguments));
        let answer = run.json();
        let orphans = answer["orphans"].as_array().unwrap().len();
        (answer["decision"].as_str().unwrap().to_owned(), orphans)
    };
    let is = |system: &System, arguments: &[&str], expected: (&str, usize)| {
        assert_eq!(decision(system, arguments), (expected.0.to_owned(), expected.1), "{arguments:?}");
    };
    // One package of both kernels; the older one is not kept.
    is(&two, &["linux-kbuild-6.1"], ("block", 2));
    is(&two, &["linux-headers-6.1.0-55-cloud-amd64"], ("warn", 1));
    // Kernel and headers together; whoever needs them goes too; nobody's.
    is(&two, &["linux-image-6.1.0-55-cloud-amd64", "linux-headers-6.1.0-55-cloud-amd64"], ("allow", 0));
    is(&two, &["linux-image-6.1.0-55-cloud-amd64", "linux-kbuild-6.1"], ("block", 1));
    is(&two, &["acpi-call-dkms", HEADERS], ("allow", 0));
    is(&two, &["dkms", HEADERS], ("allow", 0));
    // The headers depend on it, by way of another package.
    is(&two, &["gcc-12"], ("block", 2));
    // A tree that was no good before is no loss.
    is(&broken(), &[HEADERS], ("allow", 0));
    // Half-configured: removing it may be the cure.
    let status = fs::read_to_string(two.at("var/lib/dpkg/status")).unwrap();
    let sick = status.replacen(
        &format!("Package: {HEADERS}\nStatus: install ok installed"),
        &format!("Package: {HEADERS}\nStatus: install ok half-configured"),
        1,
    );
    assert_ne!(status, sick);
    two.write("var/lib/dpkg/status", &sick);
    is(&two, &[HEADERS], ("warn", 1));
    two.write("var/lib/dpkg/status", &status);
    // The configuration.
    for (mode, expected) in [("off", ("allow", 0)), ("warn", ("warn", 1)), ("strict", ("block", 1))] {
        two.write("etc/kbuild-guard/config.toml", &format!("mode = \"{mode}\"\n"));
        is(&two, &["linux-headers-6.1.0-55-cloud-amd64"], expected);
    }
}

#[test]
fn what_if_takes_paths_however_they_are_spelled() {
    let system = debian12();
    let lost = |path: &str| {
        let answer = system.run(["what-if", "remove", "--json", path]).json();
        let orphans = answer["orphans"].as_array().unwrap().clone();
        orphans.iter().flat_map(|orphan| orphan["lost"].as_array().unwrap().clone()).collect::<Vec<_>>()
    };
    let build = "/usr/lib/modules/6.1.0-56-cloud-amd64/build";
    let tree = "/usr/src/linux-headers-6.1.0-56-cloud-amd64";
    // The link itself, spelled both ways; the tree it leads to, also by way of the link.
    assert_eq!(lost(build), [build]);
    assert_eq!(lost("/lib/modules/6.1.0-56-cloud-amd64/build"), [build]);
    assert_eq!(lost(tree), [tree]);
    assert_eq!(lost(&format!("{tree}/")), [tree]);
    assert_eq!(lost(&format!("/usr/./src//{HEADERS}")), [tree]);
    assert_eq!(lost("/lib/modules/6.1.0-56-cloud-amd64/build/Module.symvers"), [tree]);
    assert_eq!(lost("/usr/src").len(), 2);
    assert_eq!(lost("/lib/linux-kbuild-6.1").len(), 2);
    assert!(lost("/usr/src/acpi-call-1.2.2").is_empty());
    assert!(lost("/var").is_empty());
    // A link to a tree is not the tree.
    symlink(tree, system.at("srv-link")).unwrap();
    assert!(lost("/srv-link").is_empty());
    // A home that a kernel was built in.
    let system = modules_install();
    let run = system.run(["what-if", "remove", "/home/felix"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("\n  remove  /home/felix\n  lost    /home/felix/linux-6.8\n"), "{run:?}");
}

#[test]
fn a_makefile_in_a_circle_is_no_makefile() {
    let system = modules_install();
    Trap::Loop.set(&system, &format!("{TREE}/Makefile"));
    let run = system.run(["check"]);
    assert!(run.code == 1 && run.stdout.contains("KBG004"), "{run:?}");
}

#[test]
fn a_makefile_that_is_none_is_called_so() {
    for trap in [Trap::Fifo, Trap::Directory] {
        let system = modules_install();
        trap.set(&system, &format!("{TREE}/Makefile"));
        let run = system.run(["check"]);
        assert!(run.stdout.contains("is not a file"), "{trap:?} {run:?}");
    }
}

#[test]
fn a_finding_that_is_ignored_is_not_in_the_message() {
    let system = Layout::named("unprepared-source").assemble();
    system.write("etc/kbuild-guard/config.toml", "ignore = [{ finding = \"KBG022\" }]\n");
    let run = system.run(["check"]);
    assert_eq!(run.code, 1);
    assert!(!run.stdout.contains("KBG022") && run.stdout.contains("KBG030"), "{run:?}");
    assert!(!run.stdout.contains("modules_prepare' there with"), "nor its fix: {run:?}");
}

#[test]
fn what_if_refuses_a_path_that_is_not_there() {
    let system = debian12();
    assert_refused(&system, &["what-if", "remove", "/usr/src/nothing"], "/usr/src/nothing does not exist");
    assert_refused(&system, &["what-if", "remove", ""], "\"\"");
}

#[test]
fn what_if_takes_a_package_with_its_architecture() {
    let system = debian12();
    for package in ["linux-kbuild-6.1:amd64", "linux-headers-6.1.0-56-common:all", &format!("{HEADERS}:amd64")] {
        let run = system.run(["what-if", "remove", package]);
        assert_eq!(run.code, 1, "{package} {run:?}");
    }
    assert_refused(&system, &["what-if", "remove", "linux-kbuild-6.1:i386"], "no package");
}

#[test]
fn what_if_the_modules_directory_goes_the_kernel_goes() {
    let run = debian12().run(["what-if", "remove", "/lib/modules/6.1.0-56-cloud-amd64", "--as-live"]);
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn what_if_prints_paths_that_can_be_found() {
    let system = modules_install();
    fs::create_dir_all(system.at("srv/my tree")).unwrap();
    fs::rename(system.at(TREE), system.at("srv/my tree/linux")).unwrap();
    let link = system.at(&format!("usr/lib/modules/{FELIX}/build"));
    fs::remove_file(&link).unwrap();
    symlink("/srv/my tree/linux", &link).unwrap();
    let run = system.run(["what-if", "remove", "/srv/my tree"]);
    assert_eq!(run.code, 1);
    assert!(!run.stdout.contains("/srv/mytree"), "{run:?}");
    let run = debian12().run(["what-if", "remove", "/usr/src", "--as-live"]);
    assert!(run.stdout.contains("blocked") && !run.stdout.contains("KbuildGuard::Mode"), "{run:?}");
}

#[test]
fn explain_of_a_finding_is_json_too() {
    let run = debian12().run(["explain", "KBG036", "--json"]);
    assert_eq!(run.json()["id"], "KBG036");
}

#[test]
fn json_on_a_terminal_is_plain() {
    let system = modules_install();
    let link = system.at(&format!("usr/lib/modules/{FELIX}/build"));
    fs::remove_file(&link).unwrap();
    let target = "/srv/\u{7f}\u{9b}31m\u{202e}\u{e0001}x";
    symlink(target, &link).unwrap();
    let run = system.run(["check", "--json"]);
    assert!(is_plain(&run.stdout), "{run:?}");
    assert_eq!(run.json()["kernels"][0]["build_link"]["target"], target);
}

#[test]
fn a_tree_cannot_flood_the_terminal() {
    let system = modules_install();
    let header = format!("#define UTS_RELEASE \"{}\"\n", "x".repeat(1 << 20));
    system.write(&format!("{TREE}/include/generated/utsrelease.h"), &header);
    for arguments in [&["check"] as &[&str], &["check", "--json"], &["explain", FELIX]] {
        let run = system.run(arguments);
        assert!(run.stdout.len() < 10_000, "{} bytes", run.stdout.len());
    }
}

/// Runs the command where `apt-cache policy` has a candidate for every package it is asked about.
fn with_an_apt_that_has_everything(system: &System, arguments: &[&str]) -> Run {
    system.write("var/lib/apt/lists/somewhere_Packages", "");
    let programs = system.root().parent().unwrap().join("no-programs");
    let apt_cache = programs.join("apt-cache");
    let script = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done; shift\n\
                  for name; do printf '%s:\\n  Candidate: 1\\n     1 500\\n        500 http://x Packages\\n' \"$name\"; done\n";
    fs::write(&apt_cache, script).unwrap();
    fs::set_permissions(&apt_cache, fs::Permissions::from_mode(0o755)).unwrap();
    system.run(arguments)
}

#[test]
fn the_fix_names_the_package_that_brings_it() {
    for (layout, package) in [
        ("headers-not-installed", "install linux-headers-6.1.0-56-cloud-amd64"),
        ("tree-deleted", "install --reinstall linux-headers-6.1.0-56-cloud-amd64"),
        ("common-missing", "install --reinstall linux-headers-6.1.0-56-common"),
        ("kbuild-missing", "install --reinstall linux-kbuild-6.1"),
        ("autoconf-missing", "install --reinstall linux-headers-6.1.0-56-cloud-amd64"),
        ("header-missing", "install --reinstall linux-headers-6.1.0-56-common"),
        ("compiler-missing", "install --reinstall gcc-12"),
        ("field-dangling-links-inside", "install linux-headers-6.8.0-40"),
        ("proxmox-headers-gone", "install proxmox-headers-6.8.12-4-pve"),
        ("field-dkms-skipped", "install linux-headers-6.1.0-56-cloud-amd64"),
        ("field-meta-package-gone", "install linux-headers-6.12.25+rpt-rpi-v8"),
        ("field-autoremove-took-the-headers", "install linux-headers-6.1.0-56-cloud-amd64"),
        ("field-running-kernel-lost-its-headers", "install linux-headers-6.1.0-55-cloud-amd64"),
        ("files-missing-behind-links", "install --reinstall linux-headers-6.8.0-40"),
        ("libelf-missing", "install libelf1"),
        ("pahole-missing", "install --reinstall pahole"),
        ("make-missing", "install make"),
    ] {
        let run = with_an_apt_that_has_everything(&Layout::named(layout).assemble(), &["check"]);
        assert!(run.stdout.contains(&format!("  fix     apt-get {package}\n")), "{layout} {run:?}");
    }
}

#[test]
fn the_fix_names_the_package_behind_a_link() {
    for layout in
        ["fixdep-missing", "fixdep-empty", "fixdep-not-executable", "objtool-missing", "makefile-build-missing"]
    {
        let run = with_an_apt_that_has_everything(&Layout::named(layout).assemble(), &["check"]);
        let fix = "  fix     apt-get install --reinstall linux-kbuild-6.1\n";
        assert!(run.stdout.contains(fix), "{layout} {run:?}");
    }
}

// Owners and modes.

#[test]
fn a_tree_that_others_can_change_is_a_risk() {
    let tree = "usr/src/linux-headers-6.1.0-56-cloud-amd64";
    let kbuild = "usr/lib/linux-kbuild-6.1/scripts";
    let said = |path: &str, mode: u32, owner: Option<u32>| -> Option<String> {
        let system = debian12();
        system.write("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nfelix:x:1000:1000:,,,:/home/felix:/bin/sh\n");
        system.write("etc/group", "root:x:0:\nfelix:x:1000:\n");
        let path = system.at(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        if owner.is_some() {
            std::os::unix::fs::lchown(&path, owner, owner).unwrap();
        }
        let run = system.run(["check", "--json"]);
        let kernel = run.json()["kernels"][0].clone();
        let findings = kernel["findings"].as_array().unwrap().clone();
        let finding = findings.iter().find(|finding| finding["id"] == "KBG012")?;
        assert_eq!((run.code, kernel["state"].as_str()), (1, Some("degraded")), "{run:?}");
        assert_eq!(finding["effect"], "risk");
        let text = system.run(["check"]).stdout;
        assert!(text.contains("give the tree and every directory above it to root"), "{text}");
        Some(finding["cause"].as_str().unwrap().to_owned())
    };
    assert_eq!(said(tree, 0o755, None), None);
    assert_eq!(said(tree, 0o775, None), None, "nobody but root is in its group");
    let everybody = |path: &str| Some(format!("/{path} can be changed by everybody"));
    assert_eq!(said(tree, 0o777, None), everybody(tree));
    assert_eq!(said("usr/src", 0o777, None), everybody("usr/src"), "the topmost");
    assert_eq!(said("usr/src", 0o1777, None), None, "nobody replaces what belongs to others in a sticky directory");
    assert_eq!(said(kbuild, 0o777, None), everybody(kbuild), "every tree counts");
    let makefile = format!("{tree}/Makefile");
    assert_eq!(said(&makefile, 0o666, None), everybody(&makefile), "what builds run counts");
    if nix::unistd::geteuid().is_root() {
        let felix = |path: &str| Some(format!("/{path} can be changed by felix"));
        assert_eq!(said(tree, 0o755, Some(1000)), felix(tree));
        assert_eq!(said(&makefile, 0o644, Some(1000)), felix(&makefile));
        let somebody = said("usr/src", 0o755, Some(4711));
        assert_eq!(somebody.as_deref(), Some("/usr/src can be changed by uid 4711"));
    }
}

// What no sound system has.

#[test]
fn names_that_are_not_utf8_are_neither_shown_raw_nor_in_the_way() {
    let system = debian12();
    let name = OsStr::from_bytes(b"\xff\xfe\x80");
    let header = system.at(&format!("usr/src/{HEADERS}/include"));
    fs::write(header.join(name), "").unwrap();
    fs::create_dir(system.at("usr/lib/modules").join(name)).unwrap();
    fs::write(system.at("usr/lib/modules").join(name).join("vmlinuz"), "MZ").unwrap();
    fs::write(system.at("boot").join(OsStr::from_bytes(b"vmlinuz-\xff")), "MZ").unwrap();
    fs::create_dir_all(system.at("var/lib/dkms").join(name).join(name).join(KERNEL)).unwrap();
    symlink("/usr/src", system.at("var/lib/dkms").join(name).join(name).join("source")).unwrap();
    fs::write(system.at(&format!("usr/lib/modules/{KERNEL}/updates")).join(name), "").unwrap();
    // A file of that name that the package's list has, and that is gone.
    let list = system.at(&format!("var/lib/dpkg/info/{HEADERS}.list"));
    let mut lines = fs::read(&list).unwrap();
    lines.extend_from_slice(format!("/usr/src/{HEADERS}/include/").as_bytes());
    lines.extend_from_slice(b"\xff\xfe\x80\n");
    fs::write(&list, &lines).unwrap();
    let run = system.run(["check"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    fs::remove_file(header.join(name)).unwrap();
    for arguments in
        [&["check"] as &[&str], &["check", "-vv"], &["status"], &["explain"], &["what-if", "remove", HEADERS]]
    {
        let run = system.run(arguments);
        assert!(is_plain(&run.stdout) && is_plain(&run.stderr), "{arguments:?} {run:?}");
        assert!((0..=1).contains(&run.code), "{arguments:?} {run:?}");
    }
    let run = system.run(["check", "--json"]);
    assert_eq!(run.json()["kernels"][0]["findings"][0]["id"], "KBG041", "{run:?}");
    assert_eq!(run.json()["kernels"][0]["needed_by"].as_array().unwrap().len(), 1, "{run:?}");
    // The build link leads to such a name; a tree has such an architecture.
    let link = system.at(&format!("usr/lib/modules/{KERNEL}/build"));
    fs::remove_file(&link).unwrap();
    symlink(OsStr::from_bytes(b"/usr/src/\xff\x1b[31m"), &link).unwrap();
    let run = system.run(["check"]);
    assert!(run.code == 1 && run.stdout.contains("KBG002") && is_plain(&run.stdout), "{run:?}");
    assert_eq!(system.run(["check", "--json"]).json()["schema"], 1);
}

#[test]
fn a_thousand_directories_of_which_three_are_kernels() {
    let system = debian12();
    for index in 0..1000 {
        let dir = system.at(&format!("usr/lib/modules/5.{index}.0-leftover"));
        fs::create_dir(&dir).unwrap();
        match index % 4 {
            0 => fs::create_dir(dir.join("updates")).unwrap(),
            1 => symlink("/usr/src/gone", dir.join("build")).unwrap(),
            2 => fs::write(dir.join("modules.weakdep"), "").unwrap(),
            _ => {}
        }
    }
    for release in ["5.1.0-leftover", "5.999.0-leftover"] {
        system.write(&format!("boot/vmlinuz-{release}"), "MZ");
    }
    let run = run_in_time(&system, &["check", "--json"]);
    let json = run.json();
    let kernels = json["kernels"].as_array().unwrap();
    let of = |kernel: &serde_json::Value| {
        (kernel["release"].as_str().unwrap().to_owned(), kernel["state"].as_str().unwrap().to_owned())
    };
    let found: Vec<(String, String)> = kernels.iter().map(of).collect();
    let expected = [("5.1.0-leftover", "broken"), ("5.999.0-leftover", "absent"), (KERNEL, "ready")];
    assert_eq!(found, expected.map(|(release, state)| (release.to_owned(), state.to_owned())));
}

#[test]
fn a_thousand_kernels_that_share_one_tree() {
    let system = modules_install();
    fs::remove_dir_all(system.at(&format!("usr/lib/modules/{FELIX}"))).unwrap();
    for index in 0..1000 {
        let release = format!("6.8.{index}-felix");
        system.write(&format!("boot/vmlinuz-{release}"), "MZ");
        system.write(&format!("usr/lib/modules/{release}/modules.order"), "");
        symlink(format!("/{TREE}"), system.at(&format!("usr/lib/modules/{release}/build"))).unwrap();
    }
    let run = run_in_time(&system, &["check", "--json"]);
    let json = run.json();
    let kernels = json["kernels"].as_array().unwrap();
    assert_eq!((run.code, kernels.len()), (1, 1000));
    for kernel in kernels {
        let ids: Vec<&str> =
            kernel["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect();
        // Without symbol versions nobody but 6.8.0 loads what is built there; all of it lies in a home.
        let expected: &[&str] = match kernel["release"].as_str().unwrap() {
            FELIX => &["KBG010"],
            _ => &["KBG020", "KBG010"],
        };
        assert_eq!(ids, expected, "{}", kernel["release"]);
    }
}

#[test]
fn traps_in_the_package_database_do_not_hang() {
    for path in [
        "var/lib/dpkg/status",
        "var/lib/dpkg/info",
        "var/lib/dpkg/info/linux-headers-6.1.0-56-common.list",
        "var/lib/dpkg/updates",
        "var/lib/apt/extended_states",
        "usr/src/acpi-call-1.2.2/dkms.conf",
        "etc/dkms/acpi-call.conf",
        "var/lib/dkms/acpi-call/1.2.2/source",
        "usr/sbin/dkms",
        "usr/bin/make",
        "usr/bin/x86_64-linux-gnu-gcc-12",
        "usr/lib/linux-kbuild-6.1/scripts/basic/fixdep",
        "usr/lib/linux-kbuild-6.1/scripts/mod",
        "var/lib/kbuild-guard/trees.json",
    ] {
        for trap in [Trap::Fifo, Trap::Socket, Trap::Device, Trap::Directory, Trap::Loop, Trap::Zeros] {
            let system = debian12();
            fs::create_dir_all(system.at(path).parent().unwrap()).unwrap();
            trap.set(&system, path);
            let run = run_in_time(&system, &["check"]);
            assert!([0, 1, 3].contains(&run.code), "{path} {trap:?} {run:?}");
            assert!(is_plain(&run.stdout) && is_plain(&run.stderr), "{path} {trap:?} {run:?}");
            assert!(run.stderr.lines().count() <= 3, "{path} {trap:?} {run:?}");
        }
    }
}

#[test]
fn odd_lines_in_a_package_list_are_passed_over() {
    let system = debian12();
    let list = system.at(&format!("var/lib/dpkg/info/{HEADERS}.list"));
    let sound = fs::read(&list).unwrap();
    let tree = format!("/usr/src/{HEADERS}");
    let long = format!("{tree}/{}", "x".repeat(1 << 16));
    for odd in
        ["\n\n\n", "\0\n", "relative/path\n", "/\n//\n/.\n/..\n", "usr/src\n", "# comment\n", "no newline at the end"]
    {
        let mut lines = sound.clone();
        lines.extend_from_slice(odd.as_bytes());
        fs::write(&list, &lines).unwrap();
        let run = run_in_time(&system, &["check"]);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "{odd:?}");
    }
    for odd in [long, format!("{tree}/../../../etc/nothing"), format!("{tree}/a\0b"), format!("{tree}/\u{1b}[2Jx")] {
        let mut lines = sound.clone();
        lines.extend_from_slice(format!("{odd}\n").as_bytes());
        fs::write(&list, &lines).unwrap();
        let run = run_in_time(&system, &["check"]);
        assert!([0, 1, 3].contains(&run.code), "{run:?}");
        assert!(is_plain(&run.stdout) && is_plain(&run.stderr) && run.stdout.len() < 10_000, "{run:?}");
    }
    let status = fs::read_to_string(system.at("var/lib/dpkg/status")).unwrap();
    fs::write(&list, &sound).unwrap();
    for odd in
        ["\n\n\n\n", "garbage\n", ": : :\n", " continued\n", "Package:\nStatus:\n\n", "Package: x\n\nPackage: x\n"]
    {
        system.write("var/lib/dpkg/status", &format!("{odd}{status}{odd}"));
        let run = run_in_time(&system, &["check"]);
        assert!([0, 1, 3].contains(&run.code) && is_plain(&run.stderr), "{odd:?} {run:?}");
    }
}

/// Runs `check` with what an attacker can make of a sound ELF file at `path`: cut short anywhere, and with
/// every number of its header turned into an absurd one.
fn with_every_damage(system: &System, path: &str) {
    let sound = fs::read(system.at(path)).unwrap();
    let cut = (0..sound.len()).step_by(sound.len() / 20).map(|length| sound[..length].to_vec());
    let fields = [
        (4, 1),
        (5, 1),
        (16, 2),
        (18, 2),
        (24, 8),
        (32, 8),
        (40, 8),
        (52, 2),
        (54, 2),
        (56, 2),
        (58, 2),
        (60, 2),
        (62, 2),
    ];
    let absurd = fields.iter().flat_map(|(at, width)| {
        [0xff, 0x7f, 0x00, 0x80].map(|byte| {
            let mut damaged = sound.clone();
            damaged[*at..at + width].fill(byte);
            damaged
        })
    });
    // Also everything behind the header, in strides: section and program headers, version tables.
    let further = (64..sound.len().saturating_sub(8)).step_by(sound.len() / 30).map(|at| {
        let mut damaged = sound.clone();
        damaged[at..at + 8].fill(0xff);
        damaged
    });
    let mut runs = 0;
    for damaged in cut.chain(absurd).chain(further) {
        fs::write(system.at(path), &damaged).unwrap();
        let run = run_in_time(system, &["check"]);
        assert!([0, 1, 3].contains(&run.code), "{path} {run:?}");
        assert!(is_plain(&run.stdout) && is_plain(&run.stderr), "{path} {run:?}");
        assert!(!run.stderr.contains("panicked"), "{path} {run:?}");
        runs += 1;
    }
    assert!(runs > 90, "{runs}");
    fs::write(system.at(path), &sound).unwrap();
}

#[test]
fn damaged_elf_files_are_no_danger() {
    let libraries = Layout::named("libraries-are-here").assemble();
    with_every_damage(&libraries, "usr/lib/linux-kbuild-6.1/scripts/basic/fixdep");
    with_every_damage(&libraries, "usr/lib/x86_64-linux-gnu/libc.so.6");
    let stamped = Layout::named("same-build").assemble();
    with_every_damage(&stamped, &format!("usr/lib/modules/{KERNEL}/kernel/drivers/net/dummy.ko"));
    assert_eq!(libraries.run(["check"]).code, 0);
    assert_eq!(stamped.run(["check"]).code, 0);
}

/// Zeros without end, packed by zstd: blocks of one byte repeated (RFC 8878, 3.1.1.2).
fn zstd_bomb(blocks: u32) -> Vec<u8> {
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    for block in 1..=blocks {
        let header = (128 << 10) << 3 | 1 << 1 | u32::from(block == blocks);
        bomb.extend_from_slice(&header.to_le_bytes()[..3]);
        bomb.push(0);
    }
    bomb
}

/// The same packed by gzip: a zero and matches of 258 bytes one byte back, in fixed codes (RFC 1951, 3.2.6).
fn gzip_bomb(matches: usize) -> Vec<u8> {
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let bits = "11000110000".bytes().chain(std::iter::repeat_n("1100010100000", matches).flat_map(str::bytes));
    let bits: Vec<bool> = bits.chain("0000000".bytes()).map(|bit| bit == b'1').collect();
    let byte = |bits: &[bool]| bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << at);
    bomb.extend(bits.chunks(8).map(byte));
    bomb.resize(bomb.len() + 8, 0);
    bomb
}

#[test]
fn a_module_that_unpacks_to_gigabytes_is_read_in_bounds() {
    let system = Layout::named("same-build").assemble();
    let module = format!("usr/lib/modules/{KERNEL}/kernel/drivers/net/dummy.ko");
    fs::remove_file(system.at(&module)).unwrap();
    // A gigabyte, and 150 MB; and a file that only says that it needs a window of four terabytes. The same
    // packed by xz is the layout packed-module-is-a-bomb.
    let zstd = zstd_bomb(8192);
    let mut window = zstd_bomb(1);
    window[5] = 0xff;
    for (suffix, bytes) in [(".zst", zstd), (".zst", window), (".gz", gzip_bomb(600_000))] {
        assert!(bytes.len() < 1 << 20, "{} is not even read", bytes.len());
        let packed = system.at(&format!("{module}{suffix}"));
        fs::write(&packed, bytes).unwrap();
        // 400 MB of address space, of which the program itself takes some.
        let mut command = std::process::Command::new("/bin/sh");
        let program = env!("CARGO_BIN_EXE_kbuild-guard");
        command.args(["-c", "ulimit -v 400000; exec \"$@\"", "sh", program, "--root"]);
        let begun = Instant::now();
        let run = Run::of(command.arg(system.root()).arg("check"));
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "{suffix}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{suffix}");
        fs::remove_file(&packed).unwrap();
    }
}

#[test]
fn links_in_circles_are_everywhere_no_more_than_missing_files() {
    let system = debian12();
    for (path, target) in [
        ("usr/src/circle-a", "circle-b"),
        ("usr/src/circle-b", "circle-a"),
        ("usr/lib/modules/6.2.0-circle", "6.2.0-circle"),
        ("boot/vmlinuz-6.2.0-circle", "vmlinuz-6.2.0-circle"),
        ("var/lib/dkms/circle", "circle"),
        ("var/lib/dkms/acpi-call/9", "9"),
    ] {
        symlink(target, system.at(path)).unwrap();
    }
    assert_eq!(run_in_time(&system, &["check"]).code, 0);
    let link = system.at(&format!("usr/lib/modules/{KERNEL}/build"));
    fs::remove_file(&link).unwrap();
    symlink("/usr/src/circle-a", &link).unwrap();
    let run = run_in_time(&system, &["check"]);
    assert!(run.code == 1 && run.stdout.contains("KBG003"), "{run:?}");
    // Forty links are followed, as the kernel does; one more is a circle.
    for (links, state) in [(38, "ready"), (41, "broken")] {
        let system = debian12();
        let link = system.at(&format!("usr/lib/modules/{KERNEL}/build"));
        fs::remove_file(&link).unwrap();
        symlink("/usr/src/chain-1", &link).unwrap();
        for index in 1..links {
            symlink(format!("chain-{}", index + 1), system.at(&format!("usr/src/chain-{index}"))).unwrap();
        }
        symlink(HEADERS, system.at(&format!("usr/src/chain-{links}"))).unwrap();
        let run = run_in_time(&system, &["check", "--json"]);
        assert_eq!(run.json()["kernels"][0]["state"], state, "{links} {run:?}");
    }
}

#[test]
fn a_package_that_nobody_offers_is_not_named() {
    let system = Layout::named("field-dkms-skipped").assemble();
    system.write("var/lib/apt/lists/somewhere_Packages", "");
    let apt_cache = system.root().parent().unwrap().join("no-programs/apt-cache");
    fs::write(&apt_cache, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&apt_cache, fs::Permissions::from_mode(0o755)).unwrap();
    let run = system.run(["check"]);
    assert!(run.code == 1 && run.stdout.contains("install the headers of exactly this release"), "{run:?}");
    assert!(!run.stdout.contains("apt-get") && !run.stdout.contains(HEADERS), "{run:?}");
}

#[test]
fn what_only_rust_modules_need_is_no_loss() {
    let system = Layout::named("ubuntu-ga-and-hwe").assemble();
    let package = "linux-hwe-6.11-lib-rust-6.11.0-21-generic";
    let tree = format!("usr/src/{package}/rust");
    system.write(&format!("{tree}/Makefile"), "");
    let list = format!("/.\n/usr\n/usr/src\n/usr/src/{package}\n/{tree}\n/{tree}/Makefile\n");
    system.write(&format!("var/lib/dpkg/info/{package}.list"), &list);
    let status = fs::read_to_string(system.at("var/lib/dpkg/status")).unwrap();
    let stanza = format!("Package: {package}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n");
    system.write("var/lib/dpkg/status", &format!("{status}\n{stanza}"));
    let run = system.run(["what-if", "remove", "--as-live", package]);
    assert_eq!(run.code, 0, "{run:?}");
    let run = system.run(["what-if", "remove", "linux-hwe-6.11-headers-6.11.0-21"]);
    assert_eq!(run.code, 1, "{run:?}");
}
