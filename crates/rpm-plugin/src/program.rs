// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program that decides: started, waited for, and, if it takes too long, ended.
//!
//! Not by waiting for a signal: those are for the program that drives rpm.

use std::ffi::CString;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use crate::anonymous_file::{self, Bounded};
use crate::error::{Error, Result};
use crate::process::Process;

/// The one status that stops a transaction.
const STOP: i32 = 10;

/// More than it has to say in the worst case, less than would flood a terminal for long.
const SAID_LIMIT: u64 = 64 << 10;

/// How long an end by SIGKILL is waited for. A process that hangs in the kernel stays.
const FUNERAL: Duration = Duration::from_millis(500);

/// What the program answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Whether the transaction is to be stopped.
    pub(crate) stops: bool,
    /// What it wrote, as it is.
    pub(crate) said: Vec<u8>,
}

/// Asks; `None` if there is no program.
pub(crate) fn ask(program: &Path, stream: &[u8], time: Duration) -> Result<Option<Answer>> {
    let name = CString::new(program.as_os_str().as_bytes()).map_err(|error| Error::NotStarted(error.into()))?;
    let said = Bounded::new(SAID_LIMIT)?;
    let child = match Process::start(&name, c"transaction", &anonymous_file::holding(stream)?, said.writer()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        child => child.map_err(Error::NotStarted)?,
    };
    let stops = match wait(&child, time)? {
        status if status.success() => false,
        status if status.code() == Some(STOP) => true,
        status => return Err(Error::Ended(status)),
    };
    Ok(Some(Answer { stops, said: said.written()? }))
}

/// Waits so long for the end, and then brings it about.
fn wait(child: &Process, time: Duration) -> Result<ExitStatus> {
    if let Some(status) = watch(child, time).map_err(Error::Lost)? {
        return Ok(status);
    }
    child.end();
    let _ = watch(child, FUNERAL);
    Err(Error::NoAnswer { seconds: time.as_secs() })
}

/// The status, if it comes within this time.
fn watch(child: &Process, time: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        let status = child.ended();
        let passed = start.elapsed();
        match status {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Ok(Some(status)) => return Ok(Some(status)),
            _ if passed >= time => return Ok(None),
            // A sixteenth of what has passed is not noticed on top of it.
            _ => thread::sleep((passed / 16).clamp(Duration::from_micros(500), Duration::from_millis(50))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const TIME: Duration = Duration::from_secs(60);

    /// A directory with a program of this text, and the program.
    fn program(text: &str, mode: u32) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let mut file = fs::File::create(directory.path().join("program")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
        directory
    }

    fn asked(text: &str, mode: u32, time: Duration) -> Result<Option<Answer>> {
        asked_in(&program(text, mode), time)
    }

    fn asked_in(directory: &tempfile::TempDir, time: Duration) -> Result<Option<Answer>> {
        // While another test starts its program, a copy of this file may be open for writing in that one.
        loop {
            match ask(&directory.path().join("program"), b"a=b\0end=\0", time) {
                Err(Error::NotStarted(error)) if error.kind() == ErrorKind::ExecutableFileBusy => {}
                answer => return answer,
            }
        }
    }

    fn script(text: &str) -> Result<Option<Answer>> {
        asked(&format!("#!/bin/sh\n{text}\n"), 0o755, TIME)
    }

    fn answer(stops: bool, said: &str) -> Option<Answer> {
        Some(Answer { stops, said: said.as_bytes().to_vec() })
    }

    #[test]
    fn only_ten_stops() {
        assert_eq!(script("echo out; echo err >&2; exit 10").unwrap(), answer(true, "out\nerr\n"));
        assert_eq!(script("echo out").unwrap(), answer(false, "out\n"));
        for other in ["exit 1", "exit 2", "exit 77", "exit 138", "kill -SEGV $$", "kill -KILL $$"] {
            assert!(matches!(script(other), Err(Error::Ended(_))), "{other}");
        }
    }

    #[test]
    fn it_reads_the_whole_stream_in_a_place_of_its_own() {
        let said = script("echo $#:$1; pwd; tr '\\0' '|'");
        assert_eq!(said.unwrap(), answer(false, "1:transaction\n/\na=b|end=|"));
    }

    /// rpm blocks every signal during a transaction, Python ignores SIGPIPE.
    #[test]
    fn signals_reach_it_though_they_do_not_reach_us() {
        let mut all = std::mem::MaybeUninit::uninit();
        // SAFETY: the function makes a set where there is room for one.
        unsafe { libc::sigfillset(all.as_mut_ptr()) };
        // SAFETY: the set was made; the mask is that of this test's thread alone.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut()) };
        let said = script(
            "grep SigBlk: /proc/self/status; echo $((0x$(sed -n 's/SigIgn:.//p' /proc/self/status) & 0x7fffffff))",
        );
        // Signals above those are the C library's own.
        assert_eq!(said.unwrap(), answer(false, "SigBlk:\t0000000000000000\n0\n"));
    }

    #[test]
    fn files_of_ours_are_closed_in_it() {
        let open = fs::File::open("/").unwrap();
        // SAFETY: a call on a file that is open, with a number: no mark that it is to be closed.
        unsafe { libc::fcntl(open.as_raw_fd(), libc::F_SETFD, 0) };
        // The shell has its script open as 10, ls the directory that it lists as 3.
        assert_eq!(script("ls /proc/self/fd | tr '\\n' ' '").unwrap(), answer(false, "0 1 2 3 "));
    }

    #[test]
    fn what_cannot_be_started() {
        assert_eq!(ask(Path::new("/nowhere/at/all"), b"", TIME).unwrap(), None);
        assert!(matches!(asked("#!/bin/sh\n", 0o644, TIME), Err(Error::NotStarted(_))));
        assert!(matches!(asked("garbage", 0o755, TIME), Err(Error::NotStarted(_))));
    }

    #[test]
    fn one_that_hangs_is_ended_with_all_it_has_started() {
        let soon = Duration::from_millis(300);
        for hang in
            ["sleep 1000 & echo $! >$0.pid; wait", "kill -STOP $$", "trap '' TERM INT ALRM; while :; do sleep 1; done"]
        {
            let directory = program(&format!("#!/bin/sh\n{hang}\n"), 0o755);
            assert!(matches!(asked_in(&directory, soon), Err(Error::NoAnswer { .. })), "{hang}");
            if let Ok(started) = fs::read_to_string(directory.path().join("program.pid")) {
                let state = || fs::read_to_string(format!("/proc/{}/stat", started.trim())).unwrap_or_default();
                // Dying takes a moment.
                while !state().is_empty() && !state().contains(") Z") {
                    thread::sleep(Duration::from_millis(10));
                }
            }
        }
    }

    #[test]
    fn what_it_says_is_bounded() {
        let said = script("head -c 1000000 /dev/zero; exit 0").unwrap().unwrap();
        assert_eq!(said.said.len() as u64, SAID_LIMIT);
    }
}
