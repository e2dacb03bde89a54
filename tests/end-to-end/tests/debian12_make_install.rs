// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, a kernel that felix built in the home directory: real `make modules_install install`, real installkernel,
//! and what our hook in /etc/kernel/postinst.d says of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{guarded, kernel, said, self_built, words_of_ours};
use test_roots::{Outcome, Root};

const TREE: &str = "/home/felix/linux";
const SCRIPT: &str = "/etc/kernel/postinst.d/05kbuild-guard";
const HOOK: &str = "/usr/lib/kbuild-guard/kernel-hook";

/// A root with our package and felix' tree, and the release of the kernel in it. Nothing of it is installed.
fn built() -> (Root, String) {
    let base = self_built().unwrap();
    let release = base.releases()[0].clone();
    (guarded(Root::builder(&base).running("6.1.0-0-host")).unwrap(), release)
}

fn make(root: &Root, goals: &str) -> Outcome {
    root.sh(&format!("make -C {TREE} {goals}")).unwrap()
}

/// Nothing of ours, neither a message nor a complaint of the shell about us.
fn assert_quiet(outcome: &Outcome) {
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let ours = |line: &&str| {
        line.contains("kbuild-guard")
            && !line.contains("executing /etc/kernel")
            && !line.contains("Processing triggers")
    };
    assert_eq!(outcome.output.lines().filter(ours).collect::<Vec<&str>>(), Vec::<&str>::new(), "{outcome:?}");
}

fn builds(root: &Root, release: &str) -> bool {
    let script = format!(
        "mkdir -p /tmp/m && cd /tmp/m && printf 'obj-m := m.o\\n' > Makefile && \
         printf '#include <linux/module.h>\\nMODULE_LICENSE(\"GPL\");\\n' > m.c && make -C /lib/modules/{release}/build M=/tmp/m modules"
    );
    root.sh(&script).unwrap().code == 0
}

/// A DKMS module that wants to be built for every kernel.
fn add_dkms_module(root: &Root) {
    let conf = "PACKAGE_NAME=demo\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME[0]=m\nDEST_MODULE_LOCATION[0]=/updates\nAUTOINSTALL=yes\n";
    root.write("/usr/src/demo-1/dkms.conf", conf).unwrap();
    root.write("/usr/src/demo-1/Makefile", "obj-m := m.o\n").unwrap();
    root.write("/usr/src/demo-1/m.c", "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n").unwrap();
    root.run(&["dkms", "add", "demo/1"]).unwrap().success().unwrap();
}

/// Where a kernel leaves the package manager's care, weeks before somebody archives the source.
#[test]
fn a_kernel_from_a_home_directory_is_told_on_day_one_and_not_again() {
    let (root, release) = built();
    let first = make(&root, "modules_install install");
    assert_eq!(first.code, 0, "{first:?}");
    let words = said(&first);
    assert!(
        words.starts_with(&format!(
            "kbuild-guard: warning: external module builds for kernel {release} (the newest of its flavour) are at risk \
             KBG010 no package looks after the tree: {TREE} lies in felix's home"
        )),
        "{first:?}"
    );
    let kernel = kernel(&root, &release).unwrap();
    assert_eq!(kernel["state"], "degraded", "{kernel}");
    // make runs what felix wrote, and dkms runs make as root.
    assert!(kernel["findings"].to_string().contains("KBG012"), "{kernel}");
    assert_eq!(kernel["closure"][1]["path"], TREE, "{kernel}");
    assert!(builds(&root, &release));
    assert_quiet(&make(&root, "modules_install install"));
    // What the tree was is written down, compactly; of a packaged kernel's nothing is (below).
    let record = format!("stat -c %s /var/lib/kbuild-guard/kernels/{release}.json");
    let size: u64 = root.sh(&record).unwrap().success().unwrap().output.trim().parse().unwrap();
    assert!((1_000..64_000).contains(&size), "{size}");
    // The day the source is archived, at the next run of dpkg; and once.
    root.sh(&format!("rm -r {TREE}")).unwrap().success().unwrap();
    let trigger = "dpkg-trigger --no-await /lib/modules && dpkg --configure --pending";
    let gone = root.sh(trigger).unwrap();
    assert!(said(&gone).contains(&format!("cannot be built for kernel {release}")), "{gone:?}");
    assert!(said(&gone).contains("KBG002"), "{gone:?}");
    assert_quiet(&root.sh(trigger).unwrap());
}

