// SPDX-License-Identifier: MIT OR Apache-2.0
//! apt's `DPkg::Pre-Install-Pkgs`: reads what apt is about to do, says what the guard says, and exits
//! with 10 to stop apt, with 0 in every other case.

mod stream;

use std::path::PathBuf;
use std::process::ExitCode;

use hook_process::caller::{self, Process};
use hook_process::{Answer, Life, mode_word, run, say};
use kbuild_guard::guard::Decision;
use kbuild_guard::judge::judge;
use kbuild_guard::memory::Spoken;
use kbuild_guard::policy;
use kbuild_guard::present::{configuration, text};
use kbuild_guard::sysroot::Sysroot;
use package_managers::apt::{front_end, pre_install};

/// The one status that the wrapper in apt's configuration lets through.
const BLOCKED: u8 = 10;

fn main() -> ExitCode {
    run("apt-hook", guard)
}

fn guard(life: &Life) -> Result<Answer, Box<dyn std::error::Error>> {
    let dpkg_root = std::env::var_os("DPKG_ROOT").map(PathBuf::from);
    let typed = || front_end::typed(&caller()?.words);
    let mut request = pre_install::parse(&stream::read()?, dpkg_root.as_deref(), typed)?;
    // The common case first: nothing leaves, nothing is looked at. A root that apt's settings do not
    // agree upon is none that anything could be said about.
    let (false, Some(root)) = (request.transaction.leaving.is_empty(), request.root) else {
        return Ok(Answer::GoOn);
    };
    let driver = &mut request.transaction.driver;
    let mut wrong_mode = request.wrong_mode;
    if let (None, Some(word)) = (driver.override_mode, mode_word()) {
        driver.override_mode = word.parse().ok();
        wrong_mode = driver.override_mode.is_none().then_some(word).or(wrong_mode);
    }
    let root = Sysroot::open(&root)?.with_deadline(life.deadline());
    let (policy, warnings) = policy::load(&root);
    let system = package_managers::system_told(root, request.told);
    let verdict = judge(&system, &request.transaction, &policy, false)?;
    if verdict.decision == Decision::Allow {
        return Ok(Answer::GoOn);
    }
    if let Some(word) = wrong_mode {
        policy::override_mode(Some(&word)).err().iter().for_each(|line| say(line));
    }
    for warning in &warnings {
        say(&configuration::warning(warning));
    }
    // python-apt runs the hooks of one commit twice: a warning is said once. A block ends the first of them.
    let by = caller().map(|caller| caller.identity).unwrap_or_default();
    let said = Spoken::load(&system.root).to(&by);
    let blocks = verdict.decision == Decision::Block;
    for orphan in verdict.spoken_of().filter(|orphan| blocks || !said.mentions(&orphan.assessment.kernel.release)) {
        say(&text::orphan(orphan, &request.transaction, system.advisor.as_ref()));
    }
    for bereft in verdict.bereft_to_speak_of().filter(|bereft| !said.mentions_bringers(&bereft.packages)) {
        say(&text::bereft(bereft, system.advisor.as_ref()));
    }
    if blocks {
        return Ok(Answer::Stop(BLOCKED));
    }
    // The triggers of this run need not say it again. If this cannot be written, they will.
    let releases = verdict.spoken_of().map(|orphan| &orphan.assessment.kernel.release);
    let bringers = verdict.bereft_to_speak_of().flat_map(|bereft| &bereft.packages);
    let _ = Spoken::add(&system.root, &by, releases, bringers);
    Ok(Answer::GoOn)
}

/// The process that drives apt's library: the first above that is not apt's shell.
fn caller() -> Option<Process> {
    let is_shell = |process: &Process| matches!(process.program(), "sh" | "dash" | "bash");
    caller::above(3).into_iter().find(|process| !is_shell(process))
}
