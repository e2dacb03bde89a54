// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, links that lead nowhere: mended with real trees, dpkg and apt, and a real kernel that loads what was built;
//! and everything that can come in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, guarded, kernel, self_built_trees, with_kernels, words_of_ours};
use test_roots::{Base, Outcome, Root, TinyBoot};

/// Where the link of felix' kernel leads, and nothing is any more.
const OLD: &str = "/home/felix/linux";
/// Where felix has moved the tree.
const MOVED: &str = "/home/felix/archive/linux";

/// A root where felix' kernel is installed, its tree has been moved in the home, and nothing else is in /usr/src; the
/// other trees of the base are below /srv, seen only by who looks there.
fn moved() -> (Root, Base, String) {
    let base = self_built_trees().unwrap();
    let release = base.releases()[0].clone();
    let root = guarded(Root::builder(&base).running("6.1.0-0-host")).unwrap();
    // To move what a base has would copy it all.
    let script = format!(
        "mkdir -p {MOVED} /srv/source /srv/package /opt/src && mount --bind /usr/src/felix-full {MOVED} && \
         mount --bind /usr/src/felix-source /srv/source && mount --bind /usr/src/felix-package /srv/package && \
         mount --bind /opt/src /usr/src && chown felix: /home/felix /home/felix/archive && \
         for l in build source; do ln -sfn {OLD} /lib/modules/{release}/$l; done"
    );
    root.sh(&script).unwrap().success().unwrap();
    (root, base, release)
}

fn repair(root: &Root, words: &str) -> Outcome {
    root.sh(&format!("kbuild-guard repair {words}")).unwrap()
}

/// What is said, without the ends of lines.
fn joined(outcome: &Outcome) -> String {
    outcome.output.replace(" \\\n", " ").split_ascii_whitespace().collect::<Vec<&str>>().join(" ")
}

fn links(root: &Root, release: &str) -> Vec<String> {
    let links = root.sh(&format!("cd /lib/modules/{release}; readlink build; readlink source; true")).unwrap();
    links.output.lines().map(str::to_owned).collect()
}

fn assert_refused(root: &Root, release: &str, outcome: &Outcome, words: &[&str]) {
    assert_eq!(outcome.code, 1, "{outcome:?}");
    for word in words {
        assert!(joined(outcome).contains(word), "{word}: {outcome:?}");
    }
    assert_eq!(links(root, release), [OLD, OLD], "{outcome:?}");
}

/// A module built through the link, as anybody does.
fn build(root: &Root, release: &str) -> Vec<u8> {
    root.write("/tmp/m/Makefile", "obj-m := m.o\n").unwrap();
    let text = "#include <linux/module.h>\nstatic int __init in(void) { pr_info(\"m: good day\\n\"); return 0; }\n\
                static void __exit out(void) {}\nmodule_init(in); module_exit(out); MODULE_LICENSE(\"GPL\");\n";
    root.write("/tmp/m/m.c", text).unwrap();
    root.sh(&format!("make -C /lib/modules/{release}/build M=/tmp/m modules")).unwrap().success().unwrap();
    root.read("/tmp/m/m.ko").unwrap()
}

