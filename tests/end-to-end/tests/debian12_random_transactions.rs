// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12's own package database: over random removals and upgrades of its packages, the hook stops exactly those that
//! leave a kernel that stays without a part of its build tree, and names exactly these kernels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::{Releases, guarded, said, with_kernels};
use test_roots::Root;

const TRANSACTIONS: usize = 150;

/// The files of each package, as dpkg lists them.
fn lists(root: &Root) -> BTreeMap<String, BTreeSet<String>> {
    let script = "cd /var/lib/dpkg/info && for list in *.list; do echo \"= ${list%.list}\"; cat \"$list\"; done";
    let split = root.command(&["sh", "-c", script]).split().unwrap();
    let mut lists: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut package = String::new();
    for line in split.stdout.lines() {
        match line.strip_prefix("= ") {
            Some(name) => name.split(':').next().unwrap().clone_into(&mut package),
            None => drop(lists.entry(package.clone()).or_default().insert(line.to_owned())),
        }
    }
    lists
}

/// What a build for a kernel cannot be without, a file or link of each package that has a part of it.
fn needed(release: &str) -> Vec<String> {
    let common = format!("/usr/src/linux-headers-{}-common", release.trim_end_matches("-cloud-amd64"));
    vec![
        format!("/lib/modules/{release}/build"),
        format!("/usr/src/linux-headers-{release}/include/config/auto.conf"),
        format!("{common}/Makefile"),
        format!("{common}/include/linux/module.h"),
        "/usr/lib/linux-kbuild-6.1/scripts/basic/fixdep".to_owned(),
        "/usr/lib/linux-kbuild-6.1/tools/objtool/objtool".to_owned(),
    ]
}

/// Numbers that look random and are the same in every run (Numerical Recipes' generator).
struct Numbers(u32);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % limit
    }
}

#[test]
fn what_is_stopped_is_what_would_break() {
    let base = with_kernels().unwrap();
    let Releases { old, middle, new } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&old)).unwrap();
    root.write("/etc/kbuild-guard/config.toml", "mode = \"strict\"\n").unwrap();
    let lists = lists(&root);
    // What makes the headers needed stays: that is another rule's matter.
    let packages: Vec<&String> = lists.keys().filter(|name| !name.contains("dkms")).collect();
    let kernel_packages: Vec<&String> = packages.iter().filter(|name| name.starts_with("linux-")).copied().collect();
    assert!(packages.len() > 150 && kernel_packages.len() > 9, "{kernel_packages:?}");
    let owners = |path: &str| -> Vec<&String> {
        lists.iter().filter(|(_, files)| files.contains(path)).map(|(name, _)| name).collect()
    };
    for path in [&old, &middle, &new].into_iter().flat_map(|release| needed(release)) {
        assert_eq!(owners(&path).len(), 1, "{path}");
    }

    let mut numbers = Numbers(12);
    let (mut stopped, mut passed) = (0, 0);
    for _ in 0..TRANSACTIONS {
        let (mut leaving, mut actions) = (BTreeSet::new(), String::new());
        let mut chosen = BTreeSet::new();
        for _ in 0..1 + numbers.below(6) {
            let from = if numbers.below(3) > 0 { &kernel_packages } else { &packages };
            chosen.insert(from[numbers.below(from.len())].clone());
        }
        for name in chosen {
            if numbers.below(3) > 0 {
                actions.push_str(&format!("{name} 6.1.1-1 amd64 none > - - none **REMOVE**\n"));
                leaving.insert(name);
            } else {
                actions.push_str(&format!("{name} 6.1.1-1 amd64 none < 6.1.2-1 amd64 none /x/{name}.deb\n"));
            }
        }
        let leaves = |path: &str| {
            let owners = owners(path);
            !owners.is_empty() && owners.into_iter().all(|owner| leaving.contains(owner))
        };
        let expected: BTreeSet<&str> = [&old, &middle, &new]
            .into_iter()
            .filter(|release| !leaves(&format!("/boot/vmlinuz-{release}")))
            .filter(|release| needed(release).iter().any(|path| leaves(path)))
            .map(String::as_str)
            .collect();
        let stream = format!("VERSION 3\nAPT::Architecture=amd64\nDir=/\nCommandLine::AsString=apt%20x\n\n{actions}");
        let outcome = root.command(&["/usr/lib/kbuild-guard/apt-hook"]).stdin_bytes(stream).run().unwrap();
        let words = said(&outcome);
        let named: BTreeSet<&str> = words
            .split("kbuild-guard: blocked: kernel ")
            .skip(1)
            .filter_map(|message| message.split(' ').next())
            .collect();
        assert_eq!(named, expected, "{actions}{outcome:?}");
        assert_eq!(outcome.code, if expected.is_empty() { 0 } else { 10 }, "{actions}{outcome:?}");
        if expected.is_empty() { passed += 1 } else { stopped += 1 }
    }
    assert!(stopped > 30 && passed > 30, "{stopped} {passed}");
}
