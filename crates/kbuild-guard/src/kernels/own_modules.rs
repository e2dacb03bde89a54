// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a kernel's own modules tell of the build they and the kernel came from: the version magic they
//! are stamped with and the checksums of the symbols they use.

use std::io::Read;

use object::elf::{FileHeader32, FileHeader64};
use object::read::elf::FileHeader;
use object::{Endianness, FileKind};

use crate::kernels::Kernel;
use crate::sysroot::{Kind, RootPath, Sysroot};

/// Enough of `modules.order` to find small modules in.
const ORDER: usize = 64 << 10;

/// How many modules are looked at to find small ones.
const CANDIDATES: usize = 24;

/// After so many that are not there none is.
const MOST_IN_VAIN: usize = 4;

/// Larger modules, as they lie on disk and unpacked, are not read.
const LARGEST_FILE: u64 = 1 << 20;
const LARGEST_MODULE: u64 = 8 << 20;

/// What `modules_install` may have packed modules with (CONFIG_MODULE_COMPRESS_*); nothing first.
const SUFFIXES: [&str; 4] = ["", ".xz", ".zst", ".gz"];

/// What a module says of its build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Where the module is.
    pub module: Option<RootPath>,
    /// `vermagic` of `.modinfo`: the release, then words that have to be the kernel's own.
    pub vermagic: String,
    /// Symbols with their checksums; none without CONFIG_MODVERSIONS.
    pub versions: Vec<(String, u32)>,
}

/// The kernel's own print, which nearly every module uses and the smallest may not (`_printk` since Linux 5.15).
const PRINT: [&str; 2] = ["_printk", "printk"];

/// The stamps of `most` small modules of a kernel, and of some more where none of these prints. Nothing that does not carry
/// its release counts.
pub fn sample(root: &Sysroot, kernel: &Kernel, most: usize) -> Vec<Stamp> {
    let order = root.read_start(&kernel.dir.join("modules.order"), ORDER).unwrap_or_default();
    let order = String::from_utf8_lossy(&order);
    // The last line may be cut off; what is not there is passed over.
    let lines: Vec<&str> = order.lines().filter(|line| line.starts_with("kernel/") && line.ends_with(".ko")).collect();
    let step = lines.len().div_ceil(CANDIDATES).max(1);
    let mut found: Vec<(u64, RootPath)> = Vec::new();
    let mut suffixes: Vec<&str> = SUFFIXES.to_vec();
    for (index, line) in lines.iter().step_by(step).enumerate() {
        // A directory with lists of modules and none of them.
        if index == MOST_IN_VAIN && found.is_empty() {
            break;
        }
        for suffix in suffixes.clone() {
            let path = kernel.dir.join(format!("{line}{suffix}"));
            match root.status(&path) {
                Ok(status) if status.kind == Kind::File && (1..=LARGEST_FILE).contains(&status.size) => {
                    found.push((status.size, path));
                    // All modules of a kernel are packed alike.
                    suffixes = vec![suffix];
                    break;
                }
                _ => {}
            }
        }
    }
    found.sort();
    let mut stamps: Vec<Stamp> = Vec::new();
    // The smallest are read soonest, and many of them do nothing that is worth printing: then some of middle size are tried.
    let (small, rest) = found.split_at(most.min(found.len()));
    let middle = rest.iter().skip(rest.len() / 4).step_by(rest.len().div_ceil(8).max(1));
    for (_, path) in small.iter().chain(middle).chain(rest) {
        let uses_print = |stamp: &Stamp| stamp.versions.iter().any(|(name, _)| PRINT.contains(&name.as_str()));
        let is_enough = stamps.len() >= most && (stamps.iter().any(uses_print) || stamps.len() >= 4 * most);
        if is_enough {
            break;
        }
        let Some(stamp) = read(root, path) else { continue };
        if stamp.vermagic.split_ascii_whitespace().next() == Some(kernel.release.as_str()) {
            stamps.push(stamp);
        }
    }
    stamps
}

fn read(root: &Sysroot, path: &RootPath) -> Option<Stamp> {
    let packed = root.read(path, usize::try_from(LARGEST_FILE).ok()?).ok()?;
    let stamp = Stamp::of(&unpacked(packed)?)?;
    Some(Stamp { module: Some(path.clone()), ..stamp })
}

