// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guard behind the transaction plugin: the plan on standard input, the answer in the exit status.

use std::error::Error;
use std::io::Read;

use hook_process::Life;
use kbuild_guard::reply::{self, Reply};
use kbuild_guard::sysroot::Sysroot;
use package_managers::rpm::{self, transaction::Plan};

use crate::driving::Driving;

/// As much as the plugin writes at most, and a little.
const LARGEST: u64 = 65 << 20;

pub(crate) fn guard(life: &Life) -> Result<Reply, Box<dyn Error>> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(LARGEST).read_to_end(&mut bytes)?;
    let plan = Plan::parse(&bytes)?;
    if !plan.takes_away() {
        return Ok(Reply::default());
    }
    let driving = Driving::look();
    let root = Sysroot::open(&plan.root)?.with_deadline(life.deadline());
    let commit = driving.commit(&root);
    let (driver, by) = driving.driver(commit.as_ref());
    let program = driving.program(commit.as_ref());
    let mut transaction = plan.transaction(&root, driver);
    if let Some(commit) = &commit {
        commit.complete(&mut transaction);
    }
    Ok(reply::before(&rpm::system(root, commit, &program), &transaction, &by)?)
}
