// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12 with three kernels, and what watches over machines: Prometheus' node_exporter and promtool.

use super::debian12_kernels::DEBIAN12_KERNELS;
use super::recipe::{Recipe, Start, Step};

pub(crate) const DEBIAN12_MONITORING: Recipe = Recipe {
    name: "debian12-monitoring",
    needs_mounts: true,
    start: Start::On(&DEBIAN12_KERNELS),
    steps: &[Step { title: "node_exporter and promtool", script: include_str!("steps/install-monitoring.sh") }],
};
