// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which packages apt's repositories offer, asked without network: `apt-cache madison` reads the index
//! files that the last `apt-get update` left.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kbuild_guard::sysroot::{RootPath, Sysroot};

/// An answer comes in 30 ms, in 200 ms where apt may keep no cache. A hook may have less time left.
const PATIENCE: Duration = Duration::from_millis(1200);

/// Of `names`, those that some repository offers, in the same order; `None` if apt could not be asked.
pub(super) fn offered(root: &Sysroot, names: &[&str]) -> Option<Vec<String>> {
    // Without any index nobody knows what there is.
    let lists = root.list(&RootPath::new("/var/lib/apt/lists"), 4096).unwrap_or_default();
    if !lists.iter().any(|file| file.name.to_string_lossy().contains("_Packages")) {
        return None;
    }
    let until = Instant::now() + root.time_left().map_or(PATIENCE, |left| left.min(PATIENCE));
    let root = root.host_path();
    if names.is_empty() || !names.iter().all(|name| is_name(name)) {
        return None;
    }
    let mut command = Command::new("apt-cache");
    if root != Path::new("/") {
        let set = |key: &str, below: &str| {
            let mut option = std::ffi::OsString::from(format!("{key}="));
            option.push(root.join(below));
            option
        };
        command.arg("-o").arg(set("Dir", "")).arg("-o").arg(set("Dir::State::status", "var/lib/dpkg/status"));
    }
    let child = command
        .args(["-q", "madison", "--"])
        .args(names)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            log::debug!("apt-cache: {error}");
            return None;
        }
    };
    let mut stdout = child.stdout.take()?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.by_ref().take(1 << 20).read_to_string(&mut text).map(|_| text)
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
    succeeded.then(|| {
        let have: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('|')?.0.trim())).collect();
        names.iter().filter(|name| have.contains(name)).map(|name| (*name).to_owned()).collect()
    })
}

/// A package's name, with or without its architecture (Debian Policy 5.6.7).
pub(super) fn is_name(name: &str) -> bool {
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.:".contains(&b))
}
