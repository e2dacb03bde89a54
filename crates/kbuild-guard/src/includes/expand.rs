// SPDX-License-Identifier: MIT OR Apache-2.0
//! Replacing macros in a condition, as C11 6.10.3 says.

use std::borrow::Cow;

use super::macros::{Macros, Meaning, Name};
use super::tokens::{Token, tokens};
use super::truth::Truth;

/// More than any condition of a header takes: `IS_ENABLED` takes some fifty.
const MOST_STEPS: usize = 20_000;
/// Longer than any identifier.
const LONGEST_WORD: usize = 256;
/// Macros inside macros.
const DEEPEST: usize = 64;

/// Words that a macro was replaced by, as far as they are read. While any are left it is not replaced again.
struct Frame<'m> {
    name: Option<Name>,
    tokens: Vec<Token<'m>>,
    at: usize,
}

/// The state of one expansion.
pub(super) struct Expansion<'m> {
    macros: &'m Macros,
    frames: Vec<Frame<'m>>,
    steps: usize,
}

impl<'m> Expansion<'m> {
    pub(super) fn of(macros: &'m Macros, tokens: Vec<Token<'m>>) -> Self {
        Expansion { macros, frames: vec![Frame { name: None, tokens, at: 0 }], steps: 0 }
    }

    fn next(&mut self) -> Option<Token<'m>> {
        loop {
            let frame = self.frames.last_mut()?;
            if let Some(token) = frame.tokens.get(frame.at) {
                frame.at += 1;
                return Some(token.clone());
            }
            self.frames.pop();
        }
    }

    fn peek(&self) -> Option<Token<'m>> {
        self.frames.iter().rev().find_map(|frame| frame.tokens.get(frame.at)).cloned()
    }

    fn is_open(&self) -> bool {
        self.peek() == Some(Token::Operator("("))
    }

    fn is_being_replaced(&self, name: Name) -> bool {
        self.frames.iter().any(|frame| frame.name == Some(name))
    }

    /// Everything replaced; `None` where that takes too long.
    pub(super) fn run(&mut self) -> Option<Vec<Token<'m>>> {
        let mut out = Vec::new();
        while let Some(token) = self.next() {
            self.steps += 1;
            if self.steps > MOST_STEPS || self.frames.len() > DEEPEST {
                return None;
            }
            match token {
                Token::Word(word) if word.as_ref() == b"defined" => out.push(self.defined()),
                Token::Word(word) => self.word(word, &mut out)?,
                other => out.push(other),
            }
        }
        Some(out)
    }

    /// `defined X` or `defined(X)`.
    fn defined(&mut self) -> Token<'m> {
        let bracketed = self.is_open();
        if bracketed {
            self.next();
        }
        let truth = match self.next() {
            Some(Token::Word(word) | Token::Spent(word)) => self.macros.is_defined(Name::of(&word)),
            _ => Truth::Maybe,
        };
        if bracketed {
            self.next();
        }
        Token::Number(match truth {
            Truth::No => Some(0),
            Truth::Maybe => None,
            Truth::Yes => Some(1),
        })
    }

    fn word(&mut self, word: Cow<'m, [u8]>, out: &mut Vec<Token<'m>>) -> Option<()> {
        let name = Name::of(&word);
        if self.is_being_replaced(name) {
            out.push(Token::Spent(word));
            return Some(());
        }
        match self.macros.meaning(name) {
            Meaning::Nothing => out.push(Token::Word(word)),
            Meaning::Unclear => {
                self.arguments();
                out.push(Token::Number(None));
            }
            Meaning::Macro(text) => match text.strip_prefix(b"(") {
                None => self.frames.push(Frame { name: Some(name), tokens: tokens(text), at: 0 }),
                Some(_) if !self.is_open() => out.push(Token::Word(word)),
                Some(rest) => {
                    let end = memchr::memchr(b')', rest)?;
                    let (parameters, body) = (rest.get(..end)?, rest.get(end + 1..)?);
                    let parameters = tokens(parameters);
                    let parameters: Vec<Token<'m>> =
                        parameters.into_iter().filter(|token| *token != Token::Operator(",")).collect();
                    let arguments = self.arguments();
                    let replaced = self.substitute(&tokens(body), &parameters, &arguments)?;
                    self.frames.push(Frame { name: Some(name), tokens: replaced, at: 0 });
                }
            },
        }
        Some(())
    }

    /// The arguments of a call, if one follows, not replaced yet.
    fn arguments(&mut self) -> Vec<Vec<Token<'m>>> {
        if !self.is_open() {
            return Vec::new();
        }
        self.next();
        let (mut all, mut one, mut depth) = (Vec::new(), Vec::new(), 0_usize);
        while let Some(token) = self.next() {
            self.steps += 1;
            match token {
                Token::Operator(")") if depth == 0 => break,
                Token::Operator(",") if depth == 0 => {
                    all.push(std::mem::take(&mut one));
                    continue;
                }
                Token::Operator("(") => depth += 1,
                Token::Operator(")") => depth -= 1,
                _ => {}
            }
            one.push(token);
        }
        all.push(one);
        all
    }

    /// The body with its parameters replaced: by the argument as it is beside `##`, else by what it expands to.
    fn substitute(
        &mut self,
        body: &[Token<'m>],
        parameters: &[Token<'m>],
        arguments: &[Vec<Token<'m>>],
    ) -> Option<Vec<Token<'m>>> {
        let argument = |token: &Token<'m>| -> Option<Vec<Token<'m>>> {
            if token.is_word(b"__VA_ARGS__") {
                let from = parameters.iter().position(|parameter| *parameter == Token::Operator("..."))?;
                return Some(arguments.get(from..).unwrap_or_default().join(&Token::Operator(",")));
            }
            let index = parameters.iter().position(|parameter| parameter == token)?;
            Some(arguments.get(index).cloned().unwrap_or_default())
        };
        let is_paste = |index: Option<usize>| {
            index.and_then(|index| body.get(index)).is_some_and(|token| *token == Token::Operator("##"))
        };
        let mut out: Vec<Token<'m>> = Vec::new();
        let mut pasting = false;
        for (index, token) in body.iter().enumerate() {
            if *token == Token::Operator("##") {
                pasting = true;
                continue;
            }
            let mut replaced = match argument(token) {
                Some(raw) if pasting || is_paste(index.checked_add(1)) => raw,
                Some(raw) => {
                    let active = self.frames.iter().map(|frame| Frame { name: frame.name, tokens: Vec::new(), at: 0 });
                    let mut inner = Expansion { macros: self.macros, frames: active.collect(), steps: self.steps };
                    inner.frames.push(Frame { name: None, tokens: raw, at: 0 });
                    let expanded = inner.run();
                    self.steps = inner.steps;
                    expanded?
                }
                None => vec![token.clone()],
            };
            if pasting && !replaced.is_empty() {
                let left = out.pop();
                let pasted = paste(left, replaced.remove(0));
                out.push(pasted);
            }
            pasting = false;
            self.steps += replaced.len();
            if self.steps > MOST_STEPS {
                return None;
            }
            out.extend(replaced);
        }
        Some(out)
    }
}

/// Two words made one.
fn paste<'m>(left: Option<Token<'m>>, right: Token<'m>) -> Token<'m> {
    let text = |token: Token<'m>| -> Option<Vec<u8>> {
        match token {
            Token::Word(word) | Token::Spent(word) => Some(word.into_owned()),
            Token::Number(Some(number)) => Some(number.to_string().into_bytes()),
            _ => None,
        }
    };
    let Some(left) = left else { return right };
    match (text(left), text(right)) {
        (Some(mut one), Some(other)) if one.len() + other.len() <= LONGEST_WORD => {
            one.extend(other);
            Token::Word(Cow::Owned(one))
        }
        _ => Token::Number(None),
    }
}
