// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 14 to be, with its newest kernel and the headers of that.

use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN14: Recipe = Recipe {
    name: "debian14",
    needs_mounts: true,
    start: Start::Debian {
        suite: "forky",
        packages: &[
            "ca-certificates",
            "gcc",
            "make",
            "kmod",
            // For umount, which a root that looks live needs to let go of the host's file system.
            "mount",
        ],
    },
    steps: &[
        Step { title: "settings", script: include_str!("steps/settings.sh") },
        Step { title: "its newest kernel, with headers", script: include_str!("steps/install-newest-kernel.sh") },
    ],
};
