// SPDX-License-Identifier: MIT OR Apache-2.0
//! Systems of one kernel, one static busybox and some files, that boot in seconds: for what only a kernel can tell.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cpio::Cpio;
use super::emulator::{self, Guest};
use super::{end_of, token};
use crate::bases::Base;
use crate::error::{Error, Result};
use crate::tools;

const INIT: &str = include_str!("tiny-init.sh");

/// A tiny boot to be: a kernel of a base, and an initial ramdisk that is all there is.
#[derive(Debug, Clone)]
#[must_use = "nothing happens before run()"]
pub struct TinyBoot {
    kernel: PathBuf,
    release: String,
    files: Vec<(String, Vec<u8>)>,
    script: String,
}

/// How a tiny boot ended. A kernel that died on the way is no error: that may be what was asked.
#[derive(Debug, Clone)]
pub struct TinyBooted {
    /// Whether the script came to its end.
    pub done: bool,
    /// What the script said, without the carriage returns of a serial line.
    pub report: String,
    /// The end of what the kernel said.
    pub console: String,
    /// From switching on to switching off.
    pub took: Duration,
}

impl TinyBoot {
    /// Boots `/boot/vmlinuz-RELEASE` of `base`, which runs `script` in busybox' sh.
    pub fn of(base: &Base, release: &str, script: &str) -> Result<Self> {
        Self::of_image(base, &format!("boot/vmlinuz-{release}"), release, script)
    }

    /// The same with an image that lies elsewhere in `base`, at this path below its root.
    pub fn of_image(base: &Base, image: &str, release: &str, script: &str) -> Result<Self> {
        let kernel = base
            .file(image)
            .ok_or_else(|| Error::NotBootable { base: base.name(), missing: Path::new("/").join(image) })?;
        // Before anything is built for nothing.
        tools::QEMU.find()?;
        tools::BUSYBOX.find_static()?;
        Ok(Self { kernel, release: release.to_owned(), files: Vec::new(), script: script.to_owned() })
    }

    /// Brings a file, which lies in /files under this name.
    pub fn file(mut self, name: &str, bytes: Vec<u8>) -> Self {
        self.files.push((name.to_owned(), bytes));
        self
    }

    /// Boots; `directory` is for the files of this run, and empty afterwards.
    pub fn run(self, directory: &Path) -> Result<TinyBooted> {
        let token = token();
        let inside = tempfile::Builder::new()
            .prefix("boot-")
            .tempdir_in(directory)
            .map_err(Error::io("create a directory in", directory))?;
        let initrd = inside.path().join("initrd");
        fs::write(&initrd, self.archive(&token)?).map_err(Error::io("write", &initrd))?;
        let guest = Guest {
            kernel: &self.kernel,
            initrd: &initrd,
            // A kernel that gives up ends qemu at once, and one that stumbles gives up.
            command_line: "rdinit=/init console=ttyS0 oops=panic panic=-1 mitigations=off",
            disks: &[],
        };
        let done = format!("\n{token} done\n");
        let run = emulator::run(&guest, inside.path(), |report| text(report).ends_with(&done))?;
        let console = end_of(&text(&run.console), 60);
        let report = text(&run.report);
        if console.is_empty() && report.is_empty() {
            return Err(Error::Boot { release: self.release, remarks: run.remarks, console, report });
        }
        let report = report.strip_suffix(&done).unwrap_or(&report).to_owned();
        Ok(TinyBooted { done: run.done, report, console, took: run.took })
    }

    fn archive(&self, token: &str) -> Result<Vec<u8>> {
        let busybox = tools::BUSYBOX.find_static()?;
        let busybox = fs::read(&busybox).map_err(Error::io("read", &busybox))?;
        let mut cpio = Cpio::default();
        for directory in ["bin", "dev", "files"] {
            cpio.directory(directory);
        }
        cpio.device("dev/console", 5, 1);
        cpio.device("dev/null", 1, 3);
        cpio.device("dev/ttyS1", 4, 65);
        cpio.file("bin/busybox", &busybox);
        cpio.file("init", INIT.as_bytes());
        cpio.file("script", self.script.as_bytes());
        cpio.file("token", token.as_bytes());
        for (name, bytes) in &self.files {
            cpio.file(&format!("files/{name}"), bytes);
        }
        Ok(cpio.finish())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\r', "")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn boot(script: &str) -> TinyBooted {
        let base = Base::debian12_kernels(&mut |_| {}).unwrap();
        let newest = base.releases().last().unwrap().clone();
        let boot = TinyBoot::of(&base, &newest, script).unwrap().file("hello", b"good day\n".to_vec());
        let directory = tempfile::tempdir().unwrap();
        let booted = boot.run(directory.path()).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left");
        booted
    }

    #[test]
    #[ignore = "needs root, qemu and a base"]
    fn a_script_runs_under_a_real_kernel_with_its_files() {
        let booted = boot("cat /files/hello; echo oh >&2; cut -d' ' -f1 /proc/version");
        assert!(booted.done, "{booted:?}");
        assert_eq!(booted.report, "good day\noh\nLinux\n");
    }

    #[test]
    #[ignore = "needs root, qemu and a base"]
    fn a_kernel_that_dies_leaves_what_was_said_before() {
        let booted = boot("echo before; echo c >/proc/sysrq-trigger; echo after");
        assert!(!booted.done, "{booted:?}");
        assert_eq!(booted.report, "before\n");
        assert!(booted.console.contains("Kernel panic"), "{booted:?}");
    }
}
