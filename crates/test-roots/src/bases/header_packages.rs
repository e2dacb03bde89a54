// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 that holds header packages of other Debian releases and other machines, unpacked and not installed.

use super::debian12::DEBIAN12;
use super::recipe::{Recipe, Start, Step};

pub(crate) const HEADER_PACKAGES: Recipe = Recipe {
    name: "header-packages",
    needs_mounts: false,
    start: Start::On(&DEBIAN12),
    steps: &[Step {
        title: "header packages of other releases and machines",
        script: include_str!("steps/unpack-header-packages.sh"),
    }],
};
