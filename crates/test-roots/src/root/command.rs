// SPDX-License-Identifier: MIT OR Apache-2.0
//! One command in a root, and how it is to be run.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::time::Duration;

use super::Root;
use super::outcome::{Outcome, Split};
use crate::capture::{Captured, Streams, Tee, capture};
use crate::error::{Error, Result};

/// How long a command may take if nothing else is said.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// What every command finds in its environment, and nothing of the caller's.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("LC_ALL", "C.UTF-8"),
    ("TERM", "dumb"),
    ("DEBIAN_FRONTEND", "noninteractive"),
];

/// A command in a root, to be run with [`run`](Self::run) or [`split`](Self::split).
///
/// Its environment holds PATH, HOME, LANG, LC_ALL, TERM and DEBIAN_FRONTEND=noninteractive, and nothing of the caller's;
/// its standard input is empty; its directory is /; it has a process group of its own.
#[must_use = "nothing happens before run() or split()"]
pub struct Command<'r> {
    root: &'r Root,
    words: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    input: Option<Vec<u8>>,
    timeout: Duration,
    tee: Option<Tee>,
}

impl<'r> Command<'r> {
    pub(super) fn new<W: AsRef<OsStr>>(root: &'r Root, words: &[W]) -> Self {
        Self {
            root,
            words: words.iter().map(|word| word.as_ref().to_owned()).collect(),
            environment: Vec::new(),
            input: None,
            timeout: DEFAULT_TIMEOUT,
            tee: None,
        }
    }

    /// Adds one more word.
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Self {
        self.words.push(word.as_ref().to_owned());
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// What it reads from its standard input.
    pub fn stdin_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// How long it may take ([`DEFAULT_TIMEOUT`] if not said); then its process group is killed.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Shows standard output (with [`run`](Self::run): both streams) to somebody while the command runs.
    pub fn tee(mut self, watcher: impl Write + Send + 'static) -> Self {
        self.tee = Some(Box::new(watcher));
        self
    }

    /// Runs it, with what it says on both streams in one, in order.
    pub fn run(self) -> Result<Outcome> {
        let (command, captured) = self.capture(Streams::Joined)?;
        Ok(Outcome { command, code: captured.code.unwrap_or(-1), output: text(&captured.out) })
    }

    /// Runs it, with what it says on its two streams apart.
    pub fn split(self) -> Result<Split> {
        let (command, captured) = self.capture(Streams::Apart)?;
        Ok(Split {
            command,
            code: captured.code.unwrap_or(-1),
            stdout: text(&captured.out),
            stderr: text(&captured.err),
            stdout_bytes: captured.out,
        })
    }

    fn capture(self, streams: Streams) -> Result<(String, Captured)> {
        let shown = shown(&self.words);
        let mut entry = self.root.entry()?.into_iter();
        let mut process = std::process::Command::new(entry.next().unwrap_or_default());
        process.args(entry).args(&self.words);
        process.env_clear().envs(ENVIRONMENT).envs(self.environment).current_dir("/");
        let captured = capture(process, self.input, self.timeout, streams, self.tee)
            .map_err(|source| Error::Host { command: shown.clone(), detail: source.to_string() })?;
        if captured.code.is_none() {
            return Err(Error::TimedOut {
                command: shown,
                after: self.timeout,
                transcript: text(&captured.out) + &text(&captured.err),
            });
        }
        Ok((shown, captured))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The words of a command as one would type them, near enough for a message.
fn shown(words: &[OsString]) -> String {
    let mut line = String::new();
    for word in words {
        let word = word.to_string_lossy();
        if !line.is_empty() {
            line.push(' ');
        }
        if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "'\"\\$&;|<>()`".contains(c)) {
            line.push_str(&format!("'{}'", word.replace('\'', "'\\''")));
        } else {
            line.push_str(&word);
        }
    }
    line
}
