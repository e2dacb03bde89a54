// SPDX-License-Identifier: MIT OR Apache-2.0
//! The checks: one file a fault family, each adding findings to an inspection.

pub mod catalogue;
mod companion;
mod compiler;
mod doubtful_headers;
mod drift;
mod headers;
mod host_tools;
mod inspection;
mod known;
mod link;
mod package_files;
mod packaged_trees;
mod place;
mod prepared;
mod programs;
mod release;
mod same_build;
mod signing;
mod symvers;
mod tree_files;

pub use catalogue::{CATALOGUE, Effect, Entry, FindingId};
pub use known::Known;
pub use packaged_trees::PackagedTrees;

use crate::build_tree::{Closure, End};
use crate::error::Result;
use crate::kernels::Kernel;
use crate::machine::Machine;
use crate::package_db::{Need, PackageDb, Remedy};
use crate::sysroot::{RootPath, Sysroot};
use inspection::Inspection;

/// One fact about a kernel's closure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub id: FindingId,
    /// What it does to builds, here.
    pub effect: Effect,
    /// Where it was found.
    pub path: RootPath,
    /// Why we say so; one sentence, fit for a terminal.
    pub cause: String,
    /// What would mend it.
    pub need: Need,
    /// What mends it, once a package manager was asked and knew.
    pub fix: Option<Remedy>,
}

impl Finding {
    /// The fix that was found, or the catalogue's advice.
    pub fn fix_or_advice(&self) -> &str {
        self.fix.as_ref().map_or(self.id.entry().advice, Remedy::text)
    }
}

/// What the checks look at besides the kernel and its closure.
pub struct Sight<'a> {
    /// The root.
    pub root: &'a Sysroot,
    /// What the system is.
    pub machine: &'a Machine,
    /// The installed packages.
    pub db: &'a dyn PackageDb,
    /// What earlier looks taught.
    pub known: &'a Known,
    /// Which packages the trees belong to, where these are to be looked at whole; else only what every
    /// build needs is.
    pub packaged: Option<&'a PackagedTrees>,
}

/// Everything that is to say about the closure of `kernel`, the most telling first.
pub fn check(sight: &Sight<'_>, kernel: &Kernel, closure: &Closure) -> Result<Vec<Finding>> {
    if closure.end != End::Complete {
        return link::check(sight.db, closure);
    }
    let Some(mut inspection) = Inspection::begin(sight, kernel, closure) else { return Ok(Vec::new()) };
    companion::check(&mut inspection);
    if link::leads_to_a_tree(&mut inspection) {
        prepared::check(&mut inspection);
        headers::check(&mut inspection)?;
        tree_files::check(&mut inspection);
        host_tools::check(&mut inspection);
        symvers::check(&mut inspection);
        let agreement = release::check(&mut inspection);
        compiler::check(&mut inspection);
        programs::check(&mut inspection);
        signing::check(&mut inspection);
        drift::check(&mut inspection, agreement.as_ref())?;
        place::check(&mut inspection)?;
        if let Some(packaged) = sight.packaged {
            package_files::check(&mut inspection, packaged)?;
        }
        doubtful_headers::check(&mut inspection, sight.packaged)?;
    }
    Ok(inspection.finish())
}
