// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 with Debian's own testers of packages, and a minimal system for the one that wants a system to itself.

use super::debian12::DEBIAN12;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_PACKAGING: Recipe = Recipe {
    name: "debian12-packaging",
    needs_mounts: true,
    start: Start::On(&DEBIAN12),
    steps: &[
        Step { title: "autopkgtest and piuparts", script: include_str!("steps/install-testers.sh") },
        Step { title: "a minimal system for piuparts", script: include_str!("steps/minimal-system.sh") },
    ],
};
