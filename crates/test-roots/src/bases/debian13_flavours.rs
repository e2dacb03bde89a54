// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 13 with a kernel for every machine and one for real time.

use super::debian13::DEBIAN13;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN13_FLAVOURS: Recipe = Recipe {
    name: "debian13-flavours",
    needs_mounts: true,
    start: Start::On(&DEBIAN13),
    steps: &[Step { title: "a kernel of each further flavour", script: include_str!("steps/install-flavours.sh") }],
};
