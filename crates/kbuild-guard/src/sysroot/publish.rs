// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files for others to read, below a directory held open: a reader sees the old one or the new, whatever the umask is.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::fd::AsFd;

use nix::fcntl::renameat;
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::geteuid;

use super::Held;
use crate::error::{Error, Result};

/// Read by all, written by its owner.
const FOR_ALL: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR).union(Mode::S_IRGRP).union(Mode::S_IROTH);

/// What lets others than its owner put things into a directory: for its group, for all.
const WRITABLE_BY_OTHERS: u32 = 0o022;

impl Held {
    /// Puts `bytes`, mode 0644, in the place of whatever has this name, a directory excepted.
    pub fn publish(&self, name: &OsStr, bytes: &[u8]) -> Result<()> {
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(".kbuild-guard");
        // Left by one that was killed.
        self.remove_file(&temporary)?;
        let path = self.at(name);
        let mut file = self.make_file(&temporary)?;
        let written = file
            .write_all(bytes)
            .map_err(|source| Error::Io { operation: "write", path: path.clone(), source })
            .and_then(|()| fchmod(file.as_fd(), FOR_ALL).map_err(|errno| Error::io("set the mode of", &path, errno)))
            .and_then(|()| {
                renameat(self, temporary.as_os_str(), self, name).map_err(|errno| Error::io("replace", &path, errno))
            });
        if written.is_err() {
            let _ = self.remove_file(&temporary);
        }
        written
    }

    /// Whether nobody but root, or whoever runs this, can put anything into it or take anything away.
    pub fn is_ours_alone(&self) -> Result<bool> {
        let status = self.own_status()?;
        Ok((status.uid == 0 || status.uid == geteuid().as_raw()) && status.mode & WRITABLE_BY_OTHERS == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysroot::{RootPath, Sysroot};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn replaces_links_and_what_was_left_and_is_for_all() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::write(at("other"), "x").unwrap();
        symlink("other", at("name")).unwrap();
        symlink("other", at(".name.kbuild-guard")).unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let held = root.hold(&RootPath::new("/")).unwrap();
        held.publish(OsStr::new("name"), b"new").unwrap();
        assert_eq!(fs::read_to_string(at("name")).unwrap(), "new");
        assert_eq!(fs::symlink_metadata(at("name")).unwrap().permissions().mode() & 0o7777, 0o644);
        assert_eq!(fs::read_to_string(at("other")).unwrap(), "x");
        fs::create_dir(at("directory")).unwrap();
        assert!(held.publish(OsStr::new("directory"), b"new").is_err());
        assert_eq!(held.list(9).unwrap().len(), 3, "nothing else is left");
    }

    #[test]
    fn a_directory_of_others_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        for (mode, ours) in [(0o755, true), (0o700, true), (0o775, false), (0o1777, false)] {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
            let held = root.hold(&RootPath::new("/")).unwrap();
            assert_eq!(held.is_ours_alone().unwrap(), ours, "{mode:o}");
        }
    }
}
