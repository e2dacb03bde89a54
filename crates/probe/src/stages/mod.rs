// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processes of a probe, each this program again.

mod build;
mod enter;
mod init;
mod mounts;
mod user_namespace;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use crate::error::{Doing, Result};
use crate::order::{Order, Report};

/// The hidden first word.
const WORD: &str = "__probe";

/// What [`build`] ends with where make was not started; its last line of output says why.
const NOT_CONFINED: u8 = 125;
/// What it ends with where the builder may not read the tree.
const UNREADABLE: u8 = 124;

/// A stage, as it is named in the second word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Enter,
    Init,
    Build,
}

impl Stage {
    const ALL: [Stage; 3] = [Stage::Enter, Stage::Init, Stage::Build];

    fn name(self) -> &'static str {
        match self {
            Stage::Enter => "enter",
            Stage::Init => "init",
            Stage::Build => "build",
        }
    }
}

/// The command line of a stage.
pub(crate) fn words(stage: Stage, order: &Order) -> Result<[String; 3]> {
    let order = serde_json::to_string(order).map_err(std::io::Error::from).doing("write down what to build")?;
    Ok([WORD.to_owned(), stage.name().to_owned(), order])
}

/// Runs a stage of a probe if this process was started as one: the first thing to ask in `main`.
///
/// Somebody who calls a stage by hand gets no further than a build as whom they name, with the rights they have.
pub fn stage() -> Option<ExitCode> {
    let words: Vec<OsString> = std::env::args_os().skip(1).take(4).collect();
    let [word, name, order] = words.as_slice() else { return None };
    if word != WORD {
        return None;
    }
    let stage = Stage::ALL.into_iter().find(|stage| name == stage.name())?;
    let order: Order = serde_json::from_str(order.to_str()?).ok()?;
    Some(match stage {
        Stage::Enter => enter::run(&order).unwrap_or_else(|error| {
            tell(&Report::NotConfined(error.to_string()));
            ExitCode::FAILURE
        }),
        Stage::Init => {
            tell(&init::run(&order).unwrap_or_else(|error| Report::NotConfined(error.to_string())));
            ExitCode::SUCCESS
        }
        Stage::Build => {
            let (status, why) = build::run(&order);
            let _ = writeln!(std::io::stderr(), "{why}");
            ExitCode::from(status)
        }
    })
}

/// Writes the report, which the caller waits for.
fn tell(report: &Report) {
    let mut stdout = std::io::stdout().lock();
    if let Ok(text) = serde_json::to_string(report) {
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }
}
