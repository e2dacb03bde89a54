// SPDX-License-Identifier: MIT OR Apache-2.0
//! Trees of other kernels than debian12_preserve.rs' own small 6.1: of Debian's 5.10, 6.12 and 7.x, and of one with Rust,
//! built with O=. Preserved, all that they were copied from taken away, and modules built and loaded all the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use end_to_end::{build_sample, built_with_rust, guarded, kernel, with_kernel_14, with_kernels_13, with_old_kernel};
use test_roots::{Base, Outcome, Root, TinyBoot};

/// Loads `/files/m.ko` and says what the kernel lists then.
const LOAD: &str = "insmod /files/m.ko && cut -d' ' -f1 /proc/modules && rmmod m && echo gone";

/// A module in Rust: with an allocation, a macro of the kernel's own, and what `module!` makes.
const IN_RUST: &str = r#"//! A module in Rust.
use kernel::prelude::*;

module! {
    type: Sample,
    name: "r",
    authors: ["felix"],
    description: "A module in Rust",
    license: "GPL",
}

struct Sample(KVec<i32>);

impl kernel::Module for Sample {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mut numbers = KVec::new();
        numbers.push(42, GFP_KERNEL)?;
        pr_info!("says {:?}\n", numbers);
        Ok(Sample(numbers))
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        pr_info!("leaves with {:?}\n", self.0);
    }
}
"#;

fn preserve(root: &Root, words: &str) -> Outcome {
    root.sh(&format!("kbuild-guard preserve {words}")).unwrap()
}

/// The newest kernel of a base, whose header packages own its tree: its copy is all that is left, a module builds by the
/// build link, and that very kernel takes it.
fn outlives_its_packages(base: &Base, series: &str) {
    let release = base.releases().last().unwrap();
    assert!(release.starts_with(series), "{release}");
    let root = guarded(Root::builder(base).running(release)).unwrap();
    let before = kernel(&root, release).unwrap();
    assert_eq!(before["state"], "ready", "{before:#}");
    let asked = preserve(&root, release);
    let owner = format!("kbuild-guard: refused: nothing to preserve; the package linux-headers-{release} owns");
    assert!(asked.code == 1 && asked.output.starts_with(&owner), "{asked:?}");
    let done = preserve(&root, &format!("{release} --to /srv/kept --force")).success().unwrap();
    assert!(done.output.contains("  state   ready, was ready\n"), "{done:?}");

    // The tree, what its Makefile includes, and what its links lead to.
    root.sh("rm -r /usr/src/linux-* /usr/lib/linux-kbuild-*").unwrap().success().unwrap();
    let copy =
        root.sh(&format!("readlink -f /lib/modules/{release}/build; grep -rIlE '/usr/(src|lib)/linux-' /srv/kept"));
    let copy = copy.unwrap().output;
    assert_eq!(copy, "/srv/kept\n/srv/kept/.kbuild-guard.json\n");
    let after = kernel(&root, release).unwrap();
    assert_eq!(after["state"], "ready", "{after:#}");
    let built = build_sample(&root, release).unwrap();
    assert!(built.code == 0 && built.output.contains(&format!("\n{release} ")), "{built:?}");

    let boot = TinyBoot::of(base, release, LOAD).unwrap().file("m.ko", root.read("/tmp/m/m.ko").unwrap());
    let booted = boot.run(&std::env::temp_dir()).unwrap();
    assert_eq!(booted.report, "m\ngone\n", "{booted:?}");
}

#[test]
fn a_kernel_of_debian_11_outlives_its_packages() {
    outlives_its_packages(&with_old_kernel().unwrap(), "5.10.");
}

#[test]
fn a_kernel_of_debian_13_outlives_its_packages() {
    outlives_its_packages(&with_kernels_13().unwrap(), "6.12.");
}

#[test]
fn a_kernel_of_debian_14_to_be_outlives_its_packages() {
    outlives_its_packages(&with_kernel_14().unwrap(), "7.");
}

/// The build link is the package's too. apt is stopped because of that; who goes on has the copy, and gets the link back.
#[test]
fn packages_that_go_take_the_link_and_repair_finds_the_copy() {
    let base = with_kernels_13().unwrap();
    let release = base.releases().last().unwrap();
    let root = guarded(Root::builder(&base).running(release)).unwrap();
    preserve(&root, &format!("{release} --to /srv/kept --force")).success().unwrap();
    let purge = format!("purge --yes --autoremove linux-headers-{release}");
    let stopped = root.sh(&format!("apt-get {purge}")).unwrap();
    let lost = format!("  lost    /usr/lib/modules/{release}/build\n");
    assert!(stopped.code != 0 && stopped.output.contains(&lost), "{stopped:?}");
    root.sh(&format!("apt-get -o KbuildGuard::Mode=warn {purge}")).unwrap().success().unwrap();
    let gone = kernel(&root, release).unwrap();
    assert_eq!(gone["state"], "absent", "{gone:#}");

    root.sh(&format!("kbuild-guard repair {release} --search /srv")).unwrap().success().unwrap();
    let back = kernel(&root, release).unwrap();
    assert_eq!(back["state"], "ready", "{back:#}");
    let left = root.sh(&format!("readlink -f /lib/modules/{release}/build; ls -d /usr/src/*{release}* 2>&1")).unwrap();
    assert!(left.output.starts_with("/srv/kept\n") && left.output.contains("No such file"), "{left:?}");
    let built = build_sample(&root, release).unwrap();
    assert!(built.code == 0 && built.output.contains(&format!("\n{release} ")), "{built:?}");
}

