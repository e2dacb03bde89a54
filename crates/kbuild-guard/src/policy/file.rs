// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading one configuration file. A wrong key or value is a warning with its line, and what was in force
//! before holds; a file that is no TOML at all is passed over as a whole.

use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Component, Path};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::load::{Configuration, Fate};
use super::{Ignore, Metrics, Mode, Setting, Source, Warning};
use crate::checks::FindingId;
use crate::quote::quoted_text;
use crate::sysroot::RootPath;

/// A file that is no configuration at all could fill somebody's terminal.
const MOST_WARNINGS: usize = 20;

/// As much of a wrong word as is worth showing.
const MOST_SHOWN: usize = 40;

const ENTRY: &str = "write { finding = \"KBGnnn\", release = \"PATTERN\" }";

/// Reads the text of one file into what earlier files have said.
pub(super) fn read_file(file: &RootPath, bytes: &[u8], into: &mut Configuration) -> Fate {
    let mut warnings = Vec::new();
    let fate = match std::str::from_utf8(bytes) {
        Ok(text) => Reader { file, text, warnings: &mut warnings }.read(into),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            warnings.push(Warning {
                at: Source::File { path: file.clone(), line },
                problem: "this is not UTF-8; the whole file is passed over".to_owned(),
                advice: "save the file as UTF-8".to_owned(),
            });
            Fate::Unusable
        }
    };
    // The parser gives keys by name.
    warnings.sort_by_key(|warning| match warning.at {
        Source::File { line, .. } if line > 0 => line,
        _ => usize::MAX,
    });
    if warnings.len() > MOST_WARNINGS {
        let problem = format!("{} more things are wrong in it", warnings.len() - MOST_WARNINGS);
        warnings.truncate(MOST_WARNINGS);
        warnings.push(Warning {
            at: Source::whole(file),
            problem,
            advice: "mend the first ones, ask again".to_owned(),
        });
    }
    into.warnings.append(&mut warnings);
    fate
}

/// A word from outside, fit for a terminal and not longer than a line.
pub(super) fn shown(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    match word.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}...", quoted_text(word.get(..end).unwrap_or_default())),
        None => quoted_text(&word),
    }
}

/// Whether this is the absolute path of a directory, and not of the root itself.
fn is_plain_dir(text: &str) -> bool {
    let path = Path::new(text);
    path.is_absolute() && path.file_name().is_some() && path.components().all(|part| part != Component::ParentDir)
}

struct Reader<'a> {
    file: &'a RootPath,
    text: &'a str,
    warnings: &'a mut Vec<Warning>,
}

