// SPDX-License-Identifier: MIT OR Apache-2.0
//! `config`: what is in force, from where, and what is wrong; and that nothing that is wrong stops anybody.
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
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;
use serde_json::json;
use support::{Layout, Run, System, run_in_time};

const VENDOR: &str = "usr/lib/kbuild-guard/10-site.toml";
const ADMIN: &str = "etc/kbuild-guard/config.toml";
const DROP_IN: &str = "etc/kbuild-guard/conf.d/50-felix.toml";

#[test]
fn without_files_the_defaults_are_shown() {
    let run = System::empty().run(["config"]);
    let expected = "  mode    guard
          by default
  ignore  nothing
          by default
  journal yes
          by default
  notice  yes
          by default
  metrics /var/lib/prometheus/node-exporter, if it is there
          by default
  files   none: these are the defaults
";
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, expected, ""));
    let run = System::empty().run(["config", "-q"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}

#[test]
fn every_word_has_its_place() {
    let system = System::empty();
    system.write(VENDOR, "mode = \"warn\"\nignore = [{ finding = \"KBG001\" }]\nreport.notice = true\n");
    let report = "[report]\nnotice = false\nmetrics_dir = \"/srv/metrics\"\n";
    system.write(ADMIN, &format!("# ours\n\nmode = \"strict\"\n\n{report}"));
    let felix = "ignore = [\n  { finding = \"KBG020\", release = \"*-felix\" },\n  { finding = \"KBG051\" },\n]\n";
    system.write(DROP_IN, felix);
    system.write("etc/kbuild-guard/conf.d/notes.txt", "mode = \"off\"\n");
    symlink("/dev/null", system.at("etc/kbuild-guard/conf.d/60-masked.toml")).unwrap();
    let run = system.run(["config"]);
    let expected = "  mode    strict
          from /etc/kbuild-guard/config.toml:3
          instead of warn from /usr/lib/kbuild-guard/10-site.toml:1
  ignore  KBG020 on *-felix
          from /etc/kbuild-guard/conf.d/50-felix.toml:2
          KBG051 on *
          from /etc/kbuild-guard/conf.d/50-felix.toml:3
          instead of KBG001 on * from /usr/lib/kbuild-guard/10-site.toml:2
  journal yes
          by default
  notice  no
          from /etc/kbuild-guard/config.toml:6
          instead of yes from /usr/lib/kbuild-guard/10-site.toml:3
  metrics /srv/metrics
          from /etc/kbuild-guard/config.toml:7
  files   /usr/lib/kbuild-guard/10-site.toml
          /etc/kbuild-guard/config.toml
          /etc/kbuild-guard/conf.d/notes.txt (passed over: its name does not end
          in .toml)
          /etc/kbuild-guard/conf.d/50-felix.toml
          /etc/kbuild-guard/conf.d/60-masked.toml (a link to /dev/null: empty)
";
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, expected, ""));
    let document = system.run(["config", "--json"]).json();
    assert_eq!(document["mode"]["value"], "strict");
    let source = json!({ "kind": "file", "path": "/etc/kbuild-guard/config.toml", "line": 3 });
    assert_eq!(document["mode"]["source"], source);
    assert_eq!(document["ignore"]["value"][1]["source"]["line"], 3);
    let metrics = json!({
        "value": "/srv/metrics",
        "source": { "kind": "file", "path": "/etc/kbuild-guard/config.toml", "line": 7 },
        "overridden": [{
            "value": "/var/lib/prometheus/node-exporter",
            "source": { "kind": "default", "path": null, "line": null },
        }],
    });
    assert_eq!(document["report"]["metrics_dir"], metrics);
    assert_eq!(document["report"]["notice"]["value"], false);
}

#[test]
fn the_environment_lowers_one_run() {
    let system = System::empty();
    system.write(ADMIN, "mode = \"strict\"\n");
    let with = |word: &OsStr| Run::of(system.command(["config"]).env("KBUILD_GUARD_MODE", word));
    let run = with(OsStr::new("warn"));
    let expected = "  mode    warn
          from KBUILD_GUARD_MODE in the environment, for this run
          instead of strict from /etc/kbuild-guard/config.toml:1
";
    assert!(run.code == 0 && run.stdout.starts_with(expected), "{run:?}");
    system.write(ADMIN, "mode = \"off\"\n");
    let run = with(OsStr::new("strict"));
    assert!(run.code == 0 && run.stdout.starts_with("  mode    off\n"), "it only lowers: {run:?}");
    for (word, shown) in [(OsStr::new("loud"), "mode loud"), (OsStr::from_bytes(b"\xff"), "mode")] {
        let run = with(word);
        assert!(run.code == 1 && run.stdout.contains(&format!("warning: KBUILD_GUARD_MODE: {shown}")), "{run:?}");
    }
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let system = System::empty();
    system.write(ADMIN, "colour = 1\nmode = \"loud\"\n");
    system.write(DROP_IN, "mode = = 2\n");
    let run = system.run(["config"]);
    let expected = "  mode    guard
          by default
  ignore  nothing
          by default
  journal yes
          by default
  notice  yes
          by default
  metrics /var/lib/prometheus/node-exporter, if it is there
          by default
  files   /etc/kbuild-guard/config.toml
          /etc/kbuild-guard/conf.d/50-felix.toml (passed over, see below)

kbuild-guard: warning: /etc/kbuild-guard/config.toml:1: unknown key colour
  do      take it out, or mend its name: the keys are mode, ignore and report

kbuild-guard: warning: /etc/kbuild-guard/config.toml:2: mode loud is none of
  off, warn, guard, strict; guard holds
  do      write one of these words

kbuild-guard: warning: /etc/kbuild-guard/conf.d/50-felix.toml:1: ";
    assert!(run.code == 1 && run.stdout.starts_with(expected) && run.stderr.is_empty(), "{run:?}");
    assert!(run.stdout.ends_with("  do      mend this line, it is no TOML\n"), "{run:?}");
    assert_eq!(system.run(["config", "-q"]).code, 1);
    assert_eq!(system.run(["config", "--json"]).json()["warnings"].as_array().unwrap().len(), 3);
}

