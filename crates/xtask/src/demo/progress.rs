// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line that shows what is being waited for, and for how long.

use std::io::{IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A line that ticks until it is dropped.
pub(super) struct Progress {
    words: Sender<String>,
    ticker: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to tick. Where stderr is no terminal, each step is one line.
    pub(super) fn start(what: &str) -> Self {
        let (words, steps) = channel::<String>();
        let mut what = what.to_owned();
        let ticker = std::thread::spawn(move || {
            let started = Instant::now();
            let is_terminal = std::io::stderr().is_terminal();
            let show = |what: &str, end: &str| {
                let seconds = started.elapsed().as_secs();
                let line = format!("[{seconds:>3} s] {what}");
                let _ = match is_terminal {
                    true => write!(std::io::stderr(), "\r\x1b[K{line}{end}"),
                    false => writeln!(std::io::stderr(), "{line}"),
                };
                let _ = std::io::stderr().flush();
            };
            show(&what, "");
            loop {
                match steps.recv_timeout(Duration::from_millis(500)) {
                    Ok(step) => {
                        what = step;
                        show(&what, "");
                    }
                    Err(RecvTimeoutError::Timeout) if is_terminal => show(&what, ""),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            if is_terminal {
                let _ = write!(std::io::stderr(), "\r\x1b[K");
            }
        });
        Progress { words, ticker: Some(ticker) }
    }

    /// What is being waited for now.
    pub(super) fn say(&self, step: &str) {
        let _ = self.words.send(step.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // Closing the channel ends the thread.
        self.words = channel().0;
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
        }
    }
}