impl Reader<'_> {
    fn at(&self, span: &Range<usize>) -> Source {
        let before = self.text.get(..span.start).unwrap_or_default();
        Source::File { path: self.file.clone(), line: before.matches('\n').count() + 1 }
    }

    fn warn(&mut self, span: &Range<usize>, problem: String, advice: &str) {
        // Counting lines for thousands of warnings that nobody is shown would take time.
        let at = if self.warnings.len() > MOST_WARNINGS { Source::whole(self.file) } else { self.at(span) };
        self.warnings.push(Warning { at, problem, advice: advice.to_owned() });
    }

    fn read(&mut self, into: &mut Configuration) -> Fate {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table,
            Err(error) => {
                let message = quoted_text(error.message()).trim_matches('"').replace("\\n", ", ");
                let problem = format!("{message}; the whole file is passed over");
                self.warn(&error.span().unwrap_or(0..0), problem, "mend this line, it is no TOML");
                return Fate::Unusable;
            }
        };
        for (key, value) in table.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("mode", DeValue::String(name)) => match name.parse() {
                    Ok(mode) => {
                        let source = self.at(&value.span());
                        into.mode.set(mode, source);
                    }
                    Err(()) => {
                        let holds = into.mode.value.as_str();
                        let word = shown(OsStr::new(name.as_ref()));
                        let problem = format!("mode {word} is none of {}; {holds} holds", Mode::LIST);
                        self.warn(&value.span(), problem, "write one of these words");
                    }
                },
                ("mode", _) => {
                    let holds = into.mode.value.as_str();
                    let problem = format!("mode takes a string; {holds} holds");
                    self.warn(&value.span(), problem, "write \"off\", \"warn\", \"guard\" or \"strict\"");
                }
                ("ignore", DeValue::Array(entries)) => {
                    let list = entries.iter().filter_map(|entry| self.ignore(entry)).collect();
                    let source = self.at(&value.span());
                    into.ignore.set(list, source);
                }
                ("ignore", _) => {
                    let problem = "ignore takes a list; what was in force before holds".to_owned();
                    self.warn(&value.span(), problem, "write [{ finding = \"KBGnnn\", release = \"PATTERN\" }]");
                }
                ("report", DeValue::Table(report)) => self.report(report, into),
                ("report", _) => {
                    let problem = "report is a table; what was in force before holds".to_owned();
                    self.warn(&value.span(), problem, "write [report] on a line of its own, and its keys below");
                }
                (other, _) => {
                    let problem = format!("unknown key {}", shown(OsStr::new(other)));
                    let advice = "take it out, or mend its name: the keys are mode, ignore and report";
                    self.warn(&key.span(), problem, advice);
                }
            }
        }
        Fate::Read
    }

    /// The table `[report]`.
    fn report(&mut self, table: &DeTable<'_>, into: &mut Configuration) {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "journal" => self.switch("journal", value, &mut into.report.journal),
                "notice" => self.switch("notice", value, &mut into.report.notice),
                "metrics_dir" => self.metrics_dir(value, &mut into.report.metrics),
                other => {
                    let problem = format!("unknown key {} of report", shown(OsStr::new(other)));
                    let advice = "take it out, or mend its name: the keys are journal, notice and metrics_dir";
                    self.warn(&key.span(), problem, advice);
                }
            }
        }
    }

    fn switch(&mut self, name: &str, value: &Spanned<DeValue<'_>>, into: &mut Setting<bool>) {
        match value.get_ref() {
            DeValue::Boolean(is_on) => into.set(*is_on, self.at(&value.span())),
            _ => {
                let problem = format!("report.{name} takes true or false; {} holds", into.value);
                self.warn(&value.span(), problem, "write true or false, without quotes");
            }
        }
    }

    fn metrics_dir(&mut self, value: &Spanned<DeValue<'_>>, into: &mut Setting<Metrics>) {
        let dir = match value.get_ref() {
            DeValue::String(text) if text.is_empty() => Some(Metrics::None),
            DeValue::String(text) if is_plain_dir(text) => Some(Metrics::at(text)),
            _ => None,
        };
        match dir {
            Some(dir) => into.set(dir, self.at(&value.span())),
            None => {
                let problem = "report.metrics_dir takes the absolute path of a directory, or \"\"".to_owned();
                let problem = format!("{problem}; {} holds", quoted_text(&into.value.shown()));
                self.warn(&value.span(), problem, "write a path that begins with /, or \"\" for no metrics");
            }
        }
    }

    /// One entry of the list. One that is not understood to its end is passed over: it must not silence more
    /// than was meant.
    fn ignore(&mut self, entry: &Spanned<DeValue<'_>>) -> Option<(Ignore, Source)> {
        let DeValue::Table(table) = entry.get_ref() else {
            self.warn(&entry.span(), "an entry of ignore is a table; it is passed over".to_owned(), ENTRY);
            return None;
        };
        let mut finding = None;
        let mut release = "*".to_owned();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("finding", DeValue::String(code)) => match FindingId::from_code(code) {
                    Some(id) => finding = Some(id),
                    None => {
                        let problem = format!("there is no finding {}", shown(OsStr::new(code.as_ref())));
                        self.warn(&value.span(), problem, "kbuild-guard-findings(7) lists them");
                        return None;
                    }
                },
                ("release", DeValue::String(pattern)) => release = pattern.to_string(),
                (known @ ("finding" | "release"), _) => {
                    self.warn(&value.span(), format!("{known} takes a string; the entry is passed over"), ENTRY);
                    return None;
                }
                (other, _) => {
                    let problem = format!("unknown key {}; the entry is passed over", shown(OsStr::new(other)));
                    self.warn(&key.span(), problem, "the keys of an entry are finding and release");
                    return None;
                }
            }
        }
        match finding {
            Some(finding) => Some((Ignore { finding, release }, self.at(&entry.span()))),
            None => {
                self.warn(&entry.span(), "an entry of ignore needs a finding; it is passed over".to_owned(), ENTRY);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use proptest::prelude::*;

    fn read(text: &str) -> (Policy, Vec<String>) {
        let mut all = Configuration::default();
        read_file(&RootPath::new("/f"), text.as_bytes(), &mut all);
        (all.policy(), all.warnings.iter().map(Warning::to_string).collect())
    }

    #[test]
    fn reads_a_right_file() {
        let (policy, warnings) =
            read("mode = \"strict\"\nignore = [{ finding = \"kbg020\", release = \"*-felix\" }]\n");
        assert_eq!(policy.mode, Mode::Strict);
        assert_eq!(policy.ignore, [Ignore { finding: FindingId::OtherRelease, release: "*-felix".into() }]);
        assert!(warnings.is_empty());
        for (name, mode) in Mode::NAMES {
            assert_eq!(read(&format!("mode = \"{name}\"")).0.mode, mode);
        }
    }

    #[test]
    fn a_wrong_file_names_its_line_and_the_default_holds() {
        for (text, warning) in [
            ("\nmode = \"loud\"\n", "/f:2: mode loud is none of off, warn, guard, strict; guard holds"),
            ("mode = 3", "/f:1: mode takes a string; guard holds"),
            ("# x\n\ncolour = 1\n", "/f:3: unknown key colour"),
            ("ignore = 3", "/f:1: ignore takes a list; what was in force before holds"),
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

    #[test]
    fn a_wrong_entry_silences_nothing() {
        for (entry, warning) in [
            ("{ finding = \"KBG999\" }", "/f:1: there is no finding KBG999"),
            ("\n{ release = \"x\" }", "/f:2: an entry of ignore needs a finding; it is passed over"),
            ("{ finding = \"KBG020\", relase = \"x\" }", "/f:1: unknown key relase; the entry is passed over"),
            ("{ finding = \"KBG020\", release = 6 }", "/f:1: release takes a string; the entry is passed over"),
            ("{ finding = 20 }", "/f:1: finding takes a string; the entry is passed over"),
            ("\"KBG020\"", "/f:1: an entry of ignore is a table; it is passed over"),
        ] {
            let (policy, warnings) = read(&format!("ignore = [{entry}]"));
            assert!(policy.ignore.is_empty(), "{entry}");
            assert_eq!(warnings, [warning], "{entry}");
        }
        // The others of the list are there.
        let (policy, warnings) = read("ignore = [{ finding = \"KBG999\" }, { finding = \"KBG020\" }]");
        assert_eq!((policy.ignore.len(), warnings.len()), (1, 1));
    }

    #[test]
    fn the_report_goes_where_it_is_told() {
        let (policy, warnings) = read("[report]\njournal = false\nnotice = false\nmetrics_dir = \"/srv/metrics\"\n");
        assert!(warnings.is_empty(), "{warnings:?}");
        let report = policy.report_to;
        assert_eq!((report.journal, report.notice), (false, false));
        assert_eq!(report.metrics, Metrics::At(RootPath::new("/srv/metrics")));
        assert_eq!(read("report = { metrics_dir = \"\" }").0.report_to.metrics, Metrics::None);
        for (text, warning) in [
            ("[report]\nnotice = \"no\"", "/f:2: report.notice takes true or false; true holds"),
            ("[report]\n\njounal = true", "/f:3: unknown key jounal of report"),
            ("report = true", "/f:1: report is a table; what was in force before holds"),
        ] {
            let (policy, warnings) = read(text);
            assert_eq!((policy, warnings), (Policy::default(), vec![warning.to_owned()]), "{text}");
        }
        for dir in ["\"srv\"", "\"/\"", "\"/a/../b\"", "3"] {
            let (policy, warnings) = read(&format!("report.metrics_dir = {dir}"));
            assert_eq!(policy, Policy::default(), "{dir}");
            assert!(warnings[0].ends_with("; /var/lib/prometheus/node-exporter holds"), "{warnings:?}");
        }
    }

    #[test]
    fn a_flood_is_a_few_lines() {
        let keys: String = (0..5000).map(|number| format!("key{number} = 1\n")).collect();
        let (_, warnings) = read(&keys);
        assert_eq!(warnings.len(), MOST_WARNINGS + 1);
        assert_eq!(warnings[MOST_WARNINGS], "/f: 4980 more things are wrong in it");
        let (_, warnings) = read(&format!("{} = 1", "k".repeat(100_000)));
        assert!(warnings[0].len() < 100, "{}", warnings[0].len());
        // Deeper than any parser's stack.
        let (_, warnings) = read(&format!("a = {}", "[".repeat(100_000)));
        assert_eq!(warnings.len(), 1);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            read(&text);
        }

        #[test]
        fn never_prints_what_a_terminal_acts_upon(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut all = Configuration::default();
            read_file(&RootPath::new("/f"), &bytes, &mut all);
            let clean = |warning: &Warning| !warning.to_string().chars().any(char::is_control);
            prop_assert!(all.warnings.iter().all(clean));
        }
    }
}
