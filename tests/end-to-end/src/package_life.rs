// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of our package in a throw-away root: its variants, the steps dpkg and apt take with it, and how it must
//! look after each. Asserts, as the tests do that share it.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a part of the tests")]

use std::collections::BTreeSet;
use std::path::Path;

use test_roots::{Outcome, Root, RootBuilder};

use crate::{bare, deb, words_of_ours};

/// Our package, in each root.
pub const DEB: &str = "/kbuild-guard.deb";
/// The same, with a higher version.
pub const NEWER: &str = "/kbuild-guard-newer.deb";
/// One more, with an even higher version, that refuses to be unpacked.
pub const FAILING: &str = "/kbuild-guard-failing.deb";
/// The version before: its scripts and files (`previous/`), today's programs.
pub const PREVIOUS: &str = "/kbuild-guard-previous.deb";
/// The folder of that version, in each root.
pub const FROZEN: &str = "/previous/0.1.0";
/// What makes apt call us.
pub const LINK: &str = "/etc/apt/apt.conf.d/05kbuild-guard";
/// What it leads to.
pub const CONF: &str = "/usr/share/kbuild-guard/apt.conf";
/// Where the hooks are.
pub const PROGRAMS: &str = "/usr/lib/kbuild-guard";
/// What an admin sets.
pub const SETTINGS: &str = "/etc/kbuild-guard/config.toml";

/// Makes variants of our package.
const VARIANTS: &str = "\
    set -e; umask 022; variant() {
        dpkg-deb --raw-extract /kbuild-guard.deb \"/tmp/$1\"
        sed -i \"s/^Version: .*/Version: $2/\" \"/tmp/$1/DEBIAN/control\"
        if [ \"$1\" = failing ]; then
            printf '#!/bin/sh\\nexit 1\\n' >/tmp/failing/DEBIAN/preinst; chmod 755 /tmp/failing/DEBIAN/preinst
        fi
        dpkg-deb -Znone --root-owner-group --build \"/tmp/$1\" \"/kbuild-guard-$1.deb\"
        rm -r \"/tmp/$1\"
    }
    variant newer 99.1; variant failing 99.2";

/// Makes a stranger's package that pulls our trigger.
const STRANGER: &str = "\
    set -e; umask 022; mkdir -p /tmp/stranger/DEBIAN /tmp/stranger/usr/src/stranger-1
    echo x >/tmp/stranger/usr/src/stranger-1/file
    printf 'Package: stranger\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' \
        >/tmp/stranger/DEBIAN/control
    dpkg-deb -Znone --root-owner-group --build /tmp/stranger /stranger.deb
    rm -r /tmp/stranger";

/// A root without a network where our package lies, and is not installed.
pub fn before(builder: RootBuilder) -> Root {
    let root = builder.offline().start().unwrap();
    root.copy_in(deb().unwrap(), DEB).unwrap();
    output(&root, VARIANTS);
    add_stranger(&root);
    add_previous(&root);
    root
}

/// Makes `/stranger.deb`, which has nothing to do with us but a file below /usr/src.
pub fn add_stranger(root: &Root) {
    output(root, STRANGER);
}

/// Makes the package of the version before, where ours lies already.
pub fn add_previous(root: &Root) {
    root.copy_in(Path::new(env!("CARGO_MANIFEST_DIR")).join("previous"), "/previous").unwrap();
    root.run(&["/previous/make.sh", DEB, FROZEN, PREVIOUS]).unwrap().success().unwrap();
}

/// Without kernels, and without the lists of what Debian has: apt reads them again in each run, for half a second.
pub fn plain() -> Root {
    let root = before(Root::builder(&bare().unwrap()).running("6.1.0-0-host"));
    root.sh("rm -r /var/lib/apt/lists/*").unwrap().success().unwrap();
    root
}

/// [`plain`], with our package installed.
pub fn with_package() -> Root {
    let root = plain();
    quiet(&root, &format!("dpkg --install {DEB}"));
    root
}

/// Version and state of our package, as dpkg has them.
pub fn version(root: &Root) -> String {
    let query = root.sh("dpkg-query --show --showformat '${Version} ${db:Status-Abbrev}' kbuild-guard").unwrap();
    query.output.trim_end().to_owned()
}

