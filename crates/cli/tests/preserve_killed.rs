// SPDX-License-Identifier: MIT OR Apache-2.0
//! `preserve` killed at one system call after the other: the link always leads to a tree that modules can be built in, and
//! the next run finishes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "the support module serves several tests")]

mod support;

use std::fs;
use std::process::{Command, Stdio};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use support::{Layout, System};

const RELEASE: &str = "6.8.0-felix";
const TREE: &str = "/home/felix/linux-6.8";
const COPY: &str = "/usr/src/linux-headers-6.8.0-felix";

/// Calls at the end of a run, each of which is tried: proving, publishing, writing down, moving.
const LAST: usize = 160;

/// Of those before, one of so many.
const EVERY: usize = 61;

/// Starts the command, stops it before its first system call, and lets it make so many that it enters or leaves one
/// `limit` times; then kills it. Says how often it did, and whether it had ended before.
#[allow(clippy::zombie_processes, reason = "waitpid waits for it wherever it ends")]
fn run_for(system: &System, limit: usize) -> (usize, bool) {
    let command = system.command(["preserve", RELEASE]);
    // A shell that stops itself, so that nobody has to be quick: then it becomes the command.
    let mut child = Command::new("/bin/sh");
    child.env_clear().args(["-c", "kill -STOP $$; exec \"$0\" \"$@\""]).arg(command.get_program());
    child.args(command.get_args()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    assert_eq!(waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap(), WaitStatus::Stopped(pid, Signal::SIGSTOP));
    ptrace::seize(pid, Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACEEXEC)
        .unwrap();
    kill(pid, Signal::SIGCONT).unwrap();
    let (mut calls, mut is_ours) = (0, false);
    loop {
        match waitpid(pid, None).unwrap() {
            WaitStatus::PtraceEvent(_, _, event) if event == ptrace::Event::PTRACE_EVENT_EXEC as i32 => is_ours = true,
            WaitStatus::PtraceSyscall(_) if is_ours => calls += 1,
            WaitStatus::Exited(_, code) => {
                assert_eq!(code, 0);
                return (calls, true);
            }
            WaitStatus::Signaled(..) => return (calls, false),
            _ => {}
        }
        if calls >= limit {
            kill(pid, Signal::SIGKILL).unwrap();
            child.wait().unwrap();
            return (calls, false);
        }
        ptrace::syscall(pid, None).unwrap();
    }
}

fn names(system: &System, dir: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(system.at(dir))
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn killed_at_any_system_call_it_leaves_a_link_that_is_good_and_the_next_run_finishes() {
    let layout = Layout::named("modules-install");
    let (all, has_ended) = run_for(&layout.assemble(), usize::MAX);
    assert!(has_ended && all > 2 * LAST, "{all}");
    let last = all - LAST;
    let mut seen = Vec::new();
    for limit in (1..last).step_by(EVERY).chain(last..all) {
        let system = layout.assemble();
        let (_, has_ended) = run_for(&system, limit);
        let link = fs::read_link(system.at("/lib/modules/6.8.0-felix/build")).unwrap();
        let link = link.to_str().unwrap();
        assert!(link == TREE || link == COPY, "{limit} of {all}: {link}");
        let state = system.run(["check", "--json"]).json()["kernels"][0]["state"].clone();
        assert_eq!(state, if link == TREE { "degraded" } else { "ready" }, "{limit} of {all}");
        // Not published, or whole.
        let is_published = system.at(COPY).exists();
        assert!(!is_published || system.at(COPY).join(".kbuild-guard.json").exists(), "{limit} of {all}");
        seen.push((is_published, link == COPY));

        let again = system.run(["preserve", RELEASE, "--json"]);
        assert_eq!(again.code, 0, "{limit} of {all}, {has_ended}: {again:?}");
        assert_eq!(names(&system, "/usr/src"), ["linux-headers-6.8.0-felix"], "{limit} of {all}");
        let modules = names(&system, "/lib/modules/6.8.0-felix");
        assert_eq!(modules, ["build", "kernel", "modules.order", "source"], "{limit} of {all}");
        assert_eq!(names(&system, "/var/lib/kbuild-guard"), ["relinked.json"], "{limit} of {all}");
        for name in ["build", "source"] {
            let link = fs::read_link(system.at("/lib/modules/6.8.0-felix").join(name)).unwrap();
            assert_eq!(link.to_str(), Some(COPY), "{limit} of {all}");
        }
    }
    // Every stage was met: nothing yet, published, and one link or both moved.
    for stage in [(false, false), (true, false), (true, true)] {
        assert!(seen.contains(&stage), "{stage:?}");
    }
}
