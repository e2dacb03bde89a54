// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our package on Debian 12: installed, upgraded, removed, purged and damaged, apt and dpkg work and are quiet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use end_to_end::{Releases, bare, deb, with_kernels, words_of_ours};
use test_roots::{Outcome, Root, RootBuilder};

const DEB: &str = "/kbuild-guard.deb";
/// The same, with a higher version.
const NEWER: &str = "/kbuild-guard-newer.deb";
/// One more, with an even higher version, that refuses to be unpacked.
const FAILING: &str = "/kbuild-guard-failing.deb";
const LINK: &str = "/etc/apt/apt.conf.d/05kbuild-guard";
const CONF: &str = "/usr/share/kbuild-guard/apt.conf";
const PROGRAMS: &str = "/usr/lib/kbuild-guard";
const SETTINGS: &str = "/etc/kbuild-guard/config.toml";

/// Makes what dpkg is to be fed with: variants of our package, and a stranger's one that pulls our trigger.
const PACKAGES: &str = "\
    set -e; umask 022; variant() {
        dpkg-deb --raw-extract /kbuild-guard.deb \"/tmp/$1\"
        sed -i \"s/^Version: .*/Version: $2/\" \"/tmp/$1/DEBIAN/control\"
        if [ \"$1\" = failing ]; then
            printf '#!/bin/sh\\nexit 1\\n' >/tmp/failing/DEBIAN/preinst; chmod 755 /tmp/failing/DEBIAN/preinst
        fi
        dpkg-deb -Znone --root-owner-group --build \"/tmp/$1\" \"/kbuild-guard-$1.deb\"
    }
    variant newer 99.1; variant failing 99.2
    mkdir -p /tmp/stranger/DEBIAN /tmp/stranger/usr/src/stranger-1
    echo x >/tmp/stranger/usr/src/stranger-1/file
    printf 'Package: stranger\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDescription: x\\n' \
        >/tmp/stranger/DEBIAN/control
    dpkg-deb -Znone --root-owner-group --build /tmp/stranger /stranger.deb
    rm -r /tmp/newer /tmp/failing /tmp/stranger";

/// A root without a network where our package lies, and is not installed.
fn before(builder: RootBuilder) -> Root {
    let root = builder.offline().start().unwrap();
    root.copy_in(deb().unwrap(), DEB).unwrap();
    root.sh(PACKAGES).unwrap().success().unwrap();
    root
}

/// Without kernels, and without the lists of what Debian has: apt reads them again in each run, for half a second.
fn plain() -> Root {
    let root = before(Root::builder(&bare().unwrap()).running("6.1.0-0-host"));
    root.sh("rm -r /var/lib/apt/lists/*").unwrap().success().unwrap();
    root
}

fn with_package() -> Root {
    let root = plain();
    quiet(&root, &format!("dpkg --install {DEB}"));
    root
}

fn version(root: &Root) -> String {
    let query = root.sh("dpkg-query --show --showformat '${Version} ${db:Status-Abbrev}' kbuild-guard").unwrap();
    query.output.trim_end().to_owned()
}

