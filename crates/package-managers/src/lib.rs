// SPDX-License-Identifier: MIT OR Apache-2.0
//! Package managers behind kbuild-guard's two traits: `PackageDb`, what is installed, and `Advisor`,
//! what a person can do; and which of them call us.

pub mod apt;
pub mod dpkg;
mod hooks;
mod kernel_hook;
mod kernel_install;
mod plain_words;
mod program;
pub mod rpm;
mod systemd_timer;
mod told;

use std::rc::Rc;

pub use hooks::{hooks, managers};
use kbuild_guard::package_db::NoPackages;
use kbuild_guard::survey::System;
use kbuild_guard::sysroot::Sysroot;

pub use told::Told;

/// A root with whatever package manager it has.
pub fn system(root: Sysroot) -> System {
    system_told(root, Told::default())
}

/// The same, where the package manager has told of itself already.
pub fn system_told(root: Sysroot, told: Told) -> System {
    let root = Rc::new(root);
    if dpkg::is_here(&root) {
        let db = Rc::new(dpkg::Database::new(Rc::clone(&root), told));
        let advisor = apt::Advice::new(Rc::clone(&root), Rc::clone(&db));
        System::new(root, db, Box::new(advisor))
    } else {
        System::new(root, Rc::new(NoPackages), Box::new(NoPackages))
    }
}
