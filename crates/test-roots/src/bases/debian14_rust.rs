// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 14 to be, where a small kernel with Rust was built with `O=`, and nobody has installed it yet.

use super::debian14::DEBIAN14;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN14_RUST: Recipe = Recipe {
    name: "debian14-rust",
    needs_mounts: true,
    start: Start::On(&DEBIAN14),
    steps: &[Step {
        title: "a small kernel with Rust, built apart from its source",
        script: include_str!("steps/build-kernel-with-rust.sh"),
    }],
};
