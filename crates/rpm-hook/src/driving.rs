// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who drives rpm's library just now.

use hook_process::caller::{self, Process};
use hook_process::mode_word;
use kbuild_guard::sysroot::Sysroot;
use kbuild_guard::transaction::Driver;
use package_managers::rpm::{driver, zypp};

/// So far above a hook the one who drives may be: a shell, zypper's helper, dnf, what starts dnf.
const HIGHEST: usize = 6;

/// The processes above this one.
pub(crate) struct Driving {
    above: Vec<Process>,
}

impl Driving {
    pub(crate) fn look() -> Self {
        Driving { above: caller::above(HIGHEST) }
    }

    /// Who drives, if it is a program that is known and not somebody's own with rpm's library in it; in a commit of
    /// libzypp's that is who commits.
    fn found(&self, commit: Option<&zypp::Plan>) -> Option<driver::Found> {
        let lines: Vec<Vec<String>> = self.above.iter().map(|process| process.words.clone()).collect();
        let commits = commit.and_then(|plan| self.above.iter().position(|process| plan.is_by(&process.identity)));
        driver::find(&lines, commits)
    }

    /// The name of the program that drives; empty if it is none that is known.
    pub(crate) fn program(&self, commit: Option<&zypp::Plan>) -> String {
        self.found(commit).map(|found| found.program).unwrap_or_default()
    }

    /// The driver, and what tells its process from all others: rpm's library asks its plugins twice, for a test and for
    /// the thing itself, and zypper starts an rpm for each package.
    pub(crate) fn driver(&self, commit: Option<&zypp::Plan>) -> (Driver, String) {
        let found = self.found(commit);
        let place = found.as_ref().map_or(0, |found| found.place);
        let by = self.above.get(place).map(|process| process.identity.clone()).unwrap_or_default();
        let mut driver = found.map(|found| found.driver).unwrap_or_default();
        driver.heed(mode_word());
        (driver, by)
    }

    /// What the zypper that this is a part of has still to do. Its commit plugin runs for no root but the system's own.
    pub(crate) fn commit(&self, root: &Sysroot) -> Option<zypp::Plan> {
        if !root.is_own_root() {
            return None;
        }
        zypp::Plan::of(root, self.above.iter().map(|process| process.identity.as_str()))
    }
}
