// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of a root, read and written from inside: the overlay exists only there, and links lead where they do there.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::{Outcome, Root};
use crate::capture::{Streams, capture};
use crate::error::{Error, Result};
use crate::tools;

impl Root {
    /// Writes a file (mode 0644), with the directories that lead to it.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) -> Result<()> {
        self.write_with_mode(path.as_ref(), bytes.into(), 0o644)
    }

    /// Writes a file that can be executed (mode 0755), with the directories that lead to it.
    pub fn write_executable(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) -> Result<()> {
        self.write_with_mode(path.as_ref(), bytes.into(), 0o755)
    }

    /// The content of a file.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>> {
        let words = [OsStr::new("cat"), OsStr::new("--"), path.as_ref().as_os_str()];
        Ok(self.command(&words).split()?.success()?.stdout_bytes)
    }

    /// The content of a text file; bytes that are no UTF-8 are replaced.
    pub fn read_to_string(&self, path: impl AsRef<Path>) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.read(path)?).into_owned())
    }

    /// Whether there is anything of that name; a dangling link is.
    pub fn exists(&self, path: impl AsRef<Path>) -> Result<bool> {
        let script = r#"[ -e "$1" ] || [ -L "$1" ]"#;
        Ok(self.script(script, &[path.as_ref().as_os_str()]).run()?.code == 0)
    }

    /// Removes a file, a link or a whole directory; that it is not there is no error.
    pub fn remove(&self, path: impl AsRef<Path>) -> Result<()> {
        let words = [OsStr::new("rm"), OsStr::new("-rf"), OsStr::new("--"), path.as_ref().as_os_str()];
        self.command(&words).run()?.success()?;
        Ok(())
    }

    /// Copies a file or a directory of the host to exactly `path`, with its modes; a directory is merged into one that is there.
    pub fn copy_in(&self, host: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<()> {
        let (host, path) = (host.as_ref(), path.as_ref());
        let meta = host.metadata().map_err(Error::io("read", host))?;
        if !meta.is_dir() {
            let bytes = std::fs::read(host).map_err(Error::io("read", host))?;
            return self.write_with_mode(path, bytes, meta.permissions().mode() & 0o7777);
        }
        let script = r#"mkdir -p -- "$1" && tar -x -p -C "$1" -f -"#;
        self.script(script, &[path.as_os_str()]).stdin_bytes(packed(host)?).run()?.success()?;
        Ok(())
    }

    /// Copies a .deb of the host in and lets apt install it, with what it depends on.
    ///
    /// The outcome is apt's own: a test may want it to fail.
    pub fn install_deb(&self, host: impl AsRef<Path>) -> Result<Outcome> {
        let host = host.as_ref();
        let name = host.file_name().unwrap_or(OsStr::new("package.deb"));
        let inside = Path::new("/tmp").join(name);
        self.copy_in(host, &inside)?;
        let words = [OsStr::new("apt-get"), OsStr::new("install"), OsStr::new("--yes"), inside.as_os_str()];
        let outcome = self.command(&words).run()?;
        self.remove(&inside)?;
        Ok(outcome)
    }

    fn write_with_mode(&self, path: &Path, bytes: Vec<u8>, mode: u32) -> Result<()> {
        let script = r#"mkdir -p -- "$(dirname -- "$1")" && cat >"$1" && chmod -- "$2" "$1""#;
        self.script(script, &[path.as_os_str(), OsStr::new(&format!("{mode:o}"))])
            .stdin_bytes(bytes)
            .run()?
            .success()?;
        Ok(())
    }

    fn script(&self, script: &str, words: &[&OsStr]) -> super::Command<'_> {
        let mut all: Vec<OsString> = vec!["sh".into(), "-c".into(), script.into(), "sh".into()];
        all.extend(words.iter().map(OsString::from));
        self.command(&all)
    }
}

/// A directory of the host as a tar stream, owned by root.
fn packed(directory: &Path) -> Result<Vec<u8>> {
    let mut command = std::process::Command::new(tools::TAR.find()?);
    command.args(["-c", "--owner=0", "--group=0", "-C"]).arg(directory).args(["-f", "-", "."]);
    let failed = |detail: String| Error::Host { command: format!("tar -c -C {}", directory.display()), detail };
    let captured = capture(command, None, Duration::from_secs(600), Streams::Apart, None)
        .map_err(|error| failed(error.to_string()))?;
    if captured.code != Some(0) {
        return Err(failed(String::from_utf8_lossy(&captured.err).into_owned()));
    }
    Ok(captured.out)
}