#[test]
fn damage_is_said_once_and_again_when_it_is_another() {
    let (root, release) = built();
    root.remove(format!("{TREE}/scripts/mod/modpost")).unwrap();
    let first = make(&root, "modules_install install");
    assert_eq!(first.code, 0, "{first:?}");
    assert!(
        said(&first).starts_with(&format!(
            "kbuild-guard: warning: external modules cannot be built for kernel {release} (the newest of its flavour) \
             KBG030 a host tool is missing: {TREE}/scripts/mod/modpost does not exist"
        )),
        "{first:?}"
    );
    let widest = words_of_ours(&first).iter().map(String::len).max();
    assert!(widest <= Some(80) && words_of_ours(&first).len() <= 8, "{first:?}");
    assert!(!builds(&root, &release));

    assert_quiet(&make(&root, "modules_install install"));
    // dpkg's trigger has nothing to add.
    let trigger = "dpkg-trigger --no-await /lib/modules && dpkg --configure --pending";
    assert_quiet(&root.sh(trigger).unwrap());

    root.remove(format!("{TREE}/Module.symvers")).unwrap();
    let second = make(&root, "install");
    assert!(said(&second).contains("KBG036"), "{second:?}");
    // Mended by what the advice says.
    root.sh(&format!("su felix -c 'make -C {TREE} modules'")).unwrap().success().unwrap();
    let mended = make(&root, "modules_install install");
    assert!(said(&mended).contains("are at risk KBG010") && !said(&mended).contains("KBG03"), "{mended:?}");
    assert_eq!(kernel(&root, &release).unwrap()["state"], "degraded");
    assert!(builds(&root, &release));
}

/// Without modules there is no kernel yet to speak of, and afterwards nobody calls us: the next look tells.
#[test]
fn an_image_without_modules_is_no_matter() {
    let (root, release) = built();
    add_dkms_module(&root);
    root.remove(format!("{TREE}/scripts/mod/modpost")).unwrap();
    assert_quiet(&make(&root, "install"));
    assert!(root.exists(format!("/boot/vmlinuz-{release}")).unwrap());
    assert_quiet(&make(&root, "modules_install"));
    assert_eq!(kernel(&root, &release).unwrap()["state"], "broken");
    let told = root.sh("dpkg-trigger --no-await /lib/modules && dpkg --configure --pending").unwrap();
    assert!(said(&told).contains("KBG030"), "{told:?}");
}

#[test]
fn a_missing_link_is_said_only_where_headers_are_needed() {
    let (root, release) = built();
    make(&root, "modules_install").success().unwrap();
    root.remove(format!("/lib/modules/{release}/build")).unwrap();
    assert_quiet(&make(&root, "install"));
    assert_eq!(kernel(&root, &release).unwrap()["state"], "absent");
    add_dkms_module(&root);
    let needed = make(&root, "install");
    assert_eq!(needed.code, 0, "{needed:?}");
    // What dkms says of it, exit status 0, is why we speak.
    assert!(needed.output.contains("was skipped since the kernel headers for this kernel"), "{needed:?}");
    assert!(
        said(&needed).starts_with(&format!(
            "kbuild-guard: warning: kernel {release} (the newest of its flavour) has no headers installed \
             needed by DKMS: demo 1 fix "
        )),
        "{needed:?}"
    );
    assert_quiet(&make(&root, "install"));
}

