// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 that boots: three kernels, their headers, a DKMS module, systemd, and a unit that runs what it is brought.

use super::debian12_kernels::DEBIAN12_KERNELS;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_BOOT: Recipe = Recipe {
    name: "debian12-boot",
    needs_mounts: true,
    start: Start::On(&DEBIAN12_KERNELS),
    steps: &[Step { title: "systemd and initial ramdisks", script: include_str!("steps/make-bootable.sh") }],
};
