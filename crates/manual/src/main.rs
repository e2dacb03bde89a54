// SPDX-License-Identifier: MIT OR Apache-2.0
//! `manual DIRECTORY`: writes the man pages and completions that a package ships.

use std::path::Path;
use std::process::ExitCode;

use manual::{Error, Result};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "manual: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(directory), None) = (arguments.next(), arguments.next()) else { return Err(Error::Usage) };
    let date = match std::env::var_os("SOURCE_DATE_EPOCH") {
        Some(word) => {
            let word = word.to_string_lossy().into_owned();
            Some(word.parse().map_err(|_| Error::Date(word))?)
        }
        None => None,
    };
    manual::write(Path::new(&directory), date)
}