#[test]
fn a_tree_that_was_moved_is_found_trusted_and_linked_to_and_the_kernel_loads_what_is_built() {
    let (root, base, release) = moved();
    assert_eq!(kernel(&root, &release).unwrap()["state"], "broken");
    let status = root.sh("kbuild-guard status").unwrap();
    assert!(status.output.contains(OLD), "{status:?}");
    let told = root.sh(&format!("kbuild-guard explain {release}")).unwrap();
    assert!(joined(&told).contains(&format!("kbuild-guard repair {release} --search /home/felix")), "{told:?}");

    // The copy of another build, of another release, and a source that nobody has prepared: each with its reason.
    let script = "cp -a /srv/package /srv/build && sed -i '/\\tmodule_layout\\t/s/^0x......../0x12345678/' /srv/build/Module.symvers; \
                  cp -a /srv/package /srv/release && sed -i 's/-felix/-jelle/' /srv/release/include/generated/utsrelease.h; \
                  mkdir /home/felix/other && mount -t tmpfs none /home/felix/other && cp -a /srv/package /home/felix/other/tree; \
                  umount /srv/package";
    root.sh(script).unwrap().success().unwrap();
    let refused = repair(&root, &format!("{release} --search /srv --search /home"));
    let release_there = release.replace("-felix", "-jelle");
    assert_refused(
        &root,
        &release,
        &refused,
        &[
            "/home/felix can be changed by felix",
            "/srv/source/include/config/auto.conf does not exist",
            "symbols compared differ, module_layout for one",
            &format!("/srv/release is the tree of {release_there}"),
            &format!("go on kbuild-guard repair {release} --search /srv --search /home --trust-owner felix"),
        ],
    );
    // What is mounted below is not entered, unless it is named.
    assert!(!refused.output.contains("/home/felix/other"), "{refused:?}");
    let named = repair(&root, &format!("{release} --search /home/felix/other --trust-owner felix -n"));
    assert!(named.code == 0 && named.output.contains("  tree    /home/felix/other/tree\n"), "{named:?}");
    let dry = repair(&root, &format!("{release} --search /home --trust-owner felix -n"));
    assert!(dry.code == 0 && dry.output.ends_with("Nothing was changed.\n"), "{dry:?}");
    assert_eq!(links(&root, &release), [OLD, OLD]);
    // Everybody may ask; only root may move.
    let asked = root.sh(&format!("su felix -c 'kbuild-guard repair {release} --search /home --trust-owner felix'"));
    let asked = asked.unwrap();
    assert!(asked.code == 2 && asked.output.contains("only root can move a kernel's build link"), "{asked:?}");

    let done = repair(&root, &format!("{release} --search /home --trust-owner felix")).success().unwrap();
    assert!(done.output.contains("  state   degraded, was broken\n"), "{done:?}");
    assert_eq!(links(&root, &release), [MOVED, MOVED]);
    assert_eq!(kernel(&root, &release).unwrap()["state"], "degraded");
    let module = build(&root, &release);
    let script = "dmesg -c >/dev/null; insmod /files/m.ko && dmesg; rmmod m && echo gone";
    let boot = TinyBoot::of(&base, &release, script).unwrap().file("m.ko", module);
    let booted = boot.run(&std::env::temp_dir()).unwrap();
    assert!(booted.report.contains("m: good day") && booted.report.ends_with("gone\n"), "{booted:?}");

    let again = repair(&root, &release);
    assert!(again.code == 0 && again.output.contains("there is no better tree"), "{again:?}");
    let undone = repair(&root, "--undo").success().unwrap();
    assert!(undone.output.contains("  state   broken, was degraded\n"), "{undone:?}");
    assert_eq!(links(&root, &release), [OLD, OLD]);
    // What root made of it in /usr/src is better than what felix has.
    root.sh("cp -a /srv/build /usr/src/felix && cp /usr/src/felix/Module.symvers /tmp && \
             cp /home/felix/archive/linux/Module.symvers /usr/src/felix/")
        .unwrap()
        .success()
        .unwrap();
    let best = repair(&root, &format!("{release} --trust-owner felix")).success().unwrap();
    assert!(best.output.contains("  state   ready, was broken\n"), "{best:?}");
    assert_eq!(links(&root, &release)[0], "/usr/src/felix");
    // dpkg's next run has nothing to say.
    let trigger = root.sh("dpkg-trigger --no-await /lib/modules && dpkg --configure --pending").unwrap();
    assert_eq!(words_of_ours(&trigger), Vec::<String>::new(), "{trigger:?}");
    // A link that was not there is not there again.
    root.sh(&format!("rm /lib/modules/{release}/build")).unwrap();
    repair(&root, &release).success().unwrap();
    repair(&root, &format!("--undo {release}")).success().unwrap();
    assert_eq!(links(&root, &release), ["/usr/src/felix"], "source alone");
}

/// With apt's and dpkg's own words.
#[test]
fn what_packages_own_is_theirs_to_mend() {
    let base = with_kernels().unwrap();
    let releases = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&releases.middle)).unwrap();
    // A link of a package, led elsewhere by hand.
    let (new, old) = (&releases.new, &releases.old);
    root.sh(&format!("ln -sfn /home/gone /lib/modules/{new}/build")).unwrap();
    let refused = repair(&root, new);
    assert_eq!(refused.code, 1, "{refused:?}");
    let said = joined(&refused);
    assert!(said.contains(&format!("refused: the package linux-headers-{new} owns")), "{refused:?}");
    assert!(said.contains(&format!("linux-headers-{new}")) && said.contains(" fix "), "{refused:?}");
    assert!(said.contains(&format!("go on kbuild-guard repair {new} --force")), "{refused:?}");
    let forced = repair(&root, &format!("{new} --force")).success().unwrap();
    assert!(forced.output.contains("  state   ready, was broken\n"), "{forced:?}");
    assert!(forced.output.contains(&format!("  of      the package linux-headers-{new}\n")), "{forced:?}");
    assert_eq!(links(&root, new)[0], format!("/usr/src/linux-headers-{new}"));

    // Headers that are not installed, and that apt has: the command is named, and no other release's tree is taken.
    root.sh(&format!("dpkg --remove --force-depends linux-headers-{old}")).unwrap().success().unwrap();
    let absent = repair(&root, old);
    assert_eq!(absent.code, 1, "{absent:?}");
    assert!(joined(&absent).contains(&format!("fix apt-get install linux-headers-{old}")), "{absent:?}");
    assert!(joined(&absent).contains(&format!("is the tree of {new}")), "{absent:?}");

    // All that want it: the one that has a tree is mended, the other refused.
    root.sh(&format!("ln -sfn /home/gone /lib/modules/{new}/build")).unwrap();
    let which = repair(&root, "");
    assert!(which.code == 2 && which.output.contains("several kernels want repair"), "{which:?}");
    let all = repair(&root, "--all --force");
    assert!(all.code == 1 && all.output.contains("  state   ready, was broken\n"), "{all:?}");
    assert_eq!(links(&root, new)[0], format!("/usr/src/linux-headers-{new}"));
    assert_eq!(kernel(&root, new).unwrap()["state"], "ready");
}

