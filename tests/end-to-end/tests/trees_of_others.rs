// SPDX-License-Identifier: MIT OR Apache-2.0
//! Header packages of other Debian releases and machines, unpacked and whole: nothing in them is called missing. What is
//! then taken away is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use end_to_end::{Failure, guarded, header_packages};
use serde_json::Value;
use test_roots::Root;

/// All that is wrong with a root that has these packages and nothing else: nothing owns the tree, the tools' loader and
/// libraries are not there, nor are the compiler, make and pahole.
const TRUE_THERE: [&str; 4] = ["KBG010", "KBG035", "KBG050", "KBG053"];

/// Reached by every module of every kernel.
const SURELY_REACHED: [&str; 5] = [
    "include/linux/list.h",
    "include/linux/spinlock.h",
    "include/linux/kobject.h",
    "include/linux/sysfs.h",
    "include/linux/bitops.h",
];

/// So many headers that a tree's notebook names are taken away, besides those above.
const TAKEN: usize = 5;

/// Architectures whose headers are followed; of the others nothing is said.
fn is_followed(release: &str) -> bool {
    ["-amd64", "-arm64", "-686"].iter().any(|end| release.ends_with(end))
}

/// A set of packages as a root of its own, with an image beside it that makes it a kernel, and a place for our notebook.
fn root_of(root: &Root, release: &str) -> String {
    let place = format!("/srv/{release}");
    root.write(format!("{place}/boot/vmlinuz-{release}"), "").unwrap();
    root.sh(&format!("mkdir -p {place}/var/lib/kbuild-guard")).unwrap().success().unwrap();
    place
}

fn findings(root: &Root, place: &str, release: &str) -> Result<Vec<Value>, Failure> {
    let split = root.command(&["kbuild-guard", "--root", place, "check", "--json", release]).split()?;
    let document: Value =
        serde_json::from_str(&split.stdout).map_err(|error| format!("{release}: {error}: {}", split.stderr))?;
    let kernel = &document["kernels"][0];
    assert_eq!((&kernel["release"], split.stderr.as_str()), (&release.into(), ""), "{document}");
    Ok(kernel["findings"].as_array().cloned().unwrap_or_default())
}

/// The findings that are not true of any such root.
fn of_the_tree(findings: &[Value]) -> Vec<&Value> {
    findings.iter().filter(|finding| !TRUE_THERE.contains(&finding["id"].as_str().unwrap())).collect()
}

/// The kernel's headers that kbuild-guard has read, by its own notebook, but for those with a twin for programs: where
/// linux/types.h goes, the compiler takes uapi/linux/types.h for it.
fn reached(root: &Root, place: &str) -> Vec<String> {
    let notebook = root.sh(&format!("cat {place}/var/lib/kbuild-guard/headers/*.json")).unwrap().success().unwrap();
    let notebook: Value = serde_json::from_str(&notebook.output).unwrap();
    let mut headers = Vec::new();
    for directory in notebook["directories"].as_array().unwrap() {
        for name in directory[1].as_array().unwrap() {
            headers.push(format!("{}/{}", directory[0].as_str().unwrap(), name.as_str().unwrap()));
        }
    }
    let twins = root.sh(&format!("cd {place} && find usr/src/*-common*/include/uapi/linux -type f")).unwrap();
    let twins: BTreeSet<String> =
        twins.success().unwrap().output.lines().map(|path| format!("/{}", path.replace("/uapi/", "/"))).collect();
    headers.retain(|path| path.contains("/include/linux/") && !twins.contains(path));
    headers.sort();
    headers
}

/// The same for the same seed.
fn chosen(headers: &[String], mut seed: u64) -> BTreeSet<&String> {
    let mut chosen = BTreeSet::new();
    while chosen.len() < TAKEN {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        chosen.insert(&headers[usize::try_from(seed >> 33).unwrap() % headers.len()]);
    }
    chosen
}

#[test]
fn whole_trees_of_other_kernels_and_machines_are_whole() {
    let base = header_packages().unwrap();
    let root = guarded(Root::builder(&base)).unwrap();
    assert!(base.releases().len() >= 7, "{:?}", base.releases());
    for release in base.releases() {
        let place = root_of(&root, release);
        // The second time by what was written down the first time.
        for _ in 0..2 {
            let findings = findings(&root, &place, release).unwrap();
            let wrong = of_the_tree(&findings);
            assert!(wrong.is_empty(), "{release}: {wrong:#?}");
            // It was looked at: this much is wrong with every one of them.
            let ids: BTreeSet<&str> = findings.iter().map(|finding| finding["id"].as_str().unwrap()).collect();
            assert_eq!(ids, TRUE_THERE.into(), "{release}: {findings:#?}");
        }
    }
}

#[test]
fn every_header_that_goes_is_missed() {
    let base = header_packages().unwrap();
    let root = guarded(Root::builder(&base)).unwrap();
    let followed: Vec<&String> = base.releases().iter().filter(|release| is_followed(release)).collect();
    assert!(followed.len() >= 6, "{followed:?}");
    for (seed, release) in (1..).zip(followed) {
        let place = root_of(&root, release);
        findings(&root, &place, release).unwrap();
        let headers = reached(&root, &place);
        assert!(headers.len() > 100, "{release}: {headers:?}");
        let surely = SURELY_REACHED.map(|end| {
            headers.iter().find(|path| path.ends_with(end)).unwrap_or_else(|| panic!("{release}: {end} is not reached"))
        });
        for header in chosen(&headers, seed).into_iter().chain(surely) {
            root.sh(&format!("mv {place}{header} /srv/away")).unwrap().success().unwrap();
            let found = findings(&root, &place, release).unwrap();
            let wrong = of_the_tree(&found);
            let said = |finding: &&Value| (finding["id"].clone(), finding["effect"].clone(), finding["path"].clone());
            let expected = ("KBG025".into(), "no-build".into(), header.as_str().into());
            assert_eq!(wrong.iter().map(said).collect::<Vec<_>>(), [expected], "{release}: {header}: {found:#?}");
            root.sh(&format!("mv /srv/away {place}{header}")).unwrap().success().unwrap();
        }
        // All is back.
        assert!(of_the_tree(&findings(&root, &place, release).unwrap()).is_empty(), "{release}");
    }
}
