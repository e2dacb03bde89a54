// SPDX-License-Identifier: MIT OR Apache-2.0
//! The verbs.

pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod explain;
pub(crate) mod hooks;
pub(crate) mod preserve;
pub(crate) mod repair;
pub(crate) mod report;
pub(crate) mod status;
pub(crate) mod what_if;
