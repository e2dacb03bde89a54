// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian's own testers judge our package: autopkgtest runs debian/tests of the source package, piuparts installs,
//! upgrades, removes and purges the package and looks what is left.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;

use end_to_end::package_life::{DEB, add_previous, output};
use end_to_end::{deb, with_testers};
use test_roots::Root;

/// A root without a network, where our package lies.
fn testers() -> Root {
    let root = Root::builder(&with_testers().unwrap()).running("6.1.0-0-host").offline().start().unwrap();
    root.copy_in(deb().unwrap(), DEB).unwrap();
    root
}

/// What `cargo xtask dist` makes along with the package.
fn source_package() -> PathBuf {
    deb().unwrap().parent().unwrap().join("build")
}

#[test]
fn autopkgtest_passes() {
    let root = testers();
    root.sh("mkdir -m 755 /source").unwrap().success().unwrap();
    let mut name = String::new();
    for entry in std::fs::read_dir(source_package()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if file.ends_with(".dsc") || file.ends_with(".tar.xz") {
            root.copy_in(source_package().join(&file), format!("/source/{file}")).unwrap();
        }
        if file.ends_with(".dsc") {
            name = file;
        }
    }
    // It asks for newer lists of packages, in vain.
    root.write("/etc/apt/apt.conf.d/99no-retries", "Acquire::Retries \"0\";\n").unwrap();
    // The root is the testbed. What the tests need lies in apt's cache.
    let run = root
        .run(&["autopkgtest", "--no-built-binaries", DEB, &format!("/source/{name}"), "--", "null"])
        .unwrap()
        .success()
        .unwrap();
    // Success is also when every test was skipped.
    let (_, summary) = run.output.split_once("@ summary").unwrap();
    for test in ["command", "hooks"] {
        let passed = |line: &str| line.split_whitespace().eq([test, "PASS"]);
        assert!(summary.lines().any(passed), "{test}: {run:?}");
    }
}

#[test]
fn piuparts_finds_nothing() {
    let root = testers();
    add_previous(&root);
    // The version before is what the archive has.
    output(
        &root,
        "set -e; mkdir /repository; cd /repository; cp /kbuild-guard-previous.deb .; \
         apt-ftparchive packages . >Packages 2>/dev/null || dpkg-scanpackages . >Packages",
    );
    let today =
        output(&root, &format!("dpkg-deb --show --showformat '${{Package}}_${{Version}}_${{Architecture}}' {DEB}"));
    let package = format!("/{today}.deb");
    output(&root, &format!("cp {DEB} {package}"));
    // Without the option it upgrades; with it, the version before is removed and its settings are met.
    for (option, upgrades) in [("--list-installed-files", true), ("--install-remove-install", false)] {
        let run = root
            .run(&[
                "piuparts",
                "--distribution=bookworm",
                "--existing-chroot=/srv/minimal",
                "--keep-sources-list",
                "--bindmount=/repository",
                "--no-eatmydata",
                "--pedantic-purge-test",
                "--fail-on-broken-symlinks",
                // Leads to the login notice, where there is one.
                "--ignore=/usr/lib/motd.d/kbuild-guard",
                option,
                &package,
            ])
            .unwrap()
            .success()
            .unwrap();
        for passed in ["Installation and purging test", "Installation, upgrade and purging tests", "All tests"] {
            assert!(run.output.contains(&format!("PASS: {passed}")), "{passed}: {run:?}");
        }
        assert!(run.output.contains("~previous) ..."), "the version before was not installed: {run:?}");
        assert_eq!(run.output.contains("over ("), upgrades, "{run:?}");
    }
}
