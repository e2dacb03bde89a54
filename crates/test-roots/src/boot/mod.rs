// SPDX-License-Identifier: MIT OR Apache-2.0
//! Systems that really boot: a base's disk under qemu, with one of its kernels, and what is run in there.

mod brought;
mod cpio;
mod disk;
mod emulator;
mod report;
mod tiny;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::bases::Base;
use crate::error::{Error, Result};
use crate::root::Outcome;
use crate::tools;
use emulator::Guest;
use report::Frame;
pub use tiny::{TinyBoot, TinyBooted};

/// A boot to be, of a base that boots ([`Base::debian12_boot`]).
///
/// The processor is emulated, so that it works on every x86-64 machine; it is some ten times slower, and the guest's clock
/// with it. There is no network.
#[derive(Debug, Clone)]
#[must_use = "nothing happens before run()"]
pub struct Boot {
    base: Base,
    release: Option<String>,
    files: Vec<PathBuf>,
    steps: Vec<String>,
}

/// A boot that ran all its steps and was switched off. Who panics with one in hand is shown the end of its console.
#[derive(Debug)]
pub struct Booted {
    /// How each step ended, in order.
    pub steps: Vec<Outcome>,
    /// What kernel and init said.
    pub console: String,
    /// From switching on to the first step.
    pub until_first_step: Duration,
    /// From switching on to switching off.
    pub took: Duration,
}

impl Boot {
    /// Boots the disk of `base`; it is made when it is first asked for, and nothing is ever changed on it.
    pub fn of(base: &Base) -> Self {
        Self { base: base.clone(), release: None, files: Vec::new(), steps: Vec::new() }
    }

    /// Which of its kernels; the newest if not said.
    pub fn kernel(mut self, release: &str) -> Self {
        self.release = Some(release.to_owned());
        self
    }

    /// Brings a file of the host along. It lies in /run/brought under its own name.
    pub fn bring(mut self, host: impl AsRef<Path>) -> Self {
        self.files.push(host.as_ref().to_owned());
        self
    }

    /// A script to run in the guest's `sh` as root, when the system is up and the steps before have ended.
    ///
    /// It finds what a [`Command`](crate::Command) finds in its environment, no terminal, and empty input.
    pub fn step(mut self, script: &str) -> Self {
        self.steps.push(script.to_owned());
        self
    }

    /// Boots, runs the steps, switches off. A guest that does not come so far is an error with the end of what it said.
    pub fn run(self) -> Result<Booted> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        // Before a disk is made for nothing.
        tools::QEMU.find()?;
        let release = self.release.clone().or_else(|| self.base.releases().last().cloned()).unwrap_or_default();
        let kernel = self.in_base(&format!("boot/vmlinuz-{release}"))?;
        let initrd = self.in_base(&format!("boot/initrd.img-{release}"))?;
        let disk = disk::of(&self.base)?;
        let directory = tempfile::Builder::new()
            .prefix("kbuild-guard-boot-")
            .tempdir()
            .map_err(Error::io("create a directory in", &std::env::temp_dir()))?;
        let token = token();
        let brought = brought::pack(directory.path(), &token, &self.steps, &self.files)?;
        let guest = Guest {
            kernel: &kernel,
            initrd: &initrd,
            // panic=-1: a kernel that gives up ends qemu at once, rather than being silent.
            command_line: "root=/dev/vda rw console=ttyS0 panic=-1 mitigations=off systemd.show_status=yes",
            disks: &[&disk, &brought],
        };
        let frame = Frame::new(&token);
        let run = emulator::run(&guest, directory.path(), |report| frame.is_done(report))?;
        let console = String::from_utf8_lossy(&run.console).into_owned();
        let steps = frame.outcomes(&run.report, &self.steps);
        if !run.done || steps.len() != self.steps.len() {
            return Err(Error::Boot {
                release,
                remarks: run.remarks,
                console: end_of(&console, 60),
                report: end_of(&String::from_utf8_lossy(&run.report), 60),
            });
        }
        Ok(Booted { steps, console, until_first_step: run.first_word, took: run.took })
    }

    /// A file of the base, as the host sees it.
    fn in_base(&self, path: &str) -> Result<PathBuf> {
        let missing = || Error::NotBootable { base: self.base.name(), missing: PathBuf::from("/").join(path) };
        self.base.file(path).ok_or_else(missing)
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let console = format!("---- the end of the console:\n{}\n----\n", end_of(&self.console, 60));
            drop(std::io::stderr().write_all(console.as_bytes()));
        }
    }
}

/// Known to nobody who could write it by accident.
fn token() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_nanos(), std::process::id())
}

fn end_of(text: &str, most: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(most)..).unwrap_or_default().join("\n")
}
