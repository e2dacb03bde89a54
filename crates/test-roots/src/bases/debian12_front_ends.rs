// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 with three kernels and everything that drives apt's library there: aptitude, nala, PackageKit. The
//! packages that bring new kernels and their headers lie in apt's cache.

use super::debian12_kernels::DEBIAN12_KERNELS;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_FRONT_ENDS: Recipe = Recipe {
    name: "debian12-front-ends",
    needs_mounts: true,
    start: Start::On(&DEBIAN12_KERNELS),
    steps: &[Step { title: "aptitude, nala, PackageKit", script: include_str!("steps/install-front-ends.sh") }],
};
