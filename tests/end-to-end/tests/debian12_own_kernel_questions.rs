// SPDX-License-Identifier: MIT OR Apache-2.0
//! The questions that people who build kernels ask, as docs/own-kernels.md answers them: each answer is made here again,
//! with the trees of one real kernel, its make, and the kernel itself, which loads what was built or says why not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use end_to_end::{guarded, kernel, self_built_trees};
use test_roots::{Base, Root, TinyBoot};

/// The trees of the base: everything as it was built; what bindeb-pkg packs of it; the source as it is unpacked.
const FULL: &str = "/usr/src/felix-full";
const PACKAGE: &str = "/usr/src/felix-package";
const SOURCE: &str = "/usr/src/felix-source";

/// What of a tree's top no module build enters, besides what `make clean` removes.
const NEVER_ENTERED: &str = "Documentation LICENSES block certs crypto drivers fs init io_uring ipc kernel lib mm net \
                             rust samples security sound usr virt vmlinux System.map";

struct Questions {
    base: Base,
    root: Root,
    release: String,
    built: BTreeMap<&'static str, Vec<u8>>,
}

impl Questions {
    fn new() -> Self {
        let base = self_built_trees().unwrap();
        let release = base.releases()[0].clone();
        let root = guarded(Root::builder(&base).running("6.1.0-0-host")).unwrap();
        root.write("/tmp/m/Makefile", "obj-m := m.o\n").unwrap();
        let text = "#include <linux/module.h>\n#include <linux/slab.h>\nstatic void *p;\n\
                    static int __init in(void) { p = kmalloc(64, GFP_KERNEL); return p ? 0 : -12; }\n\
                    static void __exit out(void) { kfree(p); }\n\
                    module_init(in); module_exit(out); MODULE_LICENSE(\"GPL\");\n";
        root.write("/tmp/m/m.c", text).unwrap();
        Questions { base, root, release, built: BTreeMap::new() }
    }

    fn sh(&self, script: &str) -> String {
        self.root.sh(script).unwrap().success().unwrap().output
    }

    /// Links to a tree, as people do, and builds a module through the link.
    fn build(&mut self, tree: &str, name: &'static str) -> Result<(), String> {
        let script = format!(
            "ln -sfn {tree} /lib/modules/{release}/build; cd /tmp/m; rm -f m.ko m.o m.mod* .*.cmd modules.order Module.symvers; \
             make -C /lib/modules/{release}/build M=/tmp/m modules && cp m.ko /tmp/{name}.ko",
            release = self.release
        );
        let built = self.root.sh(&script).unwrap();
        if built.code != 0 {
            return Err(built.output);
        }
        self.built.insert(name, self.root.read(format!("/tmp/{name}.ko")).unwrap());
        Ok(())
    }

    /// The state, and the first finding, that kbuild-guard sees now.
    fn verdict(&self) -> (String, String) {
        let found = kernel(&self.root, &self.release).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        (text(&found["state"]), text(&found["findings"][0]["id"]))
    }

    fn megabytes(&self, tree: &str) -> u64 {
        self.sh(&format!("du -sm {tree}")).split_whitespace().next().unwrap().parse().unwrap()
    }

    /// What the kernel says of each module: nothing, where it takes it.
    fn loaded(&self) -> BTreeMap<String, String> {
        let script = "for file in /files/*; do dmesg -c >/dev/null; echo \"begin ${file##*/}\"; \
                      if insmod $file; then rmmod m; else dmesg; fi; done";
        let mut boot = TinyBoot::of(&self.base, &self.release, script).unwrap();
        for (name, bytes) in &self.built {
            boot = boot.file(name, bytes.clone());
        }
        let booted = boot.run(&std::env::temp_dir()).unwrap();
        assert!(booted.done, "{booted:?}");
        let told = |one: &str| {
            let (name, words) = one.split_once('\n').unwrap();
            (name.to_owned(), words.trim().to_owned())
        };
        booted.report.split("begin ").skip(1).map(told).collect()
    }
}

