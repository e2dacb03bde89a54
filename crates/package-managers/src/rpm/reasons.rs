// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who wanted a package: rpm does not know, dnf5 and zypper write it down. dnf 4 does too, in a database of SQLite's, which
//! is not read here: of its packages it is unknown.

use std::collections::HashSet;

use kbuild_guard::package_db;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::owners::Installed;

/// dnf5's reasons: `[packages]`, `"name.arch" = {reason = "User"}` (libdnf5's system state, version 1.0).
const DNF5: &str = "/usr/lib/sysimage/libdnf5/packages.toml";

/// The names of what zypper installed for something else, a line each (libzypp's SolvIdentFile).
const ZYPP: &str = "/var/lib/zypp/AutoInstalled";

/// A workstation's 3,000 packages are 150 KB.
const LARGEST: usize = 16 << 20;

/// What the front ends have written down.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    dnf5: toml::Table,
    zypp: Option<HashSet<String>>,
}

impl Reasons {
    /// Of a root.
    pub(super) fn of(root: &Sysroot) -> Self {
        let read = |path: &str| {
            let bytes = root.read(&RootPath::new(path), LARGEST).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let dnf5 = read(DNF5).and_then(|text| text.parse::<toml::Table>().ok());
        let packages = dnf5.and_then(|mut all| match all.remove("packages") {
            Some(toml::Value::Table(packages)) => Some(packages),
            _ => None,
        });
        let names = |text: String| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        Reasons { dnf5: packages.unwrap_or_default(), zypp: read(ZYPP).map(names) }
    }

    /// How a package came to be installed, as far as anybody says.
    pub(super) fn of_package(&self, package: &Installed) -> package_db::Installed {
        let key = format!("{}.{}", package.name, package.arch);
        let reason = self.dnf5.get(&key).and_then(|of| of.get("reason")).and_then(toml::Value::as_str);
        match (reason, &self.zypp) {
            (Some("User" | "External User" | "Group"), _) => package_db::Installed::ByName,
            (Some("Dependency" | "Weak Dependency"), _) => package_db::Installed::Auto,
            (_, Some(automatic)) if automatic.contains(&package.name) => package_db::Installed::Auto,
            (_, Some(_)) => package_db::Installed::ByName,
            (_, None) => package_db::Installed::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_front_end_has_its_own_book() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let of = |name: &str| {
            let root = Sysroot::open(dir.path()).unwrap();
            let arch = "x86_64".to_owned();
            let [epoch, version, release] = ["0", "1", "1"].map(str::to_owned);
            let package = Installed { name: name.to_owned(), epoch, version, release, arch, transaction: 1 };
            Reasons::of(&root).of_package(&package)
        };
        assert_eq!(of("kernel-core"), package_db::Installed::Unknown);
        let books = "version = \"1.0\"\n[packages]\n\"kernel-core.x86_64\" = {reason = \"Dependency\"}\n\
                     \"kernel.x86_64\" = {reason = \"User\"}\n";
        write(DNF5, books);
        assert_eq!(of("kernel-core"), package_db::Installed::Auto);
        assert_eq!(of("kernel"), package_db::Installed::ByName);
        assert_eq!(of("other"), package_db::Installed::Unknown);
        write(ZYPP, "# made by zypper\nkernel-default\n");
        assert_eq!(of("kernel-default"), package_db::Installed::Auto);
        assert_eq!(of("other"), package_db::Installed::ByName);
        write(DNF5, "no toml [");
        assert_eq!(of("kernel"), package_db::Installed::ByName);
    }
}
