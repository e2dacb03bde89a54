// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which package has which path: /var/lib/dpkg/info/*.list.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt;

use kbuild_guard::error::Result;
use kbuild_guard::package_db::{FileList, PackageId};
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::ADMIN_DIR;
use super::status::Package;

/// The list of a header package with 20,000 files is 2 MB.
const LARGEST: usize = 64 << 20;

/// Paths by every way dpkg may have them in its lists.
///
/// dpkg keeps a path as its package spells it: /lib/modules in Debian 12's packages, /usr/lib/modules
/// in Debian 13's, and neither knows that the two are one directory on a merged /usr.
pub(super) struct Wanted {
    paths: HashMap<Vec<u8>, Vec<usize>>,
    /// Whether there is a path of this length: most lines of a list are passed over by that.
    lengths: Vec<bool>,
}

/// The directories that a merged /usr has twice.
const MERGED: [&str; 4] = ["/lib", "/bin", "/sbin", "/lib64"];

impl Wanted {
    pub(super) fn new(paths: &[RootPath]) -> Self {
        let mut wanted: HashMap<Vec<u8>, Vec<usize>> = HashMap::with_capacity(paths.len() * 2);
        let mut add = |path: Vec<u8>, index| wanted.entry(path).or_default().push(index);
        for (index, path) in paths.iter().enumerate() {
            let bytes = path.as_os_str().as_bytes();
            add(bytes.to_vec(), index);
            for merged in MERGED {
                let below = |prefix: &[u8]| bytes.strip_prefix(prefix).filter(|rest| rest.starts_with(b"/"));
                if let Some(rest) = below(format!("/usr{merged}").as_bytes()) {
                    add([merged.as_bytes(), rest].concat(), index);
                } else if let Some(rest) = below(merged.as_bytes()) {
                    add([b"/usr", merged.as_bytes(), rest].concat(), index);
                }
            }
        }
        let mut lengths = vec![false; wanted.keys().map(Vec::len).max().unwrap_or(0) + 1];
        for path in wanted.keys() {
            if let Some(is_length) = lengths.get_mut(path.len()) {
                *is_length = true;
            }
        }
        Wanted { paths: wanted, lengths }
    }

