// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this system is: which kernel runs, whether the root is the live system, for which machine its
//! own programs are made, what its loader can load, who its users are, what ought to be mounted.

mod elf;
mod loader;
mod mounts;
mod programs;
mod signatures;
mod users;

use std::os::unix::fs::MetadataExt;
use std::str::FromStr;

pub use elf::ElfMachine;
pub use loader::{Asks, Loader, Unmet};
pub use mounts::{is_in_fstab, unmounted_mount_points};
pub use programs::find_program;
pub use signatures::enforces_signatures;
pub use users::Users;

use crate::release::Release;
use crate::sysroot::{RootPath, Sysroot};

/// What we know of the system a root is.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// The release in `/proc/sys/kernel/osrelease`, whether it is installed in this root or not.
    pub osrelease: Option<Release>,
    /// Whether `/proc/1/root` is this root: not a chroot, a container's build or an image.
    pub is_init_root: bool,
    /// What the root's own `/bin/sh` is made for; `None` where there is none to look at.
    pub own: Option<ElfMachine>,
}

impl Machine {
    /// Looks at the root.
    pub fn look(root: &Sysroot) -> Self {
        let osrelease = root
            .read_start(&RootPath::new("/proc/sys/kernel/osrelease"), 128)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| Release::from_str(text.trim_end()).ok());
        let own = root.read_start(&RootPath::new("/bin/sh"), 64).ok().and_then(|start| ElfMachine::of(&start));
        Machine { osrelease, is_init_root: is_init_root(root), own }
    }
}

/// What Docker, Podman and systemd's container interface put into a container. Pid 1 lives in a
/// container's root too, and an image is built in one: that is no live system.
const CONTAINER_MARKS: [&str; 3] = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"];

/// Whether pid 1 lives in this root. Only root may ask; others, standing in their own `/` with a
/// running init around them, are told what root would most likely be told.
fn is_init_root(root: &Sysroot) -> bool {
    if !root.is_own_root() || CONTAINER_MARKS.iter().any(|mark| root.exists(&RootPath::new(mark))) {
        return false;
    }
    let own = std::fs::metadata("/");
    match (std::fs::metadata("/proc/1/root/."), own) {
        (Ok(init), Ok(own)) => (init.dev(), init.ino()) == (own.dev(), own.ino()),
        (Err(error), Ok(_)) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            std::path::Path::new("/run/systemd/system").exists()
        }
        _ => false,
    }
}
