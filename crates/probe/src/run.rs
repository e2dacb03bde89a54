// SPDX-License-Identifier: MIT OR Apache-2.0
//! The caller's side: starts the stages, listens, and ends them in time.
//!
//! The end of the first stage's standard input is what ends everything: it comes when we close it at the
//! deadline, and also when we are killed ourselves.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use kbuild_guard::quote::quoted_bytes;

use crate::error::{Doing, Error, Result};
use crate::listener::Listener;
use crate::order::{Built, LARGEST_REPORT, Order, Report};
use crate::stages::{Stage, words};

/// How long the namespaces may take to end, once they have to.
const GRACE: Duration = Duration::from_secs(10);

/// How a build ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With a module.
    Built(Built),
    /// Without one; the line of make's that tells most.
    Failed { says: Option<String> },
    /// By us, at the deadline.
    Late,
    /// By us, after too much output.
    Flooded,
    /// Before it began: the builder cannot read the tree.
    Unreadable,
    /// Before it began, for this reason.
    NotConfined(String),
}

/// What the two streams of the stages bring.
enum News {
    Report(Option<Report>),
    Flood,
    Output(Listener),
}

/// Builds as ordered.
pub(crate) fn run(order: &Order, timeout: Duration) -> Result<Ended> {
    let deadline = Instant::now() + timeout;
    let mut child = Command::new("/proc/self/exe")
        .arg0("kbuild-guard")
        .args(words(Stage::Enter, order)?)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing("start the build")?;
    let hold = child.stdin.take();
    let news = listen(&mut child);
    let mut heard = Heard::default();
    let stopped = heard.until(&news, deadline);
    drop(hold);
    if stopped.is_some() {
        // Process 1 of the namespaces ends now, and the kernel ends all others with it.
        let _ = heard.until(&news, Instant::now() + GRACE);
        let _ = child.kill();
    }
    child.wait().doing("wait for the build")?;
    Ok(match (stopped, heard.report) {
        (Some(ended), _) => ended,
        (None, Some(Report::Ended(Some(built)))) => Ended::Built(built),
        (None, Some(Report::Ended(None))) => Ended::Failed { says: heard.listener.says() },
        (None, Some(Report::Unreadable)) => Ended::Unreadable,
        (None, Some(Report::NotConfined(why))) => Ended::NotConfined(quoted_bytes(why.as_bytes())),
        (None, Some(Report::NotStarted)) => Ended::NotConfined(heard.listener.says().unwrap_or_default()),
        (None, None) => return Err(Error::Silent),
    })
}

/// Reads both streams, each in a thread of its own.
fn listen(child: &mut Child) -> Receiver<News> {
    let (sender, news) = channel();
    if let Some(output) = child.stderr.take() {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut listener = Listener::default();
            if !listener.listen(output) {
                let _ = sender.send(News::Flood);
            }
            let _ = sender.send(News::Output(listener));
        });
    }
    if let Some(report) = child.stdout.take() {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = report.take(LARGEST_REPORT).read_to_end(&mut bytes);
            let report = read.ok().and_then(|_| serde_json::from_slice(&bytes).ok());
            let _ = sender.send(News::Report(report));
        });
    }
    news
}

#[derive(Default)]
struct Heard {
    report: Option<Report>,
    listener: Listener,
}

impl Heard {
    /// Takes news until both streams have ended; or says why the build has to be.
    fn until(&mut self, news: &Receiver<News>, deadline: Instant) -> Option<Ended> {
        loop {
            match news.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(News::Report(report)) => self.report = report,
                Ok(News::Output(listener)) => self.listener = listener,
                Ok(News::Flood) => return Some(Ended::Flooded),
                Err(RecvTimeoutError::Timeout) => return Some(Ended::Late),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}