/// The module itself; known by its first bytes, whatever its name says.
fn unpacked(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let mut module = Vec::new();
    let unpacked = match bytes.as_slice() {
        [0x7f, b'E', b'L', b'F', ..] => return Some(bytes),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            lzma_rust2::XzReader::new(bytes.as_slice(), false).take(LARGEST_MODULE).read_to_end(&mut module).ok()
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ruzstd::decoding::StreamingDecoder::new(bytes.as_slice())
            .ok()
            .and_then(|reader| reader.take(LARGEST_MODULE).read_to_end(&mut module).ok()),
        [0x1f, 0x8b, ..] => {
            flate2::read::GzDecoder::new(bytes.as_slice()).take(LARGEST_MODULE).read_to_end(&mut module).ok()
        }
        _ => None,
    };
    unpacked.map(|_| module)
}

impl Stamp {
    /// From a module's bytes; `None` if they are no ELF file or have no `vermagic`.
    pub fn of(module: &[u8]) -> Option<Self> {
        match FileKind::parse(module).ok()? {
            FileKind::Elf32 => stamp::<FileHeader32<Endianness>>(module),
            FileKind::Elf64 => stamp::<FileHeader64<Endianness>>(module),
            _ => None,
        }
    }
}

fn stamp<Elf: FileHeader<Endian = Endianness>>(module: &[u8]) -> Option<Stamp> {
    use object::read::elf::SectionHeader;
    let header = Elf::parse(module).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, module).ok()?;
    let data = |name: &[u8]| -> &[u8] {
        let section = sections.section_by_name(endian, name).map(|(_, section)| section);
        section.and_then(|section| section.data(endian, module).ok()).unwrap_or_default()
    };
    let vermagic = data(b".modinfo").split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(b"vermagic="))?;
    let mut versions = basic_versions(data(b"__versions"), header.is_type_64(), endian);
    versions.extend(extended_versions(data(b"__version_ext_names"), data(b"__version_ext_crcs"), endian));
    Some(Stamp { module: None, vermagic: String::from_utf8_lossy(vermagic).into_owned(), versions })
}

fn word(bytes: &[u8], endian: Endianness) -> Option<u32> {
    let bytes: [u8; 4] = bytes.try_into().ok()?;
    Some(if endian == Endianness::Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
}

/// `struct modversion_info` of include/linux/module.h: an `unsigned long` and a name, 64 bytes together.
fn basic_versions(data: &[u8], is_64: bool, endian: Endianness) -> Vec<(String, u32)> {
    let entry = |entry: &[u8]| {
        let (crc, name) = entry.split_at_checked(if is_64 { 8 } else { 4 })?;
        let crc = match (is_64, endian) {
            (true, Endianness::Big) => crc.get(4..)?,
            _ => crc.get(..4)?,
        };
        let name = name.split(|byte| *byte == 0).next()?;
        Some((String::from_utf8(name.to_vec()).ok()?, word(crc, endian)?))
    };
    data.chunks_exact(64).filter_map(entry).collect()
}

/// CONFIG_EXTENDED_MODVERSIONS (Linux 6.14): names one after another, each ended by a zero, and checksums.
fn extended_versions(names: &[u8], crcs: &[u8], endian: Endianness) -> Vec<(String, u32)> {
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names
        .zip(crcs.chunks_exact(4))
        .filter_map(|(name, crc)| Some((String::from_utf8(name.to_vec()).ok()?, word(crc, endian)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, crc: u32) -> Vec<u8> {
        let mut entry = u64::from(crc).to_le_bytes().to_vec();
        entry.extend(name.as_bytes());
        entry.resize(64, 0);
        entry
    }

    #[test]
    fn reads_both_kinds_of_versions() {
        let data = [entry("module_layout", 0x1122_3344), entry("_printk", 7)].concat();
        let expected = [("module_layout".to_owned(), 0x1122_3344), ("_printk".to_owned(), 7)];
        assert_eq!(basic_versions(&data, true, Endianness::Little), expected);
        assert_eq!(basic_versions(&data[..70], true, Endianness::Little).len(), 1, "cut short");
        let crcs = [0x1122_3344_u32.to_le_bytes(), 7_u32.to_le_bytes()].concat();
        assert_eq!(extended_versions(b"module_layout\0_printk\0", &crcs, Endianness::Little), expected);
    }

    #[test]
    fn packed_modules_are_unpacked_and_rubbish_is_not_one() {
        assert_eq!(unpacked(b"\x7fELF...".to_vec()).as_deref(), Some(&b"\x7fELF..."[..]));
        for rubbish in [&b"\xfd7zXZ\0rubbish"[..], b"\x28\xb5\x2f\xfdrubbish", b"\x1f\x8brubbish", b"text", b""] {
            assert_eq!(unpacked(rubbish.to_vec()), None, "{rubbish:?}");
        }
        assert_eq!(Stamp::of(b"\x7fELF"), None);
    }
}
