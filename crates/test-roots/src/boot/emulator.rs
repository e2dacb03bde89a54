// SPDX-License-Identifier: MIT OR Apache-2.0
//! One run of qemu, in software: started, watched for silence, and ended with whoever waits for it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::tools;

/// What is booted. Kernel and initial ramdisk are handed over without a boot loader.
#[derive(Debug)]
pub(super) struct Guest<'g> {
    pub(super) kernel: &'g Path,
    pub(super) initrd: &'g Path,
    pub(super) command_line: &'g str,
    /// As /dev/vda, /dev/vdb and so on. What the guest writes to them is thrown away.
    pub(super) disks: &'g [&'g Path],
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Run {
    /// Whether the guest had said what was waited for.
    pub(super) done: bool,
    /// What qemu itself said, and why it was ended if it was.
    pub(super) remarks: String,
    /// What the kernel and systemd said on the first serial line.
    pub(super) console: Vec<u8>,
    /// What came on the second.
    pub(super) report: Vec<u8>,
    /// When the first of that came.
    pub(super) first_word: Duration,
    /// All in all.
    pub(super) took: Duration,
}

/// A guest that says nothing on either line for so long is stuck. A compiler in the emulator, on a machine that others
/// use too, is silent for half a minute.
const SILENCE: Duration = Duration::from_secs(300);

/// How long switching off may take when all is said.
const PATIENCE: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(100);

/// Runs `guest` until `is_done` is true of its report and it has switched itself off, until it ends otherwise, or until it is
/// silent for too long. `directory` is for the files of this run.
pub(super) fn run(guest: &Guest<'_>, directory: &Path, is_done: impl Fn(&[u8]) -> bool) -> Result<Run> {
    let lines = ["console", "report"].map(|name| directory.join(name));
    for line in &lines {
        File::create(line).map_err(Error::io("create", line))?;
    }
    let [console, report] = &lines;
    let remarks = directory.join("remarks");
    let mut qemu = start(guest, &lines, &remarks)?;
    let started = Instant::now();
    let mut last_word = started;
    let mut first_word = None;
    let mut said = (0, 0);
    let mut why = String::new();
    let ended = loop {
        let status = qemu.0.try_wait().map_err(|error| failed(error.to_string()))?;
        let now = (length(console), length(report));
        if now != said {
            said = now;
            last_word = Instant::now();
            if now.1 > 0 {
                first_word.get_or_insert_with(|| started.elapsed());
            }
        }
        if status.is_some() {
            break status;
        }
        let patience = if is_done(&read(report)?) { PATIENCE } else { SILENCE };
        if last_word.elapsed() > patience {
            if patience == SILENCE {
                why = format!("ended, for the guest was silent for {patience:?}\n");
            }
            break None;
        }
        thread::sleep(PAUSE);
    };
    drop(qemu);
    if let Some(status) = ended.filter(|status| !status.success()) {
        why = format!("qemu: {status}\n");
    }
    let report = read(report)?;
    Ok(Run {
        done: is_done(&report),
        remarks: why + &String::from_utf8_lossy(&read(&remarks)?),
        console: read(console)?,
        report,
        first_word: first_word.unwrap_or_default(),
        took: started.elapsed(),
    })
}

/// A qemu that is ended with this value.
struct Qemu(Child);

impl Drop for Qemu {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(guest: &Guest<'_>, lines: &[PathBuf; 2], remarks: &Path) -> Result<Qemu> {
    let said = File::create(remarks).map_err(Error::io("create", remarks))?;
    let also_said = said.try_clone().map_err(Error::io("open", remarks))?;
    // The kernel ends qemu with us, in whatever way we end (prctl(2), PR_SET_PDEATHSIG).
    let mut command = Command::new(tools::SETPRIV.find()?);
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(tools::QEMU.find()?)
        // Emulated also where /dev/kvm is there: the same everywhere. The guest's clock counts its instructions, two
        // nanoseconds each, and so do all deadlines in there: a busy host is nothing that a guest can see. That
        // needs a single processor, and costs a seventh of the speed.
        .args(["-accel", "tcg,thread=single", "-icount", "shift=1", "-smp", "1", "-m", "1024"])
        .args(["-no-user-config", "-nodefaults", "-display", "none", "-no-reboot"])
        .arg("-kernel")
        .arg(guest.kernel)
        .arg("-initrd")
        .arg(guest.initrd)
        .args(["-append", guest.command_line]);
    for line in lines {
        command.arg("-serial").arg(joined("file:", line, ""));
    }
    for disk in guest.disks {
        // Every write goes to a temporary file that has no name, and nobody waits for it.
        command.arg("-drive").arg(joined("if=virtio,format=raw,snapshot=on,cache=unsafe,file=", disk, ""));
    }
    command.stdin(Stdio::null()).stdout(said).stderr(also_said);
    command.spawn().map(Qemu).map_err(|error| failed(error.to_string()))
}

/// An option of qemu's with a path in it, where a comma is written twice.
fn joined(before: &str, path: &Path, after: &str) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut bytes = before.as_bytes().to_vec();
    for byte in path.as_os_str().as_bytes() {
        bytes.push(*byte);
        if *byte == b',' {
            bytes.push(b',');
        }
    }
    bytes.extend(after.as_bytes());
    OsString::from_vec(bytes)
}

fn failed(detail: String) -> Error {
    Error::Host { command: "qemu-system-x86_64".to_owned(), detail }
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |meta| meta.len())
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).map_err(Error::io("read", file))
}
