// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same structures shown to people and to programs.

pub mod configuration;
pub mod findings_page;
pub mod hooks;
pub mod json;
pub mod layout;
mod owners;
pub mod preserve;
pub mod probe;
pub mod prometheus;
pub mod repair;
pub mod report;
pub mod story;
pub mod text;

pub use owners::Owners;

/// The version of every JSON document. Fields may be added without raising it.
pub(crate) const SCHEMA: u32 = 1;
