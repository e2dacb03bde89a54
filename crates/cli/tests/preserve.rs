// SPDX-License-Identifier: MIT OR Apache-2.0
//! `preserve` on the golden layouts: whatever kernel is usable there, its modules can be built without its trees.
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
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use serde_json::Value;
use support::{Layout, Run, System, run_in_time};

const RELEASE: &str = "6.8.0-felix";
const TREE: &str = "/home/felix/linux-6.8";
const COPY: &str = "/usr/src/linux-headers-6.8.0-felix";
const LINK: &str = "/lib/modules/6.8.0-felix/build";

fn self_built() -> System {
    Layout::named("modules-install").assemble()
}

fn link(system: &System) -> String {
    fs::read_link(system.at(LINK)).unwrap().to_str().unwrap().to_owned()
}

fn kernels(system: &System) -> Vec<Value> {
    system.run(["check", "--json"]).json()["kernels"].as_array().unwrap().clone()
}

/// That the tree is there, the link leads to it, and nothing was made.
fn assert_untouched(system: &System, run: &Run) {
    assert_eq!(link(system), TREE, "{run:?}");
    let left = fs::read_dir(system.at("/usr/src")).map(|dir| dir.count()).unwrap_or(0);
    assert_eq!(left, 0, "{run:?}");
}

#[test]
fn every_usable_kernel_builds_without_its_trees_afterwards() {
    let (mut preserved, mut needed, mut refused) = (0, 0, 0);
    for layout in Layout::all() {
        let usable = |kernel: &Value| ["ready", "degraded"].contains(&kernel["state"].as_str().unwrap());
        for kernel in kernels(&layout.assemble()).iter().filter(|kernel| usable(kernel)) {
            let system = layout.assemble();
            let release = kernel["release"].as_str().unwrap();
            let mut words = vec!["preserve", release, "--json", "--to", "/usr/src/preserved"];
            let mut run = system.run(&words);
            let is_asked = |what: &&str| run.stderr.contains(what);
            if run.code == 1 && ["nothing to preserve; the package", "would not fit the kernel"].iter().any(is_asked) {
                words.push("--force");
                run = system.run(&words);
            }
            // Arch's.
            if run.code == 1 && run.stderr.contains("is a directory and no link") {
                refused += 1;
                continue;
            }
            assert_eq!(run.code, 0, "{}: {release}: {run:?}", layout.name);
            let account = run.json();
            assert_eq!(account["outcome"], "preserved", "{}: {account:#}", layout.name);
            let is_elsewhere = |why: &Value| !why.as_str().unwrap().starts_with("the package ");
            if account["still_needed"].as_array().unwrap().iter().any(is_elsewhere) {
                needed += 1;
                continue;
            }
            for hop in kernel["closure"].as_array().unwrap().iter().skip(1) {
                let path = system.at(hop["path"].as_str().unwrap());
                // Trees in trees; companions are directories of other trees.
                if path.is_dir() {
                    fs::remove_dir_all(path).unwrap();
                }
            }
            let after = kernels(&system).into_iter().find(|other| other["release"] == release).unwrap();
            assert_eq!(after["closure"].as_array().unwrap().len(), 2, "{}: {after:#}", layout.name);
            assert_eq!(after["state"], account["state_after"], "{}: {after:#}", layout.name);
            assert!(usable(&after), "{}: {after:#}", layout.name);
            preserved += 1;
        }
    }
    assert!(preserved > 40 && needed < 20 && refused < 5, "{preserved} {needed} {refused}");
}

