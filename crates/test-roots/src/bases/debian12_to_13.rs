// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 with its kernels, on the eve of its upgrade to Debian 13: the sources are changed, all that will come lies
//! in apt's cache.

use super::debian12_kernels::DEBIAN12_KERNELS;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_TO_13: Recipe = Recipe {
    name: "debian12-to-13",
    needs_mounts: true,
    start: Start::On(&DEBIAN12_KERNELS),
    steps: &[Step { title: "the next release into apt's cache", script: include_str!("steps/fetch-debian13.sh") }],
};
