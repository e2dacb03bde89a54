// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 with a kernel for every machine and one for real time.

use super::debian12::DEBIAN12;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_FLAVOURS: Recipe = Recipe {
    name: "debian12-flavours",
    needs_mounts: true,
    start: Start::On(&DEBIAN12),
    steps: &[Step { title: "a kernel of each further flavour", script: include_str!("steps/install-flavours.sh") }],
};
