// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 as a system of rpm packages, with kernels to install, in packages of three layouts.

use super::debian12_rpm::DEBIAN12_RPM;
use super::recipe::{Recipe, Start, Step};
use super::rpm_kernel_packages::{DIRECTORY, RPM_KERNEL_PACKAGES};

pub(crate) const DEBIAN12_RPM_KERNELS: Recipe = Recipe {
    name: "debian12-rpm-kernels",
    needs_mounts: true,
    start: Start::With { below: &DEBIAN12_RPM, lender: &RPM_KERNEL_PACKAGES, directory: DIRECTORY },
    steps: &[
        Step { title: "what Debian's libraries provide", script: include_str!("steps/rpm-libraries.sh") },
        Step { title: "repositories of kernels", script: include_str!("steps/know-rpm-kernels.sh") },
    ],
};
