// SPDX-License-Identifier: MIT OR Apache-2.0
//! Over random package databases and random transactions, what is said to be lost is what is lost: each transaction is
//! written as apt writes it, judged, then really done to the files, and the build links are followed again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::rc::Rc;

use kbuild_guard::build_tree::{Closure, End, follow};
use kbuild_guard::kernels::{Kernel, installed};
use kbuild_guard::losses::losses;
use kbuild_guard::machine::Machine;
use kbuild_guard::sysroot::{RootPath, Sysroot};
use package_managers::apt::pre_install;
use package_managers::dpkg::Database;
use proptest::prelude::*;

/// How a kernel's packages are cut and named.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// Debian: headers by release, a common tree by version, tools for all kernels of a series.
    Debian,
    /// Raspberry Pi, Armbian: names without a version, whose next version is another release.
    Unversioned,
    /// A tree that two architectures' instances of one package have.
    TwoArchitectures,
    /// Built by hand: image packaged, tree nobody's.
    ByHand,
}

/// What happens to a package.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Stays,
    Leaves,
    /// Upgraded to a rebuild of the same upstream version.
    Rebuilt,
    /// Upgraded to the next upstream version.
    Upgraded,
}

#[derive(Debug, Clone)]
struct Package {
    name: String,
    arch: &'static str,
    multi_arch: &'static str,
    files: Vec<String>,
    /// What its next upstream version has.
    next: Vec<String>,
}

impl Package {
    fn new(name: &str, files: &[String], next: &[String]) -> Self {
        Package { name: name.to_owned(), arch: "amd64", multi_arch: "none", files: files.to_vec(), next: next.to_vec() }
    }

    fn after(&self, fate: Fate) -> &[String] {
        match fate {
            Fate::Stays | Fate::Rebuilt => &self.files,
            Fate::Leaves => &[],
            Fate::Upgraded => &self.next,
        }
    }

    fn line(&self, fate: Fate) -> String {
        let Package { name, arch, multi_arch, .. } = self;
        let old = format!("{name} 1:6.1.190-1 {arch} {multi_arch}");
        let new = |version: &str| format!("{old} < {version} {arch} {multi_arch} /var/cache/{name}.deb\n");
        match fate {
            Fate::Stays => String::new(),
            Fate::Leaves => format!("{old} > - - none **REMOVE**\n"),
            Fate::Rebuilt => new("1:6.1.190-2"),
            Fate::Upgraded => new("1:6.6.20-1"),
        }
    }
}

/// The modules directory is spelled in both ways in packages' lists; on the disk it is one.
fn spelled(path: &str, with_usr: bool) -> String {
    if with_usr { path.to_owned() } else { path.replacen("/usr/lib/", "/lib/", 1) }
}

