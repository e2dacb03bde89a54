// SPDX-License-Identifier: MIT OR Apache-2.0
//! The preprocessor's directives in a C text: what stands in comments and strings is none.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr3};

/// A directive that decides what is included. What follows its name is as it is written; see [`cleaned`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directive<'t> {
    If(&'t [u8]),
    Ifdef(&'t [u8]),
    Ifndef(&'t [u8]),
    Elif(&'t [u8]),
    Else,
    Endif,
    Define(&'t [u8]),
    Undef(&'t [u8]),
    Include(&'t [u8]),
    PragmaOnce,
    /// `#error`: the compiler stops.
    Error,
    /// One that changes nothing.
    Other,
}

/// The directives of one text, in order.
pub(super) struct Directives<'t> {
    text: &'t [u8],
    at: usize,
    /// Where the text before the directive that was found last begins and ends.
    passed: (usize, usize),
    behind: usize,
}

impl<'t> Directives<'t> {
    pub(super) fn of(text: &'t [u8]) -> Self {
        Directives { text, at: 0, passed: (0, 0), behind: 0 }
    }

    /// The text before the directive that was found last, and after the end what follows the last one.
    pub(super) fn passed(&self) -> &'t [u8] {
        self.text.get(self.passed.0..self.passed.1).unwrap_or_default()
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Whether only blanks stand before `at` on its line.
    fn begins_line(&self, at: usize) -> bool {
        let before = self.text.get(..at).unwrap_or_default();
        !matches!(before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t')), Some(byte) if *byte != b'\n')
    }

    /// Moves behind the directive that begins here, after its `#`: to the end of its line, or of the last one that a
    /// backslash or a comment joins to it.
    fn take_line(&mut self) -> &'t [u8] {
        let start = self.at;
        loop {
            let Some(found) = memchr3(b'\n', b'/', b'"', self.rest()) else {
                self.at = self.text.len();
                break;
            };
            self.at += found;
            match self.text.get(self.at) {
                Some(b'\n') => {
                    let line = self.text.get(start..self.at).unwrap_or_default();
                    if !line.strip_suffix(b"\r").unwrap_or(line).ends_with(b"\\") {
                        break;
                    }
                    self.at += 1;
                }
                Some(b'/') if self.rest().starts_with(b"//") => {
                    self.at = memchr(b'\n', self.rest()).map_or(self.text.len(), |end| self.at + end);
                    break;
                }
                Some(b'/') => self.pass_comment(),
                _ => self.pass_string(),
            }
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Moves behind a slash, and behind the comment if it begins one.
    fn pass_comment(&mut self) {
        if self.rest().starts_with(b"/*") {
            // Most end soon: a searcher for both bytes takes longer to set up than that.
            let body = self.text.get(self.at + 2..).unwrap_or_default();
            let end = memchr_iter(b'/', body)
                .find(|slash| slash.checked_sub(1).is_some_and(|before| body.get(before) == Some(&b'*')));
            self.at = end.map_or(self.text.len(), |end| self.at + 2 + end + 1);
        } else if self.rest().starts_with(b"//") {
            self.at = memchr(b'\n', self.rest()).map_or(self.text.len(), |end| self.at + end);
        } else {
            self.at += 1;
        }
    }

    /// Moves behind a string, which ends with its line at the latest.
    fn pass_string(&mut self) {
        let before = self.text.get(..self.at).unwrap_or_default();
        self.at += 1;
        // The character '"'.
        if self.rest().first() == Some(&b'\'') && (before.ends_with(b"'") || before.ends_with(b"'\\")) {
            return;
        }
        while let Some(found) = memchr3(b'"', b'\\', b'\n', self.rest()) {
            self.at += found;
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return;
                }
                Some(b'\\') => self.at += 2,
                _ => return,
            }
        }
        self.at = self.text.len();
    }
}

impl<'t> Iterator for Directives<'t> {
    type Item = Directive<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(found) = memchr3(b'#', b'/', b'"', self.rest()) else {
                self.passed = (self.behind, self.text.len());
                return None;
            };
            self.at += found;
            match self.text.get(self.at)? {
                b'/' => self.pass_comment(),
                b'"' => self.pass_string(),
                _ => {
                    let at = self.at;
                    self.at += 1;
                    if self.begins_line(at) {
                        let line = self.take_line();
                        if let Some(directive) = directive(line) {
                            self.passed = (self.behind, at);
                            self.behind = self.at;
                            return Some(directive);
                        }
                    }
                }
            }
        }
    }
}

fn directive(line: &[u8]) -> Option<Directive<'_>> {
    let line = line.trim_ascii_start();
    let (name, rest) = line.split_at(word_length(line));
    let rest = rest.trim_ascii();
    Some(match name {
        b"if" => Directive::If(rest),
        b"ifdef" => Directive::Ifdef(word(rest)),
        b"ifndef" => Directive::Ifndef(word(rest)),
        b"elif" => Directive::Elif(rest),
        b"else" => Directive::Else,
        b"endif" => Directive::Endif,
        b"define" => Directive::Define(rest),
        b"undef" => Directive::Undef(word(rest)),
        b"include" => Directive::Include(rest),
        b"pragma" if word(rest) == b"once" => Directive::PragmaOnce,
        b"error" => Directive::Error,
        b"warning" | b"pragma" | b"line" | b"ident" => Directive::Other,
        _ => return None,
    })
}

/// How many bytes of a C identifier a text begins with.
pub(super) fn word_length(text: &[u8]) -> usize {
    let is_of_word = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_');
    text.iter().position(|byte| !is_of_word(byte)).unwrap_or(text.len())
}

fn word(text: &[u8]) -> &[u8] {
    text.get(..word_length(text)).unwrap_or_default()
}

/// A directive's words without the comments, and with the lines joined that backslashes join.
pub(super) fn cleaned(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'/', b'\\', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut clean = Vec::with_capacity(raw.len());
    clean_into(raw, &mut clean);
    Cow::Owned(clean)
}

/// Adds a directive's words, as [`cleaned`] has them.
pub(super) fn clean_into(raw: &[u8], clean: &mut Vec<u8>) {
    let mut walk = Directives::of(raw);
    let mut taken = 0;
    while let Some(found) = memchr3(b'/', b'"', b'\\', walk.rest()) {
        walk.at += found;
        let start = walk.at;
        let (is_left_out, instead) = match raw.get(start) {
            Some(b'/') => {
                walk.pass_comment();
                (walk.at > start + 1, &b" "[..])
            }
            Some(b'"') => {
                walk.pass_string();
                (false, &b""[..])
            }
            _ => {
                let joined = [&b"\\\n"[..], b"\\\r\n"].into_iter().find(|end| walk.rest().starts_with(end));
                walk.at += joined.map_or(1, <[u8]>::len);
                (joined.is_some(), &b""[..])
            }
        };
        if is_left_out {
            clean.extend_from_slice(raw.get(taken..start).unwrap_or_default());
            clean.extend_from_slice(instead);
            taken = walk.at;
        }
    }
    clean.extend_from_slice(raw.get(taken..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_no_comment_and_no_string() {
        let text = b"/* #include <no.h>\n#define NO\n*/\n  # include <a.h> // x\n// #if NO\nchar c = '\"';\n\
            #define B(x) \"/*\" #x /* two\nlines */ more\nputs(\"\n#else\n#define C \\\n  1\n#pragma once\n x #undef NO\n#endif";
        let mut directives = Directives::of(text);
        let (mut found, mut between) = (Vec::new(), Vec::new());
        while let Some(directive) = directives.next() {
            found.push(directive);
            between.push(directives.passed());
        }
        assert_eq!(between[2], b"\nputs(\"\n");
        assert_eq!(directives.passed(), b"");
        let expected = [
            Directive::Include(b"<a.h> // x"),
            Directive::Define(b"B(x) \"/*\" #x /* two\nlines */ more"),
            Directive::Else,
            Directive::Define(b"C \\\n  1"),
            Directive::PragmaOnce,
            Directive::Endif,
        ];
        assert_eq!(found, expected);
        assert_eq!(cleaned(b"B(x) \"/*\" #x /* two\nlines */ more").as_ref(), b"B(x) \"/*\" #x   more");
        assert_eq!(cleaned(b"C \\\n  1 / 2").as_ref(), b"C   1 / 2");
        assert_eq!(cleaned(b"A // x").as_ref(), b"A  ");
    }

    proptest::proptest! {
        #[test]
        fn ends_whatever_the_text_is(text: Vec<u8>) {
            for directive in Directives::of(&text) {
                if let Directive::Define(raw) | Directive::If(raw) = directive {
                    cleaned(raw);
                }
            }
        }
    }
}
