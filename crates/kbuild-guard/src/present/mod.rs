// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same structures shown to people and to programs.

pub mod json;
mod layout;
mod owners;
pub mod text;

pub use owners::Owners;
