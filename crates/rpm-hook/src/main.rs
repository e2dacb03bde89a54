// SPDX-License-Identifier: MIT OR Apache-2.0
//! What rpm and its front ends call: `rpm-hook transaction` is the guard behind the transaction plugin, `rpm-hook dnf5`
//! the one that dnf5 asks before its prompt, `rpm-hook trigger` verifies at the end of a transaction, and `rpm-hook
//! zypp-commit` tells the others what zypper is at. Only the first ever exits with anything but 0: with 10, to stop.

mod dnf5;
mod driving;
mod transaction;
mod trigger;
mod zypp_commit;

use std::process::ExitCode;

use hook_process::run;
use kbuild_guard::reply::Reply;

fn main() -> ExitCode {
    let verb = std::env::args_os().nth(1).unwrap_or_default();
    match verb.to_str() {
        Some("transaction") => run("rpm-hook", transaction::guard),
        Some("dnf5") => run("rpm-hook", dnf5::guard),
        Some("trigger") => run("rpm-hook", trigger::verify),
        Some("zypp-commit") => zypp_commit::serve(),
        _ => run("rpm-hook", |_| Err::<Reply, _>("it is called as transaction, dnf5, trigger or zypp-commit")),
    }
}
