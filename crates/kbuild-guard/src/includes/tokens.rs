// SPDX-License-Identifier: MIT OR Apache-2.0
//! The words of a condition.

use std::borrow::Cow;

use super::directives::word_length;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// An identifier.
    Word(Cow<'t, [u8]>),
    /// One that is not replaced any more (C11 6.10.3.4, the macro being expanded).
    Spent(Cow<'t, [u8]>),
    /// A number as it is written.
    Numeral(Cow<'t, [u8]>),
    /// The value of something; `None` for one that is not known.
    Number(Option<i128>),
    /// A string or a character.
    Text,
    /// An operator.
    Operator(&'static str),
}

impl Token<'_> {
    /// Whether it is this identifier.
    pub(super) fn is_word(&self, word: &[u8]) -> bool {
        matches!(self, Token::Word(own) if own.as_ref() == word)
    }
}

/// The longest first.
const OPERATORS: &[&str] = &[
    "...", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "##", "->", "(", ")", ",", "?", ":", "!", "~", "+", "-",
    "*", "/", "%", "<", ">", "&", "^", "|", "#", "{", "}", "[", "]", ";", "=", ".",
];

/// The words of a text without comments.
pub(super) fn tokens(mut text: &[u8]) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    loop {
        text = text.trim_ascii_start();
        let Some(first) = text.first() else { return tokens };
        let length = match first {
            b'0'..=b'9' => {
                let length = word_length(text);
                tokens.push(Token::Numeral(Cow::Borrowed(text.get(..length).unwrap_or_default())));
                length
            }
            byte if byte.is_ascii_alphabetic() || *byte == b'_' => {
                let length = word_length(text);
                tokens.push(Token::Word(Cow::Borrowed(text.get(..length).unwrap_or_default())));
                length
            }
            b'"' | b'\'' => {
                tokens.push(Token::Text);
                text_length(text, *first)
            }
            _ => match OPERATORS.iter().find(|operator| text.starts_with(operator.as_bytes())) {
                Some(operator) => {
                    tokens.push(Token::Operator(operator));
                    operator.len()
                }
                None => {
                    tokens.push(Token::Number(None));
                    1
                }
            },
        };
        text = text.get(length..).unwrap_or_default();
    }
}

/// How long the string or character is that a text begins with.
fn text_length(text: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 1,
            byte if *byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// A number as C writes it, with its suffix.
pub(super) fn number(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?.trim_end_matches(['u', 'U', 'l', 'L']);
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i128::from_str_radix(digits, 16).ok();
    }
    match text.strip_prefix('0') {
        Some("") => Some(0),
        Some(digits) => i128::from_str_radix(digits, 8).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_condition() {
        use Token::Operator;
        let numeral = |text: &'static [u8]| Token::Numeral(Cow::Borrowed(text));
        let word = |word: &'static [u8]| Token::Word(Cow::Borrowed(word));
        let expected = [
            word(b"defined"),
            Operator("("),
            word(b"A1"),
            Operator(")"),
            Operator("&&"),
            numeral(b"0xffUL"),
            Operator("<<"),
            numeral(b"010"),
            Operator(">="),
            Token::Text,
            numeral(b"9u"),
        ];
        assert_eq!(
            [number(b"0xffUL"), number(b"010"), number(b"9u"), number(b"0b1")],
            [Some(255), Some(8), Some(9), None]
        );
        assert_eq!(tokens(b"defined(A1) && 0xffUL <<010 >= '\"' 9u"), expected);
    }
}
