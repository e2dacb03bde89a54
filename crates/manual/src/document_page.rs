// SPDX-License-Identifier: MIT OR Apache-2.0
//! A document of docs/ as a man page: headings are sections, tables are lists of terms, links to other documents
//! are references to their pages.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::roff::{Font, Page as Roff};
use crate::{CONFIGURATION, FINDINGS, HOOKS, PAGES, Page};

/// The documents that are pages.
const DOCUMENTS: [(&str, Page); 3] =
    [("configuration.md", CONFIGURATION), ("findings.md", FINDINGS), ("hooks.md", HOOKS)];

/// The page of a document.
pub(crate) fn page(page: &Page, date: &str, document: &str) -> String {
    let mut roff = Roff::default();
    roff.title(page, date);
    roff.call("SH", &["NAME"]);
    roff.text(&[(Font::Roman, format!("{} - {}", page.name, page.about))]);
    roff.call("SH", &["DESCRIPTION"]);
    append(&mut roff, document);
    see_also(&mut roff, page);
    roff.source()
}

/// The other pages.
pub(crate) fn see_also(roff: &mut Roff, page: &Page) {
    roff.call("SH", &["SEE ALSO"]);
    let others = PAGES.iter().filter(|other| *other != page);
    let mut text = Vec::new();
    for other in others {
        text.push((Font::Bold, other.name.to_owned()));
        text.push((Font::Roman, format!("({}), ", other.section)));
    }
    text.extend([
        (Font::Bold, "apt.conf".to_owned()),
        (Font::Roman, "(5), ".to_owned()),
        (Font::Bold, "dpkg".to_owned()),
        (Font::Roman, "(1), ".to_owned()),
        (Font::Bold, "dkms".to_owned()),
        (Font::Roman, "(8)".to_owned()),
    ]);
    roff.text(&text);
}

/// Appends a document, without its title.
pub(crate) fn append(roff: &mut Roff, document: &str) {
    let mut writer =
        Writer { roff, text: Vec::new(), font: vec![Font::Roman], place: Vec::new(), table: Table::default() };
    for event in Parser::new_ext(document, Options::ENABLE_TABLES) {
        writer.event(event);
    }
}

type Text = Vec<(Font, String)>;

#[derive(Default)]
struct Table {
    head: Vec<Text>,
    row: Vec<Text>,
}

/// What the writer is inside of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    List {
        next: Option<u64>,
    },
    /// Whether its bullet is still to be followed by its first paragraph.
    Item {
        fresh: bool,
    },
    Code,
}

