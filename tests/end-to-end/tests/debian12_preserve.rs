// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, kernels that felix built by hand: preserved, the source deleted, and real modules built all the same; and
//! everything that can come in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{build_sample, built_apart, guarded, install_sample, kernel, self_built, words_of_ours};
use test_roots::{Base, Outcome, Root, TinyBoot};

const TREE: &str = "/home/felix/linux";

/// A root with our package and felix' kernel installed, and the release of that.
fn installed(base: Base, tree: &str) -> (Root, String) {
    let release = base.releases()[0].clone();
    let root = guarded(Root::builder(&base).running("6.1.0-0-host")).unwrap();
    root.sh(&format!("make -C {tree} modules_install install")).unwrap().success().unwrap();
    (root, release)
}

fn preserve(root: &Root, words: &str) -> Outcome {
    root.sh(&format!("kbuild-guard preserve {words}")).unwrap()
}

fn link(root: &Root, release: &str) -> String {
    root.sh(&format!("readlink /lib/modules/{release}/build")).unwrap().output.trim().to_owned()
}

fn copy(release: &str) -> String {
    format!("/usr/src/linux-headers-{release}")
}

/// What is beside the copy, its place and the link, after a run that went wrong.
fn assert_untouched(root: &Root, release: &str, outcome: &Outcome) {
    assert_eq!(link(root, release), TREE, "{outcome:?}");
    let left = root.sh("ls -A /usr/src /mnt | grep kbuild-guard; ls -A /usr/src | grep linux-headers-").unwrap();
    assert_eq!(left.output, "", "{outcome:?}");
}

#[test]
fn a_kernel_from_a_home_directory_outlives_its_source() {
    let base = self_built().unwrap();
    let (root, release) = installed(base.clone(), TREE);
    let asked = preserve(&root, &release);
    assert_eq!(asked.code, 1, "{asked:?}");
    assert!(asked.output.starts_with("kbuild-guard: refused: /home/felix/linux can be changed by felix"), "{asked:?}");
    assert!(asked.output.contains(&format!("kbuild-guard preserve {release} --trust-owner felix")), "{asked:?}");
    assert_untouched(&root, &release, &asked);
    assert_eq!(preserve(&root, &format!("{release} --trust-owner felix --dry-run")).code, 0);
    assert_untouched(&root, &release, &asked);

    let done = preserve(&root, &format!("{release} --trust-owner felix")).success().unwrap();
    assert!(done.output.contains("state   ready, was degraded"), "{done:?}");
    assert_eq!(link(&root, &release), copy(&release));
    let strange = format!("find {} ! -user root -o ! -type l -perm /7022 -o -type l -xtype l", copy(&release));
    assert_eq!(root.sh(&strange).unwrap().output, "");

    root.remove(TREE).unwrap();
    assert_eq!(kernel(&root, &release).unwrap()["state"], "ready");
    let built = build_sample(&root, &release).unwrap();
    assert!(built.code == 0 && built.output.contains(&format!("\n{release} ")), "{built:?}");
    install_sample(&root, &release).unwrap().success().unwrap();
    // Nothing in the copy has changed by that, and nothing names the source.
    let left = root.sh(&format!("grep -rIl {TREE} {} --exclude=.kbuild-guard.json; true", copy(&release))).unwrap();
    assert_eq!(left.output, "");
    // dpkg's next run has nothing to say, dkms builds.
    let trigger = root.sh("dpkg-trigger --no-await /lib/modules && dpkg --configure --pending").unwrap();
    assert_eq!(words_of_ours(&trigger), Vec::<String>::new(), "{trigger:?}");
    root.write("/usr/src/demo-1/dkms.conf", "PACKAGE_NAME=demo\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME[0]=m\nDEST_MODULE_LOCATION[0]=/updates\nAUTOINSTALL=yes\n").unwrap();
    root.sh("cp /tmp/m/Makefile /tmp/m/m.c /usr/src/demo-1 && dkms add demo/1").unwrap().success().unwrap();
    root.sh(&format!("dkms install -k {release} demo/1")).unwrap().success().unwrap();
    let again = preserve(&root, &release).success().unwrap();
    assert!(again.output.contains("preserved already"), "{again:?}");

    // And that very kernel takes both.
    let script = "for n in by-hand by-dkms; do insmod /files/$n.ko && rmmod m && echo $n; done; dmesg | grep -c taint";
    let by_dkms = root.read(format!("/var/lib/dkms/demo/1/{release}/x86_64/module/m.ko")).unwrap();
    let image = "home/felix/linux/arch/x86/boot/bzImage";
    let boot = TinyBoot::of_image(&base, image, &release, script).unwrap();
    let boot = boot.file("by-hand.ko", root.read("/tmp/m/m.ko").unwrap()).file("by-dkms.ko", by_dkms);
    let booted = boot.run(&std::env::temp_dir()).unwrap();
    assert!(booted.report.starts_with("by-hand\nby-dkms\n"), "{booted:?}");
}

