// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, real apt and dkms: a kernel that is installed is verified at the end of the run, once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, bare, guarded, kernel, said, with_kernels, words_of_ours};
use test_roots::{Outcome, Root};

fn apt(root: &Root, words: &str) -> Outcome {
    root.sh(&format!("apt-get -y --no-download {words}")).unwrap()
}

fn fresh() -> (Root, Releases) {
    let base = bare().unwrap();
    let releases = Releases::of(&base).unwrap();
    (guarded(Root::builder(&base).running("6.1.0-0-host")).unwrap(), releases)
}

#[test]
fn image_and_headers_in_one_run_are_silent_and_ready() {
    let (root, Releases { new, .. }) = fresh();
    let run = apt(&root, &format!("install acpi-call-dkms linux-image-{new} linux-headers-{new}")).success().unwrap();
    assert!(words_of_ours(&run).is_empty(), "{run:?}");
    let kernel = kernel(&root, &new).unwrap();
    assert_eq!(kernel["state"], "ready", "{kernel}");
    assert_eq!(kernel["needed_by"][0], "acpi-call 1.2.2", "{kernel}");
    assert_eq!(kernel["closure"][1]["owner"], format!("linux-headers-{new}"), "{kernel}");
    assert!(!root.exists("/var/lib/kbuild-guard/kernels").unwrap(), "of a packaged tree nothing is written down");
}

#[test]
fn an_image_alone_is_silent_where_nothing_needs_headers() {
    let (root, Releases { new, .. }) = fresh();
    let run = apt(&root, &format!("install linux-image-{new}")).success().unwrap();
    assert!(words_of_ours(&run).is_empty(), "{run:?}");
    assert_eq!(kernel(&root, &new).unwrap()["state"], "absent");
    assert_eq!(root.run(&["kbuild-guard", "check"]).unwrap().code, 0);
}

#[test]
fn an_image_alone_under_dkms_is_warned_of_once_with_the_package_that_mends_it() {
    let (root, Releases { middle, new, .. }) = fresh();
    apt(&root, &format!("install acpi-call-dkms linux-image-{middle} linux-headers-{middle}")).success().unwrap();
    let run = apt(&root, &format!("install linux-image-{new}")).success().unwrap();
    assert_eq!(
        said(&run),
        format!(
            "kbuild-guard: warning: kernel {new} (the newest of its flavour) has no headers installed \
             needed by DKMS: acpi-call 1.2.2 fix apt-get install linux-headers-{new}"
        ),
        "{run:?}"
    );
    // What was said once is not said again by a later run.
    let again = root.run(&["dpkg-trigger", "--no-await", "/lib/modules"]).unwrap();
    assert_eq!(again.code, 0);
    let again = root.run(&["dpkg", "--configure", "--pending"]).unwrap().success().unwrap();
    assert!(words_of_ours(&again).is_empty(), "{again:?}");
    // The fix works, in silence.
    let mended = apt(&root, &format!("install linux-headers-{new}")).success().unwrap();
    assert!(words_of_ours(&mended).is_empty(), "{mended:?}");
    assert_eq!(kernel(&root, &new).unwrap()["state"], "ready");
}

#[test]
fn a_new_kernel_inherits_its_predecessors_need() {
    let (root, Releases { middle, new, .. }) = fresh();
    apt(&root, &format!("install linux-image-{middle} linux-headers-{middle}")).success().unwrap();
    let run = apt(&root, &format!("install linux-image-{new}")).success().unwrap();
    let words = words_of_ours(&run);
    assert!(words.iter().any(|line| line.contains("the kernel before it")), "{run:?}");
    assert!(words.iter().any(|line| line.ends_with(&format!("apt-get install linux-headers-{new}"))), "{words:?}");
}

