// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tree a kernel's external modules are built in: the build link, what it leads to hop by hop, and
//! what a module build reads there.

pub mod build_inputs;
mod closure;
mod config;
mod follow;
mod link;
mod makefile;

pub use closure::{Closure, End, Gap, Hop, Role, Unclear};
pub use config::{HeaderConfig, TreeConfig};
pub use follow::{follow, follow_to};
pub use link::{BuildLink, LinkKind};
pub(crate) use makefile::parts_of_kbuild;
