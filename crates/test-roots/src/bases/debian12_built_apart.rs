// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 where a user has built a small kernel with `O=`, the source in one directory and what was built in another.

use super::debian12_self_built::DEBIAN12_SELF_BUILT;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_BUILT_APART: Recipe = Recipe {
    name: "debian12-built-apart",
    needs_mounts: true,
    start: Start::On(&DEBIAN12_SELF_BUILT),
    steps: &[Step {
        title: "a small kernel, built apart from its source",
        script: include_str!("steps/build-kernel-apart.sh"),
    }],
};
