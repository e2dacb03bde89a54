// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 13 as a system of rpm packages: rpm 4.20, dnf 4, zypper, and a repository that holds next to nothing.

use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN13_RPM: Recipe = Recipe {
    name: "debian13-rpm",
    needs_mounts: true,
    start: Start::Debian {
        suite: "trixie",
        packages: &[
            "rpm",
            "dnf",
            "zypper",
            "createrepo-c",
            // For modules: kernels of every front end are judged by whether one builds.
            "gcc",
            "make",
            "kmod",
            // For umount, which a root that looks live needs to let go of the host's file system.
            "mount",
        ],
    },
    steps: &[
        Step { title: "settings", script: include_str!("steps/settings.sh") },
        Step { title: "rpm, its front ends and a repository", script: include_str!("steps/rpm-world.sh") },
    ],
};
