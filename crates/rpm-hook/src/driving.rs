// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who drives rpm's library just now.

use hook_process::{caller, mode_word};
use kbuild_guard::transaction::Driver;
use package_managers::rpm::driver;

/// So far above a hook the one who drives may be: a shell, zypper's helper, dnf, what starts dnf.
const HIGHEST: usize = 6;

/// The driver, and what tells its process from all others: rpm's library asks its plugins twice, for a test and for the
/// thing itself, and zypper starts an rpm for each package.
pub(crate) fn driving() -> (Driver, String) {
    let above = caller::above(HIGHEST);
    let lines: Vec<Vec<String>> = above.iter().map(|process| process.words.clone()).collect();
    let (mut driver, by) = match driver::find(&lines) {
        Some(found) => {
            (found.driver, above.get(found.place).map(|process| process.identity.clone()).unwrap_or_default())
        }
        // Somebody's own program, with rpm's library in it.
        None => (Driver::default(), above.first().map(|process| process.identity.clone()).unwrap_or_default()),
    };
    driver.heed(mode_word());
    (driver, by)
}