#[test]
fn damage_is_named_with_its_owner_at_the_next_run() {
    let base = with_kernels().unwrap();
    let Releases { old, new, .. } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&new)).unwrap();
    root.remove("/usr/lib/linux-kbuild-6.1/scripts/basic/fixdep").unwrap();
    root.remove(format!("/usr/src/linux-headers-{old}/include/generated/autoconf.h")).unwrap();
    let run = root.sh("dpkg-trigger --no-await /usr/src && dpkg --configure --pending").unwrap().success().unwrap();
    let words = said(&run);
    assert_eq!(words.matches("kbuild-guard: warning: external modules cannot be built").count(), 3, "{run:?}");
    assert!(words.contains("KBG030"), "{words}");
    assert!(words.contains("apt-get install --reinstall linux-kbuild-6.1"), "{words}");
    assert!(words.contains(&format!("apt-get install --reinstall linux-headers-{old}")), "{words}");
    // What the findings say is what make says.
    let make = |release: &str| {
        root.sh(&format!(
            "mkdir -p /tmp/m && cd /tmp/m && printf 'obj-m := m.o\\n' > Makefile && \
             printf '#include <linux/module.h>\\nMODULE_LICENSE(\"GPL\");\\n' > m.c && make -C /lib/modules/{release}/build M=/tmp/m modules"
        ))
        .unwrap()
    };
    assert_ne!(make(&new).code, 0);
    apt(&root, "install --reinstall linux-kbuild-6.1").success().unwrap();
    assert_eq!(kernel(&root, &new).unwrap()["state"], "ready");
    assert_eq!(make(&new).code, 0);
    assert_eq!(kernel(&root, &old).unwrap()["state"], "broken");
    assert_ne!(make(&old).code, 0);
}

