// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guard and the verification on systems of rpm packages, under every front end: kernels as Fedora packs them for rpm
//! and dnf, as openSUSE does for zypper, installed and removed for real.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::rpm_root::{BYSTANDER, FrontEnd, Layout, RpmKernel, RpmRoot, RpmSystem, rpm_root};
use test_roots::Split;

/// What a front end and what it started have said.
fn said(run: &Split) -> String {
    format!("{}{}", run.stdout, run.stderr)
}

/// How many of our messages somebody sees.
fn messages(run: &Split) -> usize {
    said(run).matches("kbuild-guard: ").count()
}

#[track_caller]
fn assert_silent(run: Split) {
    assert_eq!((run.code, messages(&run)), (0, 0), "{}", said(&run));
}

/// It went on, and this was said, once.
#[track_caller]
fn assert_warned(run: &Split, parts: &[&str]) {
    assert_eq!((run.code, messages(run)), (0, 1), "{}", said(run));
    assert_says(run, parts);
}

/// It did not happen, and this was said, once.
#[track_caller]
fn assert_blocked(run: &Split, parts: &[&str]) {
    assert_ne!(run.code, 0, "{}", said(run));
    assert_eq!(messages(run), 1, "{}", said(run));
    assert_says(run, &[&["kbuild-guard: blocked: kernel "], parts].concat());
}

#[track_caller]
fn assert_says(run: &Split, parts: &[&str]) {
    // Lines are broken at 80 columns.
    let words = said(run).split_whitespace().collect::<Vec<&str>>().join(" ");
    for part in parts {
        assert!(words.contains(part), "{part}\n{}", said(run));
    }
}

#[track_caller]
fn assert_state(root: &RpmRoot, kernel: &RpmKernel, state: &str) {
    let json = root.sh("kbuild-guard status --json").unwrap().output;
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let kernels = document["kernels"].as_array().unwrap();
    let found = kernels.iter().find(|one| one["release"] == kernel.release.as_str());
    assert_eq!(found.unwrap_or_else(|| panic!("{}: {json}", kernel.release))["state"], state, "{json}");
}

/// What there is of packages and of their files.
fn everything(root: &RpmRoot) -> String {
    let files = "find /usr/src /lib/modules /usr/share/bystander ! -type d -printf '%p %s %T@\\n' | sort";
    root.sh(&format!("rpm --query --all | sort; {files}")).unwrap().output
}

/// A root that runs the first of the layout's kernels, with kbuild-guard.
fn start(system: RpmSystem, layout: Layout) -> (RpmRoot, Vec<RpmKernel>) {
    start_with(system, layout, 0)
}

/// The same that runs another one.
fn start_with(system: RpmSystem, layout: Layout, running: usize) -> (RpmRoot, Vec<RpmKernel>) {
    let running = rpm_root(system, &[], |look| look).unwrap().kernels(layout)[running].release.clone();
    let root = rpm_root(system, &[layout], |look| look.running(&running)).unwrap();
    root.install_kbuild_guard().unwrap();
    let kernels = root.kernels(layout);
    (root, kernels)
}

/// What a front end calls the kernel's headers when it is to install them.
fn fix(front_end: FrontEnd, kernel: &RpmKernel) -> String {
    let package = &kernel.headers[0];
    match front_end {
        // No front end has ever looked what there is.
        FrontEnd::Rpm => format!("install {package}, if a repository has it"),
        FrontEnd::Dnf4 | FrontEnd::Dnf5 => format!("dnf install {package}.x86_64"),
        FrontEnd::Zypper | FrontEnd::ZypperSingle => {
            let (name, vr) = package.split_once("-6.").unwrap();
            format!("zypper install {name}=6.{vr}")
        }
    }
}

