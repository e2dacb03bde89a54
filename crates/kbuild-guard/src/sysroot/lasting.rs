// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether what lies at a path will be there after the next boot, by the file system it is on.

use nix::sys::statfs::{FsType, fstatfs};

use super::{RootPath, Sysroot};

/// What kind of file system a path is on, seen from the root's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// On the root's own, or on any other that could not be asked.
    Disk,
    /// On another disk.
    OtherDisk,
    /// In memory.
    Memory,
    /// On the network.
    Network,
    /// Wherever a program says (FUSE): sshfs as well as ntfs-3g.
    Program,
}

/// Magic numbers of include/uapi/linux/magic.h: tmpfs, ramfs.
const MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// The same: FUSE.
const PROGRAM: [i64; 1] = [0x6573_5546];

/// The same: NFS, SMB, CIFS, SMB2, 9P, Ceph, AFS, Coda.
const NETWORK: [i64; 8] =
    [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997, 0x00c3_6400, 0x5346_414f, 0x7375_7245];

impl Sysroot {
    /// Where `path` is kept. The root's own file system lasts as long as the system does, whatever it is:
    /// a live medium's is in memory.
    pub fn lasting(&self, path: &RootPath) -> Lasting {
        let Ok(handle) = self.open_path(path, true) else { return Lasting::Disk };
        let Ok(top) = self.status(&RootPath::new("/")) else { return Lasting::Disk };
        match nix::sys::stat::fstat(&handle) {
            Ok(stat) if stat.st_dev != top.id.0 => {}
            _ => return Lasting::Disk,
        }
        let Ok(fs) = fstatfs(&handle) else { return Lasting::Disk };
        let is = |magics: &[i64]| magics.iter().any(|magic| fs.filesystem_type() == FsType(*magic));
        match () {
            () if is(&MEMORY) => Lasting::Memory,
            () if is(&NETWORK) => Lasting::Network,
            () if is(&PROGRAM) => Lasting::Program,
            () => Lasting::OtherDisk,
        }
    }
}
