// SPDX-License-Identifier: MIT OR Apache-2.0
//! Texts for people: the program's, made fit for a terminal, and the plugin's own.

use crate::PROGRAM;
use crate::error::Error;

/// What each of our messages begins with.
const NAME: &str = "kbuild-guard:";

/// What the program said, as it may be shown; `None` if it is no message of ours.
pub(crate) fn presentable(said: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(said) {
        Ok(text) => text,
        // Cut off in the middle of a character, at the bound.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(said.get(..error.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    if !text.lines().any(|line| line.starts_with(NAME)) {
        return None;
    }
    let shown = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '?' } else { c };
    let mut text: String = text.chars().map(shown).collect();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Some(text)
}

/// The one line on what went wrong.
pub(crate) fn complaint(error: &Error) -> String {
    format!("{NAME} rpm plugin: {error}; nothing is checked\n")
}

/// What is said of a stop that nobody explains.
pub(crate) fn no_reason() -> String {
    format!("{NAME} blocked by {PROGRAM}, which does not say why\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_messages_are_shown_and_nothing_else() {
        let long = "\nkbuild-guard: warning: é\n\tx\n";
        assert_eq!(presentable(long.as_bytes()).unwrap(), long);
        assert_eq!(presentable(b"kbuild-guard: x").unwrap(), "kbuild-guard: x\n");
        assert_eq!(presentable(b"kbuild-guard: cut \xc3").unwrap(), "kbuild-guard: cut \n");
        for nothing in [&b""[..], b"\n", b"Segmentation fault\n", b"kbuild-guard: \xff\n", b" kbuild-guard: x", &[0; 9]]
        {
            assert_eq!(presentable(nothing), None);
        }
    }

    #[test]
    fn a_terminal_is_told_nothing() {
        let text = "kbuild-guard: \x1b[31mred\x07\r\u{9b}0m\x7f\0\n";
        assert_eq!(presentable(text.as_bytes()).unwrap(), "kbuild-guard: ?[31mred???0m??\n");
    }
}
