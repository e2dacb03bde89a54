// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 with three kernels, their headers, and a DKMS module that dkms built for each.

use super::debian12::DEBIAN12;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_KERNELS: Recipe = Recipe {
    name: "debian12-kernels",
    needs_mounts: true,
    start: Start::On(&DEBIAN12),
    steps: &[Step {
        title: "three kernels, headers and a DKMS module",
        script: include_str!("steps/install-kernels.sh"),
    }],
};
