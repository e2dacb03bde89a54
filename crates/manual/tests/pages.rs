// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pages have everything that there is to tell, and are what man(7) wants. `cargo xtask man` has mandoc, man and
//! the shells judge them too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::process::Command;

use clap::CommandFactory;
use kbuild_guard::checks::CATALOGUE;
use kbuild_guard::policy::Mode;
use kbuild_guard_cli::{Options, STATUSES};

/// The day of the tests.
const DAY: u64 = 1_795_392_000;

fn page(file: &str) -> String {
    let pages = manual::pages(Some(DAY)).unwrap();
    pages.into_iter().find(|(path, _)| path.ends_with(file)).unwrap().1
}

fn escaped(text: &str) -> String {
    text.replace('-', "\\-").replace('\'', "\\(aq")
}

/// A page's words, however its lines are broken.
fn words(page: &str) -> String {
    page.split_whitespace().collect::<Vec<&str>>().join(" ")
}

fn verbs(command: &clap::Command) -> Vec<&clap::Command> {
    command.get_subcommands().filter(|verb| verb.get_name() != "help").collect()
}

#[test]
fn the_command_has_every_verb_and_option() {
    let page = page("kbuild-guard.1");
    let mut command = Options::command();
    command.build();
    let mut count = 0;
    for verb in verbs(&command) {
        for verb in if verb.has_subcommands() { verbs(verb) } else { vec![verb] } {
            let name = escaped(verb.get_bin_name().unwrap());
            assert!(page.contains(&format!(".SS \"{name}")), "{name} has no heading");
            for argument in verb.get_arguments().filter(|argument| argument.get_id() != "help") {
                let help = escaped(&argument.get_help().unwrap().to_string());
                assert!(words(&page).contains(&help), "{name}: {help}");
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count}");
    for argument in command.get_arguments() {
        let option = escaped(argument.get_long().unwrap());
        assert!(page.contains(&format!("\\-\\-{option}\\fR")), "--{option}");
    }
    for (status, meaning) in STATUSES {
        assert!(words(&page).contains(&format!("\\fB{status}\\fR {}", escaped(meaning))), "{status}");
    }
    assert!(!page.contains("Print help (see a summary") || page.matches("Print help").count() == 1, "of every verb");
}

#[test]
fn the_findings_are_all_there() {
    let page = words(&page("kbuild-guard-findings.7"));
    for entry in CATALOGUE {
        assert!(
            page.contains(&format!("\"{}: {}\"", entry.code, escaped(&entry.title.to_uppercase()))),
            "{}",
            entry.code
        );
        assert!(page.contains(&format!("{}.", escaped(entry.advice))) || entry.advice.contains('`'), "{}", entry.code);
    }
}

#[test]
fn the_configuration_and_the_hooks_are_the_documents() {
    let configuration = page("kbuild-guard.toml.5");
    for (mode, _) in Mode::NAMES {
        assert!(configuration.contains(&format!("\"{mode}\"")), "{mode}");
    }
    for word in [".SS \"ignore\"", "kbuild\\-guard\\-findings\\fR(7)", "conf.d/*.toml", "KBUILD_GUARD_MODE"] {
        assert!(configuration.contains(word), "{word}");
    }
    let hooks = page("kbuild-guard.8");
    for word in ["/usr/lib/kbuild\\-guard/apt\\-hook", "dpkg\\-trigger\\-hook", ".SH \"SWITCHING IT OFF\""] {
        assert!(hooks.contains(word), "{word}");
    }
}

#[test]
fn pages_are_sources_that_man_takes() {
    let pages = manual::pages(Some(DAY)).unwrap();
    assert_eq!(pages.len(), manual::PAGES.len());
    for (path, page) in &pages {
        let title = page.lines().next().unwrap();
        assert!(title.starts_with(".TH \"KBUILD\\-GUARD") && title.contains("\"2026-11-23\""), "{title}");
        assert!(page.contains(".SH \"NAME\"\nkbuild\\-guard") || page.contains(".SH NAME\nkbuild\\-guard"), "{path:?}");
        let mut verbatim = false;
        for line in page.lines() {
            assert!(line.is_ascii() && !line.ends_with(' '), "{path:?}: {line:?}");
            verbatim = (verbatim || line == ".nf") && line != ".fi";
            let is_title = line.starts_with(".TH");
            assert!(verbatim || is_title || (!line.is_empty() && line.len() <= 80), "{path:?}: {line:?}");
            let is_macro = [".TH", ".SH", ".SS", ".PP", ".TP", ".IP", ".RS", ".RE", ".nf", ".fi", ".br"];
            assert!(!line.starts_with(['.', '\'']) || is_macro.iter().any(|name| line.starts_with(name)), "{line}");
        }
        assert!(!verbatim, "{path:?}");
    }
    assert_eq!(pages, manual::pages(Some(DAY)).unwrap(), "the same sources make the same pages");
    let undated = manual::pages(None).unwrap();
    assert!(undated.iter().all(|(_, page)| page.lines().next().unwrap().contains("\" \"\" \"kbuild-guard")));
}

/// What bash offers for a line that was begun.
fn offered(file: &std::path::Path, typed: &[&str]) -> Vec<String> {
    let last = typed.len() - 1;
    let script = format!(
        "source '{}'; COMP_WORDS=({}); COMP_CWORD={last}; \
         called=$(complete -p kbuild-guard); called=${{called#*-F }}; ${{called%% *}} kbuild-guard '{}' '{}'; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display(),
        typed.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        typed[last],
        typed[last.saturating_sub(1)],
    );
    let answer = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
    assert!(answer.status.success() && answer.stderr.is_empty(), "{answer:?}");
    String::from_utf8(answer.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_verbs_options_and_findings() {
    let dir = tempfile::tempdir().unwrap();
    manual::write(dir.path(), None).unwrap();
    let file = dir.path().join("completions/bash/kbuild-guard");
    assert_eq!(offered(&file, &["kbuild-guard", "ho"]), ["hooks"]);
    assert_eq!(offered(&file, &["kbuild-guard", "check", "--js"]), ["--json"]);
    assert_eq!(offered(&file, &["kbuild-guard", "status", "--color", "a"]), ["auto", "always"]);
    let ids: Vec<&str> = CATALOGUE.iter().map(|entry| entry.code).collect();
    assert_eq!(offered(&file, &["kbuild-guard", "explain", "KBG"]), ids);
    assert_eq!(offered(&file, &["kbuild-guard", "what-if", "re"]), ["remove"]);
}

#[test]
fn every_shell_has_every_verb_and_finding() {
    for (path, text) in manual::completions().unwrap() {
        let command = Options::command();
        for verb in verbs(&command) {
            assert!(text.contains(verb.get_name()), "{path:?} {}", verb.get_name());
        }
        for entry in CATALOGUE {
            assert!(text.contains(entry.code), "{path:?} {}", entry.code);
        }
    }
}
