// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs one process to its end and keeps what it says, in order, within a time limit.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, pipe2};

/// A place that is shown a process' output while it runs.
pub(crate) type Tee = Box<dyn Write + Send>;

/// How standard output and standard error are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streams {
    /// One pipe for both: the order is exactly the one in which they were written.
    Joined,
    /// A pipe each: apart, and the order between them is not known.
    Apart,
}

/// How a process ended and what it said.
#[derive(Debug)]
pub(crate) struct Captured {
    /// `None`: it took too long and was killed.
    pub(crate) code: Option<i32>,
    /// Standard output, or both if joined.
    pub(crate) out: Vec<u8>,
    /// Standard error; empty if joined.
    pub(crate) err: Vec<u8>,
}

/// What a background process that still holds the pipe may add once the process itself has ended.
const GRACE: Duration = Duration::from_millis(500);
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Runs `command` in a process group of its own, with `input` as its standard input.
///
/// When `limit` has passed, the whole group is killed. Once the process has ended, background processes that it left
/// behind are not waited for.
pub(crate) fn capture(
    mut command: Command,
    input: Option<Vec<u8>>,
    limit: Duration,
    streams: Streams,
    tee: Option<Tee>,
) -> io::Result<Captured> {
    let deadline = Instant::now() + limit;
    command.process_group(0);
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let (out_read, out_write) = pipe2(OFlag::O_CLOEXEC)?;
    let err_read = match streams {
        Streams::Joined => {
            command.stderr(out_write.try_clone()?);
            None
        }
        Streams::Apart => {
            let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
            command.stderr(write);
            Some(read)
        }
    };
    command.stdout(out_write);
    let mut child = command.spawn()?;
    // The command owns our copies of the writing ends; with them open the end of the output would never be seen.
    drop(command);

    if let (Some(bytes), Some(mut stdin)) = (input, child.stdin.take()) {
        // A process that does not read its input must not stop us; whether it does is its own affair.
        thread::spawn(move || drop(stdin.write_all(&bytes)));
    }
    let (ended, ends) = mpsc::channel();
    let mut open = 1;
    let out = collect(File::from(out_read), tee, ended.clone());
    let err = err_read.map(|read| {
        open += 1;
        collect(File::from(read), None, ended)
    });

    let status = wait(&mut child, deadline, &ends, &mut open)?;
    let grace = Instant::now() + GRACE;
    while open > 0 {
        if ends.recv_timeout(grace.saturating_duration_since(Instant::now())).is_err() {
            break;
        }
        open -= 1;
    }
    Ok(Captured { code: status.map(exit_code), out: taken(&out), err: err.as_ref().map(taken).unwrap_or_default() })
}

/// 128 + n for a process that signal n ended, as a shell says it.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// Waits for the process, woken early when its output ends. `None`: out of time, killed.
fn wait(child: &mut Child, deadline: Instant, ends: &Receiver<()>, open: &mut u32) -> io::Result<Option<ExitStatus>> {
    let mut pause = SHORTEST_PAUSE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            kill_group(child);
            child.wait()?;
            return Ok(None);
        }
        let nap = pause.min(left);
        pause = (pause * 2).min(LONGEST_PAUSE);
        if *open == 0 {
            thread::sleep(nap);
            continue;
        }
        match ends.recv_timeout(nap) {
            Ok(()) => {
                *open -= 1;
                pause = SHORTEST_PAUSE;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => *open = 0,
        }
    }
}

fn kill_group(child: &mut Child) {
    let group = i32::try_from(child.id()).map(Pid::from_raw);
    if !group.is_ok_and(|group| killpg(group, Signal::SIGKILL).is_ok()) {
        // The group is the process' own from its start on, so this is only for one that is ending right now.
        drop(child.kill());
    }
}

/// Reads to the end in a thread of its own, so that a full pipe never stops the process.
fn collect(mut from: File, mut tee: Option<Tee>, ended: Sender<()>) -> Arc<Mutex<Vec<u8>>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    thread::spawn(move || {
        let mut chunk = [0; 8192];
        loop {
            let bytes = match from.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => chunk.get(..length).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            if let Some(shown) = &mut tee {
                // Who watches may go away; the process goes on.
                drop(shown.write_all(bytes).and_then(|()| shown.flush()));
            }
            keep.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        }
        let _ = ended.send(());
    });
    kept
}

fn taken(kept: &Arc<Mutex<Vec<u8>>>) -> Vec<u8> {
    std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn joined_output_keeps_its_order() {
        let script = "echo 1; echo 2 >&2; echo 3; echo 4 >&2; exit 7";
        let got = capture(sh(script), None, GRACE * 20, Streams::Joined, None).unwrap();
        assert_eq!((got.code, got.out.as_slice()), (Some(7), &b"1\n2\n3\n4\n"[..]));
    }

    #[test]
    fn streams_can_be_kept_apart_and_input_arrives() {
        let script = "cat; echo e >&2";
        let got = capture(sh(script), Some(b"in".to_vec()), GRACE * 20, Streams::Apart, None).unwrap();
        assert_eq!((got.out, got.err), (b"in".to_vec(), b"e\n".to_vec()));
    }

    #[test]
    fn a_late_process_is_killed_with_its_children() {
        let start = Instant::now();
        let script = "echo begun; sleep 60 & sleep 60";
        let got = capture(sh(script), None, GRACE, Streams::Joined, None).unwrap();
        assert_eq!((got.code, got.out), (None, b"begun\n".to_vec()));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_background_process_is_not_waited_for() {
        let start = Instant::now();
        let script = "setsid sleep 20 & echo said";
        let got = capture(sh(script), None, GRACE * 20, Streams::Joined, None).unwrap();
        assert_eq!((got.code, got.out), (Some(0), b"said\n".to_vec()));
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
