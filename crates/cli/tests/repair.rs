// SPDX-License-Identifier: MIT OR Apache-2.0
//! `repair`: what it says and does, and what it leaves alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "the support module serves several tests")]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;
use support::{Layout, Run, System, run_in_time};

const RELEASE: &str = "6.8.0-felix";
const TREE: &str = "/home/felix/linux-6.8";
const MOVED: &str = "/home/felix/archive/linux";
const LINK: &str = "/lib/modules/6.8.0-felix/build";
const SOURCE: &str = "/lib/modules/6.8.0-felix/source";

/// A kernel of felix' own, whose tree has been moved.
fn moved() -> System {
    let system = Layout::named("modules-install").assemble();
    fs::create_dir_all(system.at("/home/felix/archive")).unwrap();
    fs::rename(system.at(TREE), system.at(MOVED)).unwrap();
    system
}

fn link(system: &System, path: &str) -> Option<String> {
    fs::read_link(system.at(path)).ok().map(|target| target.to_str().unwrap().to_owned())
}

fn set(system: &System, path: &str, target: &str) {
    let _ = fs::remove_file(system.at(path));
    symlink(target, system.at(path)).unwrap();
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path()).unwrap(), to).unwrap();
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn kernels(system: &System) -> Vec<Value> {
    system.run(["check", "--json"]).json()["kernels"].as_array().unwrap().clone()
}

/// A message in which commands are on one line each, and name no root: they name the one that the run was for.
fn unwrapped(system: &System, text: &str) -> String {
    let root = system.at("/");
    let named = format!("kbuild-guard --root {} ", root.display().to_string().trim_end_matches('/'));
    let text = text.replace(" \\\n          ", " ");
    assert_eq!(text.matches("kbuild-guard repair").count(), 0, "{text}");
    text.replace(&named, "kbuild-guard ")
}

/// What it says, where it refuses, with everything as it was.
fn refused(system: &System, words: &[&str]) -> Run {
    let before = (system.listing(), link(system, LINK));
    let run = system.run(["repair"].iter().chain(words));
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    assert!(run.stderr.starts_with("kbuild-guard: refused: "), "{run:?}");
    assert_eq!((system.listing(), link(system, LINK)), before, "{run:?}");
    run
}

#[test]
fn a_tree_that_was_moved_is_found_where_it_is_looked_for() {
    let system = moved();
    let nowhere = refused(&system, &[RELEASE]);
    let expected = "kbuild-guard: refused: no tree was found for kernel 6.8.0-felix\n  \
                    search  kbuild-guard repair 6.8.0-felix --search /home/felix\n";
    assert_eq!(unwrapped(&system, &nowhere.stderr), expected);

    let before = system.listing();
    let dry = system.run(["repair", RELEASE, "--search", "/home", "--dry-run"]);
    let expected = "kernel 6.8.0-felix: its build link would lead to a tree that fits\n  \
                    tree    /home/felix/archive/linux\n  \
                    link    /usr/lib/modules/6.8.0-felix/build (leads to /home/felix/linux-6.8)\n  \
                    link    /usr/lib/modules/6.8.0-felix/source (leads to /home/felix/linux-6.8)\n\
                    Nothing was changed.\n";
    assert_eq!((dry.stdout.as_str(), dry.stderr.as_str(), dry.code), (expected, "", 0));
    assert_eq!(system.listing(), before);

    // The only kernel that wants it need not be named.
    let done = system.run(["repair", "--search", "/home"]);
    let expected = "kernel 6.8.0-felix: its build link leads to a tree that fits\n  \
                    tree    /home/felix/archive/linux\n  \
                    link    /usr/lib/modules/6.8.0-felix/build (led to /home/felix/linux-6.8)\n  \
                    link    /usr/lib/modules/6.8.0-felix/source (led to /home/felix/linux-6.8)\n  \
                    state   degraded, was broken\n  \
                    undo    kbuild-guard repair --undo 6.8.0-felix\n";
    let said = unwrapped(&system, &done.stdout);
    assert_eq!((said.as_str(), done.stderr.as_str(), done.code), (expected, "", 0));
    assert_eq!((link(&system, LINK).as_deref(), link(&system, SOURCE).as_deref()), (Some(MOVED), Some(MOVED)));

    let again = system.run(["repair", RELEASE]);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.starts_with("kernel 6.8.0-felix is degraded: there is no better tree for it\n"), "{again:?}");
    assert_eq!(system.run(["repair"]).stdout, "no kernel wants repair\n");

    let dry = system.run(["repair", "--undo", "-n"]);
    assert!(dry.stdout.contains("would lead to /home/felix/linux-6.8\n") && dry.code == 0, "{dry:?}");
    assert_eq!(link(&system, LINK).as_deref(), Some(MOVED));
    let undone = system.run(["repair", "--undo"]);
    let expected = "kernel 6.8.0-felix: its links lead where they led before 'repair'\n  \
                    link    /usr/lib/modules/6.8.0-felix/build leads to /home/felix/linux-6.8\n  \
                    link    /usr/lib/modules/6.8.0-felix/source leads to /home/felix/linux-6.8\n  \
                    state   broken, was degraded\n";
    assert_eq!((undone.stdout.as_str(), undone.code), (expected, 0));
    assert_eq!((link(&system, LINK).as_deref(), link(&system, SOURCE).as_deref()), (Some(TREE), Some(TREE)));
    let nothing = "nothing was moved that has not been taken back\n";
    assert_eq!(system.run(["repair", "--undo"]).stdout, nothing);
    assert_eq!(system.run(["repair", "--undo", RELEASE]).stdout, format!("kernel 6.8.0-felix: {nothing}"));
    // The journal knows the place: nobody needs to search again.
    let known = system.run(["repair", RELEASE, "--json"]).json();
    assert_eq!(known["kernels"][0]["trees"][0]["found"], "journal", "{known:#}");
    assert_eq!(link(&system, LINK).as_deref(), Some(MOVED));
}

