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
mod several;
mod systemd_timer;
mod told;

use std::rc::Rc;

pub use hooks::{hooks, managers};
use kbuild_guard::package_db::NoPackages;
use kbuild_guard::survey::System;
use kbuild_guard::sysroot::Sysroot;

pub use told::Told;

/// A root with whatever package managers it has.
pub fn system(root: Sysroot) -> System {
    let has_both = dpkg::is_here(&root) && rpm::is_here(&root);
    if !has_both {
        return if rpm::is_here(&root) { rpm::system(root, None, "") } else { system_told(root, Told::default()) };
    }
    let root = Rc::new(root);
    let dpkg = Rc::new(dpkg::Database::new(Rc::clone(&root), Told::default()));
    let rpm = Rc::new(rpm::Database::new(Rc::clone(&root)));
    let databases = Rc::new(several::Databases {
        first: Rc::<dpkg::Database>::clone(&dpkg),
        second: Rc::<rpm::Database>::clone(&rpm),
    });
    let advisor = several::Advisers {
        databases: Rc::clone(&databases),
        first: Box::new(apt::Advice::new(Rc::clone(&root), dpkg)),
        second: Box::new(rpm::Advice::new(Rc::clone(&root), rpm)),
    };
    System::new(root, databases, Box::new(advisor))
}

/// A root as one of dpkg's, where that has told of itself already: for hooks that dpkg or its front ends call.
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
