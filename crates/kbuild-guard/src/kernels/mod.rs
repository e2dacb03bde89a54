// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels of a root: which are installed, which one runs, which are kept.

mod images;
mod installed;
mod kept;
mod own_modules;

pub use images::Arriving;
pub use installed::{installed, installed_with};
pub use kept::{KeptBecause, mark_kept};
pub use own_modules::{Stamp, sample};

use crate::release::Release;
use crate::sysroot::RootPath;

/// An installed kernel: a modules directory and an image of exactly its release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// The release.
    pub release: Release,
    /// Its modules directory, without any link.
    pub dir: RootPath,
    /// Its image, as it is named in the root.
    pub image: RootPath,
    /// Whether it runs now.
    pub running: bool,
    /// Why somebody counts on it, if somebody does.
    pub kept: Option<KeptBecause>,
}
