// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the packages of kernels for systems of rpm packages are made. On the oldest of those systems: what is built there
//! runs on the others too.

use super::debian12_rpm::DEBIAN12_RPM;
use super::recipe::{Recipe, Start, Step};

/// Where the packages are, a repository for each layout, and `releases`, a line a kernel.
pub(crate) const DIRECTORY: &str = "/srv/kernels";

pub(crate) const RPM_KERNEL_PACKAGES: Recipe = Recipe {
    name: "rpm-kernel-packages",
    needs_mounts: true,
    start: Start::On(&DEBIAN12_RPM),
    steps: &[
        Step { title: "a small kernel, in several releases", script: include_str!("steps/build-rpm-kernels.sh") },
        Step { title: "packages of the kernel's own", script: include_str!("steps/pack-upstream-kernels.sh") },
        Step { title: "packages as Fedora has them", script: include_str!("steps/pack-fedora-kernels.sh") },
        Step { title: "packages as openSUSE has them", script: include_str!("steps/pack-opensuse-kernels.sh") },
    ],
};
