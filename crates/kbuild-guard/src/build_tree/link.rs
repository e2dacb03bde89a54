// SPDX-License-Identifier: MIT OR Apache-2.0
//! The build link itself.

use std::path::PathBuf;

use crate::error::Result;
use crate::kernels::Kernel;
use crate::sysroot::{Kind, RootPath, Sysroot};

/// What stands at `<modules dir>/build`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// A symlink, with its target as written.
    Symlink(PathBuf),
    /// A real directory, as on Arch.
    Directory,
    /// Nothing.
    Missing,
    /// A file or worse: no tree can be behind it.
    Other,
}

/// The build link of one kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildLink {
    /// Where it stands.
    pub path: RootPath,
    /// What it is.
    pub kind: LinkKind,
}

impl BuildLink {
    /// Looks at the link of `kernel`.
    pub fn of(root: &Sysroot, kernel: &Kernel) -> Result<Self> {
        let path = kernel.dir.join("build");
        let kind = match root.link_status(&path) {
            Err(error) if error.is_not_found() => LinkKind::Missing,
            Err(error) => return Err(error),
            Ok(status) => match status.kind {
                Kind::Symlink => LinkKind::Symlink(root.link_target(&path)?),
                Kind::Directory => LinkKind::Directory,
                Kind::File | Kind::Other => LinkKind::Other,
            },
        };
        Ok(BuildLink { path, kind })
    }
}
