// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 13, a real 6.12 kernel: each fault of its header trees is judged as make judges it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Fault, Releases, judge, with_kernels_13};

/// Where the trees of the newest kernel are.
struct Trees {
    /// `/usr/lib/modules/R/build`.
    link: String,
    /// Where it leads.
    tree: String,
    /// The tree it includes.
    common: String,
    /// The tree that `scripts` and `tools` lead to; on Debian 13 each upstream version has its own.
    kbuild: String,
    /// The tree of the kernel before it.
    sibling: String,
}

/// Holds each verdict against make's.
fn hold(faults: impl FnOnce(&Trees) -> Vec<Fault>) {
    let base = with_kernels_13().unwrap();
    let Releases { old, middle, new } = Releases::of(&base).unwrap();
    let version = new.trim_end_matches("-cloud-amd64");
    let trees = Trees {
        link: format!("/usr/lib/modules/{new}/build"),
        tree: format!("/usr/src/linux-headers-{new}"),
        common: format!("/usr/src/linux-headers-{version}-common"),
        kbuild: format!("/usr/lib/linux-kbuild-{version}"),
        sibling: format!("linux-headers-{middle}"),
    };
    let wrong = judge(&base, &old, &new, &faults(&trees)).unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn of_the_link() {
    hold(|Trees { link, common, sibling, .. }| {
        vec![
            Fault { state: "absent", ..Fault::stops(format!("rm {link}"), "KBG001") },
            Fault::stops(format!("ln -sfn ../../../../gone/linux {link}"), "KBG002"),
            Fault::stops(format!("ln -sfn build {link}"), "KBG003"),
            Fault::stops(format!("mkdir /empty; ln -sfn /empty {link}"), "KBG004"),
            Fault::stops(format!("ln -sfn {common} {link}"), "KBG022"),
            // A sibling's tree builds; whether that loads is another matter.
            Fault::risks(format!("ln -sfn ../../../src/{sibling} {link}"), "KBG020"),
            Fault::harmless(format!("rm {}", link.replace("build", "source"))),
        ]
    });
}

#[test]
fn of_the_flavours_tree() {
    hold(|Trees { tree, .. }| {
        vec![
            Fault::stops(format!("rm -r {tree}"), "KBG002"),
            Fault::stops(format!("rm {tree}/Makefile"), "KBG004"),
            Fault::stops(format!(": >{tree}/Makefile"), "KBG004"),
            Fault::stops(format!("rm {tree}/include/config/auto.conf"), "KBG022"),
            Fault::stops(format!(": >{tree}/include/generated/autoconf.h"), "KBG022"),
            Fault::stops(format!("rm {tree}/include/generated/utsrelease.h"), "KBG023"),
            Fault::stops(format!(": >{tree}/include/generated/bounds.h"), "KBG023"),
            Fault::stops(format!("rm {tree}/include/generated/timeconst.h"), "KBG023"),
            Fault::stops(format!("rm {tree}/arch/x86/include/generated/asm/rwonce.h"), "KBG023"),
            Fault::stops(format!("rm {tree}/arch/x86/module.lds"), "KBG024"),
            Fault::stops(format!(": >{tree}/Module.symvers"), "KBG037"),
            Fault::stops(format!("sed -i /module_layout/d {tree}/Module.symvers"), "KBG039"),
            Fault::stops(format!("truncate -s 500030 {tree}/Module.symvers"), "KBG039"),
            // 6.1 builds with a warning what no kernel loads; here make stops.
            Fault::stops(format!("rm {tree}/Module.symvers"), "KBG036"),
            Fault::stops(format!("rm {tree}/arch/x86/include/generated/asm/mmzone.h"), "KBG023"),
            Fault::stops(format!("rm {tree}/arch/x86/include/generated/asm/orc_hash.h"), "KBG023"),
            Fault::stops(format!("rm {tree}/arch/x86/include/generated/uapi/asm/socket.h"), "KBG023"),
            // Builds, all the same. Without vmlinux a module gets no BTF.
            Fault::harmless(format!(
                "cd {tree} && rm .config vmlinux include/config/kernel.release include/generated/compile.h"
            )),
        ]
    });
}

#[test]
fn of_the_shared_trees() {
    hold(|Trees { tree, common, kbuild, .. }| {
        vec![
            Fault::stops(format!("rm -r {common}"), "KBG040"),
            Fault::stops(format!("rm -r {kbuild}"), "KBG040"),
            Fault::stops(format!("rm {tree}/scripts"), "KBG030"),
            Fault::stops(format!("rm {common}/include/linux/module.h"), "KBG025"),
            Fault::stops(format!("rm {common}/arch/x86/Makefile"), "KBG024"),
            Fault::stops(format!("rm {kbuild}/scripts/Makefile.modfinal"), "KBG024"),
            Fault::stops(format!("rm {kbuild}/scripts/Makefile.debug"), "KBG024"),
            Fault::stops(format!("rm {kbuild}/scripts/Makefile.btf"), "KBG024"),
            Fault::stops(format!("rm {kbuild}/scripts/module-common.c"), "KBG024"),
            Fault::stops(format!("rm {kbuild}/scripts/modules-check.sh"), "KBG024"),
        ]
    });
}

#[test]
fn of_the_host_tools() {
    hold(|Trees { kbuild, .. }| {
        let for_arm = |tool: &str| format!("printf '\\267' | dd of={kbuild}/{tool} bs=1 seek=18 conv=notrunc");
        let resolve_btfids = "tools/bpf/resolve_btfids/resolve_btfids";
        vec![
            // The tree ships vmlinux, so modules get BTF.
            Fault::stops("rm /usr/bin/pahole".to_owned(), "KBG053"),
            Fault::stops(format!("rm {kbuild}/scripts/mod/modpost"), "KBG030"),
            Fault::stops(format!("rm {kbuild}/scripts/mod/modpost.real-lsb-64"), "KBG030"),
            Fault::stops(format!("chmod -x {kbuild}/scripts/mod/modpost.real-lsb-64"), "KBG031"),
            Fault::stops(format!(": >{kbuild}/scripts/mod/modpost.real-lsb-64"), "KBG030"),
            Fault::stops(format!("rm {kbuild}/tools/objtool/objtool"), "KBG030"),
            Fault::stops(format!("rm {kbuild}/tools/objtool/objtool.real-x86"), "KBG030"),
            Fault::stops(for_arm("tools/objtool/objtool.real-x86"), "KBG032"),
            Fault::stops(format!("chmod -x {kbuild}/scripts/basic/fixdep"), "KBG031"),
            Fault::stops(for_arm("scripts/basic/fixdep"), "KBG032"),
            Fault::risks(format!(": >{kbuild}/scripts/basic/fixdep"), "KBG033"),
            // This kernel's modules get BTF, from the vmlinux beside the tree.
            Fault::stops(format!("rm {kbuild}/{resolve_btfids}"), "KBG030"),
            Fault::stops(format!("chmod -x {kbuild}/{resolve_btfids}"), "KBG031"),
            Fault::stops(for_arm(resolve_btfids), "KBG032"),
        ]
    });
}

#[test]
fn of_the_compiler() {
    hold(|Trees { tree, .. }| {
        vec![
            Fault::risks(format!("rm {tree}/.kernelvariables"), "KBG051"),
            Fault::risks(format!(": >{tree}/.kernelvariables"), "KBG051"),
            Fault::stops(format!("rm {tree}/.kernelvariables /usr/bin/gcc"), "KBG050"),
            // The tree asks for the compiler by its whole name, to which the short one is a link.
            Fault::stops("rm /usr/bin/x86_64-linux-gnu-gcc-14", "KBG050"),
            Fault::harmless("rm /usr/bin/gcc-14"),
            Fault::harmless("rm /usr/bin/gcc"),
            // So it does for the linker; gcc asks for its assembler by the short name.
            Fault::stops("rm /usr/bin/x86_64-linux-gnu-ld", "KBG053"),
            Fault::harmless("rm /usr/bin/ld"),
            Fault::stops("rm /usr/bin/as", "KBG053"),
        ]
    });
}
