// SPDX-License-Identifier: MIT OR Apache-2.0
//! dpkg's `pre-invoke`, where an admin has asked for it: before dpkg removes something on its own, says what the guard
//! says, and exits with 10 to stop dpkg, with 0 in every other case.
//!
//! Under apt and its like it is silent: they have asked the apt hook, which knows more.

use std::process::ExitCode;

use hook_process::caller::{self, Process};
use hook_process::{Answer, Life, mode_word, run, say};
use kbuild_guard::guard::Decision;
use kbuild_guard::judge::judge;
use kbuild_guard::memory::Spoken;
use kbuild_guard::policy;
use kbuild_guard::present::{configuration, text};
use kbuild_guard::sysroot::Sysroot;
use package_managers::Told;
use package_managers::dpkg::Status;
use package_managers::dpkg::invocation::{Environment, Invocation};

/// The one status that the wrapper in dpkg's configuration lets through.
const BLOCKED: u8 = 10;

fn main() -> ExitCode {
    run("dpkg-pre-invoke-hook", guard)
}

fn guard(life: &Life) -> kbuild_guard::error::Result<Answer> {
    let environment = environment();
    // The common case first: dpkg installs or configures, or somebody else drives it.
    if !environment.is_of_interest() || is_maintainer_script() {
        return Ok(Answer::GoOn);
    }
    let (Some(root), Some(dpkg)) = (environment.root(), dpkg()) else { return Ok(Answer::GoOn) };
    let Some(invocation) = Invocation::parse(&dpkg.words) else { return Ok(Answer::GoOn) };
    let root = Sysroot::open(&root)?.with_deadline(life.deadline());
    let mut transaction = invocation.transaction(&environment, &Status::load(&root)?);
    let word = mode_word();
    transaction.driver.override_mode = word.as_ref().and_then(|word| word.parse().ok());
    let (policy, warnings) = policy::load(&root);
    let system = package_managers::system_told(root, Told::default());
    let verdict = judge(&system, &transaction, &policy, false)?;
    if verdict.decision == Decision::Allow {
        return Ok(Answer::GoOn);
    }
    if let (None, Some(word)) = (transaction.driver.override_mode, word) {
        policy::override_mode(Some(&word)).err().iter().for_each(|line| say(line));
    }
    for warning in &warnings {
        say(&configuration::warning(warning));
    }
    for orphan in verdict.spoken_of() {
        say(&text::orphan(orphan, &transaction, system.advisor.as_ref()));
    }
    for bereft in verdict.bereft_to_speak_of() {
        say(&text::bereft(bereft, system.advisor.as_ref()));
    }
    if verdict.decision == Decision::Block {
        return Ok(Answer::Stop(BLOCKED));
    }
    // The triggers of this run need not say it again. If this cannot be written, they will.
    let releases = verdict.spoken_of().map(|orphan| &orphan.assessment.kernel.release);
    let bringers = verdict.bereft_to_speak_of().flat_map(|bereft| &bereft.packages);
    let _ = Spoken::add(&system.root, &dpkg.identity, releases, bringers);
    Ok(Answer::GoOn)
}

fn environment() -> Environment {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    Environment {
        action: variable("DPKG_HOOK_ACTION"),
        root: variable("DPKG_ROOT"),
        admin_dir: variable("DPKG_ADMINDIR"),
        force: variable("DPKG_FORCE"),
        has_front_end: std::env::var_os("DPKG_FRONTEND_LOCKED").is_some(),
    }
}

/// A package's script that calls dpkg does so in the middle of somebody's run.
fn is_maintainer_script() -> bool {
    std::env::var_os("DPKG_MAINTSCRIPT_NAME").is_some()
}

/// The dpkg that called: the shell that it starts hooks with stands between.
fn dpkg() -> Option<Process> {
    caller::above(3).into_iter().find(|process| process.program() == "dpkg")
}
