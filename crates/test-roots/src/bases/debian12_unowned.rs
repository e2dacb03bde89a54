// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 with three kernels, whose header trees lie where no package has put them.

use super::debian12_kernels::DEBIAN12_KERNELS;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_UNOWNED: Recipe = Recipe {
    name: "debian12-unowned",
    needs_mounts: true,
    start: Start::On(&DEBIAN12_KERNELS),
    steps: &[Step { title: "trees that no package knows", script: include_str!("steps/unowned-trees.sh") }],
};
