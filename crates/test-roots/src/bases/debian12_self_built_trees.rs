// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 with a kernel of somebody's own, and every kind of tree of it that modules are built in.

use super::debian12_self_built::DEBIAN12_SELF_BUILT;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_SELF_BUILT_TREES: Recipe = Recipe {
    name: "debian12-self-built-trees",
    needs_mounts: true,
    start: Start::On(&DEBIAN12_SELF_BUILT),
    steps: &[Step {
        title: "the kernel installed, and every kind of tree",
        script: include_str!("steps/self-built-trees.sh"),
    }],
};
