// SPDX-License-Identifier: MIT OR Apache-2.0
//! The namespaces of a root: started, entered, and gone with the value that holds them.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use crate::error::{Error, Result};
use crate::tools;

const SETUP: &str = include_str!("setup.sh");
const PROBE: &str = include_str!("probe.sh");

/// What the root's / is made of.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    /// The layers (topmost first), and a tmpfs that takes what is written.
    Throwaway {
        /// The directories, topmost first.
        layers: Vec<PathBuf>,
    },
    /// The layers (topmost first), and `stage/root` that takes what is written and keeps it.
    Layer {
        /// The directories, topmost first.
        layers: Vec<PathBuf>,
        /// Directory with `root` and `work`.
        stage: PathBuf,
    },
    /// A directory as it is.
    InPlace(PathBuf),
}

/// What a root is to look like.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) live: bool,
    pub(crate) release: Option<String>,
    pub(crate) offline: bool,
}

/// Namespaces with a first process that ends when this value does, or the process that holds it, in whatever way.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// unshare, the parent of the first process.
    unshare: Mutex<Child>,
    /// The first process reads this until its end.
    hold: Option<ChildStdin>,
    /// The words that lead in.
    entry: Vec<OsString>,
}

/// How long the setup may take. It takes milliseconds; a hanging network file system below would hold it.
const SETUP_LIMIT: Duration = Duration::from_secs(60);

impl Namespace {
    /// Puts the tree together in new namespaces. `place` is an empty directory to mount on; nothing is seen of it outside.
    pub(crate) fn start(tree: &Tree, place: &Path, look: &Look) -> Result<Self> {
        for tool in [tools::MOUNT, tools::PIVOT_ROOT] {
            tool.find()?;
        }
        let nsenter = tools::NSENTER.find()?;
        let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|error| setup_error(error.to_string()))?;
        let also_write = write.try_clone().map_err(|error| setup_error(error.to_string()))?;
        let mut command = new_namespaces(look.offline)?;
        command
            .args(["-c", SETUP, "test-root-setup"])
            .args(setup_words(tree, place, look))
            .stdin(Stdio::piped())
            .stdout(write)
            .stderr(also_write)
            .process_group(0);
        let mut child = command.spawn().map_err(|error| setup_error(error.to_string()))?;
        drop(command);
        let hold = child.stdin.take();
        let mut namespace = Self { unshare: Mutex::new(child), hold, entry: Vec::new() };
        let number = namespace.first_process(read.into())?;
        namespace.entry = entry_words(nsenter, &number, place, look)?;
        Ok(namespace)
    }

    /// The words to put before a command so that it runs inside.
    pub(crate) fn entry(&self) -> Result<Vec<OsString>> {
        let ended = self.unshare.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
        // The number of a process that is gone may be another's by now.
        if ended.is_ok_and(|status| status.is_none()) { Ok(self.entry.clone()) } else { Err(Error::Gone) }
    }

    /// Waits until the setup says that it is done, and under which number its process is known outside.
    fn first_process(&self, from: std::fs::File) -> Result<String> {
        let (sender, receiver) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(from);
            let mut said = String::new();
            loop {
                let mut line = String::new();
                match lines.by_ref().take(4096).read_line(&mut line) {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
                if let Some(number) = line.strip_prefix("ready ") {
                    drop(sender.send(Ok(number.trim().to_owned())));
                    return;
                }
                said.push_str(&line);
            }
            drop(sender.send(Err(said)));
        });
        match receiver.recv_timeout(SETUP_LIMIT) {
            Ok(Ok(number)) => Ok(number),
            Ok(Err(said)) => Err(setup_error(said.trim().to_owned())),
            Err(_) => Err(setup_error(format!("no answer within {SETUP_LIMIT:?}"))),
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The first process sees the end of its input and exits; the kernel kills all others and takes the mounts down.
        drop(self.hold.take());
        let child = self.unshare.get_mut().unwrap_or_else(PoisonError::into_inner);
        let patience = Instant::now() + Duration::from_secs(5);
        let mut pause = Duration::from_micros(500);
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() > patience {
                // --kill-child: the first process goes with unshare.
                drop(child.kill());
                drop(child.wait());
                return;
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

/// Whether this process may put a root together, rather than copy one.
pub(crate) fn can_mount() -> bool {
    let probe = || -> Result<bool> {
        for tool in [tools::MOUNT, tools::NSENTER, tools::PIVOT_ROOT] {
            tool.find()?;
        }
        let mut command = new_namespaces(false)?;
        command
            .args(["-c", PROBE, "test-root-probe"])
            .arg(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Ok(command.status().is_ok_and(|status| status.success()))
    };
    probe().unwrap_or(false)
}

/// A shell as first process of new namespaces.
fn new_namespaces(offline: bool) -> Result<Command> {
    let mut command = Command::new(tools::UNSHARE.find()?);
    command.args(["--mount", "--pid", "--fork", "--kill-child"]);
    if offline {
        command.arg("--net");
    }
    command.arg("--").arg(tools::SH.find()?);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
    Ok(command)
}

fn setup_words(tree: &Tree, place: &Path, look: &Look) -> Vec<OsString> {
    let nothing = PathBuf::new();
    let (kind, stage, layers) = match tree {
        Tree::Throwaway { layers } => ("throwaway", &nothing, layers.as_slice()),
        Tree::Layer { layers, stage } => ("layer", stage, layers.as_slice()),
        Tree::InPlace(directory) => ("inplace", &nothing, std::slice::from_ref(directory)),
    };
    let mut words: Vec<OsString> = vec![
        kind.into(),
        place.into(),
        if look.live { "live" } else { "chroot" }.into(),
        look.release.clone().unwrap_or_default().into(),
        stage.into(),
    ];
    words.extend(layers.iter().map(OsString::from));
    words
}

fn entry_words(nsenter: PathBuf, number: &str, place: &Path, look: &Look) -> Result<Vec<OsString>> {
    let mut words: Vec<OsString> =
        vec![nsenter.into(), "--target".into(), number.into(), "--mount".into(), "--pid".into()];
    if look.offline {
        words.push("--net".into());
    }
    words.push("--".into());
    if !look.live {
        words.push(tools::CHROOT.find()?.into());
        words.push(place.join("root").into());
    }
    Ok(words)
}

fn setup_error(detail: String) -> Error {
    Error::Setup { detail }
}
