// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ought to be mounted and is not.

use std::path::{Path, PathBuf};

use crate::sysroot::{RootPath, Sysroot};

/// Mount points that a root's fstab names and that are not mounted now.
///
/// Below one of these "does not exist" only means "not mounted". Asked for only when a path is found
/// missing, since it reads two files.
pub fn unmounted_mount_points(root: &Sysroot) -> Vec<RootPath> {
    let read = |path: &str| root.read(&RootPath::new(path), 1 << 20).unwrap_or_default();
    let mounted = mounted(&read("/proc/self/mountinfo"));
    mount_points(&read("/etc/fstab"), 1).into_iter().filter(|point| !mounted.contains(point)).collect()
}

/// Whether a path is on a mount that the root's fstab names: what is mounted there comes back at boot.
pub fn is_in_fstab(root: &Sysroot, path: &RootPath) -> bool {
    let fstab = root.read(&RootPath::new("/etc/fstab"), 1 << 20).unwrap_or_default();
    mount_points(&fstab, 1).iter().any(|point| point.contains(path))
}

/// Where something is mounted. A directory of the root's file system that is bound onto itself is none of these: the
/// sandboxes that systemd makes for its services are full of them (systemd.exec(5), "SANDBOXING").
fn mounted(mountinfo: &[u8]) -> Vec<RootPath> {
    let text = String::from_utf8_lossy(mountinfo);
    let mounts = || {
        text.lines().filter_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(2);
            let (device, root, point) = (fields.next()?, fields.next()?, fields.next()?);
            Some((device, PathBuf::from(unescape(root)), PathBuf::from(unescape(point))))
        })
    };
    let top = mounts().find(|(_, _, point)| point.as_path() == Path::new("/"));
    let is_itself = |device: &str, root: &Path, point: &Path| {
        let below = point.strip_prefix("/").unwrap_or(point);
        top.as_ref().is_some_and(|(of_top, top_root, _)| *of_top == device && top_root.join(below) == root)
    };
    mounts()
        .filter(|(device, root, point)| point.as_path() != Path::new("/") && !is_itself(device, root, point))
        .map(|(_, _, point)| RootPath::new(point))
        .collect()
}

/// The absolute paths in one column of fstab(5), with their octal escapes undone.
fn mount_points(table: &[u8], column: usize) -> Vec<RootPath> {
    String::from_utf8_lossy(table)
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_ascii_whitespace().nth(column))
        .filter(|field| field.starts_with('/') && *field != "/")
        .map(|field| RootPath::new(PathBuf::from(unescape(field))))
        .collect()
}

fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_fstab_wants_and_nobody_mounted() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc")).unwrap();
        std::fs::create_dir_all(dir.path().join("proc/self")).unwrap();
        std::fs::write(dir.path().join("etc/fstab"), "# x\n/dev/a / ext4\n/dev/b /home ext4\n/dev/c /a\\040b ext4\n")
            .unwrap();
        std::fs::write(dir.path().join("proc/self/mountinfo"), "1 2 0:3 / /home rw - ext4 x x\n").unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        assert_eq!(unmounted_mount_points(&root), [RootPath::new("/a b")]);
        // A sandbox has bound /home onto itself; somebody has mounted another of the file system's directories.
        let top = "1 0 254:0 /@ / rw - btrfs x x\n";
        let sandboxed = format!("{top}2 1 254:0 /@/home /home ro - btrfs x x\n3 1 254:0 /@b /a\\040b rw - btrfs x x\n");
        std::fs::write(dir.path().join("proc/self/mountinfo"), sandboxed).unwrap();
        assert_eq!(unmounted_mount_points(&root), [RootPath::new("/home")]);
    }
}
