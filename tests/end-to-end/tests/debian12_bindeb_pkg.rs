// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, a kernel that felix built and put into packages with the kernel's own `make bindeb-pkg`: to us a kernel
//! like any other. Its image has no word of Debian's kernel team in it, its headers lie where that package says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{deb, kernel, said, self_built, words_of_ours};
use test_roots::Root;

const TREE: &str = "/home/felix/linux";

/// A module that dkms wants to build for every kernel.
const DKMS: &str = "PACKAGE_NAME=demo\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME[0]=m\nDEST_MODULE_LOCATION[0]=/updates\n\
                    AUTOINSTALL=yes\n";

/// Builds the packages as felix; `/srv/image.deb`, `/srv/headers.deb`. Only what `make` asks of the package manager is
/// passed over: that the documentation's tools are installed.
fn packages(root: &Root) {
    root.sh("apt-get -y install rsync kmod cpio >/dev/null").unwrap().success().unwrap();
    root.sh(&format!("su felix -c 'make -C {TREE} DPKG_FLAGS=-d bindeb-pkg'")).unwrap().success().unwrap();
    root.sh(
        "cd /home/felix && mv linux-image-[0-9]*_*.deb /srv/image.deb && mv linux-headers-*.deb /srv/headers.deb && \
         rm -r linux",
    )
    .unwrap()
    .success()
    .unwrap();
}

#[test]
fn a_kernel_in_packages_of_its_own_is_ready_in_silence_and_guarded() {
    let base = self_built().unwrap();
    let release = base.releases()[0].clone();
    let headers = format!("linux-headers-{release}");
    let root = Root::builder(&base).running(&release).start().unwrap();
    packages(&root);
    root.copy_in(deb().unwrap(), "/kbuild-guard.deb").unwrap();
    root.run(&["dpkg", "--install", "/kbuild-guard.deb"]).unwrap().success().unwrap();
    root.write("/usr/src/demo-1/dkms.conf", DKMS).unwrap();
    root.write("/usr/src/demo-1/Makefile", "obj-m := m.o\n").unwrap();
    root.write("/usr/src/demo-1/m.c", "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n").unwrap();
    root.run(&["dkms", "add", "demo/1"]).unwrap().success().unwrap();

    // The image comes first in the same run of dpkg, its headers are there when the trigger looks.
    let installed = root.sh("apt-get -y install /srv/image.deb /srv/headers.deb").unwrap().success().unwrap();
    assert_eq!(words_of_ours(&installed), Vec::<String>::new(), "{installed:?}");
    let seen = kernel(&root, &release).unwrap();
    assert_eq!(seen["state"], "ready", "{seen}");
    assert!(seen.to_string().contains(&headers), "the headers' package is known: {seen}");
    root.run(&["dkms", "install", "-k", &release, "demo/1"]).unwrap().success().unwrap();

    let state = format!("sha256sum /var/lib/dpkg/status; find /usr/src/{headers} | sort | sha256sum");
    let before = root.sh(&state).unwrap();
    let blocked = root.sh(&format!("apt-get -y remove {headers}")).unwrap();
    assert_eq!(blocked.code, 100, "{blocked:?}");
    let words = said(&blocked);
    assert!(
        words.starts_with(&format!(
            "kbuild-guard: blocked: kernel {release} (running) would lose its headers remove {headers} \
             lost /usr/src/{headers} needed by DKMS: demo 1 "
        )),
        "{words}"
    );
    assert_eq!(root.sh(&state).unwrap().output, before.output, "a block changes nothing");

    let gone = root.sh(&format!("apt-get -y purge {headers} linux-image-{release}")).unwrap();
    assert_eq!(words_of_ours(&gone), Vec::<String>::new(), "a kernel and its headers leave together: {gone:?}");
}
