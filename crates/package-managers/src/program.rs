// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking a package manager's own program something, in the time that is left.

use std::io::Read;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use kbuild_guard::sysroot::Sysroot;

/// An answer comes in 30 ms from a cache and in half a second without. A hook may have less time left.
const PATIENCE: Duration = Duration::from_millis(1200);

/// The same where no package manager waits for us: a small machine that is busy takes longer, and without an answer nobody
/// is told the command that mends.
const LONG_PATIENCE: Duration = Duration::from_secs(10);

/// A thousand packages' policies are 0.5 MB, the list of a package with 20,000 files 2 MB.
const MOST: u64 = 64 << 20;

/// A program that is at work on its answer.
pub(crate) struct Asked {
    child: Child,
    stdout: ChildStdout,
    until: Instant,
}

/// What a program said on its standard output.
pub(crate) struct Answer {
    pub(crate) text: Vec<u8>,
    /// Its exit status, if it came to one.
    pub(crate) status: Option<i32>,
}

/// Starts a program that is asked about `root`; `None` if it cannot be started.
pub(crate) fn start(mut command: Command, root: &Sysroot) -> Option<Asked> {
    let until = Instant::now() + root.time_left().map_or(LONG_PATIENCE, |left| left.min(PATIENCE));
    command.env("LC_ALL", "C").current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().inspect_err(|error| log::debug!("{command:?}: {error}")).ok()?;
    let stdout = child.stdout.take()?;
    Some(Asked { child, stdout, until })
}

impl Asked {
    /// The whole answer; `None` if it takes too long.
    pub(crate) fn answer(self) -> Option<Answer> {
        let Asked { mut child, mut stdout, until } = self;
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            stdout.by_ref().take(MOST).read_to_end(&mut text).map(|_| text)
        });
        while !reader.is_finished() {
            if Instant::now() > until {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let status = child.wait().ok().and_then(|status| status.code());
        Some(Answer { text: reader.join().ok()?.ok()?, status })
    }
}
