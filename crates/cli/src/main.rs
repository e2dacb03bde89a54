// SPDX-License-Identifier: MIT OR Apache-2.0
//! `kbuild-guard`: shows, explains and answers for an admin what the hooks decide.

use std::process::ExitCode;

fn main() -> ExitCode {
    kbuild_guard_cli::main()
}
