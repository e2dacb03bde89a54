// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command, killed after so many system calls.

use std::process::{Command, Stdio};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::System;

/// Starts the command, stops it before its first system call, and lets it make so many that it enters or leaves one
/// `limit` times; then kills it. Says how often it did, and whether it had ended before.
#[allow(clippy::zombie_processes, reason = "waitpid waits for it wherever it ends")]
pub(crate) fn run_for(system: &System, words: &[&str], limit: usize) -> (usize, bool) {
    let command = system.command(words);
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
