// SPDX-License-Identifier: MIT OR Apache-2.0
//! `APT::NeverAutoRemove`: the names that autoremove leaves alone, as the admin's regular expressions
//! (apt.conf(5); `Configuration::MatchAgainstConfig` in apt-pkg/contrib/configuration.cc: POSIX extended, in any case,
//! matching anywhere).

use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::Path;

use kbuild_guard::sysroot::Sysroot;
use regex_lite::{Regex, RegexBuilder};

use super::ask::ask;
use super::configuration::Configuration;

/// More patterns than anybody writes.
const MOST: usize = 1024;

/// The patterns, found out at the first question if nobody told them.
#[derive(Debug)]
pub struct NeverAutoremoved<'r> {
    root: &'r Sysroot,
    told: Option<&'r [String]>,
    patterns: OnceCell<Vec<Regex>>,
}

impl<'r> NeverAutoremoved<'r> {
    /// As they were told, or as apt's configuration has them.
    pub fn of(root: &'r Sysroot, told: Option<&'r [String]>) -> Self {
        NeverAutoremoved { root, told, patterns: OnceCell::new() }
    }

    /// Whether one of them matches a package's name.
    pub fn matches(&self, name: &str) -> bool {
        self.patterns.get_or_init(|| self.compile()).iter().any(|pattern| pattern.is_match(name))
    }

    fn compile(&self) -> Vec<Regex> {
        let texts: Cow<'_, [String]> = self.told.map_or_else(|| asked(self.root).into(), Cow::from);
        texts.iter().filter(|text| !text.is_empty()).take(MOST).filter_map(|text| compiled(text)).collect()
    }
}

/// apt-config tells of the system it runs in: it reads that system's files before it sees an option that names another
/// root. Another root's own files are read here.
fn asked(root: &Sysroot) -> Vec<String> {
    if root.host_path() != Path::new("/") {
        let configuration = Configuration::load(root);
        return configuration.values("APT::NeverAutoRemove").map(|setting| setting.value.clone()).collect();
    }
    let words = ["dump", "--format", "%v%n", "APT::NeverAutoRemove"];
    ask(root, "apt-config", &words).map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
}

/// apt drops a pattern that it cannot read, with a warning of its own.
fn compiled(text: &str) -> Option<Regex> {
    RegexBuilder::new(text)
        .case_insensitive(true)
        .build()
        .inspect_err(|error| log::debug!("APT::NeverAutoRemove: {error}"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_apt_matches_them() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let matches = |pattern: &str, name: &str| {
            NeverAutoremoved::of(&root, Some(&[String::new(), pattern.to_owned()])).matches(name)
        };
        assert!(matches(r"^linux-image-6\.1\.0-50-", "linux-image-6.1.0-50-amd64"));
        assert!(!matches(r"^linux-image-6\.1\.0-50-", "linux-image-6.1.0-56-amd64"));
        assert!(matches("^linux-image-[a-z0-9]*$", "linux-image-amd64"));
        assert!(!matches("^linux-image-[a-z0-9]*$", "linux-image-6.1.0-50-amd64"));
        assert!(matches("IMAGE-[[:digit:]]", "linux-image-6.1"), "anywhere, in any case, POSIX classes");
        assert!(!matches("*", "linux-image-6.1"), "no pattern at all");
    }

    #[test]
    fn another_roots_patterns_are_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let parts = dir.path().join("etc/apt/apt.conf.d");
        std::fs::create_dir_all(&parts).unwrap();
        std::fs::write(parts.join("01autoremove"), "APT { NeverAutoRemove { \"^only-there$\"; }; };").unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let never = NeverAutoremoved::of(&root, None);
        assert!(never.matches("only-there"));
        // What apt itself ships in every system that has it (its debian/apt.conf.autoremove).
        assert!(!never.matches("firmware-linux"));
    }
}
