// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which packages the admin holds: dnf's versionlock, old and new, and zypper's locks.

use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::owners::Installed;
use super::typed_words::matches_glob;

/// dnf 4: a pattern a line, `kernel-core-0:6.8.5-301.fc40.*`; a `!` before it excludes (dnf-plugins-core, versionlock).
const DNF4: &str = "/etc/dnf/plugins/versionlock.list";

/// dnf5: `[[packages]]` with a name, and conditions on its version (dnf5-plugin-versionlock).
const DNF5: &str = "/etc/dnf/versionlock.toml";

/// zypper: stanzas with `type: package` and `solvable_name: kernel-default` (zypper(8), locks).
const ZYPP: &str = "/etc/zypp/locks";

const LARGEST: usize = 1 << 20;

/// What is held.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// Patterns of `name-epoch:version-release.arch`.
    patterns: Vec<String>,
    /// Patterns of names.
    names: Vec<String>,
}

impl Locks {
    /// Of a root.
    pub(super) fn of(root: &Sysroot) -> Self {
        let read = |path: &str| {
            let bytes = root.read(&RootPath::new(path), LARGEST).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let mut locks = Locks::default();
        let is_lock = |line: &&str| !line.is_empty() && !line.starts_with(['#', '!']);
        locks.patterns.extend(read(DNF4).lines().map(str::trim).filter(is_lock).map(str::to_owned));
        locks.names.extend(in_dnf5(&read(DNF5)));
        locks.names.extend(in_zypps(&read(ZYPP)));
        locks
    }

    /// Whether a package is held.
    pub(super) fn hold(&self, package: &Installed) -> bool {
        let Installed { name, epoch, version, release, arch, .. } = package;
        let spellings = [
            format!("{name}-{epoch}:{version}-{release}.{arch}"),
            format!("{name}-{version}-{release}.{arch}"),
            format!("{name}-{version}-{release}"),
            format!("{name}-{version}"),
            name.clone(),
        ];
        self.names.iter().any(|pattern| matches_glob(pattern, name))
            || self.patterns.iter().any(|pattern| spellings.iter().any(|whole| matches_glob(pattern, whole)))
    }
}

/// The names in dnf5's file. Which of its versions are meant is not looked at: they are held among others.
fn in_dnf5(text: &str) -> Vec<String> {
    let Ok(table) = text.parse::<toml::Table>() else { return Vec::new() };
    let packages = table.get("packages").and_then(toml::Value::as_array);
    let name = |package: &toml::Value| package.get("name").and_then(toml::Value::as_str).map(str::to_owned);
    packages.into_iter().flatten().filter_map(name).collect()
}

/// The names in zypper's file, of packages only.
fn in_zypps(text: &str) -> Vec<String> {
    let stanzas = text.split("\n\n");
    let value = |stanza: &str, key: &str| {
        let line = stanza.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.map(|value| value.trim().to_owned())
    };
    let is_package = |stanza: &&str| value(stanza, "type").is_none_or(|kind| kind == "package");
    stanzas.filter(is_package).filter_map(|stanza| value(stanza, "solvable_name")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_front_ends_locks_hold() {
        let package = |name: &str, version: &str| Installed {
            name: name.to_owned(),
            epoch: "0".to_owned(),
            version: version.to_owned(),
            release: "301.fc40".to_owned(),
            arch: "x86_64".to_owned(),
            transaction: 1,
        };
        let held = |file: &str, text: &str, package: &Installed| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(file.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
            Locks::of(&Sysroot::open(dir.path()).unwrap()).hold(package)
        };
        let (core, other) = (package("kernel-core", "6.8.5"), package("kernel-core", "6.8.6"));
        let list = "# Added\nkernel-core-0:6.8.5-301.fc40.*\n!kernel-core-0:6.8.6-301.fc40.*\n";
        assert!(held(DNF4, list, &core) && !held(DNF4, list, &other));
        let toml = "version = \"1.0\"\n[[packages]]\nname = \"kernel-core\"\n[[packages.conditions]]\nkey = \"evr\"\n";
        assert!(held(DNF5, toml, &core) && !held(DNF5, toml, &package("kernel", "6.8.5")));
        let zypp = "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: kernel-d*\n\n\
                    type: patch\nsolvable_name: kernel-core\n";
        assert!(held(ZYPP, zypp, &package("kernel-default", "6.4.0")) && !held(ZYPP, zypp, &core));
    }
}
