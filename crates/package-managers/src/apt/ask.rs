// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking apt's own programs about a root, in the time that is left.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kbuild_guard::sysroot::Sysroot;

/// An answer comes in half a second, since apt may keep no cache. A hook may have less time left.
const PATIENCE: Duration = Duration::from_millis(1200);

/// A thousand packages' policies are 0.5 MB.
const MOST: u64 = 4 << 20;

/// What `program` says on its standard output; `None` if it cannot be asked, takes too long or fails.
pub(super) fn ask(root: &Sysroot, program: &str, words: &[&str]) -> Option<String> {
    let until = Instant::now() + root.time_left().map_or(PATIENCE, |left| left.min(PATIENCE));
    let child = command(root.host_path(), program, words)
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

/// The command line. Whatever its configuration says, apt keeps no cache: as root it would write 70 MB into the system
/// that is asked about, and leave half of it where it is killed.
fn command(root: &Path, program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    if root != Path::new("/") {
        let set = |key: &str, below: &str| {
            let mut option = OsString::from(format!("{key}="));
            option.push(root.join(below));
            option
        };
        command.arg("-o").arg(set("Dir", "")).arg("-o").arg(set("Dir::State::status", "var/lib/dpkg/status"));
    }
    command.args(["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]).args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_keeps_no_cache() {
        for root in ["/", "/alt"] {
            let command = command(Path::new(root), "apt-cache", &["policy"]);
            let words: Vec<_> = command.get_args().collect();
            let set: Vec<_> = words.windows(2).filter(|pair| pair[0] == "-o").map(|pair| pair[1]).collect();
            for cache in ["Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="] {
                assert!(set.contains(&cache.as_ref()), "{words:?}");
            }
            assert_eq!(words.last(), Some(&"policy".as_ref()));
        }
    }
}
