// SPDX-License-Identifier: MIT OR Apache-2.0
//! What identifies a tree that modules are built in, and what has changed of it since it was taken down.

mod difference;
mod identity;
mod sum;

pub use difference::{Difference, OptionChange};
pub use identity::{Identity, Options};
pub use sum::Sum;

pub(crate) use identity::uts_release;
pub(crate) use sum::fnv1a;
