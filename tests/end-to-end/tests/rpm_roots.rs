// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian as a system of rpm packages, in three versions of rpm: every front end installs and removes kernels and their
//! headers, laid out as upstream, Fedora and openSUSE have them, and real modules are built against them. What the tests
//! of our hooks for rpm stand on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::rpm_root::{BYSTANDER, FrontEnd, Layout, RpmKernel, RpmRoot, RpmSystem, rpm_root};

/// A package with a compiled program, whose needs rpmbuild finds.
const COMPILED: &str = "\
    set -e; mkdir -p /srv/rpmbuild; cat >/srv/rpmbuild/compiled.spec <<'SPEC'
Name: compiled
Version: 1
Release: 1
Summary: A program
License: MIT OR Apache-2.0
%define debug_package %{nil}
%description
A program.
%install
mkdir -p %{buildroot}/usr/libexec
cp /bin/true %{buildroot}/usr/libexec/compiled
%post
/usr/libexec/compiled
%files
/usr/libexec/compiled
SPEC
    rpmbuild -bb --quiet /srv/rpmbuild/compiled.spec
    mv /srv/rpmbuild/RPMS/*/compiled-1-1.*.rpm /srv/repository/";

fn start(system: RpmSystem, layout: Layout) -> (RpmRoot, Vec<RpmKernel>) {
    let root = rpm_root(system, &[layout], |look| look).unwrap();
    let kernels = root.kernels(layout);
    (root, kernels)
}

/// Exactly these packages are installed.
fn assert_packages(root: &RpmRoot, expected: &[&str]) {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(root.packages().unwrap(), expected);
}

/// A module is built for this release, and stamped with it.
fn assert_builds(root: &RpmRoot, release: &str) {
    root.build_module(release).unwrap().success().unwrap();
    let stamp = root.sh(&format!("modinfo -F vermagic /srv/module/{release}/m.ko")).unwrap().success().unwrap();
    assert!(stamp.output.starts_with(&format!("{release} ")), "{stamp:?}");
}

fn there_and_back(system: RpmSystem) {
    let (root, _) = start(system, Layout::Upstream);
    assert_packages(&root, &[]);
    root.sh(COMPILED).unwrap().success().unwrap();
    root.index().unwrap();
    for &front_end in system.front_ends() {
        for package in [BYSTANDER, "compiled-1-1"] {
            root.install(front_end, &[package]).unwrap().success().unwrap();
            assert_packages(&root, &[package]);
            root.erase(front_end, &[package]).unwrap().success().unwrap();
            assert_packages(&root, &[]);
        }
    }
    let needs =
        root.sh("rpm --query --requires --package /srv/repository/compiled-1-1.*.rpm").unwrap().success().unwrap();
    assert!(needs.output.contains("libc.so.6("), "{needs:?}");
}

/// The kernel's own packages, by rpm itself, in a system that runs one of them.
fn by_rpm(system: RpmSystem) {
    let kernel = rpm_root(system, &[], |look| look).unwrap().kernels(Layout::Upstream)[1].clone();
    let root = rpm_root(system, &[Layout::Upstream], |look| look.running(&kernel.release)).unwrap();
    assert_eq!(root.read_to_string("/proc/sys/kernel/osrelease").unwrap(), format!("{}\n", kernel.release));
    assert_eq!(root.sh("stat -Lc %d:%i / /proc/1/root/ | uniq | wc -l").unwrap().output, "1\n");

    root.install(FrontEnd::Rpm, &kernel.packages()).unwrap().success().unwrap();
    assert!(root.exists(format!("/boot/vmlinuz-{}", kernel.release)).unwrap());
    assert_builds(&root, &kernel.release);
    let link = format!("/lib/modules/{}/build", kernel.release);
    let tree = format!("/usr/src/kernels/{}", kernel.release);
    assert_eq!(root.sh(&format!("readlink {link}")).unwrap().output, format!("{tree}\n"));
    let owner = root.sh(&format!("rpm --query --file {link} {tree}/Makefile | uniq")).unwrap();
    assert_eq!(owner.output, format!("{}.x86_64\n", kernel.headers[0]));

    // A module that nobody owns makes the headers needed.
    root.need_headers(&kernel.release).unwrap();
    let module = format!("/lib/modules/{}/extra/m.ko", kernel.release);
    assert_ne!(root.sh(&format!("rpm --query --file {module}")).unwrap().code, 0);

    root.erase(FrontEnd::Rpm, &kernel.headers()).unwrap().success().unwrap();
    assert!(!root.exists(&link).unwrap() && !root.exists(&tree).unwrap());
    root.erase(FrontEnd::Rpm, &[&kernel.image[0]]).unwrap().success().unwrap();
    assert_packages(&root, &[]);
}

/// Fedora's, by dnf: side by side, and the oldest goes when there are too many.
fn by_dnf(system: RpmSystem, front_end: FrontEnd) {
    let (root, kernels) = start(system, Layout::Fedora);
    let [old, middle, new] = &kernels[..] else { panic!("{kernels:?}") };
    for kernel in [old, middle] {
        root.install(front_end, &kernel.packages()).unwrap().success().unwrap();
    }
    assert_packages(&root, &[old.packages(), middle.packages()].concat());
    for kernel in [old, middle] {
        assert_builds(&root, &kernel.release);
    }

    // As many are kept of each name.
    root.sh("echo installonly_limit=2 >>/etc/dnf/dnf.conf").unwrap();
    root.install(front_end, &new.packages()).unwrap().success().unwrap();
    assert_packages(&root, &[middle.packages(), new.packages()].concat());
    assert!(!root.exists(format!("/lib/modules/{}/build", old.release)).unwrap());

    root.erase(front_end, &middle.headers()).unwrap().success().unwrap();
    let middle_image: Vec<&str> = middle.image.iter().map(String::as_str).collect();
    assert_packages(&root, &[middle_image, new.packages()].concat());
    let link = format!("/lib/modules/{}/build", middle.release);
    assert_eq!(root.sh(&format!("test -L {link} && ! test -e {link}")).unwrap().code, 0, "the link stays and dangles");
    assert_ne!(root.build_module(&middle.release).unwrap().code, 0);
    assert_builds(&root, &new.release);
}

/// openSUSE's, by zypper: what two flavours share takes both with it.
fn by_zypper(system: RpmSystem, front_end: FrontEnd, back_end: &str) {
    let (root, kernels) = start(system, Layout::OpenSuse);
    let [default, rt, next] = &kernels[..] else { panic!("{kernels:?}") };
    assert_eq!(default.headers[1], rt.headers[1], "the source is shared");
    for kernel in [default, rt, next] {
        let said = root.install(front_end, &kernel.packages()).unwrap().success().unwrap();
        // zypper of Debian 12 has but one back end, and does not name it.
        assert!(system == RpmSystem::Debian12 || said.stdout.contains(back_end), "{said:?}");
    }
    for kernel in [default, rt, next] {
        assert_builds(&root, &kernel.release);
    }

    let said = root.erase(front_end, &[&default.headers[1]]).unwrap().success().unwrap();
    assert!(system == RpmSystem::Debian12 || said.stdout.contains(back_end), "{said:?}");
    assert_packages(&root, &[vec![default.image[0].as_str(), rt.image[0].as_str()], next.packages()].concat());
    for kernel in [default, rt] {
        assert!(!root.exists(format!("/lib/modules/{}/build", kernel.release)).unwrap());
    }
    assert_builds(&root, &next.release);
    root.erase(front_end, &next.packages()).unwrap().success().unwrap();
    for name in ["vmlinuz", "build"] {
        assert!(!root.exists(format!("/lib/modules/{}/{name}", next.release)).unwrap());
    }
}

#[test]
fn debian12_every_front_end() {
    there_and_back(RpmSystem::Debian12);
}

#[test]
fn debian12_rpm() {
    by_rpm(RpmSystem::Debian12);
}

#[test]
fn debian12_dnf() {
    by_dnf(RpmSystem::Debian12, FrontEnd::Dnf4);
}

#[test]
fn debian12_zypper() {
    by_zypper(RpmSystem::Debian12, FrontEnd::Zypper, "");
}

#[test]
fn debian13_every_front_end() {
    there_and_back(RpmSystem::Debian13);
}

#[test]
fn debian13_rpm() {
    by_rpm(RpmSystem::Debian13);
}

#[test]
fn debian13_dnf() {
    by_dnf(RpmSystem::Debian13, FrontEnd::Dnf4);
}

#[test]
fn debian13_zypper() {
    by_zypper(RpmSystem::Debian13, FrontEnd::Zypper, "classic_rpmtrans");
}

#[test]
fn sid_every_front_end() {
    there_and_back(RpmSystem::Sid);
}

#[test]
fn sid_rpm() {
    by_rpm(RpmSystem::Sid);
}

#[test]
fn sid_dnf() {
    by_dnf(RpmSystem::Sid, FrontEnd::Dnf4);
}

#[test]
fn sid_dnf5() {
    by_dnf(RpmSystem::Sid, FrontEnd::Dnf5);
}

#[test]
fn sid_zypper() {
    by_zypper(RpmSystem::Sid, FrontEnd::Zypper, "classic_rpmtrans");
}

#[test]
fn sid_zypper_in_one_transaction() {
    by_zypper(RpmSystem::Sid, FrontEnd::ZypperSingle, "single_rpmtrans");
}
