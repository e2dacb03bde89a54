// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a hook, in one place: a deadline armed before anything else, panics caught, one line on
//! stderr when something is wrong inside, and an exit status that only ever stops a transaction on
//! purpose.
//!
//! A hook runs in the middle of somebody's package transaction. Whatever goes wrong in here, the
//! package manager goes on.

pub mod caller;
pub mod package_run;

use std::fmt::Display;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kbuild_guard::reply::Reply;

/// How long a hook may take in all.
const DEADLINE: Duration = Duration::from_secs(2);

/// When looking for an answer ends, so that there is time left to give one.
const LOOKING: Duration = Duration::from_millis(1500);

/// When the kernel ends the process, should the watchdog be stuck too: seconds, from alarm(2).
const LAST_RESORT: u32 = 4;

/// The one status that the wrappers in package managers' configurations let through.
const BLOCKED: u8 = 10;

/// What a hook has to work with.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    started: Instant,
}

impl Life {
    /// Until when looking at the system is worth it.
    pub fn deadline(&self) -> Instant {
        self.started + LOOKING
    }
}

/// Runs a hook's body and shows its reply. `name` is what the hook is called in its line on stderr.
pub fn run<E: Display>(name: &'static str, body: impl FnOnce(&Life) -> Result<Reply, E>) -> ExitCode {
    let life = Life { started: Instant::now() };
    arm(name);
    std::panic::set_hook(Box::new(|_| {}));
    match catch_unwind(AssertUnwindSafe(|| body(&life))) {
        Ok(Ok(reply)) => {
            say(&reply.text);
            if reply.blocks { ExitCode::from(BLOCKED) } else { ExitCode::SUCCESS }
        }
        Ok(Err(error)) => {
            say(&format!("kbuild-guard: {name}: {error}; nothing is checked\n"));
            ExitCode::SUCCESS
        }
        Err(_) => {
            say(&format!("kbuild-guard: {name}: an internal error; nothing is checked, please report it\n"));
            ExitCode::SUCCESS
        }
    }
}

/// The one-run override in the environment: its word, if it is set.
pub fn mode_word() -> Option<String> {
    std::env::var("KBUILD_GUARD_MODE").ok().filter(|word| !word.is_empty())
}

/// Writes to stderr, where people see it; a closed or full stderr is no reason to fail.
fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

/// A thread that ends the process with a line and success; behind it, alarm(2), whose signal ends the
/// process even if stderr is a pipe that nobody reads.
fn arm(name: &'static str) {
    nix::unistd::alarm::set(LAST_RESORT);
    let watchdog = move || {
        std::thread::sleep(DEADLINE);
        say(&format!("kbuild-guard: {name}: no answer within {} s; nothing is checked\n", DEADLINE.as_secs()));
        std::process::exit(0);
    };
    // Without a thread the alarm alone has to do.
    let _ = std::thread::Builder::new().stack_size(64 << 10).spawn(watchdog);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(code: ExitCode, expected: ExitCode) -> bool {
        format!("{code:?}") == format!("{expected:?}")
    }

    #[test]
    fn only_a_deliberate_stop_stops() {
        let stop = Reply { blocks: true, ..Reply::default() };
        assert!(is(run("t", |_| Ok::<_, String>(Reply::default())), ExitCode::SUCCESS));
        assert!(is(run("t", |_| Ok::<_, String>(stop)), ExitCode::from(10)));
        assert!(is(run("t", |_| Err("wrong")), ExitCode::SUCCESS));
        assert!(is(run("t", |_| -> Result<Reply, String> { panic!("inside") }), ExitCode::SUCCESS));
        nix::unistd::alarm::cancel();
    }
}