#[test]
fn says_what_it_would_do_and_does_it() {
    let system = self_built();
    let before = system.listing();
    let dry = system.run(["preserve", RELEASE, "--dry-run"]);
    let expected = "kernel 6.8.0-felix: what modules are built with would be preserved\n  \
         from    /home/felix/linux-6.8\n  to      /usr/src/linux-headers-6.8.0-felix\n  copy    36 files, 1 MB\n  \
         link    /usr/lib/modules/6.8.0-felix/build (leads to /home/felix/linux-6.8)\n  \
         link    /usr/lib/modules/6.8.0-felix/source (leads to /home/felix/linux-6.8)\nNothing was changed.\n";
    assert_eq!((dry.stdout.as_str(), dry.stderr.as_str(), dry.code), (expected, "", 0));
    assert_eq!(system.listing(), before);
    assert_eq!(system.run(["preserve", RELEASE, "-n", "--json"]).json()["outcome"], "would-preserve");

    let done = system.run(["preserve", RELEASE]);
    let expected = "kernel 6.8.0-felix: what modules are built with is preserved\n  \
         from    /home/felix/linux-6.8\n  to      /usr/src/linux-headers-6.8.0-felix\n  copy    36 files, 1 MB\n  \
         link    /usr/lib/modules/6.8.0-felix/build (led to /home/felix/linux-6.8)\n  \
         link    /usr/lib/modules/6.8.0-felix/source (led to /home/felix/linux-6.8)\n  \
         state   ready, was degraded\n\
         No kernel here needs /home/felix/linux-6.8 any more: archive or delete it as you\nlike.\n";
    assert_eq!((done.stdout.as_str(), done.stderr.as_str(), done.code), (expected, "", 0));
    for name in ["build", "source"] {
        let link = fs::read_link(system.at("/lib/modules/6.8.0-felix").join(name)).unwrap();
        assert_eq!(link.to_str(), Some(COPY), "{name}");
    }
    let journal: Value =
        serde_json::from_slice(&fs::read(system.at("/var/lib/kbuild-guard/relinked.json")).unwrap()).unwrap();
    assert_eq!(journal["entries"][0]["links"][1]["old"], TREE, "{journal:#}");
    assert_eq!(fs::read_dir(system.at("/usr/src")).unwrap().count(), 1);
    assert_eq!(fs::metadata(system.at(COPY)).unwrap().mode() & 0o7777, 0o755);

    fs::remove_dir_all(system.at(TREE)).unwrap();
    let after = system.listing();
    let again = system.run(["preserve", RELEASE]);
    let expected = "kernel 6.8.0-felix: its tree is preserved already, and the build link leads to\n  it\n  \
         to      /usr/src/linux-headers-6.8.0-felix\n";
    assert_eq!((again.stdout.as_str(), again.stderr.as_str(), again.code), (expected, "", 0));
    assert_eq!(system.listing(), after);
    assert_eq!(system.run(["preserve", RELEASE, "--quiet"]).stdout, "");
}

#[test]
fn the_links_are_moved_again_to_a_copy_that_is_there() {
    for is_gone in [false, true] {
        let system = self_built();
        assert_eq!(system.run(["preserve", RELEASE]).code, 0);
        for name in ["build", "source"] {
            fs::remove_file(system.at("/lib/modules/6.8.0-felix").join(name)).unwrap();
            symlink(TREE, system.at("/lib/modules/6.8.0-felix").join(name)).unwrap();
        }
        if is_gone {
            fs::remove_dir_all(system.at(TREE)).unwrap();
        }
        assert_eq!(system.run(["preserve", RELEASE, "--json", "-n"]).json()["outcome"], "would-relink");
        let again = system.run(["preserve", RELEASE, "--json"]);
        assert_eq!(again.json()["outcome"], "relinked", "{again:?}");
        assert_eq!(link(&system), COPY);
    }
}

#[test]
fn what_stands_at_its_place_stays() {
    let changed = |change: &dyn Fn(&System), what: &str| {
        let system = self_built();
        assert_eq!(system.run(["preserve", RELEASE]).code, 0);
        fs::remove_file(system.at(LINK)).unwrap();
        symlink(TREE, system.at(LINK)).unwrap();
        change(&system);
        let before = system.listing();
        let run = system.run(["preserve", RELEASE]);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
        assert!(run.stderr.starts_with("kbuild-guard: refused: ") && run.stderr.contains(what), "{run:?}");
        assert_eq!(system.listing(), before);
    };
    changed(
        &|system| system.write("home/felix/linux-6.8/Module.symvers", "0x1 x vmlinux\n"),
        "another build of this kernel",
    );
    changed(
        &|system| fs::remove_file(system.at(COPY).join(".kbuild-guard.json")).unwrap(),
        "kbuild-guard did not make it",
    );
    changed(&|system| system.write(&format!("{COPY}/.kbuild-guard.json"), "{\"format\": 2}"), "another version");
    changed(
        &|system| fs::remove_file(system.at(COPY).join("scripts/mod/modpost")).unwrap(),
        "no module can be built in",
    );
    changed(
        &|system| {
            fs::remove_dir_all(system.at(COPY)).unwrap();
            system.write(COPY, "a file");
        },
        "it is not a directory",
    );
    changed(
        &|system| {
            fs::rename(system.at(COPY), system.at("/usr/src/x")).unwrap();
            symlink("x", system.at(COPY)).unwrap();
        },
        "it is not a directory",
    );
    changed(&|system| system.write("var/lib/kbuild-guard/relinked.json", "{"), "not a journal");
}

