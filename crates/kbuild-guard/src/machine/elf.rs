// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which machine an ELF file is made for.

use object::Endianness;
use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::FileHeader;

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

    /// Whether a file that begins as ELF files do ends within its first header.
    pub fn is_cut(start: &[u8]) -> bool {
        let header = match start.get(EI_CLASS) {
            Some(&object::elf::ELFCLASS32) => size_of::<FileHeader32<Endianness>>(),
            _ => size_of::<FileHeader64<Endianness>>(),
        };
        start.starts_with(&object::elf::ELFMAG) && start.len() < header
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
        assert!(ElfMachine::is_cut(&arm64[..4]) && ElfMachine::is_cut(&arm64[..60]) && !ElfMachine::is_cut(&arm64));
        assert!(!ElfMachine::is_cut(b"#!/bin/sh\n") && !ElfMachine::is_cut(b"\x7fEL"));
        arm64[EI_CLASS] = object::elf::ELFCLASS32;
        assert!(ElfMachine::is_cut(&arm64[..51]) && !ElfMachine::is_cut(&arm64[..52]));
        let own = std::fs::read("/proc/self/exe").unwrap();
        assert!(ElfMachine::of(&own).is_some());
    }
}