/// From the first kernel to its end, under one front end.
fn life(system: RpmSystem, front_end: FrontEnd, layout: Layout) {
    // Of openSUSE's flavours the one that has a single kernel runs; Fedora has but one.
    let runs = usize::from(layout == Layout::OpenSuse);
    let (root, kernels) = start_with(system, layout, runs);
    let [running, other] = [kernels[runs].clone(), kernels.last().unwrap().clone()];
    let middle = (kernels.len() == 3).then(|| kernels[1 - runs].clone());
    let install = |packages: &[&str]| root.install(front_end, packages).unwrap();
    let erase = |packages: &[&str]| root.erase(front_end, packages).unwrap();

    if let (Some(middle), Layout::OpenSuse) = (&middle, layout) {
        assert_silent(install(&middle.packages()));
    }
    // With its headers: nothing to say. The one after it without: it succeeds one that had them.
    assert_silent(install(&[running.packages(), vec![BYSTANDER]].concat()));
    assert_state(&root, &running, "ready");
    root.need_headers(&running.release).unwrap();
    let image: Vec<&str> = other.image.iter().map(String::as_str).collect();
    let alone = install(&image);
    if layout == Layout::Upstream {
        // Two names that somebody gave are two flavours.
        assert_silent(alone);
    } else {
        assert_warned(&alone, &["has no headers installed", &other.release, &fix(front_end, &other)]);
    }
    assert_state(&root, &other, "absent");
    assert_silent(install(&other.headers()));
    assert_state(&root, &other, "ready");

    // The running kernel's headers, needed: not without being told to, and with nothing else changed.
    let before = everything(&root);
    let headers = running.headers();
    let blocked = erase(&[&headers[..1], &[BYSTANDER]].concat());
    assert_blocked(
        &blocked,
        &[&running.release, "(running) would lose its headers", "needed by hand-built: m", "anyway"],
    );
    assert_eq!(everything(&root), before);

    // Another reason to be there is no removal.
    if front_end == FrontEnd::Dnf5 {
        let name = headers[0].rsplitn(3, '-').last().unwrap();
        assert_silent(root.run_front_end(&format!("dnf5 --assumeyes mark user {name}")).unwrap());
    }

    // The same once more takes nothing away.
    assert_silent(root.reinstall(front_end, &other.headers()[..1]).unwrap());
    assert_state(&root, &other, "ready");

    // Another's, which nothing needs: somebody may want that.
    let unneeded = erase(&other.headers()[..1]);
    assert_warned(&unneeded, &[&other.release, "loses its headers"]);
    assert_silent(install(&other.headers()));

    // Those of a kernel that nobody counts on, though something needs them.
    if let Some(middle) = &middle {
        if layout == Layout::Fedora {
            assert_silent(install(&middle.packages()));
        }
        root.need_headers(&middle.release).unwrap();
        nobodys(&root, front_end, middle);
        assert_warned(
            &erase(&middle.headers()[..1]),
            &[&middle.release, "loses its headers", "needed by hand-built: m"],
        );
        let image: Vec<&str> = middle.image.iter().map(String::as_str).collect();
        assert_silent(erase(&image));
    }

    // Who insists gets it, and is told the way back.
    let command = format!("KBUILD_GUARD_MODE=warn {}", root.erasing(front_end, &headers[..1]));
    let overridden = root.run_front_end(&command).unwrap();
    assert_warned(&overridden, &[&running.release, "(running) loses its headers"]);
    assert_state(&root, &running, "absent");
    assert_silent(install(&headers));
    assert_state(&root, &running, "ready");

    // A kernel and its headers together, needed or not.
    root.need_headers(&other.release).unwrap();
    assert_silent(erase(&other.packages()));
    assert!(root.sh("test -e /run/kbuild-guard/zypp-commit.json").unwrap().code != 0, "no commit is under way");
}

/// dnf counts each name by itself: the headers of a kernel that stays are the oldest, and go when newer ones come.
fn rotation(system: RpmSystem, front_end: FrontEnd) {
    let (root, kernels) = start(system, Layout::Fedora);
    let [running, middle, newest] = &kernels[..] else { panic!("{kernels:?}") };
    root.sh("echo installonly_limit=2 >>/etc/dnf/dnf.conf").unwrap().success().unwrap();
    assert_silent(root.install(front_end, &running.packages()).unwrap());
    root.need_headers(&running.release).unwrap();
    assert_silent(root.install(front_end, &middle.headers()).unwrap());
    let rotated = root.install(front_end, &newest.headers()).unwrap();
    assert_warned(
        &rotated,
        &[&running.release, "(running) loses its headers", "not blocked: the transaction also installs"],
    );
    assert!(!root.packages().unwrap().contains(&running.headers[0]), "{rotated:?}");

    // A kernel that is rotated out takes its headers along.
    let (root, kernels) = start(system, Layout::Fedora);
    root.sh("echo installonly_limit=2 >>/etc/dnf/dnf.conf").unwrap().success().unwrap();
    for kernel in &kernels {
        assert_silent(root.install(front_end, &kernel.packages()).unwrap());
    }
    assert!(!root.packages().unwrap().contains(&kernels[0].headers[0]));
}

/// A system below another directory is judged as itself: what runs here does not run there.
fn other_root(system: RpmSystem, front_end: FrontEnd) {
    let (root, kernels) = start(system, Layout::Fedora);
    let kernel = &kernels[0];
    let program = if front_end == FrontEnd::Dnf5 { "dnf5" } else { "dnf" };
    let dnf = |verb: &str, packages: &[&str]| {
        let packages = packages.join(" ");
        let options = "--installroot=/alt --releasever=1 --use-host-config";
        let options =
            if program == "dnf5" { options } else { "--installroot=/alt --releasever=1 -c /etc/dnf/dnf.conf" };
        root.run_front_end(&format!("{program} --assumeyes {options} {verb} {packages}")).unwrap()
    };
    // It has the tools that builds need, so that its trees are of use.
    let alt = "mkdir -p /alt/etc /alt/usr/lib; cp -a /etc/yum.repos.d /alt/etc/; cp /etc/ld.so.c* /alt/etc/
        for dir in bin sbin lib64 lib; do ln -s usr/$dir /alt/$dir; done
        for dir in bin sbin lib64 include lib/gcc lib/x86_64-linux-gnu; do
            mkdir -p /alt/usr/$dir; mount --bind /usr/$dir /alt/usr/$dir
        done";
    root.sh(alt).unwrap().success().unwrap();
    assert_silent(root.install(front_end, &kernel.packages()).unwrap());
    let installed = dnf("install", &[kernel.packages(), vec!["debian-underneath"]].concat());
    assert_eq!(installed.code, 0, "{installed:?}");
    root.sh(&format!("mkdir -p /alt/lib/modules/{0}/extra && echo m >/alt/lib/modules/{0}/extra/m.ko", kernel.release))
        .unwrap()
        .success()
        .unwrap();
    let removed = dnf("remove", &kernel.headers());
    assert_warned(&removed, &[&kernel.release, "loses its headers", "needed by hand-built: m"]);
    assert_state(&root, kernel, "ready");
}