#[test]
fn what_others_can_change_is_copied_only_when_they_are_trusted() {
    let system = self_built();
    fs::set_permissions(system.at(TREE).join("scripts/mod"), Permissions::from_mode(0o777)).unwrap();
    let run = system.run(["preserve", RELEASE, "--dry-run"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("/home/felix/linux-6.8/scripts/mod can be changed by everybody"), "{run:?}");
    let command = run.stderr.replace(" \\\n          ", " ");
    assert!(command.contains("preserve 6.8.0-felix --dry-run --trust-owner everybody"), "{run:?}");
    assert_untouched(&system, &run);
    let trusted = system.run(["preserve", RELEASE, "--trust-owner", "everybody"]);
    assert_eq!(trusted.code, 0, "{trusted:?}");
    assert_eq!(fs::metadata(system.at(COPY).join("scripts/mod")).unwrap().mode() & 0o7777, 0o755);
    // And never to a place that others can change.
    let system = self_built();
    fs::create_dir_all(system.at("/srv/open")).unwrap();
    fs::set_permissions(system.at("/srv/open"), Permissions::from_mode(0o777)).unwrap();
    let run = system.run(["preserve", RELEASE, "--to", "/srv/open/x"]);
    assert!(run.code == 1 && run.stderr.contains("/srv/open can be changed by everybody"), "{run:?}");
    assert_untouched(&system, &run);
}

#[test]
fn where_there_is_nothing_to_preserve_it_says_so() {
    let refused = |change: &dyn Fn(&System), words: &[&str], code: i32, what: &str| {
        let system = self_built();
        change(&system);
        let before = system.listing();
        let run = system.run(["preserve"].iter().chain(words));
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.stderr.contains(what) && run.stdout.is_empty(), "{run:?}");
        assert_eq!(system.listing(), before);
    };
    let nothing = |_: &System| {};
    refused(&nothing, &["6.9.0"], 2, "6.9.0 is not an installed kernel here");
    refused(&nothing, &["../x"], 2, "is not a kernel release");
    refused(&nothing, &[RELEASE, "--to", "copy"], 2, "copy is not the absolute path of a directory");
    refused(&nothing, &[RELEASE, "--to", "/usr/../x"], 2, "is not the absolute path");
    refused(&nothing, &[RELEASE, "--to", "/"], 2, "is not the absolute path");
    refused(&nothing, &[RELEASE, "--to", "/home/felix/linux-6.8/copy"], 1, "lies in the tree");
    refused(&|system| fs::remove_file(system.at(LINK)).unwrap(), &[RELEASE], 1, "is no link to a tree");
    refused(
        &|system| fs::remove_file(system.at(TREE).join("scripts/basic/fixdep")).unwrap(),
        &[RELEASE],
        1,
        "no module can be built in /home/felix/linux-6.8 as it is: /home/felix/linux-6.8/scripts/basic/fixdep",
    );
    refused(
        &|system| fs::rename(system.at(TREE), system.at("/gone")).unwrap(),
        &[RELEASE],
        1,
        "no module can be built",
    );
    let packaged = Layout::named("debian12").assemble();
    let run = packaged.run(["preserve", "6.1.0-56-cloud-amd64"]);
    let owned = "kbuild-guard: refused: nothing to preserve; the package linux-headers-6.1.0-56-cloud-amd64 owns";
    assert!(run.code == 1 && run.stderr.starts_with(owned) && run.stderr.contains("--force"), "{run:?}");
}

/// What a changed tree was is to be had from it alone: a copy of what it is now, and the advice to delete it, are no help.
#[test]
fn a_tree_that_has_changed_is_not_copied_unless_it_is_forced() {
    let system = Layout::named("drift-reconfigured").assemble();
    let run = system.run(["preserve", RELEASE]);
    let told = "kbuild-guard: refused: a copy of /home/felix/linux-6.8 would not fit the kernel any better: ";
    assert!(run.code == 1 && run.stdout.is_empty() && run.stderr.starts_with(told), "{run:?}");
    assert!(run.stderr.contains("CONFIG_SMP is no longer set") && run.stderr.contains("--force"), "{run:?}");
    assert_untouched(&system, &run);
    let forced = system.run(["preserve", RELEASE, "--force"]);
    assert_eq!(forced.code, 0, "{forced:?}");
}

/// Whatever stands in a tree, it is neither waited for nor followed out of it.
#[test]
fn a_hostile_tree_gives_nothing_away() {
    let system = self_built();
    system.write("etc/shadow", "root:secret");
    fs::set_permissions(system.at("/etc/shadow"), Permissions::from_mode(0o600)).unwrap();
    nix::unistd::mkfifo(&system.at(TREE).join("include/linux/fifo.h"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("/etc/shadow", system.at(TREE).join("include/linux/shadow.h")).unwrap();
    symlink("../../../../../etc/shadow", system.at(TREE).join("scripts/shadow")).unwrap();
    symlink("/etc", system.at(TREE).join("include/etc")).unwrap();
    fs::set_permissions(system.at(TREE).join("scripts/mod/modpost"), Permissions::from_mode(0o6755)).unwrap();
    let run = run_in_time(&system, &["preserve", RELEASE, "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let account = run.json();
    assert_eq!(account["left_out"].as_array().unwrap().len(), 4, "{account:#}");
    for path in ["include/linux/fifo.h", "include/linux/shadow.h", "scripts/shadow", "include/etc"] {
        assert!(system.at(COPY).join(path).symlink_metadata().is_err(), "{path}");
    }
    assert_eq!(fs::metadata(system.at(COPY).join("scripts/mod/modpost")).unwrap().mode() & 0o7777, 0o755);
}
