// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 13 with three kernels, their headers, and a DKMS module that dkms built for each.

use super::debian13::DEBIAN13;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN13_KERNELS: Recipe = Recipe {
    name: "debian13-kernels",
    needs_mounts: true,
    start: Start::On(&DEBIAN13),
    steps: &[Step {
        title: "three kernels, headers and a DKMS module",
        script: include_str!("steps/install-kernels.sh"),
    }],
};