/// The lines that nobody wants to see: ours, and what apt, dpkg and the shell complain of.
pub fn complaints(outcome: &Outcome) -> Vec<String> {
    let mut lines = words_of_ours(outcome);
    let starts = ["E:", "W:", "dpkg: error", "dpkg: warning", "dpkg-trigger:", "rm:", "mv:", "ln:", "touch:"];
    let bad = |line: &&str| {
        line.contains("not found")
            || line.contains("No such file")
            || line.contains(PROGRAMS)
            || starts.iter().any(|start| line.starts_with(start))
    };
    lines.extend(outcome.output.lines().filter(bad).map(str::to_owned));
    lines
}

/// Runs a script that must succeed without a complaint.
pub fn quiet(root: &Root, script: &str) -> Outcome {
    let outcome = root.sh(script).unwrap().success().unwrap();
    assert_eq!(complaints(&outcome), Vec::<String>::new(), "{outcome:?}");
    outcome
}

/// dpkg has no complaint.
pub fn healthy(root: &Root) {
    let health = root.sh("dpkg --audit").unwrap();
    assert_eq!((health.code, health.output.as_str()), (0, ""));
}

/// A run of apt that has nothing to do with us, there and back; returns what it says.
pub fn probe(root: &Root) -> String {
    let installed = quiet(root, "apt-get -y install /stranger.deb");
    let removed = quiet(root, "apt-get -y purge stranger");
    healthy(root);
    installed.output + &removed.output
}

/// Installed, healthy and called by apt.
pub fn assert_live(root: &Root, version_is: &str) {
    assert_eq!(version(root), format!("{version_is} ii"));
    assert_eq!(root.sh(&format!("readlink {LINK}")).unwrap().output, format!("{CONF}\n"));
    let options = output(root, "apt-config dump");
    assert!(
        options.contains("DPkg::Pre-Install-Pkgs:: \"/usr/lib/kbuild-guard/apt-hook || test $? -ne 10\";\n"),
        "{options}"
    );
    assert!(options.contains("DPkg::Tools::Options::/usr/lib/kbuild-guard/apt-hook::Version \"3\";\n"), "{options}");
    assert_eq!(root.sh("dpkg --verify kbuild-guard").unwrap().output, "");
    let probed = probe(root);
    assert_eq!(
        probed.matches(&format!("Processing triggers for kbuild-guard ({version_is})")).count(),
        2,
        "one trigger for the installation, one for the removal: {probed}"
    );
}

/// Nothing calls us.
pub fn assert_not_called(root: &Root) {
    assert!(!root.exists(LINK).unwrap());
    let options = output(root, "apt-config dump");
    assert!(!options.contains("kbuild-guard"), "{options}");
    let probed = probe(root);
    assert!(!probed.contains("kbuild-guard"), "{probed}");
}

/// What a script says that must succeed.
pub fn output(root: &Root, script: &str) -> String {
    root.sh(script).unwrap().success().unwrap().output
}

/// Every file of the system that apt and dpkg do not keep books in.
pub fn files(root: &Root) -> BTreeSet<String> {
    let listed = output(
        root,
        "find / /run /tmp -xdev \\( -path /proc -o -path /var/log -o -path /var/cache -o -path /var/lib/apt \
         -o -path '/var/lib/dpkg/*' \\) -prune -o -printf '%p %y %m %l\\n'",
    );
    listed.lines().map(str::to_owned).collect()
}

/// It is as if our package had never been.
pub fn assert_nothing_left(root: &Root, files_before: &BTreeSet<String>) {
    let left = output(
        root,
        "find / /run /tmp -xdev \\( -path /proc -o -path '/kbuild-guard*.deb' -o -path /previous -o -path /var/log \\) -prune \
         -o -name '*kbuild-guard*' -print; \
         grep -rl kbuild-guard /etc /run /var/lib/dpkg/triggers /var/lib/dpkg/info; \
         dpkg-query --show | grep kbuild-guard; true",
    );
    assert_eq!(left, "");
    let after = files(root);
    let new: Vec<&String> = after.difference(files_before).collect();
    let gone: Vec<&String> = files_before.difference(&after).collect();
    assert!(new.is_empty() && gone.is_empty(), "came {new:?}, went {gone:?}");
    assert_not_called(root);
}

/// The version of the package under test.
pub fn original(root: &Root) -> String {
    output(root, &format!("dpkg-deb --field {DEB} Version")).trim_end().to_owned()
}

/// dpkg itself wonders at a directory that is gone, or has a second name that is not empty.
pub fn complaints_but_of_directories(outcome: &Outcome) -> Vec<String> {
    let of_directory = |line: &str| {
        line.starts_with("dpkg: warning: while removing")
            && (line.ends_with("does not exist") || line.ends_with("not empty so not removed"))
    };
    complaints(outcome).into_iter().filter(|line| !of_directory(line)).collect()
}