/// The hook looks at one kernel, and what is remembered of the others stays as it is.
#[test]
fn what_was_said_of_another_kernel_stays_said() {
    let (root, release) = built();
    add_dkms_module(&root);
    let newest = "ls /var/cache/apt/archives/ | sed -n 's/^linux-image-\\([^_]*\\)_.*/\\1/p' | sort -V | tail -n 1";
    let packaged = root.sh(newest).unwrap().output.trim().to_owned();
    let image =
        root.sh(&format!("apt-get -y --no-download install linux-image-{packaged}")).unwrap().success().unwrap();
    assert!(
        said(&image).contains(&format!("kernel {packaged} (the newest of its flavour) has no headers")),
        "{image:?}"
    );

    let record = |release: &str| root.exists(format!("/var/lib/kbuild-guard/kernels/{release}.json")).unwrap();
    let own = make(&root, "modules_install install").success().unwrap();
    assert!(record(&release) && !record(&packaged));
    assert!(said(&own).contains(&release) && !said(&own).contains(&packaged), "{own:?}");
    let status = root.run(&["dkms", "status", "-k", &release]).unwrap();
    assert!(status.output.starts_with("demo/1") && status.output.contains(": installed"), "{status:?}");
    assert_quiet(&root.sh("dpkg-trigger --no-await /lib/modules && dpkg --configure --pending").unwrap());
}

/// dkms cannot build, and says so by failing: run-parts ends there, and with it `make install`. What is wrong
/// with the tree was told before.
#[test]
fn where_dkms_fails_we_have_spoken_before() {
    let (root, _) = built();
    add_dkms_module(&root);
    root.remove(format!("{TREE}/scripts/basic/fixdep")).unwrap();
    let failed = make(&root, "modules_install install");
    assert_eq!(failed.code, 2, "{failed:?}");
    let (before, _) = failed.output.split_once("/etc/kernel/postinst.d/dkms exited with return code 11").unwrap();
    assert!(before.contains("KBG030") && before.contains("scripts/basic/fixdep"), "{failed:?}");
}

/// A package as `make bindeb-pkg` makes one: its postinst runs the same hooks (scripts/package/builddeb).
#[test]
fn inside_a_maintainer_script_the_trigger_speaks_and_not_the_hook() {
    let (root, release) = built();
    make(&root, "modules_install install").success().unwrap();
    let script = format!(
        "set -e; umask 022; p=/tmp/package; mkdir -p $p/DEBIAN $p/boot $p/lib/modules; \
         cp /boot/vmlinuz-{release} $p/boot/; cp -a /lib/modules/{release} $p/lib/modules/; \
         rm -r /boot/*{release}* /lib/modules/{release}; \
         printf 'Package: linux-image-felix\\nVersion: 1\\nArchitecture: amd64\\nMaintainer: felix <felix@example.org>\\n\
         Description: x\\n' >$p/DEBIAN/control; \
         printf '#!/bin/sh\\nset -e\\nexport DEB_MAINT_PARAMS=\"$*\"\\nexport INITRD=Yes\\n\
         test -d /etc/kernel/postinst.d && run-parts --verbose --arg={release} --arg=/boot/vmlinuz-{release} /etc/kernel/postinst.d\\n' \
         >$p/DEBIAN/postinst; chmod 755 $p/DEBIAN/postinst; \
         dpkg-deb -Znone --root-owner-group --build $p /image.deb; rm {TREE}/scripts/mod/modpost"
    );
    root.sh(&script).unwrap().success().unwrap();
    let installed = root.run(&["dpkg", "--install", "/image.deb"]).unwrap().success().unwrap();
    let (before, after) = installed.output.split_once("Processing triggers for kbuild-guard").unwrap();
    assert!(before.contains(&format!("executing {SCRIPT}")) && !before.contains("kbuild-guard:"), "{installed:?}");
    assert_eq!(after.matches("kbuild-guard: warning:").count(), 1, "{installed:?}");
    assert!(after.contains("KBG030"), "{installed:?}");
}

