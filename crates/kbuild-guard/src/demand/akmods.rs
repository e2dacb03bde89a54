// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules registered with akmods: each `/usr/src/akmods/NAME-kmod.latest` is rebuilt for every kernel.

use super::{Builder, Demand, shown};
use crate::sysroot::{RootPath, Sysroot};

/// What akmods would build. A directory that is not there registers nothing.
pub(super) fn registered(root: &Sysroot) -> Vec<Demand> {
    let dir = RootPath::new("/usr/src/akmods");
    let entries = root.list(&dir, 1024).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            let name = entry.name.to_str()?.strip_suffix(".latest")?;
            Some(Demand {
                builder: Builder::Akmods,
                module: shown(name.strip_suffix("-kmod").unwrap_or(name)),
                version: None,
                anchors: vec![dir.join(&entry.name)],
            })
        })
        .collect()
}