#[test]
fn every_answer_holds() {
    let mut q = Questions::new();

    // Do I need the headers package if I have the source I built the kernel from? No: it is a part of that, and what is
    // built is the same, byte by byte.
    q.build(FULL, "full").unwrap();
    assert_eq!(q.verdict().0, "ready");
    q.build(PACKAGE, "package").unwrap();
    assert_eq!(q.verdict().0, "ready");
    assert_eq!(q.built["full"], q.built["package"]);
    let sizes = [q.megabytes(FULL), q.megabytes(PACKAGE)];
    assert!(sizes[0] > 1000 && sizes[1] < 100, "{sizes:?}");

    // Why does a link to the source, as it was unpacked, not do?
    let said = q.build(SOURCE, "source").unwrap_err();
    assert!(
        said.contains("ERROR: Kernel configuration is invalid.") && said.contains("auto.conf are missing"),
        "{said}"
    );
    assert_eq!(q.verdict(), ("broken".to_owned(), "KBG022".to_owned()));

    // And when it is configured and prepared? Modules are built, with a warning, and the kernel takes none.
    let copy = "/usr/src/felix-without-symvers";
    q.sh(&format!("cp -a /usr/src/felix-prepared {copy} && rm {copy}/Module.symvers && sed -i s,felix-prepared,felix-without-symvers, {copy}/Makefile"));
    q.build(copy, "without-symvers").unwrap();
    assert_eq!(q.verdict(), ("broken".to_owned(), "KBG036".to_owned()));

    // Is a link to any tree of the same version enough? Not where it is of another build.
    let other = "/usr/src/felix-other-build";
    q.sh(&format!(
        "cp -a {PACKAGE} {other}; sed -i '/\\tmodule_layout\\t/s/^0x......../0x12345678/' {other}/Module.symvers"
    ));
    q.build(other, "other-build").unwrap();
    assert_eq!(q.verdict(), ("broken".to_owned(), "KBG021".to_owned()));
    // Another release's, whose symbols happen to agree, is taken: with symbol versions these are what counts.
    let other = "/usr/src/felix-other-release";
    q.sh(&format!(
        "cp -a {PACKAGE} {other}; sed -i 's/{}/6.1.99-felix/' {other}/include/generated/utsrelease.h",
        q.release
    ));
    q.build(other, "other-release").unwrap();
    assert_eq!(q.verdict(), ("degraded".to_owned(), "KBG020".to_owned()));

    // Could the link lead to something smaller? That is what preserve makes.
    q.sh(&format!("ln -sfn {FULL} /lib/modules/{}/build; kbuild-guard preserve {}", q.release, q.release));
    let preserved = format!("/usr/src/linux-headers-{}", q.release);
    q.build(&preserved, "preserved").unwrap();
    assert_eq!((q.built["full"] == q.built["preserved"], q.megabytes(&preserved) < 100), (true, true));

    // What may be deleted of the tree itself? What `make clean` deletes, and every directory that no module build enters.
    q.sh(&format!("make -C {FULL} clean"));
    q.build(FULL, "cleaned").unwrap();
    assert_eq!((q.verdict().0.as_str(), q.built["full"] == q.built["cleaned"]), ("ready", true));
    let cleaned = q.megabytes(FULL);
    q.sh(&format!("cd {FULL} && rm -r {NEVER_ENTERED} 2>/dev/null; find . -name '*.c' ! -path './scripts/*' -delete"));
    q.build(FULL, "stripped").unwrap();
    assert_eq!((q.verdict().0.as_str(), q.built["full"] == q.built["stripped"]), ("ready", true));
    let stripped = q.megabytes(FULL);
    assert!(stripped < sizes[0] / 4, "{stripped} of {} MB", sizes[0]);
    // And no more: `make mrproper` takes what modules are built with.
    let gone = "include/config include/generated Module.symvers .config scripts/mod/modpost";
    q.sh(&format!("cd {SOURCE} && test -z \"$(ls -d {gone} 2>/dev/null)\""));

    let [full, package, preserved] = [sizes[0], sizes[1], q.megabytes(&preserved)];
    println!("MB: built {full}, cleaned {cleaned}, stripped {stripped}, packaged {package}, preserved {preserved}");
    let loaded = q.loaded();
    for name in ["full", "package", "preserved", "cleaned", "stripped", "other-release"] {
        assert_eq!(loaded[name], "", "{name}: {loaded:#?}");
    }
    assert!(loaded["other-build"].contains("m: disagrees about version of symbol module_layout"), "{loaded:#?}");
    assert!(loaded["without-symvers"].contains("m: no symbol version for module_layout"), "{loaded:#?}");
}