/// Each fault that stops a build outright, on a real tree: the verdict is what make says.
#[test]
fn faults_are_judged_as_make_judges_them() {
    let base = with_kernels().unwrap();
    let Releases { old, middle, new } = Releases::of(&base).unwrap();
    let tree = format!("/usr/src/linux-headers-{new}");
    let common = format!("/usr/src/linux-headers-{}-common", new.trim_end_matches("-cloud-amd64"));
    let kbuild = "/usr/lib/linux-kbuild-6.1";
    let link = format!("/lib/modules/{new}/build");
    // The tree's links are relative; moved elsewhere it keeps them by their whole names.
    let moved = |to: &str| {
        format!(
            "mkdir -p {to}; mv {tree} {to}/linux; ln -sfn {to}/linux {link}; ln -sfn {kbuild}/scripts {kbuild}/tools {to}/linux"
        )
    };
    let cases: Vec<(String, &str, &str)> = vec![
        (format!("rm {link}"), "absent", "KBG001"),
        (format!("ln -sfn /nowhere/linux {link}"), "broken", "KBG002"),
        (format!("ln -sfn build {link}"), "broken", "KBG003"),
        (format!("mkdir /empty; ln -sfn /empty {link}"), "broken", "KBG004"),
        (format!("ln -sfn {common} {link}"), "broken", "KBG022"),
        (format!("rm {tree}/include/config/auto.conf"), "broken", "KBG022"),
        (format!(": > {tree}/include/generated/autoconf.h"), "broken", "KBG022"),
        (format!("rm {tree}/include/generated/utsrelease.h"), "broken", "KBG023"),
        (format!(": > {tree}/include/generated/bounds.h"), "broken", "KBG023"),
        (format!("rm {tree}/arch/x86/include/generated/asm/rwonce.h"), "broken", "KBG023"),
        (format!("rm {tree}/.kernelvariables"), "degraded", "KBG051"),
        (format!(": > {tree}/.kernelvariables"), "degraded", "KBG051"),
        (format!("rm {tree}/.kernelvariables /usr/bin/gcc"), "broken", "KBG050"),
        (format!("rm {tree}/arch/x86/module.lds"), "broken", "KBG024"),
        (format!("rm {kbuild}/scripts/Makefile.modfinal"), "broken", "KBG024"),
        (format!("rm {kbuild}/scripts/Makefile.debug"), "broken", "KBG024"),
        (format!("rm {tree}/Makefile"), "broken", "KBG004"),
        (format!(": > {tree}/Makefile"), "broken", "KBG004"),
        (format!("rm {common}/include/linux/module.h"), "broken", "KBG025"),
        (format!("rm {kbuild}/scripts/mod/modpost"), "broken", "KBG030"),
        (format!("rm {kbuild}/tools/objtool/objtool"), "broken", "KBG030"),
        (format!("rm {kbuild}/scripts/mod/modpost.real-lsb-64"), "broken", "KBG030"),
        (format!("chmod -x {kbuild}/scripts/mod/modpost.real-lsb-64"), "broken", "KBG031"),
        (format!(": > {kbuild}/scripts/mod/modpost.real-lsb-64"), "broken", "KBG030"),
        (format!("chmod -x {kbuild}/scripts/basic/fixdep"), "broken", "KBG031"),
        (format!("printf '\\267' | dd of={kbuild}/scripts/basic/fixdep bs=1 seek=18 conv=notrunc"), "broken", "KBG032"),
        // As if built on a newer distribution, with other libraries, or for another loader:
        (format!("sed -i s/GLIBC_2.34/GLIBC_2.99/ {kbuild}/scripts/basic/fixdep"), "broken", "KBG034"),
        (format!("sed -i s/libelf.so.1/libelf.so.7/ {kbuild}/tools/objtool/objtool"), "broken", "KBG035"),
        (
            format!("sed -i s,/lib64/ld-linux,/lib64/ld-minux, {kbuild}/scripts/mod/modpost.real-lsb-64"),
            "broken",
            "KBG035",
        ),
        (format!("truncate --size=9000 {kbuild}/scripts/basic/fixdep"), "broken", "KBG038"),
        (format!(": > {tree}/Module.symvers"), "broken", "KBG037"),
        (format!("rm -r {common}"), "broken", "KBG040"),
        (format!("rm -r {kbuild}"), "broken", "KBG040"),
        (format!("rm {tree}/scripts"), "broken", "KBG030"),
        ("rm /usr/bin/gcc-12".to_owned(), "broken", "KBG050"),
        // Builds, all the same:
        (
            format!(
                "rm {tree}/.config {tree}/include/config/kernel.release {tree}/include/generated/compile.h /lib/modules/{new}/source"
            ),
            "ready",
            "",
        ),
        (format!(": > {kbuild}/scripts/basic/fixdep"), "degraded", "KBG033"),
        // Builds, and loads only if every symbol's checksum happens to agree:
        (format!("ln -sfn /usr/src/linux-headers-{middle} {link}"), "degraded", "KBG020"),
        // A header that the simplest module does not reach:
        (format!("rm {common}/include/linux/zutil.h"), "degraded", "KBG041"),
        (format!("chown 1000 {tree}"), "degraded", "KBG012"),
        (format!("mv {tree} /opt/h; ln -sfn /opt/h {link}; ln -s /opt/h {tree}"), "ready", "KBG010"),
        (moved("/home/felix"), "degraded", "KBG010"),
        (moved("/var/tmp"), "degraded", "KBG011"),
        (
            format!("sed -i s/CONFIG_GCC_VERSION=12/CONFIG_GCC_VERSION=14/ {tree}/include/config/auto.conf"),
            "degraded",
            "KBG052",
        ),
        // The same release, another build; the kernel compares when it loads:
        (
            format!("sed -i 's/^0x[0-9a-f]*\\tmodule_layout\\t/0x12345678\\tmodule_layout\\t/' {tree}/Module.symvers"),
            "broken-but-builds",
            "KBG021",
        ),
        // The stamp is made of the C configuration, and not of make's:
        (format!("sed -i /CONFIG_MODULE_UNLOAD/d {tree}/include/generated/autoconf.h"), "broken-but-builds", "KBG021"),
        (format!("sed -i /CONFIG_MODULE_UNLOAD=y/d {tree}/include/config/auto.conf"), "ready", ""),
        // Builds with a warning, and does not load:
        (format!("rm {tree}/Module.symvers"), "broken-but-builds", "KBG036"),
    ];
    let mut wrong: Vec<String> = Vec::new();
    for (fault, state, id) in cases {
        let root = Root::builder(&base).running(&old).offline().start().unwrap();
        root.copy_in(end_to_end::deb().unwrap(), "/kbuild-guard.deb").unwrap();
        root.sh("dpkg --unpack /kbuild-guard.deb").unwrap().success().unwrap();
        root.sh(&fault).unwrap().success().unwrap();
        let kernel = kernel(&root, &new).unwrap();
        let ids: Vec<&str> =
            kernel["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect();
        if kernel["state"] != state.trim_end_matches("-but-builds") || !(id.is_empty() || ids.contains(&id)) {
            wrong.push(format!("{fault}: not {state} with {id:?}: {kernel}"));
        }
        let make = root
            .sh(&format!(
                "mkdir -p /tmp/m && cd /tmp/m && printf 'obj-m := m.o\\n' > Makefile && \
                 printf '#include <linux/module.h>\\nMODULE_LICENSE(\"GPL\");\\n' > m.c && make -C {link} M=/tmp/m modules"
            ))
            .unwrap();
        let builds = matches!(state, "ready" | "degraded" | "broken-but-builds");
        if (make.code == 0) != builds {
            wrong.push(format!("{fault}: we say {state}, make says {}: {}", make.code, make.output));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