/// Both sides of a build, and what modules in Rust are built with: Rust's core and the kernel's own crate as compiled, and
/// the macros as libraries that the compiler loads. The modules are those that the tree itself gives, byte by byte.
#[test]
fn modules_in_rust_are_built_where_nothing_of_the_source_is_left() {
    let base = built_with_rust().unwrap();
    let release = &base.releases()[0];
    let root = guarded(Root::builder(&base).running(release)).unwrap();
    let installed = format!("make -C /usr/src/rusty modules_install && cp {IMAGE} /boot/vmlinuz-{release}");
    root.sh(&installed).unwrap().success().unwrap();
    let by_tree = built_both(&root, release);
    // What upstream's own script puts into a headers package.
    root.sh("make -C /usr/src/rusty run-command \
         KBUILD_RUN_COMMAND='sh $(srctree)/scripts/package/install-extmod-build /srv/upstream'")
        .unwrap()
        .success()
        .unwrap();

    let done = preserve(&root, release).success().unwrap();
    assert!(done.output.contains("from    /usr/src/rusty\n  from    /usr/src/linux\n"), "{done:?}");
    let copy = format!("/usr/src/linux-headers-{release}");
    let compared = root.sh(&format!(
        "(cd /srv/upstream && find . ! -type d) | sort >/tmp/theirs; (cd {copy} && find . ! -type d) | sort >/tmp/ours; \
         grep -c include/linux/ /tmp/theirs; comm -23 /tmp/theirs /tmp/ours"
    ));
    let compared = compared.unwrap().output;
    assert!(compared.trim().parse::<u32>().is_ok_and(|headers| headers > 1000), "missed, after the first: {compared}");
    // That script leaves Rust's to the distributions. What a module needs of it, the compiler has written down.
    let kept = root.sh(&format!("cd {copy} && ls -d rust/*")).unwrap().success().unwrap().output;
    let kept: BTreeSet<&str> = kept.lines().collect();
    let read = String::from_utf8(root.read("/tmp/rust/.r.o.cmd").unwrap()).unwrap();
    let read = read.split_ascii_whitespace().filter(|word| word.ends_with(".rmeta") || word.ends_with(".so"));
    let read: BTreeSet<&str> =
        read.map(|path| path.trim_start_matches("/usr/src/rusty/").trim_start_matches("./")).collect();
    assert!(read.contains("rust/libcore.rmeta") && read.contains("rust/libkernel.rmeta"), "{read:?}");
    assert!(read.is_subset(&kept), "{read:?}, {kept:?}");

    root.sh("rm -r /usr/src/rusty /usr/src/linux /srv/upstream").unwrap().success().unwrap();
    let judged = kernel(&root, release).unwrap();
    assert_eq!(judged["state"], "ready", "{judged:#}");
    let by_copy = built_both(&root, release);
    assert!(by_copy == by_tree, "the copy gives other modules than the tree");

    let script = "insmod /files/m.ko && insmod /files/r.ko && cut -d' ' -f1 /proc/modules && rmmod r && rmmod m; dmesg | grep '^r: '";
    let [in_c, in_rust] = by_copy;
    let boot = TinyBoot::of_image(&base, IMAGE.trim_start_matches('/'), release, script).unwrap();
    let booted = boot.file("m.ko", in_c).file("r.ko", in_rust).run(&std::env::temp_dir()).unwrap();
    assert_eq!(booted.report, "r\nm\nr: says [42]\nr: leaves with [42]\n", "{booted:?}");
}

/// The image of the kernel with Rust.
const IMAGE: &str = "/usr/src/rusty/arch/x86/boot/bzImage";

/// One module in C, one in Rust, built by the build link.
fn built_both(root: &Root, release: &str) -> [Vec<u8>; 2] {
    root.sh("rm -rf /tmp/rust").unwrap().success().unwrap();
    root.write("/tmp/rust/Makefile", "obj-m := r.o\n").unwrap();
    root.write("/tmp/rust/r.rs", IN_RUST).unwrap();
    let in_rust =
        format!("make -C /lib/modules/{release}/build M=/tmp/rust modules && modinfo -F vermagic /tmp/rust/r.ko");
    for built in [build_sample(root, release).unwrap(), root.sh(&in_rust).unwrap()] {
        assert!(built.code == 0 && built.output.contains(&format!("\n{release} ")), "{built:?}");
    }
    ["/tmp/m/m.ko", "/tmp/rust/r.ko"].map(|path| root.read(path).unwrap())
}
