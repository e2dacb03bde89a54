// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of at most 80 columns, where the words allow.

/// The width messages are made for.
const WIDTH: usize = 80;

/// Where the text of a labelled row begins.
const INDENT: usize = 10;

/// A text in lines, the first beginning at column 0, the others indented. A word is never broken: a
/// path that is cut cannot be copied.
pub(super) fn wrapped(text: &str, indent: usize, first: usize) -> String {
    wrapped_with("", text, indent, first)
}

/// The same, with `tail` at the end of every line that goes on.
fn wrapped_with(tail: &str, text: &str, indent: usize, first: usize) -> String {
    let mut out = String::new();
    let mut column = first;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > first && column > indent && column + 1 + length + tail.len() > WIDTH {
            out.push_str(tail);
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if !out.is_empty() {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

/// A row with its label: `  remove  linux-headers-…`.
pub(super) fn row(label: &str, text: &str) -> String {
    format!("  {label:<8}{}\n", wrapped(text, INDENT, INDENT))
}

/// A row with a command, which can be copied as it is, also where it takes several lines.
pub fn command_row(label: &str, command: &str) -> String {
    format!("  {label:<8}{}\n", wrapped_with(" \\", command, INDENT, INDENT))
}

/// Text in lines that all begin at the same column.
pub(super) fn paragraph(indent: usize, text: &str) -> String {
    format!("{}{}\n", " ".repeat(indent), wrapped(text, indent, indent))
}

/// A command in lines that all begin at the same column, to be copied as it is.
pub(super) fn command_line(indent: usize, command: &str) -> String {
    format!("{}{}\n", " ".repeat(indent), wrapped_with(" \\", command, indent, indent))
}

/// A list as text that stays short: the first `most`, and how many more there are.
pub(super) fn few<T: ToString>(items: &[T], most: usize) -> String {
    let shown: Vec<String> = items.iter().take(most).map(ToString::to_string).collect();
    let mut text = shown.join(", ");
    if items.len() > most {
        text.push_str(&format!(" and {} more", items.len() - most));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_at_words_only() {
        let text = "word ".repeat(30);
        assert!(row("label", text.trim_end()).lines().all(|line| line.len() <= WIDTH && line.starts_with("  ")));
        assert!(command_row("fix", &text).contains("word \\\n          word"));
        let path = "/very/long".repeat(12);
        assert_eq!(row("lost", &path), format!("  lost    {path}\n"));
        assert_eq!(few(&["a", "b", "c"], 2), "a, b and 1 more");
    }
}