struct Writer<'r> {
    roff: &'r mut Roff,
    text: Text,
    font: Vec<Font>,
    place: Vec<Place>,
    table: Table,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if self.place.last() == Some(&Place::Code) => {
                for line in text.lines() {
                    self.roff.verbatim(line);
                }
            }
            Event::Text(text) => self.push(&text),
            Event::Code(code) => self.text.push((Font::Bold, code.into_string())),
            Event::SoftBreak | Event::HardBreak => self.push(" "),
            // `<linux/module.h>` is none, whatever it looks like.
            Event::Html(text) | Event::InlineHtml(text) => self.push(&text),
            Event::Rule
            | Event::FootnoteReference(_)
            | Event::TaskListMarker(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => {}
        }
    }

    fn push(&mut self, text: &str) {
        let font = self.font.last().copied().unwrap_or(Font::Roman);
        self.text.push((font, text.to_owned()));
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Strong => self.font.push(Font::Bold),
            Tag::Emphasis => self.font.push(Font::Italic),
            Tag::Paragraph => self.paragraph(),
            Tag::List(first) => {
                self.flush_item();
                self.place.push(Place::List { next: *first });
            }
            Tag::Item => {
                let mark = match self.place.last_mut() {
                    Some(Place::List { next: Some(number) }) => {
                        *number += 1;
                        format!(".IP {}. 4", *number - 1)
                    }
                    _ => ".IP \\(bu 2".to_owned(),
                };
                self.roff.line(&mark);
                self.place.push(Place::Item { fresh: true });
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.flush_item();
                self.place.push(Place::Code);
                for line in [".PP", ".RS 4", ".nf"] {
                    self.roff.line(line);
                }
            }
            Tag::TableHead | Tag::TableRow => self.table.row.clear(),
            _ => {}
        }
    }

    fn paragraph(&mut self) {
        match self.place.last_mut() {
            Some(Place::Item { fresh }) if *fresh => *fresh = false,
            Some(Place::Item { .. }) => self.roff.line(".IP"),
            _ => self.roff.line(".PP"),
        }
    }

    /// An item's text, where markdown makes no paragraph of it.
    fn flush_item(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.roff.text(&text);
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Strong | TagEnd::Emphasis => drop(self.font.pop()),
            TagEnd::Paragraph => self.flush_item(),
            TagEnd::Heading(level) => {
                let text: String = std::mem::take(&mut self.text).into_iter().map(|(_, text)| text).collect();
                match level {
                    // The page has its own title.
                    HeadingLevel::H1 => {}
                    HeadingLevel::H2 => self.roff.call("SH", &[&text.to_uppercase()]),
                    _ => self.roff.call("SS", &[&text]),
                }
            }
            TagEnd::Item => {
                self.flush_item();
                self.place.pop();
            }
            TagEnd::List(_) => drop(self.place.pop()),
            TagEnd::CodeBlock => {
                self.place.pop();
                for line in [".fi", ".RE"] {
                    self.roff.line(line);
                }
            }
            TagEnd::Link => self.refer(),
            TagEnd::TableCell => self.table.row.push(std::mem::take(&mut self.text)),
            TagEnd::TableHead => self.head(),
            TagEnd::TableRow => self.row(),
            _ => {}
        }
    }

    /// A link's text stays; where it is the name of a document that is a page, it becomes that page's name.
    fn refer(&mut self) {
        let Some((_, text)) = self.text.last_mut() else { return };
        let name = text.trim_start_matches("docs/");
        if let Some((_, page)) = DOCUMENTS.iter().find(|(document, _)| *document == name) {
            let section = format!("({})", page.section);
            self.text.pop();
            self.text.push((Font::Bold, page.name.to_owned()));
            self.text.push((Font::Roman, section));
        }
    }

    /// What the terms are, and, where only one thing is said of each, what that is.
    fn head(&mut self) {
        self.table.head = std::mem::take(&mut self.table.row);
        let plain = |cell: &Text| cell.iter().map(|(_, text)| text.as_str()).collect::<String>();
        let line = match self.table.head.as_slice() {
            [first, ..] if first.is_empty() => return,
            [first, second] => format!("{}: {}", plain(first), plain(second)),
            [first, ..] => format!("{}:", plain(first)),
            [] => return,
        };
        self.roff.line(".PP");
        self.roff.text(&[(Font::Italic, line)]);
    }

    /// The first cell is the term: one line of source, or a paragraph of its own where that would be too long. Further ones are said with their column's name, where there are several.
    fn row(&mut self) {
        let mut cells = std::mem::take(&mut self.table.row).into_iter();
        let term = cells.next().unwrap_or_default();
        let is_long = !self.roff.term(&term);
        let cells: Vec<(usize, Text)> = cells.enumerate().filter(|(_, cell)| !cell.is_empty()).collect();
        let is_pair = self.table.head.len() <= 2;
        for (index, (column, cell)) in cells.into_iter().enumerate() {
            if index > 0 {
                self.roff.line(".br");
            }
            let mut text = Text::new();
            let name: String =
                self.table.head.get(column + 1).into_iter().flatten().map(|(_, text)| text.as_str()).collect();
            if !is_pair && !name.is_empty() {
                text.push((Font::Italic, name));
                text.push((Font::Roman, ": ".to_owned()));
            }
            text.extend(cell);
            self.roff.text(&text);
        }
        if is_long {
            self.roff.line(".RE");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(document: &str) -> String {
        let mut roff = Roff::default();
        append(&mut roff, document);
        roff.source()
    }

    const LONG: &str = "five five five five five five five five five five five five five five five five five five five";

    #[test]
    fn a_document_is_a_page() {
        for (document, expected) in [
            ("# Title\n\nText `code`.\n", ".PP\nText \\fBcode\\fR.\n"),
            ("## A word\n\nx\n", ".SH \"A WORD\"\nx\n"),
            ("### mode\n\nx\n", ".SS \"mode\"\nx\n"),
            ("- a\n- b\n", ".IP \\(bu 2\na\n.IP \\(bu 2\nb\n"),
            ("1. a\n2. b\n", ".IP 1. 4\na\n.IP 2. 4\nb\n"),
            ("```\n.x -y\n\nz\n```\n", ".PP\n.RS 4\n.nf\n\\&.x \\-y\n\nz\n.fi\n.RE\n"),
            ("| A | B |\n| --- | --- |\n| `x` | y |\n", ".PP\n\\fIA:\\fR \\fIB\\fR\n.TP\n\\fBx\\fR\ny\n"),
            ("| | B | C |\n| --- | --- | --- |\n| x | y | z |\n", ".TP\nx\n\\fIB\\fR: y\n.br\n\\fIC\\fR: z\n"),
            (
                &format!("| A | B |\n| --- | --- |\n| {LONG} | y |\n"),
                &format!(".PP\n\\fIA:\\fR \\fIB\\fR\n.PP\n{}\n{}\n.RS 7\ny\n.RE\n", &LONG[..74], &LONG[75..]),
            ),
            ("see [findings.md](findings.md), now\n", ".PP\nsee \\fBkbuild\\-guard\\-findings\\fR(7), now\n"),
        ] {
            assert_eq!(source(document), expected, "{document}");
        }
    }
}
