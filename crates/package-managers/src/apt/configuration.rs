// SPDX-License-Identifier: MIT OR Apache-2.0
//! apt's own configuration, as far as it concerns us (apt.conf(5); the grammar is
//! apt-pkg/contrib/configuration.cc, `ReadConfigFile`).

use std::os::unix::ffi::OsStrExt;

use kbuild_guard::sysroot::{RootPath, Sysroot};

const PARTS: &str = "/etc/apt/apt.conf.d";
const MAIN: &str = "/etc/apt/apt.conf";

/// The largest file that a package ships there is 10 kB.
const LARGEST: usize = 1 << 20;
const MOST_PARTS: usize = 1000;

/// One word of a file.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Open,
    Close,
    End,
}

/// One setting, and the file that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The key in lower case, without `::` at its end: apt's keys are the same in any case.
    pub(super) key: String,
    pub(super) value: String,
    pub(super) file: RootPath,
}

/// What the files of a root come to, in apt's order.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    settings: Vec<Setting>,
    /// What was taken away by `#clear`: the settings, and the file that did it.
    pub(super) cleared: Vec<(Setting, RootPath)>,
}

impl Configuration {
    /// Reads the parts and then the main file. What cannot be read, apt could not either.
    pub(super) fn load(root: &Sysroot) -> Self {
        let parts = RootPath::new(PARTS);
        let listed = root.list(&parts, MOST_PARTS).unwrap_or_default();
        let parts =
            listed.into_iter().filter(|entry| is_part(entry.name.as_bytes())).map(|entry| parts.join(entry.name));
        let mut all = Configuration::default();
        for file in parts.chain([RootPath::new(MAIN)]) {
            match root.read(&file, LARGEST) {
                Ok(bytes) => all.read(&file, &String::from_utf8_lossy(&bytes)),
                Err(error) => log::debug!("{error}"),
            }
        }
        all
    }

    /// The settings of this key.
    pub(super) fn values<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a Setting> + use<'a> {
        let key = key.to_ascii_lowercase();
        self.settings.iter().filter(move |setting| setting.key == key)
    }

    fn read(&mut self, file: &RootPath, text: &str) {
        let mut scopes: Vec<String> = Vec::new();
        let mut words: Vec<String> = Vec::new();
        for token in tokens(text) {
            match token {
                Token::Word(word) => words.push(word),
                Token::Open => {
                    // `Tag "value" { … }` gives the tag a value besides its scope.
                    let name = std::mem::take(&mut words).into_iter().next().unwrap_or_default();
                    scopes.push(key(&scopes, &name));
                }
                Token::Close => {
                    self.end(file, &scopes, &mut words);
                    scopes.pop();
                }
                Token::End => self.end(file, &scopes, &mut words),
            }
        }
    }

    fn end(&mut self, file: &RootPath, scopes: &[String], words: &mut Vec<String>) {
        match words.as_slice() {
            [directive, names @ ..] if directive.eq_ignore_ascii_case("#clear") => {
                for name in names {
                    self.clear(file, &key(scopes, name));
                }
            }
            [name, value] => {
                self.settings.push(Setting { key: key(scopes, name), value: value.clone(), file: file.clone() });
            }
            [value] if !scopes.is_empty() => {
                self.settings.push(Setting { key: key(scopes, ""), value: value.clone(), file: file.clone() });
            }
            _ => {}
        }
        words.clear();
    }

    fn clear(&mut self, by: &RootPath, key: &str) {
        let below = format!("{key}::");
        let (gone, stay) = std::mem::take(&mut self.settings)
            .into_iter()
            .partition(|setting| setting.key == key || setting.key.starts_with(&below));
        self.settings = stay;
        self.cleared.extend::<Vec<_>>(Vec::into_iter(gone).map(|setting| (setting, by.clone())).collect());
    }
}

/// Names apt reads: no extension or `conf`, and nothing but letters, digits, `-`, `_` and `.` (apt.conf(5)).
fn is_part(name: &[u8]) -> bool {
    let is_plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    let extension = name.iter().rposition(|byte| *byte == b'.').and_then(|dot| name.get(dot + 1..));
    is_plain && !name.starts_with(b".") && extension.is_none_or(|extension| extension == b"conf")
}

fn key(scopes: &[String], name: &str) -> String {
    let name = name.trim_end_matches(':').to_ascii_lowercase();
    match scopes.last() {
        Some(scope) if name.is_empty() => scope.clone(),
        Some(scope) => format!("{scope}::{name}"),
        None => name,
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("//") {
            rest = after(comment, "\n");
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = after(comment, "*/");
        } else if first == '#' && !is_directive(rest) {
            rest = after(rest, "\n");
        } else if first.is_whitespace() {
            rest = rest.trim_start();
        } else if let Some(token) = match first {
            '{' => Some(Token::Open),
            '}' => Some(Token::Close),
            ';' => Some(Token::End),
            _ => None,
        } {
            found.push(token);
            rest = rest.get(1..).unwrap_or_default();
        } else {
            let (word, behind) = word(rest);
            found.push(Token::Word(word));
            rest = behind;
        }
    }
    found
}

fn is_directive(text: &str) -> bool {
    let word: String = text.chars().take_while(|c| !c.is_whitespace()).collect();
    ["#clear", "#include"].iter().any(|directive| word.eq_ignore_ascii_case(directive))
}

fn after<'t>(text: &'t str, end: &str) -> &'t str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

/// A word up to white space or punctuation, quoted parts as they are, and what is behind it.
fn word(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut in_quotes = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => in_quotes = !in_quotes,
            c if !in_quotes && (c.is_whitespace() || "{};".contains(c)) => {
                return (word, text.get(at..).unwrap_or_default());
            }
            c => word.push(c),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let mut all = Configuration::default();
        all.read(&RootPath::new("/f"), text);
        all.settings.into_iter().map(|setting| (setting.key, setting.value)).collect()
    }

    #[test]
    fn reads_what_apt_reads() {
        let own = include_str!("../../../../hooks/apt/kbuild-guard.conf");
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            read(own),
            [
                pair("dpkg::pre-install-pkgs", "/usr/lib/kbuild-guard/apt-hook || test $? -ne 10"),
                pair("dpkg::tools::options::/usr/lib/kbuild-guard/apt-hook::version", "3"),
            ]
        );
        for (text, expected) in [
            ("A::B \"x y\";", vec![pair("a::b", "x y")]),
            ("A \"x\" { b \"1\"; };", vec![pair("a::b", "1")]),
            ("a { b \"1\"; c { \"2\"; \"3\"; }; };", vec![pair("a::b", "1"), pair("a::c", "2"), pair("a::c", "3")]),
            ("A:: \"1\"; a:: \"2\";", vec![pair("a", "1"), pair("a", "2")]),
            ("A \"1//2\"; // B \"1\";\n# C \"1\";\n/* D\n\"1\"; */ E \"1\";", vec![pair("a", "1//2"), pair("e", "1")]),
            ("A { \"1\"; };\n#clear A;\nB \"2\";", vec![pair("b", "2")]),
            ("A \"1\"; #clear A\n;", vec![]),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn passes_over_the_names_that_apt_does() {
        for (name, expected) in [
            ("05kbuild-guard", true),
            ("05kbuild-guard.conf", true),
            ("05kbuild-guard.disabled", false),
            ("05kbuild-guard~", false),
            (".05", false),
        ] {
            assert_eq!(is_part(name.as_bytes()), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\PC\n\"{};#/*:]*") {
            read(&text);
        }
    }
}
