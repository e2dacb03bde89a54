// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which package each hop belongs to, asked once for everything that is shown.

use std::collections::HashMap;

use crate::assess::Assessment;
use crate::build_tree::Hop;
use crate::error::Result;
use crate::package_db::{PackageDb, PackageId};
use crate::sysroot::RootPath;

/// The owners of the hops of some closures.
#[derive(Debug, Default)]
pub struct Owners(HashMap<RootPath, PackageId>);

impl Owners {
    /// Asks the package database about every hop of `assessments`.
    pub fn of(db: &dyn PackageDb, assessments: &[Assessment]) -> Result<Self> {
        let mut paths: Vec<RootPath> =
            assessments.iter().flat_map(|assessment| &assessment.closure.hops).map(telling).cloned().collect();
        paths.sort();
        paths.dedup();
        if paths.is_empty() {
            return Ok(Owners::default());
        }
        let owners = db.owners(&paths)?;
        Ok(Owners(
            paths
                .into_iter()
                .zip(owners)
                .filter_map(|(path, owners)| owners.into_iter().next().map(|owner| (path, owner)))
                .collect(),
        ))
    }

    /// The package a hop belongs to.
    pub fn owner(&self, hop: &Hop) -> Option<&PackageId> {
        self.0.get(telling(hop))
    }
}

/// The path whose owner is the hop's: several packages may have a directory in their lists.
fn telling(hop: &Hop) -> &RootPath {
    hop.witnesses.first().unwrap_or(&hop.path)
}
