// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 13, real kernels 6.12: a probe builds there too, and says what make says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, guarded, with_kernels_13};
use serde_json::{Value, json};
use test_roots::Root;

#[test]
fn a_ready_tree_builds_and_fits_and_one_without_checksums_does_not_build() {
    let base = with_kernels_13().unwrap();
    let Releases { new, .. } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&new)).unwrap();
    let probe = || {
        let split = root.command(&["kbuild-guard", "check", "--probe", "--json", &new]).split().unwrap();
        let document: Value = serde_json::from_str(&split.stdout).unwrap();
        (split.code, document["kernels"][0]["probe"].clone())
    };
    let (code, said) = probe();
    assert_eq!((code, &said["outcome"], &said["loads"]), (0, &json!("built"), &json!(true)), "{said}");
    assert!(said["compared"].as_u64().unwrap() >= 3, "{said}");
    root.remove(format!("/usr/src/linux-headers-{new}/Module.symvers")).unwrap();
    let (code, said) = probe();
    assert_eq!((code, &said["outcome"]), (1, &json!("failed")), "{said}");
    assert!(said["error"].as_str().unwrap().contains("undefined!"), "{said}");
}