    /// The indexes of the paths that a list holds.
    pub(super) fn in_list(&self, list: &[u8]) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', list).chain([list.len()]) {
            let line = list.get(start..end).unwrap_or_default();
            if self.lengths.get(line.len()).copied().unwrap_or(false) {
                found.extend(self.paths.get(line).into_iter().flatten());
            }
            start = end + 1;
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The wanted paths that a package has. A package without a list has no files.
pub(super) fn held(root: &Sysroot, package: &PackageId, native: &str, wanted: &Wanted) -> Result<Vec<usize>> {
    Ok(of_package(root, package, native)?.map(|list| wanted.in_list(&list)).unwrap_or_default())
}

/// A package's list. `Multi-Arch: same` packages have their architecture in the file's name, all others
/// have not.
pub(super) fn of_package(root: &Sysroot, package: &PackageId, native: &str) -> Result<Option<Vec<u8>>> {
    let (name, arch) = package.as_str().split_once(':').unwrap_or((package.as_str(), native));
    match read(root, name)? {
        Some(list) => Ok(Some(list)),
        None => read(root, &format!("{name}:{arch}")),
    }
}

/// The list of this name; `None` if there is none. A name with a slash is none of dpkg's.
pub(super) fn read(root: &Sysroot, name: &str) -> Result<Option<Vec<u8>>> {
    if name.contains('/') {
        return Ok(None);
    }
    match root.read(&path_of(name), LARGEST) {
        Ok(list) => Ok(Some(list)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A package's list with what tells it from a later one: dpkg writes a new file each time.
pub(super) fn stamped(root: &Sysroot, package: &PackageId, native: &str) -> Result<FileList> {
    let (name, arch) = package.as_str().split_once(':').unwrap_or((package.as_str(), native));
    for name in [name.to_owned(), format!("{name}:{arch}")] {
        if let Some(list) = read(root, &name)? {
            let status = root.status(&path_of(&name))?;
            let mut hasher = DefaultHasher::new();
            (status.id, status.size, status.modified, status.changed).hash(&mut hasher);
            return Ok(FileList::new(list, hasher.finish()));
        }
    }
    Ok(FileList::default())
}

fn path_of(name: &str) -> RootPath {
    RootPath::new(ADMIN_DIR).join("info").join(format!("{name}.list"))
}

/// Where packages without files of their own have something all the same: a changelog or a link to another's,
/// overrides of lintian's, what reportbug shows.
const DOCUMENTATION: [&str; 3] = ["/usr/share/doc", "/usr/share/lintian", "/usr/share/bug"];

/// Whether a list that is not empty holds documentation only, and the directories that lead there.
pub(super) fn is_documentation(list: &[u8]) -> bool {
    let is_below = |path: &[u8], dir: &[u8]| path.strip_prefix(dir).is_some_and(|rest| rest.starts_with(b"/"));
    let is_one = |line: &[u8]| {
        line == b"/."
            || DOCUMENTATION
                .iter()
                .any(|dir| line == dir.as_bytes() || is_below(line, dir.as_bytes()) || is_below(dir.as_bytes(), line))
    };
    !list.is_empty() && list.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).all(is_one)
}

/// For each wanted path the packages that have it, asking `likely` packages first: if those have every
/// path, nobody else is asked.
pub(super) fn owners<'p>(
    root: &Sysroot,
    paths: &[RootPath],
    packages: impl Iterator<Item = &'p Package> + Clone,
    native: &str,
    likely: impl Fn(&Package) -> bool,
) -> Result<Vec<Vec<PackageId>>> {
    let wanted = Wanted::new(paths);
    let mut owners = vec![Vec::new(); paths.len()];
    let (first, rest): (Vec<&Package>, Vec<&Package>) = packages.partition(|package| likely(package));
    for group in [first, rest] {
        for package in group {
            let id = package.id(native);
            for index in held(root, &id, native, &wanted)? {
                if let Some(owners) = owners.get_mut(index) {
                    owners.push(id.clone());
                }
            }
        }
        if owners.iter().all(|owners| !owners.is_empty()) {
            break;
        }
    }
    Ok(owners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_files_of_its_own() {
        let meta =
            b"/.\n/usr\n/usr/share\n/usr/share/bug\n/usr/share/bug/m/presubj\n/usr/share/doc\n/usr/share/doc/m\n";
        assert!(is_documentation(meta));
        assert!(is_documentation(b"/.\n"), "Debian Policy 12.3 notwithstanding");
        assert!(!is_documentation(&[meta.as_slice(), b"/usr/bin/m\n"].concat()));
        assert!(!is_documentation(b"/.\n/usr/share/docs\n"));
        assert!(!is_documentation(b""), "nothing is known of it");
    }

    #[test]
    fn both_spellings_and_both_file_names() {
        let dir = tempfile::tempdir().unwrap();
        let info = dir.path().join("var/lib/dpkg/info");
        std::fs::create_dir_all(&info).unwrap();
        std::fs::write(info.join("headers.list"), "/.\n/lib/modules/R/build\n/usr/src/h\n").unwrap();
        std::fs::write(info.join("libx:amd64.list"), "/usr/lib/x\n").unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let wanted = Wanted::new(&[
            RootPath::new("/usr/lib/modules/R/build"),
            RootPath::new("/lib/x"),
            RootPath::new("/libfoo"),
            RootPath::new("/lib/x"),
        ]);
        let held = |name: &str| held(&root, &PackageId::new(name), "amd64", &wanted).unwrap();
        assert_eq!(held("headers"), [0]);
        assert_eq!(held("libx"), [1, 3], "a path may be asked about twice");
        assert_eq!(held("libx:amd64"), [1, 3]);
        assert!(held("nobody").is_empty());
        assert!(held("../../etc/passwd").is_empty());
    }
}