/// What is built and what it is built from lie in two directories, and become one that needs neither. With a real driver.
#[test]
fn a_kernel_built_apart_from_its_source_needs_neither_directory() {
    let (root, release) = installed(built_apart().unwrap(), "/home/felix/out");
    let done = preserve(&root, &format!("{release} --trust-owner felix")).success().unwrap();
    assert!(done.output.contains("from    /home/felix/out\n  from    /home/felix/linux\n"), "{done:?}");
    root.sh("rm -r /home/felix/out /home/felix/linux").unwrap().success().unwrap();
    assert_eq!(kernel(&root, &release).unwrap()["state"], "ready");
    let built = build_sample(&root, &release).unwrap();
    assert!(built.code == 0 && built.output.contains(&format!("\n{release} ")), "{built:?}");
    install_sample(&root, &release).unwrap().success().unwrap();
    root.sh("apt-get -y --no-download install acpi-call-dkms").unwrap().success().unwrap();
    let status = root.run(&["dkms", "status", "-k", &release]).unwrap();
    assert!(status.output.starts_with("acpi-call/") && status.output.contains(": installed"), "{status:?}");
}

/// The kernel's own makefiles say what they lack when they are made to say everything.
#[test]
fn the_copy_is_as_good_as_upstreams_own_selection() {
    let (root, release) = installed(self_built().unwrap(), TREE);
    preserve(&root, &format!("{release} --trust-owner felix")).success().unwrap();
    // scripts/package/builddeb of 6.1 itself, without the packing.
    let script = format!(
        "cd {TREE} && {{ find . arch/x86 -maxdepth 1 -name Makefile\\*; find include scripts -type f -o -type l; \
         find $(find arch/x86 -name include -o -name scripts -type d) -type f; \
         echo tools/objtool/objtool; echo Module.symvers; echo .config; }} | sed 's|^\\./||' | sort -u >/tmp/theirs; \
         cd {} && find . -type f -o -type l | sed 's|^\\./||' | sort -u >/tmp/ours; comm -23 /tmp/theirs /tmp/ours",
        copy(&release)
    );
    let missing = root.sh(&script).unwrap().success().unwrap();
    let is_known = |path: &&str| {
        path.ends_with(".o")
            || path.ends_with(".cmd")
            || path.starts_with("include/config/")
            || ["atomic", "dtc", "kconfig", "package"].iter().any(|dir| path.starts_with(&format!("scripts/{dir}/")))
            || path.starts_with("arch/x86/entry/vdso")
            || path.starts_with("scripts/unifdef")
            || *path == "scripts/mod/mk_elfconfig"
    };
    let missed: Vec<&str> = missing.output.lines().filter(|path| !is_known(path)).collect();
    assert_eq!(missed, Vec::<&str>::new());
}

#[test]
fn no_space_is_told_before_and_while_it_copies() {
    let (root, release) = installed(self_built().unwrap(), TREE);
    let words = format!("{release} --trust-owner felix --to /mnt/small/copy");
    root.sh("mkdir /mnt/small && mount -t tmpfs -o size=20m small /mnt/small").unwrap().success().unwrap();
    let before = preserve(&root, &words);
    assert!(before.code == 1 && before.output.contains("no space below /mnt/small"), "{before:?}");
    assert_untouched(&root, &release, &before);
    root.sh("mount -o remount,size=200m,nr_inodes=500 /mnt/small").unwrap().success().unwrap();
    let files = preserve(&root, &words);
    assert!(files.code == 1 && files.output.contains("files needed"), "{files:?}");
    // Somebody else fills it, while the command is stopped.
    let script = format!(
        "mount -o remount,size=200m,nr_inodes=0 /mnt/small; kbuild-guard preserve {words} & pid=$!; \
         until [ -d /mnt/small/.copy.kbuild-guard/arch ]; do :; done; kill -STOP $pid; \
         dd if=/dev/zero of=/mnt/small/fill bs=64k 2>/dev/null; kill -CONT $pid; wait $pid; echo \"rc $?\"; \
         ls -A /mnt/small; rm /mnt/small/fill"
    );
    let during = root.sh(&script).unwrap();
    assert!(during.output.contains("No space left on device"), "{during:?}");
    assert!(
        during.output.contains("  the build link is as it was\n") && during.output.contains("rc 3\nfill\n"),
        "{during:?}"
    );
    assert_untouched(&root, &release, &during);
    let at_last = preserve(&root, &words);
    // A tree in memory is no better than one in a home.
    assert!(at_last.code == 0 && at_last.output.contains("state   degraded"), "{at_last:?}");
    assert_eq!(link(&root, &release), "/mnt/small/copy");
}

