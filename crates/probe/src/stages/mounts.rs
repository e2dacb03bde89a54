// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file systems as a build sees them: all read-only, the common places to write in are empty, in memory
//! and gone with it, and of the processes only its own are seen.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use crate::error::{Doing, Error, Result};
use crate::order::Order;

/// Covered by empty file systems, where the trees are not in there: people's temporary files, and sockets
/// of services that do what they are asked. The work is in the first that is free.
const COVERED: [&str; 4] = ["/tmp", "/var/tmp", "/run", "/dev/shm"];

/// What may be written in each of them.
const SIZE: &str = "size=64m,nr_inodes=8192,mode=1777";

const NOTHING: Option<&str> = None;

/// Prepares this mount namespace; returns where the work is to be.
pub(super) fn prepare(order: &Order) -> Result<PathBuf> {
    // What is mounted from here on stays here.
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING).map_err(|errno| match errno {
        Errno::EINVAL => Error::RootNotMounted,
        errno => Error::Step { doing: "keep mounts to ourselves", source: errno.into() },
    })?;
    let table = fs::read("/proc/self/mountinfo").doing("read the list of mounts")?;
    for Mounted { path, flags } in table.split(|byte| *byte == b'\n').filter_map(Mounted::of) {
        make_read_only(&path, flags)?;
    }
    let mut work = None;
    for place in COVERED {
        // It may be a link, to another of them for one.
        let Ok(place) = fs::canonicalize(place) else { continue };
        if !place.is_dir() || place == Path::new("/") || order.hops.iter().any(|hop| hop.starts_with(&place)) {
            continue;
        }
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("kbuild-guard"), &place, Some("tmpfs"), flags, Some(SIZE)).doing("mount a file system in memory")?;
        work.get_or_insert(place);
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match mount(Some("proc"), "/proc", Some("proc"), flags, NOTHING) {
        // In a container's user namespace, for one. The files of other processes are closed to ours all the same,
        // which is in a user namespace of its own (ptrace(2), "Ptrace access mode checking").
        Err(Errno::EPERM) if !order.by_root => {}
        answer => answer.doing("mount /proc")?,
    }
    work.ok_or(Error::NoPlace)
}

/// A mount, as /proc/self/mountinfo has it (proc(5)).
#[derive(Debug, PartialEq, Eq)]
struct Mounted {
    path: PathBuf,
    /// Flags that an ordinary user's namespace must not take away (mount_namespaces(7)).
    flags: MsFlags,
}

impl Mounted {
    /// From a line; `None` if there is nothing to do: our own /proc is covered, or has to be written to.
    fn of(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ');
        let path = PathBuf::from(OsString::from_vec(unescaped(fields.nth(4)?)));
        let options = String::from_utf8_lossy(fields.next()?).into_owned();
        let mut flags = MsFlags::empty();
        for option in options.split(',') {
            flags |= match option {
                "nosuid" => MsFlags::MS_NOSUID,
                "nodev" => MsFlags::MS_NODEV,
                "noexec" => MsFlags::MS_NOEXEC,
                "noatime" => MsFlags::MS_NOATIME,
                "nodiratime" => MsFlags::MS_NODIRATIME,
                "relatime" => MsFlags::MS_RELATIME,
                _ => MsFlags::empty(),
            };
        }
        (path != Path::new("/proc")).then_some(Mounted { path, flags })
    }
}

/// Spaces, tabs, line ends and backslashes are `\040` and the like.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| *byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) => {
                out.push(escaped);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}

fn make_read_only(path: &Path, flags: MsFlags) -> Result<()> {
    let all = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | flags;
    match mount(NOTHING, path, NOTHING, all, NOTHING) {
        // Not to be reached by this path, for us or for a build: covered by another mount, or deleted.
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT | Errno::ENOTDIR) => Ok(()),
        Err(source) => Err(Error::Mount { path: path.display().to_string(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_from_their_table() {
        let line = br"36 35 98:0 /mnt1 /mnt\040a\134b rw,nosuid,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOATIME;
        assert_eq!(Mounted::of(line), Some(Mounted { path: PathBuf::from("/mnt a\\b"), flags }));
        assert_eq!(Mounted::of(b"24 1 0:22 / /proc rw,relatime - proc proc rw"), None);
        assert_eq!(Mounted::of(b""), None);
        assert_eq!(unescaped(b"\\04"), b"\\04");
    }
}
