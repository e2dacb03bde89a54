// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first stage: leaves the terminal, makes the namespaces, and waits for process 1 of them.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{getegid, geteuid, setsid};

use super::{Stage, user_namespace, words};
use crate::error::{Doing, Error, Result};
use crate::order::Order;

/// Runs it; the report is the next stage's.
pub(super) fn run(order: &Order) -> Result<ExitCode> {
    setsid().doing("leave the terminal")?;
    umask(Mode::from_bits_truncate(0o022));
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() != order.by_root {
        return Err(Error::StillRoot);
    }
    let all = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if uid.is_root() {
        // Root that is refused this is a container's: there nobody else to become could be mapped either.
        unshare(all).map_err(Error::NoNamespaces)?;
    } else {
        unshare(all | CloneFlags::CLONE_NEWUSER).map_err(Error::NoNamespaces)?;
        // Root in there, for the mounts of the next stage; the last one is oneself again.
        user_namespace::map((0, 0), (uid.as_raw(), gid.as_raw()))?;
    }
    let mut init = Command::new("/proc/self/exe")
        .arg0("kbuild-guard")
        .args(words(Stage::Init, order)?)
        .env_clear()
        .stdin(Stdio::inherit())
        .spawn()
        .doing("start process 1 of the namespaces")?;
    init.wait().doing("wait for the namespaces")?;
    Ok(ExitCode::SUCCESS)
}