/// The lines that nobody wants to see: ours, and what apt, dpkg and the shell complain of.
fn complaints(outcome: &Outcome) -> Vec<String> {
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
fn quiet(root: &Root, script: &str) -> Outcome {
    let outcome = root.sh(script).unwrap().success().unwrap();
    assert_eq!(complaints(&outcome), Vec::<String>::new(), "{outcome:?}");
    outcome
}

fn healthy(root: &Root) {
    let health = root.sh("dpkg --audit").unwrap();
    assert_eq!((health.code, health.output.as_str()), (0, ""));
}

/// A run of apt that has nothing to do with us, there and back; returns what it says.
fn probe(root: &Root) -> String {
    let installed = quiet(root, "apt-get -y install /stranger.deb");
    let removed = quiet(root, "apt-get -y purge stranger");
    healthy(root);
    installed.output + &removed.output
}

/// Installed, healthy and called by apt.
fn assert_live(root: &Root, version_is: &str) {
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
fn assert_not_called(root: &Root) {
    assert!(!root.exists(LINK).unwrap());
    let options = output(root, "apt-config dump");
    assert!(!options.contains("kbuild-guard"), "{options}");
    let probed = probe(root);
    assert!(!probed.contains("kbuild-guard"), "{probed}");
}

fn output(root: &Root, script: &str) -> String {
    root.sh(script).unwrap().success().unwrap().output
}

/// Every file of the system that apt and dpkg do not keep books in.
fn files(root: &Root) -> BTreeSet<String> {
    let listed = output(
        root,
        "find / /run /tmp -xdev \\( -path /proc -o -path /var/log -o -path /var/cache -o -path /var/lib/apt \
         -o -path '/var/lib/dpkg/*' \\) -prune -o -printf '%p %y %m %l\\n'",
    );
    listed.lines().map(str::to_owned).collect()
}

fn assert_nothing_left(root: &Root, files_before: &BTreeSet<String>) {
    let left = output(
        root,
        "find / /run /tmp -xdev \\( -path /proc -o -path '/kbuild-guard*.deb' -o -path /var/log \\) -prune \
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
fn original(root: &Root) -> String {
    output(root, &format!("dpkg-deb --field {DEB} Version")).trim_end().to_owned()
}

#[test]
fn apt_installs_upgrades_removes_and_purges_it_in_silence() {
    let root = plain();
    let files_before = files(&root);
    quiet(&root, &format!("apt -y install {DEB}"));
    assert_live(&root, &original(&root));
    quiet(&root, &format!("apt -y install {NEWER}"));
    assert_live(&root, "99.1");
    root.write(SETTINGS, "mode = \"warn\"\n").unwrap();

    quiet(&root, "apt -y remove kbuild-guard");
    assert_not_called(&root);
    assert_eq!(root.read_to_string(SETTINGS).unwrap(), "mode = \"warn\"\n");
    quiet(&root, &format!("apt-get -y install {NEWER}"));
    assert_live(&root, "99.1");
    assert_eq!(root.read_to_string(SETTINGS).unwrap(), "mode = \"warn\"\n");

    // Removed first, purged then: the settings go with everything else.
    quiet(&root, "apt-get -y remove kbuild-guard");
    quiet(&root, "apt-get -y purge kbuild-guard");
    assert_nothing_left(&root, &files_before);

    // Purged at once.
    quiet(&root, &format!("apt-get -y install {DEB}; mkdir -p /etc/kbuild-guard/conf.d"));
    assert_live(&root, &original(&root));
    quiet(&root, "apt-get -y purge kbuild-guard");
    assert_nothing_left(&root, &files_before);
}

#[test]
fn dpkg_alone_does_the_same() {
    let root = plain();
    let files_before = files(&root);
    // One that fails at first is as if it had never come.
    assert_eq!(root.sh(&format!("dpkg --install {FAILING}")).unwrap().code, 1);
    assert_nothing_left(&root, &files_before);

    quiet(&root, &format!("dpkg --install {DEB}"));
    assert_live(&root, &original(&root));
    quiet(&root, &format!("dpkg --install {NEWER}"));
    assert_live(&root, "99.1");
    quiet(&root, "dpkg --remove kbuild-guard");
    assert_not_called(&root);
    quiet(&root, "dpkg --purge kbuild-guard");
    assert_nothing_left(&root, &files_before);
    quiet(&root, &format!("dpkg --install {DEB} && dpkg --purge kbuild-guard"));
    assert_nothing_left(&root, &files_before);
}

/// Whenever it is installed and configured, and only then, the removal of needed headers is blocked.
#[test]
fn it_bites_after_every_step() {
    let base = with_kernels().unwrap();
    let Releases { old, .. } = Releases::of(&base).unwrap();
    let root = before(Root::builder(&base).running(&old));
    let remove = format!("apt-get -y remove linux-headers-{old}");
    let bites = |step: &str| {
        let blocked = root.sh(&remove).unwrap();
        assert_eq!(blocked.code, 100, "{step}: {blocked:?}");
        assert!(words_of_ours(&blocked)[0].starts_with("kbuild-guard: blocked:"), "{step}: {blocked:?}");
    };
    let back = format!("apt-get -y --no-download install linux-headers-{old}");
    quiet(&root, &format!("apt-get -y install {DEB}"));
    assert_live(&root, &original(&root));
    bites("installed");
    let failed = root.sh(&format!("apt-get -y install {FAILING}")).unwrap();
    assert_eq!(failed.code, 100, "{failed:?}");
    assert!(words_of_ours(&failed).is_empty(), "{failed:?}");
    assert_live(&root, &original(&root));
    bites("after an upgrade that failed");
    quiet(&root, &format!("dpkg --unpack {NEWER}"));
    assert_eq!(version(&root), "99.1 iU");
    // Half-way through an upgrade the hook answers, but stands in nobody's way.
    let warned = root.sh(&remove).unwrap().success().unwrap();
    assert!(words_of_ours(&warned)[0].starts_with("kbuild-guard: warning:"), "unpacked: {warned:?}");
    assert_live(&root, "99.1");
    quiet(&root, &back);
    bites("upgraded");
    quiet(&root, "apt-get -y remove kbuild-guard");
    quiet(&root, &format!("{remove} && {back}"));
    quiet(&root, &format!("apt-get -y install {DEB}"));
    bites("installed again");
    quiet(&root, "apt-get -y purge kbuild-guard");
    assert_not_called(&root);
}

#[test]
fn what_the_admin_made_of_the_link_outlives_upgrades() {
    let files_before = files(&plain());
    for (choice, make, kept, ours_is_called, comes_back) in [
        ("deleted", format!("rm {LINK}"), "", false, true),
        ("masked", format!("ln -sf /dev/null {LINK}"), "/dev/null\n", false, false),
        ("a file", format!("rm {LINK}; echo 'Admin::Own \"1\";' >{LINK}"), "Admin::Own \"1\";\n", false, false),
        ("another link", format!("ln -s {CONF} /a; ln -sf /a {LINK}"), "/a\n", true, false),
    ] {
        let root = with_package();
        root.sh(&make).unwrap().success().unwrap();
        let is = || root.sh(&format!("readlink {LINK} || cat {LINK} 2>/dev/null")).unwrap().output;
        let check = |step: &str| {
            assert_eq!(is(), kept, "{choice}, {step}");
            let options = output(&root, "apt-config dump");
            assert_eq!(options.contains(PROGRAMS), ours_is_called, "{choice}, {step}: {options}");
            probe(&root);
        };
        check("chosen");
        quiet(&root, &format!("apt-get -y install {NEWER}"));
        check("upgraded");
        quiet(&root, "apt-get -y remove kbuild-guard");
        assert_not_called(&root);
        quiet(&root, &format!("apt-get -y install {DEB}"));
        if comes_back {
            assert_live(&root, &original(&root));
        } else {
            check("installed after a removal");
        }
        quiet(&root, "apt-get -y remove kbuild-guard && apt-get -y purge kbuild-guard && rm -f /a");
        assert_nothing_left(&root, &files_before);
    }
}

#[test]
fn without_its_files_apt_and_dpkg_work() {
    let root = with_package();
    let files_before = files(&plain());
    let damages = [
        ("its programs", format!("rm -r {PROGRAMS} /usr/bin/kbuild-guard"), 1),
        ("all but apt's link", format!("rm -r {PROGRAMS} /usr/bin/kbuild-guard /usr/share/kbuild-guard"), 0),
        ("its memory", "rm -rf /var/lib/kbuild-guard /run/kbuild-guard".to_owned(), 0),
    ];
    for (what, damage, lines) in damages {
        root.sh(&damage).unwrap().success().unwrap();
        for words in ["install /stranger.deb", "purge stranger"] {
            let run = root.sh(&format!("apt-get -y {words}")).unwrap().success().unwrap();
            let complaints = complaints(&run);
            assert_eq!(complaints.len(), lines, "without {what}: {run:?}");
            assert!(complaints.iter().all(|line| line.ends_with("apt-hook: not found")), "without {what}: {run:?}");
        }
        quiet(&root, "dpkg --install /stranger.deb && dpkg --purge stranger && dpkg --configure --pending");
        healthy(&root);
        // Installing it mends it.
        let mended = root.sh(&format!("apt-get -y --reinstall install {DEB}")).unwrap().success().unwrap();
        assert_eq!(complaints(&mended).len(), lines, "without {what}: {mended:?}");
        assert_live(&root, &original(&root));
        // So it can be removed in that state, and purged.
        root.sh(&damage).unwrap().success().unwrap();
        let removed = root.sh("apt-get -y remove kbuild-guard").unwrap().success().unwrap();
        assert_eq!(complaints_but_of_directories(&removed).len(), lines, "without {what}: {removed:?}");
        assert_not_called(&root);
        quiet(&root, "apt-get -y purge kbuild-guard");
        assert_nothing_left(&root, &files_before);
        quiet(&root, &format!("dpkg --install {DEB}"));
    }
}

/// dpkg itself wonders at a directory that is gone, or has a second name that is not empty.
fn complaints_but_of_directories(outcome: &Outcome) -> Vec<String> {
    let of_directory = |line: &str| {
        line.starts_with("dpkg: warning: while removing")
            && (line.ends_with("does not exist") || line.ends_with("not empty so not removed"))
    };
    complaints(outcome).into_iter().filter(|line| !of_directory(line)).collect()
}

#[test]
fn what_is_only_unpacked_is_configured_by_the_next_run() {
    let root = plain();
    let files_before = files(&root);
    quiet(&root, &format!("dpkg --unpack {DEB}"));
    assert_eq!(version(&root), format!("{} iU", original(&root)));
    assert!(!root.exists(LINK).unwrap());
    quiet(&root, "dpkg --install /stranger.deb");
    assert!(!root.exists(LINK).unwrap());
    let run = quiet(&root, "apt-get -y purge stranger");
    assert!(run.output.contains("Setting up kbuild-guard"), "{run:?}");
    assert_live(&root, &original(&root));

    quiet(&root, &format!("dpkg --unpack {NEWER}"));
    assert!(root.exists(LINK).unwrap());
    let run = quiet(&root, "apt-get -y install /stranger.deb");
    assert!(run.output.contains("Setting up kbuild-guard (99.1)"), "{run:?}");
    quiet(&root, "apt-get -y purge stranger");
    assert_live(&root, "99.1");

    // Left with a trigger to run, by who asked dpkg not to.
    quiet(&root, "dpkg --no-triggers --install /stranger.deb");
    assert_eq!(version(&root), "99.1 it");
    let run = quiet(&root, "apt-get -y purge stranger");
    assert_eq!(run.output.matches("Processing triggers for kbuild-guard").count(), 1, "{run:?}");
    assert_live(&root, "99.1");
    quiet(&root, "dpkg --no-triggers --install /stranger.deb; apt-get -y remove kbuild-guard");
    assert_not_called(&root);

    // Purged half-way.
    quiet(&root, &format!("dpkg --unpack {DEB} && dpkg --purge kbuild-guard"));
    assert_nothing_left(&root, &files_before);
}

#[test]
fn the_trigger_runs_once_a_run_and_is_quiet_where_all_is_well() {
    let base = with_kernels().unwrap();
    let Releases { old, new, .. } = Releases::of(&base).unwrap();
    let root = before(Root::builder(&base).running(&old));
    let ship = |name: &str, paths: &[&str]| {
        let mut script = format!("set -e; umask 022; mkdir -p /tmp/{name}/DEBIAN; cd /tmp/{name}; ");
        for path in paths {
            script += &format!("mkdir -p .{path}; echo x >.{path}/{name}; ");
        }
        script += &format!(
            "printf 'Package: {name}\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.org>\\n\
             Description: x\\n' >DEBIAN/control; dpkg-deb -Znone --root-owner-group --build . /{name}.deb"
        );
        root.sh(&script).unwrap().success().unwrap();
    };
    let modules = format!("/lib/modules/{new}/updates");
    ship("in-modules", &[&modules]);
    ship("in-usr-modules", &[&format!("/usr{modules}")]);
    ship("in-source", &["/usr/src/in-source-1"]);
    ship("in-both", &[&modules, "/usr/src/in-both-1"]);
    ship("elsewhere", &["/usr/share/elsewhere"]);
    quiet(&root, &format!("dpkg --install {DEB}"));
    let packages = ["in-modules", "in-usr-modules", "in-source", "in-both", "elsewhere"];
    let debs = packages.map(|name| format!("/{name}.deb")).join(" ");
    let names = packages.join(" ");
    let triggered = |run: &Outcome| run.output.matches("Processing triggers for kbuild-guard").count();

    let apt = quiet(&root, &format!("apt-get -y install {debs}"));
    assert_eq!(triggered(&apt), 1, "{apt:?}");
    let apt = root.sh(&format!("apt-get -y purge {names}")).unwrap().success().unwrap();
    assert_eq!((triggered(&apt), complaints_but_of_directories(&apt)), (1, vec![]), "{apt:?}");
    healthy(&root);

    // What dpkg tells us of each, written down in our program's place.
    root.write_executable(
        format!("{PROGRAMS}/dpkg-trigger-hook"),
        "#!/bin/sh\necho \"$@\" | tr ' ' '\\n' | sort | paste -sd' '\n",
    )
    .unwrap();
    for (name, told) in [
        ("in-modules", Some("/lib/modules")),
        ("in-usr-modules", Some("/usr/lib/modules")),
        ("in-source", Some("/usr/src")),
        ("in-both", Some("/lib/modules /usr/src")),
        ("elsewhere", None),
    ] {
        for script in [format!("dpkg --install /{name}.deb"), format!("dpkg --purge {name}")] {
            let run = root.sh(&script).unwrap().success().unwrap();
            assert_eq!(complaints_but_of_directories(&run), Vec::<String>::new(), "{run:?}");
            assert_eq!(triggered(&run), usize::from(told.is_some()), "{run:?}");
            assert_eq!(run.output.lines().rfind(|line| line.starts_with('/')), told, "{run:?}");
        }
    }
    healthy(&root);
}
