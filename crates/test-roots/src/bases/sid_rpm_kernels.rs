// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian sid as a system of rpm packages, with kernels to install, in packages of three layouts.

use super::recipe::{Recipe, Start, Step};
use super::rpm_kernel_packages::{DIRECTORY, RPM_KERNEL_PACKAGES};
use super::sid_rpm::SID_RPM;

pub(crate) const SID_RPM_KERNELS: Recipe = Recipe {
    name: "sid-rpm-kernels",
    needs_mounts: true,
    start: Start::With { below: &SID_RPM, lender: &RPM_KERNEL_PACKAGES, directory: DIRECTORY },
    steps: &[
        Step { title: "what Debian's libraries provide", script: include_str!("steps/rpm-libraries.sh") },
        Step { title: "repositories of kernels", script: include_str!("steps/know-rpm-kernels.sh") },
    ],
};
