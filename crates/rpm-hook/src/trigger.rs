// SPDX-License-Identifier: MIT OR Apache-2.0
//! rpm's file triggers: at the end of a transaction that touched kernels or their headers every kernel is looked at, and
//! what is new and wrong is said. Which paths were touched is on standard input, and not needed: a rescan tells more.

use std::path::Path;

use hook_process::{Life, mode_word};
use kbuild_guard::error::Result;
use kbuild_guard::reply::{self, Reply};
use kbuild_guard::sysroot::Sysroot;
use package_managers::rpm;

use crate::driving::Driving;

/// A scriptlet runs inside the root that is installed to.
pub(crate) fn verify(life: &Life) -> Result<Reply> {
    let root = Sysroot::open(Path::new("/"))?.with_deadline(life.deadline());
    let driving = Driving::look();
    let commit = driving.commit(&root);
    let program = driving.program(commit.as_ref());
    reply::afterwards(&rpm::system(root, commit, &program), mode_word().as_deref(), None)
}
