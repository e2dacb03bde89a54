// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 13 with three kernels, whose header trees lie where no package has put them.

use super::debian13_kernels::DEBIAN13_KERNELS;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN13_UNOWNED: Recipe = Recipe {
    name: "debian13-unowned",
    needs_mounts: true,
    start: Start::On(&DEBIAN13_KERNELS),
    steps: &[Step { title: "trees that no package knows", script: include_str!("steps/unowned-trees.sh") }],
};