#[test]
fn a_read_only_usr_is_told_and_nothing_is_lost() {
    let (root, release) = installed(self_built().unwrap(), TREE);
    root.sh("mount --bind /usr /usr && mount -o remount,bind,ro /usr").unwrap().success().unwrap();
    for words in [format!("{release} --trust-owner felix"), format!("{release} --trust-owner felix --to /srv/copy")] {
        let failed = preserve(&root, &words);
        assert_eq!(failed.code, 3, "{failed:?}");
        assert!(failed.output.contains("Read-only file system"), "{failed:?}");
        assert!(failed.output.ends_with("  the build link is as it was\n"), "{failed:?}");
        assert_untouched(&root, &release, &failed);
    }
    root.sh("mount -o remount,bind,rw /usr").unwrap().success().unwrap();
    let relinked = preserve(&root, &format!("{release} --to /srv/copy")).success().unwrap();
    assert!(relinked.output.contains("preserved already; the build link was moved"), "{relinked:?}");
    root.remove(TREE).unwrap();
    assert_eq!(build_sample(&root, &release).unwrap().code, 0);
}

/// felix moves things about while root copies: what root alone may read never gets into the copy.
#[test]
fn links_swapped_while_it_copies_lead_nowhere() {
    let (root, release) = installed(self_built().unwrap(), TREE);
    let script = format!(
        "umask 077; cp -r {TREE}/scripts /root/private; find /root/private -type f | while read f; do echo SECRET >\"$f\"; done\n\
         su felix -c 'cd {TREE}; while :; do mv scripts s; ln -s /root/private scripts; rm scripts; mv s scripts; done' 2>/dev/null & swap=$!\n\
         for n in 1 2 3 4 5 6 7 8; do kbuild-guard preserve {release} --trust-owner felix --to /srv/$n >/tmp/told 2>&1 || cat /tmp/told; done\n\
         kill $swap; su felix -c 'kill -9 -1'; wait; cd {TREE}; test ! -d s || {{ rm -f scripts; mv s scripts; }}\n\
         grep -rl SECRET /srv; ls -A /srv"
    );
    let swapped = root.sh(&script).unwrap();
    assert!(!swapped.output.contains("/srv/1/") && !swapped.output.contains("SECRET"), "{swapped:?}");
    assert!(!swapped.output.contains("kbuild-guard\n."), "{swapped:?}");
    let state = kernel(&root, &release).unwrap()["state"].clone();
    assert!(state == "degraded" || state == "ready", "{state}: {swapped:?}");
}

/// A tree that is linked to what only root may read would, copied, show it to all.
#[test]
fn what_the_trees_owner_may_not_read_is_not_shown_to_all() {
    let (root, release) = installed(self_built().unwrap(), TREE);
    let script = format!(
        "mkdir -m 700 /srv/closed && cp -r {TREE}/scripts /srv/closed/ && \
         su felix -c 'cd {TREE} && mv scripts s && ln -s /srv/closed/scripts scripts'"
    );
    root.sh(&script).unwrap().success().unwrap();
    for (change, path) in [
        ("true", "/srv/closed"),
        ("chmod 755 /srv/closed; chmod 700 /srv/closed/scripts/mod/modpost", "/srv/closed/scripts/mod/modpost"),
    ] {
        root.sh(change).unwrap().success().unwrap();
        let refused = preserve(&root, &format!("{release} --trust-owner felix"));
        assert_eq!(refused.code, 1, "{refused:?}");
        let told =
            format!("refused: {path} belongs to somebody else than the tree does, and is not for everybody to read");
        assert!(refused.output.contains(&told), "{refused:?}");
        assert_untouched(&root, &release, &refused);
    }
}

/// At seeded moments: the link leads to a good tree, and the next run finishes.
#[test]
fn killed_at_any_moment_it_leaves_a_link_that_is_good() {
    let (root, release) = installed(self_built().unwrap(), TREE);
    let (mut seed, mut met) = (7_u64, 0);
    for round in 0..12 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let delay = (seed >> 33) % 900;
        let script = format!(
            "rm -rf {copy}; for l in build source; do ln -sfn {TREE} /lib/modules/{release}/$l; done\n\
             timeout -s KILL 0.{delay:03} kbuild-guard preserve {release} --trust-owner felix >/dev/null 2>&1; echo \"rc $?\"",
            copy = copy(&release)
        );
        let killed = root.sh(&script).unwrap();
        met += usize::from(killed.output.contains("rc 137"));
        let leads = link(&root, &release);
        assert!(leads == TREE || leads == copy(&release), "{round}, {delay} ms: {leads}");
        let state = kernel(&root, &release).unwrap()["state"].clone();
        assert_eq!(state, if leads == TREE { "degraded" } else { "ready" }, "{round}, {delay} ms");
        preserve(&root, &format!("{release} --trust-owner felix")).success().unwrap();
        let left = root.sh(&format!("ls -A /usr/src /lib/modules/{release} | grep kbuild-guard; true")).unwrap();
        assert_eq!(left.output, "", "{round}, {delay} ms");
    }
    assert!(met > 0, "never killed");
    root.remove(TREE).unwrap();
    assert_eq!(build_sample(&root, &release).unwrap().code, 0);
}
