// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading the configuration: vendor's, admin's, drop-ins; later ones win. A wrong key or value is a
//! warning with its file and line, and what was in force before holds.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Ignore, Policy};
use crate::checks::FindingId;
use crate::quote::{quoted, quoted_text};
use crate::sysroot::{RootPath, Sysroot};

/// The files, in the order they are read.
const FILES: [&str; 2] = ["/usr/lib/kbuild-guard/config.toml", "/etc/kbuild-guard/config.toml"];
const DROP_INS: &str = "/etc/kbuild-guard/conf.d";

/// Larger than any configuration anybody writes.
const LARGEST: usize = 1 << 18;

/// Something wrong in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The file.
    pub file: RootPath,
    /// The line, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// What is wrong, fit for a terminal; where the file as a whole is meant, it names the file.
    pub problem: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.problem),
            line => write!(f, "{}:{line}: {}", quoted(&self.file), self.problem),
        }
    }
}

/// The policy in force in a root, and what is wrong with its files.
pub fn load(root: &Sysroot) -> (Policy, Vec<Warning>) {
    let mut policy = Policy::default();
    let mut warnings = Vec::new();
    let drop_ins = RootPath::new(DROP_INS);
    let mut files: Vec<RootPath> = FILES.iter().map(RootPath::new).collect();
    for entry in root.list(&drop_ins, 256).unwrap_or_default() {
        if entry.name.to_str().is_some_and(|name| name.ends_with(".toml") && !name.starts_with('.')) {
            files.push(drop_ins.join(entry.name));
        }
    }
    for file in files {
        match root.read(&file, LARGEST) {
            Ok(bytes) => read_file(&file, &bytes, &mut policy, &mut warnings),
            Err(error) if error.is_not_found() => {}
            Err(error) => warnings.push(Warning { file, line: 0, problem: error.to_string() }),
        }
    }
    (policy, warnings)
}

struct Reader<'a> {
    file: &'a RootPath,
    text: &'a str,
    warnings: &'a mut Vec<Warning>,
}

impl Reader<'_> {
    fn warn(&mut self, span: &Range<usize>, problem: String) {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        self.warnings.push(Warning { file: self.file.clone(), line, problem });
    }
}

fn read_file(file: &RootPath, bytes: &[u8], policy: &mut Policy, warnings: &mut Vec<Warning>) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let problem = format!("{} is not UTF-8; the whole file is passed over", quoted(file));
        warnings.push(Warning { file: file.clone(), line: 0, problem });
        return;
    };
    let mut reader = Reader { file, text, warnings };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let problem = format!("{}; the whole file is passed over", quoted_text(error.message()).trim_matches('"'));
            reader.warn(&error.span().unwrap_or(0..0), problem);
            return;
        }
    };
    for (key, value) in table.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("mode", DeValue::String(name)) => match name.parse() {
                Ok(mode) => policy.mode = mode,
                Err(()) => reader.warn(
                    &value.span(),
                    format!(
                        "mode {} is none of off, warn, guard, strict; {} holds",
                        quoted_text(name),
                        policy.mode.as_str()
                    ),
                ),
            },
            ("mode", _) => reader.warn(&value.span(), "mode takes a string: off, warn, guard or strict".into()),
            ("ignore", DeValue::Array(entries)) => {
                // A later file's list replaces an earlier one's, so that an admin can take lines away.
                policy.ignore = entries.iter().filter_map(|entry| read_ignore(&mut reader, entry)).collect();
            }
            ("ignore", _) => {
                reader.warn(&value.span(), "ignore takes a list of { finding = \"KBGnnn\", release = \"…\" }".into());
            }
            (other, _) => reader.warn(&key.span(), format!("unknown key {}", quoted_text(other))),
        }
    }
}

fn read_ignore(reader: &mut Reader<'_>, entry: &Spanned<DeValue<'_>>) -> Option<Ignore> {
    let DeValue::Table(table) = entry.get_ref() else {
        reader.warn(&entry.span(), "an entry of ignore is a table: { finding = \"KBGnnn\", release = \"…\" }".into());
        return None;
    };
    let mut finding = None;
    let mut release = None;
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("finding", DeValue::String(code)) => match FindingId::from_code(code) {
                Some(id) => finding = Some(id),
                None => {
                    reader.warn(&value.span(), format!("there is no finding {}", quoted_text(code)));
                    return None;
                }
            },
            ("release", DeValue::String(pattern)) => release = Some(pattern.to_string()),
            (other, _) => {
                reader.warn(&key.span(), format!("unknown key or wrong kind of value: {}", quoted_text(other)))
            }
        }
    }
    match finding {
        Some(finding) => Some(Ignore { finding, release: release.unwrap_or_else(|| "*".to_owned()) }),
        None => {
            reader.warn(&entry.span(), "an entry of ignore needs a finding".into());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Mode;
    use proptest::prelude::*;

    fn read(text: &str) -> (Policy, Vec<String>) {
        let mut policy = Policy::default();
        let mut warnings = Vec::new();
        read_file(&RootPath::new("/f"), text.as_bytes(), &mut policy, &mut warnings);
        (policy, warnings.iter().map(Warning::to_string).collect())
    }

    #[test]
    fn reads_a_right_file() {
        let (policy, warnings) =
            read("mode = \"strict\"\nignore = [{ finding = \"kbg020\", release = \"*-felix\" }]\n");
        assert_eq!(policy.mode, Mode::Strict);
        assert_eq!(policy.ignore, [Ignore { finding: FindingId::OtherRelease, release: "*-felix".into() }]);
        assert!(warnings.is_empty());
    }

    #[test]
    fn a_wrong_file_names_its_line_and_the_default_holds() {
        for (text, warning) in [
            ("\nmode = \"loud\"\n", "/f:2: mode loud is none of off, warn, guard, strict; guard holds"),
            ("mode = 3", "/f:1: mode takes a string: off, warn, guard or strict"),
            ("# x\n\ncolour = 1\n", "/f:3: unknown key colour"),
            ("ignore = [{ finding = \"KBG999\" }]", "/f:1: there is no finding KBG999"),
            ("ignore = [\n { release = \"x\" } ]", "/f:2: an entry of ignore needs a finding"),
        ] {
            let (policy, warnings) = read(text);
            assert_eq!(policy, Policy::default(), "{text}");
            assert_eq!(warnings, [warning], "{text}");
        }
        let (policy, warnings) = read("mode = \"warn\"\nmode = = 1\n");
        assert_eq!(policy, Policy::default());
        assert!(
            warnings[0].starts_with("/f:2: ") && warnings[0].ends_with("the whole file is passed over"),
            "{warnings:?}"
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            read(&text);
        }
    }
}
