// SPDX-License-Identifier: MIT OR Apache-2.0
//! dpkg: its status file with the journal merged in, and its lists of files.

mod database;
mod file_lists;
pub(crate) mod hooks;
pub mod invocation;
mod stanza;
mod status;
mod version;

pub use database::Database;
pub use stanza::{Stanza, stanzas};
pub use status::{Package, State, Status, Want};
pub use version::compare as compare_versions;

use kbuild_guard::sysroot::{RootPath, Sysroot};

/// dpkg's administrative directory.
pub(crate) const ADMIN_DIR: &str = "/var/lib/dpkg";

/// Whether this root has dpkg's database.
pub fn is_here(root: &Sysroot) -> bool {
    root.exists(&RootPath::new(ADMIN_DIR).join("status"))
}
