// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a program asks of the dynamic loader, and what this root has of that: the loader itself, the
//! libraries, and the symbol versions that these define.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::PathBuf;
use std::rc::Rc;

use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, FileHeader32, FileHeader64, PT_LOAD};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, FileKind, ReadCache, ReadRef};

use crate::sysroot::{RootPath, Sysroot, WalkEnd};

/// A library that is asked for is looked for here, besides the loader's own directory.
const LIBRARY_DIRS: [&str; 5] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"];

/// Larger than any ld.so.cache (some 100 kB on a desktop).
const LARGEST_CACHE: usize = 4 << 20;

/// What a dynamically linked program asks for; nothing of a static one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asks {
    /// The loader (`PT_INTERP`).
    pub interpreter: Option<PathBuf>,
    /// The libraries (`DT_NEEDED`).
    pub libraries: Vec<String>,
    /// Library and symbol version (`.gnu.version_r`), for instance `libc.so.6` and `GLIBC_2.38`.
    pub versions: Vec<(String, String)>,
    /// Whether it brings a search path of its own, so that libraries may be anywhere.
    pub has_search_path: bool,
    /// Whether the file ends before what is to be loaded of it does: execve(2) fails, or SIGBUS ends it.
    pub is_cut_short: bool,
}

impl Asks {
    /// Of an ELF file; `None` if it is none or is damaged.
    pub fn of(file: File) -> Option<Self> {
        let cache = ReadCache::new(file);
        match FileKind::parse(&cache).ok()? {
            FileKind::Elf32 => asks::<FileHeader32<Endianness>, _>(&cache).ok(),
            FileKind::Elf64 => asks::<FileHeader64<Endianness>, _>(&cache).ok(),
            _ => None,
        }
    }
}

fn asks<'data, Elf, R>(data: R) -> object::read::Result<Asks>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let mut asks = Asks::default();
    let length = data.len().unwrap_or(0);
    // A file that ends within these headers ends before what they tell of.
    let Ok(segments) = header.program_headers(endian, data) else {
        return Ok(Asks { is_cut_short: true, ..asks });
    };
    for segment in segments {
        if segment.p_type(endian) == PT_LOAD {
            let end = segment.p_offset(endian).into().saturating_add(segment.p_filesz(endian).into());
            asks.is_cut_short |= end > length;
        }
        if let Some(path) = segment.interpreter(endian, data)? {
            asks.interpreter = Some(PathBuf::from(text(path)));
        }
    }
    if asks.is_cut_short {
        return Ok(asks);
    }
    let sections = header.sections(endian, data)?;
    if let Some((entries, link)) = sections.dynamic(endian, data)? {
        let strings = sections.strings(endian, data, link)?;
        for entry in entries {
            match entry.tag32(endian) {
                Some(DT_NEEDED) => {
                    let name = entry.val32(endian).and_then(|at| strings.get(at).ok());
                    asks.libraries.extend(name.map(text));
                }
                Some(DT_RPATH | DT_RUNPATH) => asks.has_search_path = true,
                _ => {}
            }
        }
    }
    if let Some((mut libraries, link)) = sections.gnu_verneed(endian, data)? {
        let strings = sections.strings(endian, data, link)?;
        while let Some((library, mut versions)) = libraries.next()? {
            let library = text(library.file(endian, strings)?);
            while let Some(version) = versions.next()? {
                asks.versions.push((library.clone(), text(version.name(endian, strings)?)));
            }
        }
    }
    Ok(asks)
}

/// The symbol versions that a library defines (`.gnu.version_d`).
fn defined(file: File) -> Option<BTreeSet<String>> {
    let cache = ReadCache::new(file);
    match FileKind::parse(&cache).ok()? {
        FileKind::Elf32 => definitions::<FileHeader32<Endianness>, _>(&cache).ok(),
        FileKind::Elf64 => definitions::<FileHeader64<Endianness>, _>(&cache).ok(),
        _ => None,
    }
}

fn definitions<'data, Elf, R>(data: R) -> object::read::Result<BTreeSet<String>>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let mut names = BTreeSet::new();
    if let Some((mut definitions, link)) = sections.gnu_verdef(endian, data)? {
        let strings = sections.strings(endian, data, link)?;
        while let Some((_, mut own)) = definitions.next()? {
            // The first is its name, the others those of its predecessors.
            if let Some(name) = own.next()? {
                names.insert(text(name.name(endian, strings)?));
            }
        }
    }
    Ok(names)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Something a program asks for that this root does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// The rest of the program itself.
    Rest,
    /// The loader: execve(2) fails with ENOENT.
    Interpreter(PathBuf),
    /// A library.
    Library {
        /// Its name.
        name: String,
        /// Where it ought to be: beside the loader.
        place: RootPath,
    },
    /// A symbol version.
    Version {
        /// The library it is asked of.
        library: String,
        /// The version.
        wanted: String,
        /// The newest of the same name that is here (`GLIBC_2.36`), if any is.
        newest: Option<String>,
    },
}

/// What the dynamic loader of a root can load. Libraries are looked at once.
#[derive(Debug, Default)]
pub struct Loader {
    defined: RefCell<HashMap<RootPath, Option<Rc<BTreeSet<String>>>>>,
}

