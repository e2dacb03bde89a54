// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernels, build trees, verdicts and decisions: what kbuild-guard is about, without any package manager.
//!
//! Data flows one way. A hook turns its package manager's words into a [`transaction::Transaction`];
//! [`losses`] asks which leaving packages hold hops of which kernel's [`build_tree::Closure`]; only the
//! kernels that lose something are assessed ([`assess`]); [`guard`] decides. Verifying goes from
//! [`survey`] to [`verify`], and once a day to [`report`]. What changes something is asked for by an admin: [`preserve`] copies what builds need
//! of a tree, [`repair`] finds one that fits, [`relink`] moves the build link to it. [`present`] shows the same structures as text and as JSON. Package
//! managers are seen through the traits of [`package_db`], files through [`sysroot`] alone.

pub mod assess;
pub mod build_tree;
pub mod checks;
pub mod day;
pub mod demand;
pub mod drift;
pub mod error;
pub mod guard;
pub mod hook;
pub mod includes;
pub mod judge;
pub mod kernels;
pub mod losses;
pub mod machine;
pub mod memory;
pub mod package_db;
pub mod policy;
pub mod present;
pub mod preserve;
pub mod probe;
pub mod quote;
pub mod release;
pub mod relink;
pub mod repair;
pub mod reply;
pub mod report;
mod root_path;
pub mod succession;
pub mod survey;
pub mod sysroot;
pub mod transaction;
pub mod verify;
