// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 as many have upgraded it: a kernel of Debian 11 is still there, with its headers and its compiler.

use super::debian12::DEBIAN12;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_OLD_KERNEL: Recipe = Recipe {
    name: "debian12-old-kernel",
    needs_mounts: true,
    start: Start::On(&DEBIAN12),
    steps: &[Step {
        title: "a kernel of Debian 11, its headers and compiler",
        script: include_str!("steps/install-debian11-kernel.sh"),
    }],
};