impl Loader {
    /// What is missing for a program, the most telling first.
    pub fn unmet(&self, root: &Sysroot, asks: &Asks) -> Vec<Unmet> {
        if asks.is_cut_short {
            return vec![Unmet::Rest];
        }
        let Some(interpreter) = &asks.interpreter else { return Vec::new() };
        let loader = match root.walk(&RootPath::new(interpreter)).end {
            WalkEnd::Found { path, .. } => path,
            WalkEnd::Missing { .. } | WalkEnd::Loop { .. } => return vec![Unmet::Interpreter(interpreter.clone())],
            WalkEnd::NotMounted { .. } | WalkEnd::Unknown(_) => return Vec::new(),
        };
        let mut unmet = Vec::new();
        for library in &asks.libraries {
            match self.find(root, &loader.parent(), library) {
                Some(path) => unmet.extend(self.newest_unmet(root, &path, library, asks)),
                None if !asks.has_search_path && !is_in_cache(root, library) => {
                    unmet.push(Unmet::Library { name: library.clone(), place: loader.parent() });
                }
                None => {}
            }
        }
        unmet
    }

    /// C libraries put their loader beside themselves; everything else is there, or in the same place
    /// below /usr, or in a directory that every loader searches (ld.so(8)).
    fn find(&self, root: &Sysroot, beside: &RootPath, library: &str) -> Option<RootPath> {
        if library.contains('/') {
            return None;
        }
        let below_usr = RootPath::new("/usr").join(beside.relative());
        let dirs = [beside.clone(), below_usr].into_iter().chain(LIBRARY_DIRS.iter().map(RootPath::new));
        dirs.map(|dir| dir.join(library)).find(|path| root.exists(path))
    }

    /// The newest version that is asked of a library and not defined by it.
    fn newest_unmet(&self, root: &Sysroot, path: &RootPath, library: &str, asks: &Asks) -> Option<Unmet> {
        let mut wanted = asks.versions.iter().filter(|(of, _)| of == library).map(|(_, version)| version).peekable();
        wanted.peek()?;
        let defined = self.defined(root, path)?;
        // A library without versions takes every symbol for the one that is meant (ld.so does so too).
        if defined.is_empty() {
            return None;
        }
        let wanted = wanted.filter(|version| !defined.contains(*version)).max_by_key(|version| rank(version))?;
        let name = family(wanted);
        let newest = defined.iter().filter(|version| family(version) == name).max_by_key(|version| rank(version));
        Some(Unmet::Version { library: library.to_owned(), wanted: wanted.clone(), newest: newest.cloned() })
    }

    fn defined(&self, root: &Sysroot, path: &RootPath) -> Option<Rc<BTreeSet<String>>> {
        let known = self.defined.borrow().get(path).cloned();
        known.unwrap_or_else(|| {
            let found = root.open_file(path).ok().and_then(defined).map(Rc::new);
            self.defined.borrow_mut().insert(path.clone(), found.clone());
            found
        })
    }
}

/// Whether the loader's cache names a library that is in none of the usual directories. Its format is
/// glibc's own; the names stand in it as they are.
fn is_in_cache(root: &Sysroot, library: &str) -> bool {
    let Ok(cache) = root.read(&RootPath::new("/etc/ld.so.cache"), LARGEST_CACHE) else { return false };
    let name: Vec<u8> = [b"/", library.as_bytes(), b"\0"].concat();
    memchr::memmem::find(&cache, &name).is_some()
}

/// `GLIBC` of `GLIBC_2.38`.
fn family(version: &str) -> &str {
    version.split_once('_').map_or(version, |(family, _)| family)
}

/// The numbers of `GLIBC_2.38`, to compare by.
fn rank(version: &str) -> Vec<u32> {
    let numbers = version.rsplit('_').next().unwrap_or_default();
    numbers.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_test_can_be_loaded_here() {
        let asks = Asks::of(File::open("/proc/self/exe").unwrap()).unwrap();
        assert!(asks.interpreter.is_some(), "{asks:?}");
        assert!(asks.libraries.iter().any(|library| library == "libc.so.6"), "{asks:?}");
        assert!(asks.versions.iter().any(|(_, version)| version.starts_with("GLIBC_2.")), "{asks:?}");
        let root = Sysroot::open(std::path::Path::new("/")).unwrap();
        assert_eq!(Loader::default().unmet(&root, &asks), []);
    }

    #[test]
    fn a_newer_libc_or_another_loader_is_missed() {
        let mut asks = Asks::of(File::open("/proc/self/exe").unwrap()).unwrap();
        let root = Sysroot::open(std::path::Path::new("/")).unwrap();
        asks.versions.push(("libc.so.6".to_owned(), "GLIBC_2.999".to_owned()));
        asks.libraries.push("libnowhere.so.1".to_owned());
        let unmet = Loader::default().unmet(&root, &asks);
        let [Unmet::Version { wanted, newest: Some(newest), .. }, Unmet::Library { name: library, .. }] =
            unmet.as_slice()
        else {
            panic!("{unmet:?}");
        };
        assert_eq!((wanted.as_str(), library.as_str()), ("GLIBC_2.999", "libnowhere.so.1"));
        assert!(newest.starts_with("GLIBC_2."));
        asks.interpreter = Some(PathBuf::from("/lib/ld-elsewhere.so.1"));
        assert!(matches!(Loader::default().unmet(&root, &asks).as_slice(), [Unmet::Interpreter(_)]));
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(rank("GLIBC_2.38") > rank("GLIBC_2.4"));
        assert!(rank("GLIBC_2.2.5") < rank("GLIBC_2.34"));
    }
}