/// Whatever stands where a file ought to, every verb answers, in time, and says so once.
#[test]
fn nothing_there_stops_a_verb() {
    type Put = fn(&System, &str);
    let puts: [(&str, Put); 7] = [
        ("a FIFO", |system, path| nix::unistd::mkfifo(&system.at(path), Mode::S_IRWXU).unwrap()),
        ("a directory", |system, path| fs::create_dir(system.at(path)).unwrap()),
        ("a circle", |system, path| symlink(system.at(path).file_name().unwrap(), system.at(path)).unwrap()),
        ("/dev/zero", |system, path| symlink("/dev/zero", system.at(path)).unwrap()),
        ("no text", |system, path| fs::write(system.at(path), b"mode = \"\xff\xfe\"\n").unwrap()),
        ("no TOML", |system, path| system.write(path, "[[[[\n")),
        ("huge", |system, path| {
            system.write(path, "mode = \"off\"\n");
            fs::File::options().write(true).open(system.at(path)).unwrap().set_len(1 << 32).unwrap();
        }),
    ];
    for (what, put) in puts {
        for path in [VENDOR, ADMIN, DROP_IN] {
            let system = Layout::named("symvers-missing").assemble();
            system.write("etc/kbuild-guard/conf.d/99-last.toml", "ignore = [{ finding = \"KBG001\" }]\n");
            fs::create_dir_all(system.at(path).parent().unwrap()).unwrap();
            put(&system, path);
            let run = run_in_time(&system, &["config"]);
            assert!(run.code == 1 && run.stderr.is_empty(), "{what} {path} {run:?}");
            assert_eq!(run.stdout.matches("kbuild-guard: warning: ").count(), 1, "{what} {path} {run:?}");
            assert!(run.stdout.contains(&format!("warning: /{path}:")), "{what} {path} {run:?}");
            assert!(run.stdout.starts_with("  mode    guard\n          by default\n"), "{what} {path} {run:?}");
            assert!(run.stdout.contains("KBG001 on *"), "the other files count: {what} {path} {run:?}");
            let run = run_in_time(&system, &["check"]);
            assert!(run.code == 1 && run.stdout.contains("KBG036"), "{what} {path} {run:?}");
            assert_eq!(run.stderr.matches("kbuild-guard: warning: ").count(), 1, "{what} {path} {run:?}");
        }
    }
}

#[test]
fn lines_are_narrow_and_plain() {
    let system = System::empty();
    let long = "x".repeat(3000);
    system.write(ADMIN, &format!("{long} = 1\nmode = \"{long}\"\n\"\\u001b[31m\" = 1\n\"\\u202e\" = 2\n"));
    let run = system.run(["config"]);
    assert_eq!(run.code, 1);
    for line in run.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
}

#[test]
fn the_example_is_what_holds_without_it() {
    let example = include_str!("../../../docs/examples/config.toml");
    let system = System::empty();
    system.write(ADMIN, example);
    let run = system.run(["config", "--json"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.json()["mode"]["source"]["kind"], "default");
    // With its settings uncommented, it says the same.
    let keys = ["mode", "ignore", "[report]", "journal", "notice", "metrics_dir"];
    let live =
        keys.iter().fold(example.to_owned(), |text, key| text.replace(&format!("\n#{key}"), &format!("\n{key}")));
    system.write(ADMIN, &live);
    let run = system.run(["config", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        (run.json()["mode"]["value"].as_str(), run.json()["mode"]["source"]["kind"].as_str()),
        (Some("guard"), Some("file"))
    );
    assert_eq!(run.json()["ignore"]["value"], json!([]));
    let unsaid = System::empty().run(["config", "--json"]).json();
    for key in ["journal", "notice", "metrics_dir"] {
        assert_eq!(run.json()["report"][key]["source"]["kind"], "file", "{key}");
        assert_eq!(run.json()["report"][key]["value"], unsaid["report"][key]["value"], "{key}");
    }
    assert!(system.run(["config"]).stdout.contains("node-exporter, if it is there\n"));
}
