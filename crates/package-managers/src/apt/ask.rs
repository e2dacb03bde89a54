// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking apt's own programs about a root, in the time that is left.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kbuild_guard::sysroot::Sysroot;

/// An answer comes in 30 ms, in 200 ms where apt may keep no cache. A hook may have less time left.
const PATIENCE: Duration = Duration::from_millis(1200);

/// A thousand packages' policies are 0.5 MB.
const MOST: u64 = 4 << 20;

/// What `program` says on its standard output; `None` if it cannot be asked, takes too long or fails.
pub(super) fn ask(root: &Sysroot, program: &str, words: &[&str]) -> Option<String> {
    let until = Instant::now() + root.time_left().map_or(PATIENCE, |left| left.min(PATIENCE));
    let root = root.host_path();
    let mut command = Command::new(program);
    if root != Path::new("/") {
        let set = |key: &str, below: &str| {
            let mut option = std::ffi::OsString::from(format!("{key}="));
            option.push(root.join(below));
            option
        };
        command.arg("-o").arg(set("Dir", "")).arg("-o").arg(set("Dir::State::status", "var/lib/dpkg/status"));
    }
    let child = command
        .args(words)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.inspect_err(|error| log::debug!("{program}: {error}")).ok()?;
    let mut stdout = child.stdout.take()?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.by_ref().take(MOST).read_to_string(&mut text).map(|_| text)
    });
    while !reader.is_finished() {
        if Instant::now() > until {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let succeeded = child.wait().is_ok_and(|status| status.success());
    let text = reader.join().ok()?.ok()?;
    succeeded.then_some(text)
}