#[test]
fn it_never_fails_whatever_it_is_called_with_and_whatever_becomes_of_it() {
    let (root, release) = built();
    root.remove(format!("{TREE}/scripts/mod/modpost")).unwrap();
    make(&root, "modules_install").success().unwrap();
    let bad = [
        ("", "\"\" is not a kernel release: it is empty"),
        ("''", "\"\" is not a kernel release: it is empty"),
        ("../../etc", "../../etc is not a kernel release: it holds a slash"),
        ("\"$(printf 'a\\033[31mb')\" /boot/x", "\"a\\u{1b}[31mb\" is not a kernel release: it holds a space"),
        ("\"$(printf 'a\\377')\"", "is not a kernel release: it holds a space"),
    ];
    for (arguments, line) in bad {
        let told = root.sh(&format!("{SCRIPT} {arguments}")).unwrap();
        assert_eq!(told.code, 0, "{told:?}");
        assert_eq!(told.output.lines().count(), 1, "{told:?}");
        assert!(told.output.starts_with("kbuild-guard: kernel-hook: ") && told.output.contains(line), "{told:?}");
    }
    // No kernels: what installkernel keeps of the one before, one of nobody, and this one for want of an image.
    for release in [format!("{release}.old"), "6.1.0-1-amd64".to_owned(), release.clone()] {
        assert_quiet(&root.sh(&format!("{SCRIPT} {release} /boot/vmlinuz-{release}")).unwrap());
    }
    for program in ["exit 10", "kill -9 $$", "kill -SEGV $$"] {
        root.write_executable(HOOK, format!("#!/bin/sh\n{program}\n")).unwrap();
        let installed = make(&root, "install");
        assert_eq!(installed.code, 0, "{program}: {installed:?}");
    }
    root.remove(HOOK).unwrap();
    assert_quiet(&make(&root, "install"));
}

#[test]
fn it_can_be_switched_off_and_goes_with_the_package() {
    let (root, _) = built();
    root.remove(format!("{TREE}/scripts/mod/modpost")).unwrap();
    make(&root, "modules_install").success().unwrap();

    root.write("/etc/kbuild-guard/config.toml", "mode = \"off\"\n").unwrap();
    assert_quiet(&make(&root, "install"));
    root.remove("/etc/kbuild-guard/config.toml").unwrap();
    let off = root.command(&["make", "-C", TREE, "install"]).env("KBUILD_GUARD_MODE", "off").run().unwrap();
    assert_quiet(&off);

    let upgrade = || root.run(&["dpkg", "--install", "/kbuild-guard.deb"]).unwrap().success().unwrap();
    root.sh(&format!("chmod -x {SCRIPT}")).unwrap().success().unwrap();
    upgrade();
    assert_eq!(root.sh(&format!("stat -c %a {SCRIPT}")).unwrap().output, "644\n", "an upgrade leaves the mode alone");
    let quiet = make(&root, "install");
    assert_quiet(&quiet);
    assert!(!quiet.output.contains(&format!("executing {SCRIPT}")), "{quiet:?}");

    root.remove(SCRIPT).unwrap();
    upgrade();
    assert!(!root.exists(SCRIPT).unwrap(), "an upgrade does not bring it back");
    assert_quiet(&make(&root, "install"));

    // Why the script says not to: it is run-parts that fails, and with it every installation of a kernel.
    root.sh(&format!("ln -s /dev/null {SCRIPT}")).unwrap().success().unwrap();
    let masked = make(&root, "install");
    assert_eq!(masked.code, 2, "{masked:?}");
    assert!(masked.output.contains("is not an executable plain file"), "{masked:?}");
    root.remove(SCRIPT).unwrap();

    let reinstalled = root.run(&["dpkg", "--force-confmiss", "--install", "/kbuild-guard.deb"]).unwrap();
    assert_eq!((reinstalled.code, root.exists(SCRIPT).unwrap()), (0, true), "{reinstalled:?}");
    root.run(&["dpkg", "--remove", "kbuild-guard"]).unwrap().success().unwrap();
    assert!(root.exists(SCRIPT).unwrap() && !root.exists(HOOK).unwrap());
    let left = make(&root, "install");
    assert_quiet(&left);
    assert!(left.output.contains(&format!("executing {SCRIPT}")), "{left:?}");
    root.run(&["dpkg", "--purge", "kbuild-guard"]).unwrap().success().unwrap();
    assert!(!root.exists(SCRIPT).unwrap());
    assert_quiet(&make(&root, "install"));
}
