// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask man`: the man pages and completions, judged by what reads them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::{self, Tool};
use crate::{Doing, Error};

const JUDGES: [Tool; 5] = [
    Tool::program("mandoc", "mandoc"),
    Tool::program("man", "man-db"),
    Tool::program("bash", "bash"),
    Tool::program("zsh", "zsh"),
    Tool::program("fish", "fish"),
];

/// The shells that read a completion without running it.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// The day of the pages where nobody says another one: mandoc wants a date, whatever it is.
const SOME_DAY: &str = "1795392000";

/// Writes everything and judges it.
pub(crate) fn run() -> Result<(), Error> {
    tools::ensure(&JUDGES)?;
    let directory = tools::target_dir()?.join("manual");
    let mut manual = Command::new(tools::cargo());
    manual.args(["run", "--quiet", "--locked", "--package=manual", "--"]).arg(&directory);
    if env::var_os("SOURCE_DATE_EPOCH").is_none() {
        manual.env("SOURCE_DATE_EPOCH", SOME_DAY);
    }
    tools::run(&mut manual)?;
    for page in files(&directory.join("man"))? {
        // -Tlint says everything on standard output; man only warns, on standard error.
        judge(&page, Command::new("mandoc").arg("-Tlint").arg(&page))?;
        let mut man = Command::new("man");
        man.args(["--warnings", "--local-file"]).arg(&page).env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80");
        judge_warnings(&page, &mut man)?;
        println!("xtask: {} is sound", page.display());
    }
    for shell in SHELLS {
        for completion in files(&directory.join("completions").join(shell))? {
            judge(&completion, Command::new(shell).arg("-n").arg(&completion))?;
            println!("xtask: {} is sound", completion.display());
        }
    }
    Ok(())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let doing = || format!("list {}", directory.display());
    let mut found = fs::read_dir(directory)
        .doing(doing)?
        .map(|entry| entry.map(|entry| entry.path()).doing(doing))
        .collect::<Result<Vec<PathBuf>, Error>>()?;
    found.sort();
    Ok(found)
}

/// A judge that is silent where all is well.
fn judge(file: &Path, command: &mut Command) -> Result<(), Error> {
    let answer = command.output().doing(|| format!("start `{}`", tools::shown(command)))?;
    let said = [answer.stdout, answer.stderr].concat();
    answer_of(file, &said, answer.status.success())
}

/// A judge whose standard output is the page itself.
fn judge_warnings(file: &Path, command: &mut Command) -> Result<(), Error> {
    let answer = command.output().doing(|| format!("start `{}`", tools::shown(command)))?;
    answer_of(file, &answer.stderr, answer.status.success())
}

fn answer_of(file: &Path, said: &[u8], is_success: bool) -> Result<(), Error> {
    if is_success && said.is_empty() {
        return Ok(());
    }
    Err(Error::Page { page: file.to_owned(), complaints: String::from_utf8_lossy(said).into_owned() })
}
