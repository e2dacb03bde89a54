// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this system is: which kernel runs, whether the root is the live system, for which machine its
//! own programs are made, and what ought to be mounted.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::str::FromStr;

use object::Endianness;
use object::elf::FileHeader32;
use object::read::elf::FileHeader;

use crate::release::Release;
use crate::sysroot::{RootPath, Sysroot};

/// Where the class stands in an ELF file (elf(5)).
const EI_CLASS: usize = 4;

/// An ELF machine (`e_machine`) and class (`EI_CLASS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElfMachine {
    /// `e_machine`, for instance 62 for x86-64 (`EM_X86_64`).
    pub machine: u16,
    /// Whether it is a 64-bit object.
    pub is_64: bool,
}

impl ElfMachine {
    /// From a file's first bytes; `None` if they are no ELF header.
    pub fn of(start: &[u8]) -> Option<Self> {
        // e_machine stands at the same place in both classes, and the 32-bit header is the shorter.
        let start = start.get(..size_of::<FileHeader32<Endianness>>())?;
        let is_64 = *start.get(EI_CLASS)? == object::elf::ELFCLASS64;
        let mut as_32 = start.to_vec();
        *as_32.get_mut(EI_CLASS)? = object::elf::ELFCLASS32;
        let header = FileHeader32::<Endianness>::parse(as_32.as_slice()).ok()?;
        Some(ElfMachine { machine: header.e_machine(header.endian().ok()?), is_64 })
    }

    /// What `uname -m` says on such a machine, where the two are one.
    pub fn uname(self) -> Option<&'static str> {
        use object::elf as e;
        Some(match (self.machine, self.is_64) {
            (e::EM_X86_64, true) => "x86_64",
            (e::EM_386, _) => "i686",
            (e::EM_AARCH64, _) => "aarch64",
            (e::EM_RISCV, true) => "riscv64",
            (e::EM_S390, true) => "s390x",
            _ => return None,
        })
    }

    /// The name people know it by.
    pub fn name(self) -> String {
        use object::elf as e;
        let name = match (self.machine, self.is_64) {
            (e::EM_X86_64, true) => "x86-64",
            (e::EM_X86_64, false) => "x32",
            (e::EM_386, _) => "i386",
            (e::EM_AARCH64, _) => "arm64",
            (e::EM_ARM, _) => "arm",
            (e::EM_RISCV, true) => "riscv64",
            (e::EM_PPC64, _) => "ppc64",
            (e::EM_S390, _) => "s390x",
            (e::EM_LOONGARCH, _) => "loongarch",
            (e::EM_MIPS, _) => "mips",
            (other, _) => return format!("ELF machine {other}"),
        };
        name.to_owned()
    }
}

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

/// Mount points that a root's fstab names and that are not mounted now.
///
/// Below one of these "does not exist" only means "not mounted". Asked for only when a path is found
/// missing, since it reads two files.
pub fn unmounted_mount_points(root: &Sysroot) -> Vec<RootPath> {
    let read = |path: &str| root.read(&RootPath::new(path), 1 << 20).unwrap_or_default();
    let mounted = mount_points(&read("/proc/self/mountinfo"), 4);
    mount_points(&read("/etc/fstab"), 1).into_iter().filter(|point| !mounted.contains(point)).collect()
}

/// The absolute paths in one column (fstab(5), proc_pid_mountinfo(5)), with their octal escapes undone.
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
    fn reads_the_machine_of_an_elf_file() {
        let mut arm64 = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
        arm64.resize(64, 0);
        arm64[18] = 183;
        assert_eq!(ElfMachine::of(&arm64).unwrap().name(), "arm64");
        assert_eq!(ElfMachine::of(b"#!/bin/sh\n"), None);
        assert_eq!(ElfMachine::of(&arm64[..20]), None);
        let own = std::fs::read("/proc/self/exe").unwrap();
        assert!(ElfMachine::of(&own).is_some());
    }

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
    }
}