/// openSUSE's flavours share their source: who removes it is told of every kernel that needs it.
fn shared_source(system: RpmSystem, front_end: FrontEnd) {
    let (root, kernels) = start_with(system, Layout::OpenSuse, 1);
    let [default, rt, _] = &kernels[..] else { panic!("{kernels:?}") };
    assert_silent(root.install(front_end, &[default.packages(), rt.packages()].concat()).unwrap());
    root.need_headers(&default.release).unwrap();
    let source = &default.headers[1];
    assert_eq!(source, &rt.headers[1]);
    // Both are orphans; what stops the one keeps the other's as well, so that there is one thing to say.
    let blocked = root.erase(front_end, &[source]).unwrap();
    assert_blocked(&blocked, &[&default.release, "(the newest of its flavour)", "needed by hand-built: m", source]);
    let command = format!("KBUILD_GUARD_MODE=warn {}", root.erasing(front_end, &[source]));
    let warned = root.run_front_end(&command).unwrap();
    assert_eq!((warned.code, messages(&warned)), (0, 2), "{}", said(&warned));
    assert_says(&warned, &[&default.release, &rt.release, source, "lost /usr/src/linux-"]);
}

/// Makes a kernel one that nobody has asked for by name, where the front end writes that down.
fn nobodys(root: &RpmRoot, front_end: FrontEnd, kernel: &RpmKernel) {
    let package = &kernel.image[0];
    let name = package.rsplitn(3, '-').last().unwrap();
    match front_end {
        FrontEnd::Dnf5 => root.sh(&format!("dnf5 --assumeyes mark dependency {name}")).unwrap().success().unwrap(),
        FrontEnd::Zypper | FrontEnd::ZypperSingle => {
            root.sh(&format!("echo {name} >>/var/lib/zypp/AutoInstalled")).unwrap().success().unwrap()
        }
        FrontEnd::Rpm | FrontEnd::Dnf4 => return,
    };
}

#[test]
fn debian12_dnf_rotation() {
    rotation(RpmSystem::Debian12, FrontEnd::Dnf4);
}

#[test]
fn sid_dnf5_rotation() {
    rotation(RpmSystem::Sid, FrontEnd::Dnf5);
}

#[test]
fn debian12_zypper_shared_source() {
    shared_source(RpmSystem::Debian12, FrontEnd::Zypper);
}

#[test]
fn sid_zypper_single_shared_source() {
    shared_source(RpmSystem::Sid, FrontEnd::ZypperSingle);
}

#[test]
fn debian12_dnf_other_root() {
    other_root(RpmSystem::Debian12, FrontEnd::Dnf4);
}

#[test]
fn sid_dnf5_other_root() {
    other_root(RpmSystem::Sid, FrontEnd::Dnf5);
}

#[test]
fn debian12_rpm() {
    life(RpmSystem::Debian12, FrontEnd::Rpm, Layout::Fedora);
}

#[test]
fn debian12_rpm_upstream() {
    life(RpmSystem::Debian12, FrontEnd::Rpm, Layout::Upstream);
}

#[test]
fn debian12_dnf() {
    life(RpmSystem::Debian12, FrontEnd::Dnf4, Layout::Fedora);
}

#[test]
fn debian12_zypper() {
    life(RpmSystem::Debian12, FrontEnd::Zypper, Layout::OpenSuse);
}

#[test]
fn debian13_rpm() {
    life(RpmSystem::Debian13, FrontEnd::Rpm, Layout::Fedora);
}

#[test]
fn debian13_dnf() {
    life(RpmSystem::Debian13, FrontEnd::Dnf4, Layout::Fedora);
}

#[test]
fn debian13_zypper() {
    life(RpmSystem::Debian13, FrontEnd::Zypper, Layout::OpenSuse);
}

#[test]
fn sid_rpm() {
    life(RpmSystem::Sid, FrontEnd::Rpm, Layout::Fedora);
}

#[test]
fn sid_dnf() {
    life(RpmSystem::Sid, FrontEnd::Dnf4, Layout::Fedora);
}

#[test]
fn sid_dnf5() {
    life(RpmSystem::Sid, FrontEnd::Dnf5, Layout::Fedora);
}

#[test]
fn sid_zypper() {
    life(RpmSystem::Sid, FrontEnd::Zypper, Layout::OpenSuse);
}

#[test]
fn sid_zypper_single() {
    life(RpmSystem::Sid, FrontEnd::ZypperSingle, Layout::OpenSuse);
}