/// The packages of some kernels, and the files that are nobody's. A link's target stands behind a `>`.
fn packages(layouts: &[(Layout, bool)]) -> (Vec<Package>, Vec<String>) {
    let (mut packages, mut unowned) = (Vec::new(), Vec::new());
    let kbuild = |series: &str| {
        vec![
            format!("/usr/lib/linux-kbuild-{series}/scripts/basic/fixdep"),
            format!("/usr/lib/linux-kbuild-{series}/scripts/Makefile.build"),
        ]
    };
    packages.push(Package::new("linux-kbuild-6.1", &kbuild("6.1"), &kbuild("6.1")));
    packages.push(Package::new("unrelated", &["/usr/bin/unrelated".to_owned()], &[]));
    for (number, (layout, with_usr)) in layouts.iter().enumerate() {
        let tree_of = |tree: &str| -> Vec<String> {
            let files = ["Makefile=VERSION = 6\nPATCHLEVEL = 1\n", "include/config/auto.conf", "Module.symvers"];
            files.iter().map(|file| format!("{tree}/{file}")).collect()
        };
        let link_of =
            |release: &str, tree: &str| spelled(&format!("/usr/lib/modules/{release}/build>{tree}"), *with_usr);
        let image_of = |release: &str| {
            vec![
                format!("/boot/vmlinuz-{release}"),
                spelled(&format!("/usr/lib/modules/{release}/kernel/dummy.ko"), *with_usr),
            ]
        };
        match layout {
            Layout::Debian => {
                let release = format!("6.1.0-{}-amd64", 50 + number);
                let tree = format!("/usr/src/linux-headers-{release}");
                let common = format!("/usr/src/linux-headers-6.1.0-{}-common", 50 + number);
                let headers = vec![
                    link_of(&release, &tree),
                    format!("{tree}/Makefile=include {common}/Makefile\n"),
                    format!("{tree}/include/config/auto.conf"),
                    format!("{tree}/Module.symvers"),
                    format!("{tree}/scripts>../../lib/linux-kbuild-6.1/scripts"),
                ];
                let shared = vec![
                    format!("{common}/Makefile=VERSION = 6\nPATCHLEVEL = 1\n"),
                    format!("{common}/include/linux/module.h"),
                ];
                for (name, files) in [
                    (format!("linux-image-{release}"), image_of(&release)),
                    (format!("linux-headers-{release}"), headers),
                    (format!("linux-headers-6.1.0-{}-common", 50 + number), shared),
                ] {
                    packages.push(Package::new(&name, &files, &files));
                }
            }
            Layout::Unversioned => {
                let [old, new] = ["6.1.21", "6.6.20"].map(|version| format!("{version}-v{number}+"));
                let tree = |release: &str| format!("/usr/src/linux-headers-{release}");
                let headers =
                    |release: &str| [vec![link_of(release, &tree(release))], tree_of(&tree(release))].concat();
                packages.push(Package::new(&format!("pi{number}-image"), &image_of(&old), &image_of(&new)));
                packages.push(Package::new(&format!("pi{number}-headers"), &headers(&old), &headers(&new)));
            }
            Layout::TwoArchitectures => {
                let release = format!("6.1.190-two{number}");
                let tree = format!("/usr/src/two{number}");
                unowned.push(link_of(&release, &tree));
                packages.push(Package::new(
                    &format!("linux-image-{release}"),
                    &image_of(&release),
                    &image_of(&release),
                ));
                for arch in ["amd64", "i386"] {
                    let files = tree_of(&tree);
                    packages.push(Package {
                        arch,
                        multi_arch: "same",
                        ..Package::new(&format!("two{number}-tree"), &files, &files)
                    });
                }
            }
            Layout::ByHand => {
                let release = format!("6.1.190-felix{number}");
                let tree = format!("/usr/src/felix{number}");
                unowned.push(link_of(&release, &tree));
                unowned.extend(tree_of(&tree));
                packages.push(Package::new(
                    &format!("linux-image-{release}"),
                    &image_of(&release),
                    &image_of(&release),
                ));
            }
        }
    }
    (packages, unowned)
}

/// The path of a file as it is on the disk, and in a list.
fn path(file: &str) -> &str {
    file.split(['>', '=']).next().unwrap()
}

fn create(dir: &Path, file: &str) {
    let on_disk = dir.join(path(file).trim_start_matches('/'));
    fs::create_dir_all(on_disk.parent().unwrap()).unwrap();
    drop(fs::remove_file(&on_disk));
    match file.split_once('>') {
        Some((_, target)) => symlink(target, on_disk).unwrap(),
        None => fs::write(on_disk, file.split_once('=').map_or("x", |(_, text)| text)).unwrap(),
    }
}

