// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 13 with dkms and no kernel: three kernels lie in apt's cache, ready to be installed without a network.

use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN13: Recipe = Recipe {
    name: "debian13",
    needs_mounts: false,
    start: Start::Debian {
        suite: "trixie",
        packages: &[
            "ca-certificates",
            "gcc",
            "make",
            "dkms",
            "unattended-upgrades",
            "python3-apt",
            // For umount, which a root that looks live needs to let go of the host's file system.
            "mount",
        ],
    },
    steps: &[
        Step { title: "settings", script: include_str!("steps/settings.sh") },
        Step { title: "package lists", script: "apt-get update" },
        Step { title: "three kernels into apt's cache", script: include_str!("steps/fetch-debian13-kernels.sh") },
    ],
};
