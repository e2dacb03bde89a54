// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian as a system of rpm packages: each front end installs and removes a package of our own repository, offline.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use test_roots::{Base, Result, Root};

fn there_and_back(base: Result<Base>, front_ends: &[&str]) {
    let root = Root::builder(&base.unwrap()).offline().start().unwrap();
    for front_end in front_ends {
        for (verb, query) in [("install", 0), ("remove", 1)] {
            root.sh(&format!("{front_end} {verb} bystander")).unwrap().success().unwrap();
            assert_eq!(root.sh("rpm --query bystander").unwrap().code, query, "{front_end} {verb}");
        }
    }
    root.sh("rpm --install /srv/repository/bystander-1-1.noarch.rpm && rpm --erase bystander")
        .unwrap()
        .success()
        .unwrap();
}

#[test]
fn debian12() {
    there_and_back(Base::debian12_rpm(&mut |_| {}), &["dnf --assumeyes", "zypper --non-interactive"]);
}

#[test]
fn debian13() {
    there_and_back(Base::debian13_rpm(&mut |_| {}), &["dnf --assumeyes", "zypper --non-interactive"]);
}

#[test]
fn sid() {
    let front_ends = ["dnf --assumeyes", "dnf5 --assumeyes", "zypper --non-interactive"];
    there_and_back(Base::sid_rpm(&mut |_| {}), &front_ends);
}
