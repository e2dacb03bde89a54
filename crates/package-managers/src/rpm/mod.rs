// SPDX-License-Identifier: MIT OR Apache-2.0
//! rpm, and what drives it: dnf, dnf5 and zypper.

mod advice;
mod cached;
mod database;
pub mod dnf5;
pub mod driver;
pub(crate) mod hooks;
mod kernel_names;
mod locks;
mod owners;
mod reasons;
pub mod transaction;
mod typed_words;
pub mod zypp;

use std::path::Path;
use std::rc::Rc;

use kbuild_guard::survey::System;
use kbuild_guard::sysroot::{RootPath, Sysroot};

pub use advice::Advice;
pub use database::Database;

/// Where rpm's database is: since Fedora 36 and on openSUSE the first, elsewhere the second.
const DATABASES: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];

/// What each of its formats has: sqlite, ndb, Berkeley DB.
const FILES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];

/// Whether this root has a database of rpm's, and there is an rpm to ask about it.
pub fn is_here(root: &Sysroot) -> bool {
    Path::new(owners::RPM).exists()
        && DATABASES.iter().any(|dir| FILES.iter().any(|file| root.exists(&RootPath::new(dir).join(file))))
}

/// The command that brings back the files of an installed package, in the words of the system's own front end.
pub(crate) fn reinstall(root: &Sysroot, package: &str) -> String {
    match cached::FrontEnd::of(root) {
        Some(cached::FrontEnd::Zypper) => format!("zypper install --force {package}"),
        _ => format!("dnf reinstall {package}"),
    }
}

/// A root as one of rpm's, whatever other package managers it has: for hooks that rpm or its front ends call, perhaps in
/// the middle of a commit of zypper's. `program` drives them, as far as that is known.
pub fn system(root: Sysroot, commit: Option<zypp::Plan>, program: &str) -> System {
    let root = Rc::new(root);
    let db = Rc::new(Database::during(Rc::clone(&root), commit));
    let advisor = Advice::new(Rc::clone(&root), Rc::clone(&db)).during(program);
    System::new(root, db, Box::new(advisor))
}