/// A path's list entries: every directory above it, and itself.
fn list(files: &[String]) -> String {
    let mut lines = BTreeSet::from(["/.".to_owned()]);
    for file in files {
        lines.extend(
            Path::new(path(file)).ancestors().map(|path| path.display().to_string()).filter(|path| path != "/"),
        );
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn write_database(dir: &Path, packages: &[Package]) {
    let info = dir.join("var/lib/dpkg/info");
    fs::create_dir_all(&info).unwrap();
    let mut status = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\n\n".to_owned();
    for package in packages {
        let Package { name, arch, multi_arch, files, .. } = package;
        status.push_str(&format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: {arch}\nVersion: 1:6.1.190-1\n\n"
        ));
        let file = if *multi_arch == "same" { format!("{name}:{arch}.list") } else { format!("{name}.list") };
        fs::write(info.join(file), list(files)).unwrap();
    }
    fs::write(dir.join("var/lib/dpkg/status"), status).unwrap();
}

fn kernels(root: &Sysroot) -> Vec<(Kernel, Closure)> {
    let kernels = installed(root, &Machine::default()).unwrap();
    kernels
        .into_iter()
        .map(|kernel| {
            let closure = follow(root, &kernel).unwrap();
            (kernel, closure)
        })
        .collect()
}

fn is_whole(closure: &Closure) -> bool {
    closure.end == End::Complete && closure.gaps.is_empty() && closure.source.is_some()
}

/// Whether all that a closure had is there still.
fn is_intact(root: &Sysroot, before: &Closure, after: &Closure) -> bool {
    is_whole(after)
        && before
            .hops
            .iter()
            .all(|hop| root.link_status(&hop.path).is_ok() && hop.witnesses.iter().all(|file| root.exists(file)))
}

fn layouts() -> impl Strategy<Value = Vec<(Layout, bool)>> {
    let layout = prop_oneof![
        3 => Just(Layout::Debian),
        2 => Just(Layout::Unversioned),
        1 => Just(Layout::TwoArchitectures),
        1 => Just(Layout::ByHand),
    ];
    proptest::collection::vec((layout, any::<bool>()), 1..5)
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![
        3 => Just(Fate::Stays),
        2 => Just(Fate::Leaves),
        1 => Just(Fate::Rebuilt),
        1 => Just(Fate::Upgraded),
    ];
    proptest::collection::vec(fate, 24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn what_is_said_to_be_lost_is_lost(layouts in layouts(), fates in fates(), told in any::<bool>()) {
        let (packages, unowned) = packages(&layouts);
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("usr/lib")).unwrap();
        symlink("usr/lib", dir.path().join("lib")).unwrap();
        for file in packages.iter().flat_map(|package| &package.files).chain(&unowned) {
            create(dir.path(), file);
        }
        write_database(dir.path(), &packages);
        let root = Rc::new(Sysroot::open(dir.path()).unwrap());
        let before = kernels(&root);
        prop_assert_eq!(before.len(), layouts.len());
        prop_assert!(before.iter().all(|(_, closure)| is_whole(closure)));

        let actions: String = packages.iter().zip(&fates).map(|(package, fate)| package.line(*fate)).collect();
        let stream = format!("VERSION 3\nAPT::Architecture=amd64\nDir=/\n\n{actions}");
        let request = pre_install::parse(stream.as_bytes(), None, || None).unwrap();
        let told = if told { request.told } else { package_managers::Told::default() };
        let said = losses(&request.transaction, &before, &Database::new(Rc::clone(&root), told)).unwrap();

        // What dpkg does: what is in no list any more goes, what is new comes.
        let owned = |after: bool| -> BTreeSet<String> {
            let files = packages.iter().zip(&fates).flat_map(|(package, fate)| if after { package.after(*fate) } else { &package.files });
            files.cloned().collect()
        };
        let (old, new) = (owned(false), owned(true));
        for file in old.difference(&new) {
            fs::remove_file(dir.path().join(path(file).trim_start_matches('/'))).unwrap();
        }
        for file in new.difference(&old) {
            create(dir.path(), file);
        }
        for (index, (kernel, closure)) in before.iter().enumerate() {
            let loss = said.iter().find(|loss| loss.kernel == index);
            let stays = root.exists(&kernel.image);
            let lost = !is_intact(&root, closure, &follow(&root, kernel).unwrap_or_else(|_| closure.clone()));
            let what = format!("{}: {actions}", kernel.release);
            prop_assert_eq!(loss.is_some(), lost, "{}", what);
            if let Some(loss) = loss {
                prop_assert_eq!(loss.kernel_leaves, !stays, "{}", what);
                for hop in &loss.hops {
                    // Each hop that is named is touched: the link is gone, or a file that no build does without.
                    let hop_before = closure.hops.iter().find(|other| other.path == hop.path).unwrap();
                    let is_there = |path: &RootPath| root.link_status(path).is_ok();
                    prop_assert!(
                        !(is_there(&hop.path) && hop_before.witnesses.iter().all(is_there)),
                        "{}: {} is there", what, hop.path.as_path().display()
                    );
                }
            }
        }
    }
}
