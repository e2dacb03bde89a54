// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules that somebody built and installed by hand: files in a kernel's `updates/` or `extra/` that
//! no package owns and no builder made.

use super::{Builder, Demand, shown};
use crate::error::Result;
use crate::kernels::Kernel;
use crate::package_db::PackageDb;
use crate::sysroot::{Kind, RootPath, Sysroot};

/// How deep below `updates/` modules are looked for, and how many at the most.
const DEPTH: usize = 4;
const MOST: usize = 256;

/// The hand-built modules of `kernel`, without the `known` ones (dkms installs into these places too).
pub(super) fn modules(
    root: &Sysroot,
    db: &dyn PackageDb,
    kernel: &Kernel,
    known: impl FnOnce() -> Vec<String>,
) -> Result<Vec<Demand>> {
    let mut found = Vec::new();
    for place in ["updates", "extra"] {
        collect(root, &kernel.dir.join(place), DEPTH, &mut found);
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let known = known();
    found.retain(|(name, _)| !known.iter().any(|other| same_module(name, other)));
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let paths: Vec<RootPath> = found.iter().map(|(_, path)| path.clone()).collect();
    let owners = db.owners(&paths)?;
    Ok(found
        .into_iter()
        .zip(owners)
        .filter(|(_, owners)| owners.is_empty())
        .map(|((name, _), _)| Demand {
            builder: Builder::Hand,
            module: shown(&name),
            version: None,
            anchors: Vec::new(),
        })
        .collect())
}

fn collect(root: &Sysroot, dir: &RootPath, depth: usize, found: &mut Vec<(String, RootPath)>) {
    for entry in root.list(dir, MOST).unwrap_or_default() {
        let path = dir.join(&entry.name);
        if found.len() >= MOST {
            return;
        }
        match entry.kind {
            Some(Kind::Directory) if depth > 0 => collect(root, &path, depth - 1, found),
            Some(Kind::File) => {
                let name = entry.name.to_str().and_then(module_name);
                found.extend(name.map(|name| (name.to_owned(), path)));
            }
            _ => {}
        }
    }
}

/// `zfs` for `zfs.ko`, `zfs.ko.xz`, `zfs.ko.zst`, `zfs.ko.gz`.
pub(super) fn module_name(file: &str) -> Option<&str> {
    let (name, suffix) = file.split_once(".ko")?;
    matches!(suffix, "" | ".xz" | ".zst" | ".gz").then_some(name)
}

/// The kernel takes `-` and `_` in module names for the same (modprobe(8)).
fn same_module(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).all(|(a, b)| a == b || (matches!(a, b'-' | b'_') && matches!(b, b'-' | b'_')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_module_by_its_file() {
        assert_eq!(module_name("zfs.ko.zst"), Some("zfs"));
        assert_eq!(module_name("zfs.ko"), Some("zfs"));
        assert_eq!(module_name("zfs.ko.sig"), None);
        assert_eq!(module_name("README"), None);
        assert!(same_module("acpi-call", "acpi_call"));
        assert!(!same_module("acpi", "acpi_call"));
    }
}
