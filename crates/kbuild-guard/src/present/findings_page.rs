// SPDX-License-Identifier: MIT OR Apache-2.0
//! docs/findings.md, made from the catalogue.

use crate::checks::CATALOGUE;

/// The page, in Markdown.
pub fn findings_page() -> String {
    let mut out = String::from(
        "# Findings\n\nEvery finding has a stable ID. `kbuild-guard explain ID` prints the same text. \
         This page is made from the catalogue in `crates/kbuild-guard/src/checks/catalogue.rs`; a test holds it.\n",
    );
    for entry in CATALOGUE {
        out.push_str(&format!(
            "\n## {}: {}\n\n{}\n\n- So: {}.\n- Where no package mends it: {}.\n",
            entry.code, entry.title, entry.story, entry.consequence, entry.advice
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_findings_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/findings.md");
        if std::env::var_os("KBUILD_GUARD_BLESS").is_some() {
            std::fs::write(&path, findings_page()).unwrap();
        }
        let page = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            page == findings_page(),
            "docs/findings.md is not what the catalogue says: run the test with KBUILD_GUARD_BLESS=1"
        );
    }
}
