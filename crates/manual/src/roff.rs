// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text as man(7) wants it: what it would act upon is escaped, lines are short.

/// As long as a line of source may be for mandoc(1) not to complain.
const WIDTH: usize = 76;

/// A font, as `\f` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Font {
    Roman,
    Bold,
    Italic,
}

/// A page that is being written.
#[derive(Debug, Default)]
pub(crate) struct Page {
    lines: Vec<String>,
}

impl Page {
    /// The title line. Nothing of it is from outside.
    pub(crate) fn title(&mut self, page: &crate::Page, date: &str) {
        let version = concat!("kbuild-guard ", env!("CARGO_PKG_VERSION"));
        let name = escaped(&page.name.to_uppercase());
        self.lines.push(format!(".TH \"{name}\" \"{}\" \"{date}\" \"{version}\" \"kbuild-guard\"", page.section));
    }

    /// A macro with its arguments, each of which is escaped and quoted.
    pub(crate) fn call(&mut self, name: &str, arguments: &[&str]) {
        let mut line = format!(".{name}");
        for argument in arguments {
            line.push_str(&format!(" \"{}\"", escaped(argument).replace('"', "\\(dq")));
        }
        self.lines.push(line);
    }

    /// A macro as it stands. A paragraph that a heading has begun is not begun again.
    pub(crate) fn line(&mut self, line: &str) {
        let is_begun = self.lines.last().is_some_and(|last| last.starts_with(".SH") || last.starts_with(".SS"));
        if !(is_begun && line == ".PP") {
            self.lines.push(line.to_owned());
        }
    }

    /// Lines of source that were rendered elsewhere, in lines that are not too long and without empty ones, which
    /// man(7) advises against.
    pub(crate) fn source_of(&mut self, source: &str) {
        for line in source.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            let again = line == ".br" && self.lines.last().is_some_and(|last| last == line);
            if line.starts_with('.') && !again {
                self.line(line);
            } else if !again {
                self.fill(line.split(' '));
            }
        }
    }

    /// Filled text.
    pub(crate) fn text(&mut self, text: &[(Font, String)]) {
        let words = words(text);
        self.fill(words.iter().map(String::as_str));
    }

    /// Begins a term and what is said of it. A term is one line (man(7), `TP`); for a longer one the answer is no,
    /// and it is a paragraph with an indented block, which `RE` ends.
    pub(crate) fn term(&mut self, term: &[(Font, String)]) -> bool {
        let line = words(term).join(" ");
        if line.len() > WIDTH {
            self.line(".PP");
            self.text(term);
            self.line(".RS 7");
            return false;
        }
        self.line(".TP");
        // A term that is empty, or looks like a macro, would take the next line with it.
        let guard = if line.is_empty() || line.starts_with(['.', '\'']) { "\\&" } else { "" };
        self.lines.push(format!("{guard}{line}"));
        true
    }

    fn fill<'w>(&mut self, words: impl Iterator<Item = &'w str>) {
        let mut line = String::new();
        for word in words {
            if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
                self.lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            } else if word.starts_with(['.', '\'']) {
                // A line that begins with either is a macro.
                line.push_str("\\&");
            }
            line.push_str(word);
            // A sentence ends a line, so that the formatter sees it as one.
            if word.ends_with(['.', '!', '?']) {
                self.lines.push(std::mem::take(&mut line));
            }
        }
        if !line.is_empty() {
            self.lines.push(line);
        }
    }

    /// One line of text that is not filled.
    pub(crate) fn verbatim(&mut self, text: &str) {
        let guard = if text.starts_with(['.', '\'']) { "\\&" } else { "" };
        self.lines.push(format!("{guard}{}", escaped(text)));
    }

    /// The source.
    pub(crate) fn source(self) -> String {
        self.lines.join("\n") + "\n"
    }
}

/// The words of a text, each with its font. A word of two fonts is one word.
fn words(text: &[(Font, String)]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_open = false;
    for (font, part) in text {
        for (index, piece) in part.split([' ', '\n']).enumerate() {
            if index > 0 {
                is_open = false;
            }
            if piece.is_empty() {
                continue;
            }
            let piece = match font {
                Font::Roman => escaped(piece),
                Font::Bold => format!("\\fB{}\\fR", escaped(piece)),
                Font::Italic => format!("\\fI{}\\fR", escaped(piece)),
            };
            match words.last_mut().filter(|_| is_open) {
                Some(word) => word.push_str(&piece),
                None => words.push(piece),
            }
            is_open = true;
        }
    }
    words
}

/// Escapes what roff acts upon, and what a terminal would be shown another character for (groff_char(7)).
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            '…' => out.push_str("..."),
            '→' => out.push_str("\\->"),
            c if c.is_ascii() => out.push(c),
            c => out.push_str(&format!("\\[u{:04X}]", u32::from(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: &[(Font, &str)]) -> String {
        let mut page = Page::default();
        page.text(&parts.iter().map(|(font, text)| (*font, (*text).to_owned())).collect::<Vec<_>>());
        page.source()
    }

    #[test]
    fn text_is_text() {
        assert_eq!(text(&[(Font::Roman, ".TH 'x' a\\b")]), "\\&.TH \\(aqx\\(aq a\\eb\n");
        assert_eq!(
            text(&[(Font::Roman, "see "), (Font::Bold, "a b"), (Font::Roman, ", c")]),
            "see \\fBa\\fR \\fBb\\fR, c\n"
        );
        assert_eq!(text(&[(Font::Roman, "One. Two.")]), "One.\nTwo.\n");
        assert!(text(&[(Font::Roman, &"word ".repeat(50))]).lines().all(|line| line.len() <= WIDTH));
    }
}