/// A full disk where it is written down, or where the link is; another run; links that are swapped; a kill at any
/// moment: the link always leads to the old place or to the new one.
#[test]
fn whatever_comes_in_between_the_link_leads_to_the_old_place_or_to_the_new() {
    let (root, _, release) = moved();
    root.sh("cp -a /srv/package /usr/src/felix").unwrap().success().unwrap();
    let new = "/usr/src/felix";

    root.sh("mkdir -p /var/lib/kbuild-guard && mount -t tmpfs -o size=4k none /var/lib/kbuild-guard && \
             dd if=/dev/zero of=/var/lib/kbuild-guard/fill bs=1k 2>/dev/null; true")
        .unwrap();
    let full = repair(&root, &release);
    assert!(full.code == 3 && full.output.contains("No space left on device"), "{full:?}");
    assert!(full.output.ends_with("  the build link leads to /home/felix/linux\n"), "{full:?}");
    assert_eq!(links(&root, &release), [OLD, OLD]);
    root.sh("umount /var/lib/kbuild-guard").unwrap().success().unwrap();

    // The modules directory, without room for one more name.
    let modules = format!("/lib/modules/{release}");
    let fill = format!(
        "cp -a {modules} /tmp/modules && mount -t tmpfs -o nr_inodes=40 none {modules} && cp -a /tmp/modules/. {modules}/ && \
         n=0; while : >{modules}/fill$n; do n=$((n+1)); done 2>/dev/null; true"
    );
    root.sh(&fill).unwrap();
    let full = repair(&root, &release);
    assert!(full.code == 3 && full.output.contains("No space left on device"), "{full:?}");
    assert_eq!(links(&root, &release), [OLD, OLD]);
    root.sh(&format!("rm {modules}/fill*")).unwrap();
    repair(&root, &release).success().unwrap();
    assert_eq!(links(&root, &release), [new, new]);
    // One undo takes back what took two attempts.
    repair(&root, "--undo").success().unwrap();
    assert_eq!(links(&root, &release), [OLD, OLD]);

    // Another run has the journal.
    let busy = root.sh(&format!("flock /var/lib/kbuild-guard kbuild-guard repair {release}")).unwrap();
    assert_refused(&root, &release, &busy, &["another run is moving build links"]);

    // The tree's name becomes a link to somewhere else, again and again, while it is proved and linked to.
    let script = format!(
        "cp -a /srv/package /srv/evil && rm /srv/evil/scripts/basic/fixdep && mkdir /usr/src/.aside\n\
         while :; do mv {new} /usr/src/.aside/t; ln -s /srv/evil {new}; rm {new}; mv /usr/src/.aside/t {new}; sleep 0.04; done & swap=$!\n\
         for n in 1 2 3 4 5 6 7 8 9 10 11 12; do kbuild-guard repair {release} >/tmp/told 2>&1; code=$?\n\
         tree=$(readlink {modules}/build); echo \"$code $tree\"\n\
         for l in build source; do ln -sfn {OLD} {modules}/$l; done; done\n\
         kill $swap; wait $swap 2>/dev/null; ls -A {modules}; [ -d {new} ] || mv /usr/src/.aside/t {new}"
    );
    let swapped = root.sh(&script).unwrap();
    let told: Vec<&str> = swapped.output.lines().filter(|line| line.contains(" /")).collect();
    assert_eq!(told.len(), 12, "{swapped:?}");
    for line in told {
        let is_right = line == format!("0 {new}") || line.ends_with(OLD) || line == format!("1 {new}");
        assert!(is_right, "{line}: {swapped:?}");
    }
    root.sh(&format!("rm -rf {new}; cp -a /srv/package {new}")).unwrap().success().unwrap();

    // At seeded moments.
    let (mut seed, mut met) = (11_u64, 0);
    for round in 0..16 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let delay = (seed >> 33) % 200;
        let script = format!(
            "for l in build source; do ln -sfn {OLD} {modules}/$l; done\n\
             timeout -s KILL 0.{delay:03} kbuild-guard repair {release} >/dev/null 2>&1; echo \"rc $?\""
        );
        let killed = root.sh(&script).unwrap();
        met += usize::from(killed.output.contains("rc 137"));
        let leads = links(&root, &release);
        assert!(leads.iter().all(|link| link == OLD || link == new), "{round}, {delay} ms: {leads:?}");
        repair(&root, &release).success().unwrap();
        assert_eq!(links(&root, &release), [new, new], "{round}, {delay} ms");
        let left = root.sh(&format!("ls -A {modules} /var/lib/kbuild-guard | grep '^[.]'; true")).unwrap();
        assert_eq!(left.output, "", "{round}, {delay} ms");
    }
    assert!(met > 0, "never killed");
    build(&root, &release);
}
