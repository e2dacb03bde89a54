// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last stage: gives up what it does not need, root first of all, and becomes make.

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_no_new_privs;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::unistd::{AccessFlags, Gid, Uid, access, getegid, geteuid, getuid, setgroups, setresgid, setresuid, setsid};

use super::{NOT_CONFINED, UNREADABLE, user_namespace};
use crate::error::{Doing, Error, Result};
use crate::order::Order;

/// Where programs are looked for; what module builders use as root.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The largest file, and the most memory of a process. gcc takes 100 MB for a module.
const LARGEST_FILE: rlim_t = 32 << 20;
const MOST_MEMORY: rlim_t = 2 << 30;
const MOST_FILES: rlim_t = 1024;

/// Ends in make; else with a status and the reason.
pub(super) fn run(order: &Order) -> (u8, String) {
    if let Err(error) = confine(order) {
        return (NOT_CONFINED, error.to_string());
    }
    let makefile = order.tree.join("Makefile");
    if access(&makefile, AccessFlags::R_OK) == Err(Errno::EACCES) {
        return (UNREADABLE, String::new());
    }
    let Ok(work) = std::env::current_dir() else {
        return (NOT_CONFINED, "the module has no directory".to_owned());
    };
    let mut module = std::ffi::OsString::from("M=");
    module.push(&work);
    let error = Command::new("make")
        .arg("-C")
        .arg(&order.tree)
        .arg(module)
        .args(&order.variables)
        .arg("modules")
        .env_clear()
        .envs([("PATH", PATH), ("LC_ALL", "C")])
        .env("HOME", &work)
        .env("TMPDIR", &work)
        .exec();
    // As a shell would say it: the build failed for want of a program.
    (127, format!("make: cannot run: {}", error.raw_os_error().map_or("it cannot be", |it| Errno::from_raw(it).desc())))
}

fn confine(order: &Order) -> Result<()> {
    setsid().doing("begin a session")?;
    for (resource, most) in [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_CPU, rlim_t::from(order.seconds)),
        (Resource::RLIMIT_FSIZE, LARGEST_FILE),
        (Resource::RLIMIT_AS, MOST_MEMORY),
        (Resource::RLIMIT_NOFILE, MOST_FILES),
        (Resource::RLIMIT_NPROC, rlim_t::from(order.processes)),
    ] {
        let (_, hard) = getrlimit(resource).doing("read a limit")?;
        let most = most.min(hard);
        setrlimit(resource, most, most).doing("set a limit")?;
    }
    let (uid, gid) = (Uid::from_raw(order.uid), Gid::from_raw(order.gid));
    if order.by_root {
        setgroups(&[]).doing("leave all groups")?;
        setresgid(gid, gid, gid).doing("change the group")?;
        setresuid(uid, uid, uid).doing("give up root")?;
    } else {
        // Root of the namespace so far, without any power outside; in a further one, oneself.
        unshare(CloneFlags::CLONE_NEWUSER).map_err(Error::NoNamespaces)?;
        user_namespace::map((order.uid, order.gid), (0, 0))?;
    }
    set_no_new_privs().doing("promise to gain nothing")?;
    let is_other = |is: Uid| is.is_root() || is != uid;
    if is_other(getuid()) || is_other(geteuid()) || getegid() != gid {
        return Err(Error::StillRoot);
    }
    Ok(())
}
