// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 where a user has built a small kernel in the home directory, and nobody has installed it yet.

use super::debian12::DEBIAN12;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_SELF_BUILT: Recipe = Recipe {
    name: "debian12-self-built",
    needs_mounts: true,
    start: Start::On(&DEBIAN12),
    steps: &[
        Step { title: "the kernel's source, and what builds it", script: include_str!("steps/fetch-source.sh") },
        Step { title: "a small kernel, built in a home directory", script: include_str!("steps/build-kernel.sh") },
    ],
};
