// SPDX-License-Identifier: MIT OR Apache-2.0
//! The man pages and completions that packages ship, made from what is written already: the command's parser, the
//! catalogue of findings and the documents in docs/.

mod command_page;
mod completions;
mod document_page;
mod error;
mod roff;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::{Error, Result};

/// A page: its name, its section and what it is, in a line that apropos(1) finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Its name.
    pub name: &'static str,
    /// Its section.
    pub section: &'static str,
    about: &'static str,
}

impl Page {
    /// The name of its file.
    pub fn file(&self) -> String {
        format!("{}.{}", self.name, self.section)
    }
}

/// The command. What it is for is in the parser.
const COMMAND: Page = Page { name: "kbuild-guard", section: "1", about: "" };
/// The configuration: docs/configuration.md.
const CONFIGURATION: Page = Page { name: "kbuild-guard.toml", section: "5", about: "configuration of kbuild-guard" };
/// The findings: the catalogue.
const FINDINGS: Page =
    Page { name: "kbuild-guard-findings", section: "7", about: "everything that kbuild-guard finds, and what to do" };
/// The hooks: docs/hooks.md.
const HOOKS: Page = Page { name: "kbuild-guard", section: "8", about: "who calls kbuild-guard, and when" };

/// Every page.
pub const PAGES: [Page; 4] = [COMMAND, CONFIGURATION, FINDINGS, HOOKS];

/// A file to be installed, by its place below the directory of all, and its text.
pub type Written = (PathBuf, String);

/// Every man page. `date` is the day of the sources as seconds since 1970, so that the same sources make the
/// same pages; without one they have no date.
pub fn pages(date: Option<u64>) -> Result<Vec<Written>> {
    let date = date.map(kbuild_guard::day::day).unwrap_or_default();
    let findings = kbuild_guard::present::findings_page::findings_page();
    PAGES
        .iter()
        .map(|page| {
            let text = match *page {
                CONFIGURATION => document_page::page(page, &date, include_str!("../../../docs/configuration.md")),
                FINDINGS => document_page::page(page, &date, &findings),
                HOOKS => document_page::page(page, &date, include_str!("../../../docs/hooks.md")),
                _ => command_page::page(page, &date)?,
            };
            Ok((Path::new("man").join(page.file()), text))
        })
        .collect()
}

/// Every completion.
pub fn completions() -> Result<Vec<Written>> {
    completions::all()
}

/// Writes every file below `directory`.
pub fn write(directory: &Path, date: Option<u64>) -> Result<()> {
    for (path, text) in pages(date)?.into_iter().chain(completions()?) {
        let path = directory.join(path);
        let failed = |source| Error::Write { path: path.clone(), source };
        fs::create_dir_all(path.parent().unwrap_or(directory)).map_err(failed)?;
        fs::write(&path, text).map_err(failed)?;
    }
    Ok(())
}
