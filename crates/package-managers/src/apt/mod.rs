// SPDX-License-Identifier: MIT OR Apache-2.0
//! apt: its hook protocol, what it knows of packages beyond dpkg, and what it can bring.

mod advice;
mod ask;
mod configuration;
pub mod front_end;
pub(crate) mod hook;
mod never;
mod offers;
pub mod pre_install;
pub mod standing;
mod typed_words;

pub use advice::Advice;
pub use never::NeverAutoremoved;
