// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a package manager says it is about to do.

use std::collections::HashSet;

use crate::package_db::PackageId;
use crate::policy::Mode;
use crate::sysroot::RootPath;

/// Where the files of a package are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// The package manager gave them.
    Given(Vec<RootPath>),
    /// The package database has them, under the package's name.
    InDatabase,
    /// Everything at and below a path, whoever owns it: somebody asks what deleting it would do.
    Below(RootPath),
}

/// Why a package leaves or arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody named it.
    Asked,
    /// The package manager found it is no longer needed, or that something else requires this.
    Auto,
    /// The package manager does not say.
    Unknown,
}

/// One package of a transaction, with one of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The package, as the database names it.
    pub package: PackageId,
    /// Its version, as the manager writes it; empty where it is not told.
    pub version: String,
    /// Its files.
    pub files: Files,
    /// Why.
    pub why: Why,
}

/// Who is driving, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Driver {
    /// Whether a person typed a command: unattended upgrades, daemons and library users are not.
    pub attended: bool,
    /// A mode given for this run only; it lowers what the configuration says.
    pub override_mode: Option<Mode>,
    /// A word that was given for such a mode and is none.
    pub wrong_mode: Option<String>,
    /// The command that was typed, where the manager tells.
    pub command_line: Option<String>,
}

impl Driver {
    /// Takes a word from the environment for this run's mode, where nothing nearer has given one.
    pub fn heed(&mut self, word: Option<String>) {
        if let (None, Some(word)) = (self.override_mode, word) {
            self.override_mode = word.parse().ok();
            if self.override_mode.is_none() {
                self.wrong_mode = Some(word);
            }
        }
    }
}

/// The packages that leave and those that arrive. An upgrade is both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// What leaves.
    pub leaving: Vec<Element>,
    /// What arrives.
    pub arriving: Vec<Element>,
    /// Who drives.
    pub driver: Driver,
}

impl Transaction {
    /// The packages that leave for good: no version of theirs arrives.
    pub fn gone(&self) -> Vec<PackageId> {
        let arriving: HashSet<&PackageId> = self.arriving.iter().map(|element| &element.package).collect();
        self.leaving
            .iter()
            .filter(|element| !arriving.contains(&element.package))
            .map(|element| element.package.clone())
            .collect()
    }
}
