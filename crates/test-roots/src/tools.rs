// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs of this machine that are used, each with the command that brings it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A program of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    name: &'static str,
    purpose: &'static str,
    install: &'static str,
}

const UTIL_LINUX: &str = "apt-get install util-linux mount (or your distribution's util-linux)";
const COREUTILS: &str = "apt-get install coreutils (or your distribution's coreutils)";

pub(crate) const UNSHARE: Tool =
    Tool { name: "unshare", purpose: "to give a throw-away system its own mounts and processes", install: UTIL_LINUX };
pub(crate) const NSENTER: Tool =
    Tool { name: "nsenter", purpose: "to run commands in a throw-away system", install: UTIL_LINUX };
pub(crate) const MOUNT: Tool =
    Tool { name: "mount", purpose: "to put a throw-away system together", install: UTIL_LINUX };
pub(crate) const PIVOT_ROOT: Tool =
    Tool { name: "pivot_root", purpose: "to make a throw-away system look live", install: UTIL_LINUX };
pub(crate) const CHROOT: Tool =
    Tool { name: "chroot", purpose: "to run commands in a throw-away system", install: COREUTILS };
pub(crate) const CP: Tool = Tool { name: "cp", purpose: "to copy a base", install: COREUTILS };
pub(crate) const SH: Tool =
    Tool { name: "sh", purpose: "to set up a throw-away system", install: "apt-get install dash (or any POSIX shell)" };
pub(crate) const TAR: Tool =
    Tool { name: "tar", purpose: "to bring a directory into a throw-away system", install: "apt-get install tar" };
pub(crate) const MMDEBSTRAP: Tool = Tool {
    name: "mmdebstrap",
    purpose: "to build a Debian base",
    install: "apt-get install mmdebstrap debian-archive-keyring",
};
pub(crate) const SETPRIV: Tool =
    Tool { name: "setpriv", purpose: "to end an emulator with whoever started it", install: UTIL_LINUX };
pub(crate) const MKFS_EXT4: Tool = Tool {
    name: "mkfs.ext4",
    purpose: "to make the disk of a system that boots",
    install: "apt-get install e2fsprogs",
};
pub(crate) const QEMU: Tool = Tool {
    name: "qemu-system-x86_64",
    purpose: "to boot a throw-away system",
    install: "apt-get install --no-install-recommends qemu-system-x86",
};

pub(crate) const BUSYBOX: Tool = Tool {
    name: "busybox",
    purpose: "linked statically, to boot a kernel with nothing else",
    install: "apt-get install busybox-static",
};

/// Where a program lives even if PATH, as for a plain user, does not name it.
const SYSTEM_PLACES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

impl Tool {
    /// The absolute path of the program, or which command brings it.
    pub(crate) fn find(self) -> Result<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(SYSTEM_PLACES.iter().map(PathBuf::from))
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(self.name))
            .find(|candidate| is_program(candidate))
            .ok_or(Error::MissingTool { tool: self.name, purpose: self.purpose, install: self.install })
    }
}

impl Tool {
    /// [`find`](Self::find), for a program that has to run where there are no libraries.
    pub(crate) fn find_static(self) -> Result<PathBuf> {
        let program = self.find()?;
        let bytes = std::fs::read(&program).map_err(Error::io("read", &program))?;
        // What is linked against libraries names its loader in a segment of its own.
        let names_loader = bytes.windows(LOADER.len()).take(4096).any(|window| window == LOADER);
        if names_loader {
            return Err(Error::MissingTool { tool: self.name, purpose: self.purpose, install: self.install });
        }
        Ok(program)
    }
}

const LOADER: &[u8] = b"/ld-linux";

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