/// Whoever logs in is told no longer than it is true.
#[test]
fn the_login_notice_goes_when_the_kernel_is_ready() {
    let system = moved();
    system.write("lib/modules/6.8.0-felix/updates/own.ko", "");
    let notice = system.at("/run/kbuild-guard/notice");
    assert_eq!(system.run(["report"]).code, 0);
    assert!(fs::read_to_string(&notice).unwrap().contains(RELEASE));
    let words = ["repair", RELEASE, "--search", "/home", "--trust-owner", "felix"];
    assert_eq!(system.run(words.iter().chain(&["-n"])).code, 0);
    assert!(notice.exists(), "nothing is mended by a dry run");
    let run = system.run(words);
    assert_eq!(run.code, 0, "{run:?}");
    // In a home it is a risk still.
    assert!(notice.exists(), "{run:?}");
    let run = system.run(["preserve", RELEASE, "--trust-owner", "felix"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!notice.exists(), "{run:?}");
}

#[test]
fn what_was_preserved_can_be_taken_back_step_by_step() {
    let system = Layout::named("modules-install").assemble();
    assert_eq!(system.run(["preserve", RELEASE]).code, 0);
    set(&system, LINK, "/nowhere");
    let done = system.run(["repair", RELEASE]);
    // The copy in /usr/src is ready, the tree in the home is not.
    assert!(done.code == 0 && done.stdout.contains("state   ready, was broken"), "{done:?}");
    assert_eq!(link(&system, LINK).as_deref(), Some("/usr/src/linux-headers-6.8.0-felix"));
    assert_eq!(system.run(["repair", RELEASE]).stdout, "kernel 6.8.0-felix is ready: there is nothing to repair\n");
    let undone = system.run(["repair", "--undo"]);
    assert_eq!((undone.code, link(&system, LINK).as_deref()), (0, Some("/nowhere")), "{undone:?}");
    // That was no move of ours.
    let by_hand = system.run(["repair", "--undo"]);
    let told = "refused: /usr/lib/modules/6.8.0-felix/build leads to /nowhere now, and was moved to \
                /usr/src/linux-headers-6.8.0-felix: somebody has changed it since\n";
    assert!(by_hand.code == 1 && by_hand.stderr.contains(told), "{by_hand:?}");
    assert!(by_hand.stderr.contains("go on   kbuild-guard --root"), "{by_hand:?}");
    let forced = system.run(["repair", "--undo", "--force"]);
    assert!(forced.code == 0 && forced.stdout.contains("before 'preserve'"), "{forced:?}");
    assert_eq!((link(&system, LINK).as_deref(), link(&system, SOURCE).as_deref()), (Some(TREE), Some(TREE)));
}

#[test]
fn where_the_build_link_is_good_only_the_source_link_is_mended() {
    let system = Layout::named("modules-install").assemble();
    set(&system, SOURCE, "/nowhere");
    let done = system.run(["repair", RELEASE]);
    let expected = "kernel 6.8.0-felix: its build link is good, and its source link leads there now\n  \
                    link    /usr/lib/modules/6.8.0-felix/source (led to /nowhere)\n  \
                    state   degraded, was degraded\n  \
                    undo    kbuild-guard repair --undo 6.8.0-felix\n";
    assert_eq!((unwrapped(&system, &done.stdout).as_str(), done.code), (expected, 0));
    assert_eq!((link(&system, LINK).as_deref(), link(&system, SOURCE).as_deref()), (Some(TREE), Some(TREE)));
    // With O= the source is somewhere else, and whichever way its link goes there is right.
    let system = Layout::named("o-equals").assemble();
    let [build, source] = [LINK, SOURCE].map(|path| link(&system, path).unwrap());
    fs::create_dir_all(system.at("/usr/src")).unwrap();
    fs::rename(system.at(&build), system.at("/usr/src/out")).unwrap();
    let done = system.run(["repair", RELEASE]);
    assert_eq!((done.code, link(&system, LINK).as_deref()), (0, Some("/usr/src/out")), "{done:?}");
    assert_eq!(link(&system, SOURCE), Some(source));
}

/// Another tree brings no compiler.
#[test]
fn what_is_not_the_trees_fault_is_not_repaired() {
    let system = Layout::named("compiler-missing").assemble();
    let release = kernels(&system)[0]["release"].as_str().unwrap().to_owned();
    let run = system.run(["repair", &release]);
    let told = format!("kernel {release} is broken, and its tree is good: there is nothing to repair\n");
    assert!(run.code == 0 && run.stdout.replace("\n  ", " ").starts_with(told.trim_end()), "{run:?}");
    assert_eq!(system.run(["repair"]).stdout, "no kernel wants repair\n");
}

#[test]
fn trees_that_do_not_fit_are_refused_each_with_its_reason() {
    let system = moved();
    let at = |name: &str| system.at("/usr/src").join(name);
    let make = |name: &str, change: &dyn Fn(&std::path::Path)| {
        copy(&system.at(MOVED), &at(name));
        change(&at(name));
    };
    make("unprepared", &|tree| {
        fs::remove_dir_all(tree.join("include/config")).unwrap();
        fs::remove_dir_all(tree.join("include/generated")).unwrap();
    });
    make("other-release", &|tree| {
        fs::write(tree.join("include/generated/utsrelease.h"), "#define UTS_RELEASE \"6.8.1-felix\"\n").unwrap();
    });
    make("half", &|tree| fs::remove_file(tree.join("scripts/basic/fixdep")).unwrap());
    fs::remove_dir_all(system.at(MOVED)).unwrap();
    let run = refused(&system, &[RELEASE]);
    let said = run.stderr.replace("\n          ", " ");
    for (tree, reason) in [
        ("/usr/src/unprepared", "include/config/auto.conf does not exist"),
        ("/usr/src/other-release", "/usr/src/other-release is the tree of 6.8.1-felix"),
        ("/usr/src/half", "scripts/basic/fixdep does not exist"),
    ] {
        let line = said.lines().find(|line| line.contains(tree)).unwrap_or_else(|| panic!("{tree}: {run:?}"));
        assert!(line.starts_with("  no      /usr/src/") && line.contains(reason), "{line}");
    }
    assert!(said.starts_with("kbuild-guard: refused: no tree that was found fits kernel 6.8.0-felix\n"), "{said}");

    // Of the same release and another build.
    let other = Layout::named("other-build").assemble();
    let release = "6.1.0-56-cloud-amd64";
    let run = other.run(["repair", release, "--force"]);
    assert!(run.code == 1 && run.stderr.replace("\n          ", " ").contains("symbols compared differ"), "{run:?}");
}

#[test]
fn what_others_can_change_is_taken_only_when_they_are_trusted() {
    let system = moved();
    fs::set_permissions(system.at(MOVED).join("scripts/mod"), Permissions::from_mode(0o777)).unwrap();
    let run = refused(&system, &[RELEASE, "--search", "/home"]);
    let said = run.stderr.replace(" \\\n          ", " ");
    assert!(said.contains("no      /home/felix/archive/linux/scripts/mod can be changed by everybody\n"), "{said}");
    assert!(said.contains("repair 6.8.0-felix --search /home --trust-owner everybody\n"), "{said}");
    let trusted = system.run(["repair", RELEASE, "--search", "/home", "--trust-owner", "everybody"]);
    assert_eq!((trusted.code, link(&system, LINK).as_deref()), (0, Some(MOVED)), "{trusted:?}");
    // A worse tree of root's own is better than one that a stranger can change.
    let system = moved();
    fs::set_permissions(system.at(MOVED), Permissions::from_mode(0o777)).unwrap();
    copy(&system.at(MOVED), &system.at("/srv/linux"));
    fs::set_permissions(system.at("/srv/linux"), Permissions::from_mode(0o755)).unwrap();
    let run = system.run(["repair", RELEASE, "--search", "/home", "--search", "/srv"]);
    assert_eq!((run.code, link(&system, LINK).as_deref()), (0, Some("/srv/linux")), "{run:?}");
}

#[test]
fn a_link_that_a_package_owns_stays_unless_it_is_forced() {
    let packaged = || {
        let system = Layout::named("debian12-two-kernels").assemble();
        let path = "/lib/modules/6.1.0-56-cloud-amd64/build";
        set(&system, path, "/usr/src/elsewhere");
        (system, path)
    };
    let (system, path) = packaged();
    let before = system.listing();
    let run = system.run(["repair", "6.1.0-56-cloud-amd64"]);
    let told = "kbuild-guard: refused: the package linux-headers-6.1.0-56-cloud-amd64 owns \
                /usr/lib/modules/6.1.0-56-cloud-amd64/build\n  \
                fix     install the package linux-headers-6.1.0-56-cloud-amd64 again\n";
    assert!(run.code == 1 && run.stderr.starts_with(told) && run.stderr.contains("--force"), "{run:?}");
    assert_eq!(system.listing(), before);
    let forced = system.run(["repair", "6.1.0-56-cloud-amd64", "--force"]);
    assert!(forced.code == 0, "{forced:?}");
    assert!(forced.stdout.contains("  of      the package linux-headers-6.1.0-56-cloud-amd64\n"), "{forced:?}");
    assert_eq!(link(&system, path).as_deref(), Some("/usr/src/linux-headers-6.1.0-56-cloud-amd64"));
}

#[test]
fn a_directory_is_never_replaced() {
    let system = Layout::named("arch").assemble();
    fs::remove_file(system.at("/usr/lib/modules/6.9.1-arch1-1/build/scripts/mod/modpost")).unwrap();
    let run = system.run(["repair", "6.9.1-arch1-1", "--force"]);
    let told = "refused: /usr/lib/modules/6.9.1-arch1-1/build is a directory and no link: it is not replaced";
    assert!(run.code == 1 && run.stderr.replace('\n', " ").contains(told), "{run:?}");
    let system = moved();
    fs::remove_file(system.at(LINK)).unwrap();
    system.write(LINK, "a file");
    let run = system.run(["repair", RELEASE, "--search", "/home"]);
    assert!(run.code == 1 && run.stderr.contains("neither a link nor a directory"), "{run:?}");
}

#[test]
fn without_a_name_it_is_the_only_one_or_all() {
    let system = Layout::named("debian12-two-kernels").assemble();
    for release in ["6.1.0-55-cloud-amd64", "6.1.0-56-cloud-amd64"] {
        set(&system, &format!("/lib/modules/{release}/build"), "/nowhere");
    }
    let which = system.run(["repair"]);
    let told = "kbuild-guard: several kernels want repair: 6.1.0-55-cloud-amd64, 6.1.0-56-cloud-amd64; name one, or \
                say --all\n";
    assert_eq!((which.stderr.as_str(), which.code), (told, 2));
    // One fits, one does not: the other is mended all the same.
    fs::remove_file(system.at("/usr/src/linux-headers-6.1.0-55-cloud-amd64/Module.symvers")).unwrap();
    let all = system.run(["repair", "--all", "--force", "--json"]);
    assert_eq!(all.code, 1, "{all:?}");
    let outcomes: Vec<Value> =
        all.json()["kernels"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(outcomes, ["refused", "relinked"], "{all:?}");
    // What the admin knows of and wants so is left alone.
    system.write("etc/kbuild-guard/config.toml", "ignore = [{ finding = \"KBG002\", release = \"*\" }]\n");
    assert_eq!(system.run(["repair"]).stdout, "no kernel wants repair\n");
}

#[test]
fn wrong_calls_are_told() {
    let system = moved();
    let called = |words: &[&str], what: &str| {
        let before = system.listing();
        let run = system.run(["repair"].iter().chain(words));
        assert!(run.code == 2 && run.stderr.contains(what) && run.stdout.is_empty(), "{run:?}");
        assert_eq!(system.listing(), before);
    };
    called(&["6.9.0"], "6.9.0 is not an installed kernel here");
    called(&[RELEASE, "--all"], "cannot be used with");
    called(&["--undo", "--all"], "cannot be used with");
    called(&["--undo", "--search", "/home"], "cannot be used with");
    called(&[RELEASE, "--search", "home"], "home is not the absolute path");
    called(&[RELEASE, "--search", "/nowhere"], "/nowhere does not exist");
}

#[test]
fn a_home_that_is_not_mounted_is_waited_for() {
    let system = Layout::named("home-not-mounted").assemble();
    let release = kernels(&system)[0]["release"].as_str().unwrap().to_owned();
    let run = system.run(["repair", &release, "--search", "/"]);
    assert!(run.code == 1 && run.stderr.contains("which is not mounted"), "{run:?}");
}

#[test]
fn a_journal_that_is_not_ours_stops_it() {
    let system = moved();
    system.write("var/lib/kbuild-guard/relinked.json", "{");
    for words in [&["repair", RELEASE, "--search", "/home"] as &[&str], &["repair", "--undo", RELEASE]] {
        let run = system.run(words);
        assert!(run.code == 1 && run.stderr.contains("is not a journal that this version knows"), "{run:?}");
    }
    assert_eq!(link(&system, LINK).as_deref(), Some(TREE));
}

/// FIFOs, links in circles, links out of the root, a directory without an end: it neither waits nor leaves its root.
#[test]
fn a_hostile_directory_holds_nobody_up() {
    let system = moved();
    let evil = system.at("/home/felix/evil");
    fs::create_dir_all(evil.join("a/arch")).unwrap();
    fs::create_dir_all(evil.join("a/include/config")).unwrap();
    for path in ["a/Makefile", "a/include/config/auto.conf", "a/Module.symvers"] {
        nix::unistd::mkfifo(&evil.join(path), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    symlink("..", evil.join("round")).unwrap();
    symlink("/", evil.join("out")).unwrap();
    symlink("/home/felix/evil/b", evil.join("b")).unwrap();
    fs::create_dir_all(evil.join("line\nbreak/arch")).unwrap();
    fs::create_dir_all(evil.join("line\nbreak/include")).unwrap();
    fs::write(evil.join("line\nbreak/Makefile"), "include /etc/passwd\n").unwrap();
    let run = run_in_time(&system, &["repair", RELEASE, "--search", "/home", "--dry-run"]);
    assert_eq!(run.code, 0, "{run:?}");
    fs::remove_dir_all(system.at(MOVED)).unwrap();
    let run = run_in_time(&system, &["repair", RELEASE, "--search", "/home"]);
    assert!(run.code == 1 && run.stderr.contains("line\\nbreak"), "{run:?}");
}
