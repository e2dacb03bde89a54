// SPDX-License-Identifier: MIT OR Apache-2.0
//! Replacing macros, as C11 6.10.3 says, with GNU's named variable arguments.

use std::borrow::Cow;

use super::macros::{Macros, Meaning, Name};
use super::tokens::{Token, tokens};
use super::truth::Truth;

/// More than any condition takes: `IS_ENABLED` takes some fifty.
const MOST_STEPS: usize = 20_000;
/// More than any text between two directives takes: `READ_ONCE` inside others takes thousands.
const MOST_STEPS_OF_TEXT: usize = 4_000_000;
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

/// One parameter of a macro.
struct Parameter<'m> {
    name: Cow<'m, [u8]>,
    takes_the_rest: bool,
}

/// The state of one expansion.
pub(super) struct Expansion<'m> {
    macros: &'m Macros,
    frames: Vec<Frame<'m>>,
    /// Whether `defined` is an operator.
    is_condition: bool,
    steps: usize,
    most_steps: usize,
}

impl<'m> Expansion<'m> {
    /// Of the words of an `#if`.
    pub(super) fn of_condition(macros: &'m Macros, tokens: Vec<Token<'m>>) -> Self {
        Expansion { is_condition: true, most_steps: MOST_STEPS, ..Self::of_text(macros, tokens) }
    }

    /// Of a text between directives.
    pub(super) fn of_text(macros: &'m Macros, tokens: Vec<Token<'m>>) -> Self {
        let frames = vec![Frame { name: None, tokens, at: 0 }];
        Expansion { macros, frames, is_condition: false, steps: 0, most_steps: MOST_STEPS_OF_TEXT }
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

    fn is_open(&self) -> bool {
        let next = self.frames.iter().rev().find_map(|frame| frame.tokens.get(frame.at));
        next == Some(&Token::Operator("("))
    }

    /// Everything replaced; `None` where that takes too long.
    pub(super) fn run(&mut self) -> Option<Vec<Token<'m>>> {
        let mut out = Vec::new();
        while let Some(token) = self.next() {
            self.steps += 1;
            if self.steps > self.most_steps || self.frames.len() > DEEPEST {
                return None;
            }
            match token {
                Token::Word(word) if self.is_condition && word.as_ref() == b"defined" => out.push(self.defined()),
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
        match self.macros.meaning(name) {
            Meaning::Nothing => out.push(Token::Word(word)),
            _ if self.frames.iter().any(|frame| frame.name == Some(name)) => out.push(Token::Spent(word)),
            Meaning::Unclear => {
                self.arguments();
                out.push(Token::Number(None));
            }
            Meaning::Macro(text) => match text.strip_prefix(b"(") {
                None => self.frames.push(Frame { name: Some(name), tokens: tokens(text), at: 0 }),
                Some(_) if !self.is_open() => out.push(Token::Word(word)),
                Some(rest) => {
                    let end = memchr::memchr(b')', rest)?;
                    let (parameters, body) = (parameters(rest.get(..end)?), rest.get(end + 1..)?);
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
        parameters: &[Parameter<'m>],
        arguments: &[Vec<Token<'m>>],
    ) -> Option<Vec<Token<'m>>> {
        let argument = |token: &Token<'m>| -> Option<Vec<Token<'m>>> {
            let index = parameters.iter().position(|parameter| token.is_word(&parameter.name))?;
            if parameters.get(index)?.takes_the_rest {
                return Some(arguments.get(index..).unwrap_or_default().join(&Token::Operator(",")));
            }
            Some(arguments.get(index).cloned().unwrap_or_default())
        };
        let is = |index: usize, operator: &'static str| body.get(index) == Some(&Token::Operator(operator));
        let mut out: Vec<Token<'m>> = Vec::new();
        let mut pasting = false;
        for (index, token) in body.iter().enumerate() {
            if *token == Token::Operator("##") {
                pasting = true;
                continue;
            }
            if *token == Token::Operator("#") && body.get(index + 1).is_some_and(|next| argument(next).is_some()) {
                out.push(Token::Text);
                continue;
            }
            if index > 0 && is(index - 1, "#") && out.last() == Some(&Token::Text) && argument(token).is_some() {
                continue;
            }
            let mut replaced = match argument(token) {
                // GNU: the comma goes where nothing follows it.
                Some(raw) if pasting && out.last() == Some(&Token::Operator(",")) => {
                    pasting = false;
                    if raw.is_empty() {
                        out.pop();
                    }
                    self.expanded(raw)?
                }
                Some(raw) if pasting || is(index + 1, "##") => raw,
                Some(raw) => self.expanded(raw)?,
                None => vec![token.clone()],
            };
            if pasting && !replaced.is_empty() {
                let left = out.pop();
                let pasted = paste(left, replaced.remove(0));
                out.push(pasted);
            }
            pasting = false;
            self.steps += replaced.len();
            if self.steps > self.most_steps {
                return None;
            }
            out.extend(replaced);
        }
        Some(out)
    }

    /// What an argument expands to, on its own.
    fn expanded(&mut self, argument: Vec<Token<'m>>) -> Option<Vec<Token<'m>>> {
        let active = self.frames.iter().map(|frame| Frame { name: frame.name, tokens: Vec::new(), at: 0 });
        let mut frames: Vec<Frame<'m>> = active.collect();
        frames.push(Frame { name: None, tokens: argument, at: 0 });
        let mut inner = Expansion { frames, ..*self };
        let expanded = inner.run();
        self.steps = inner.steps;
        expanded
    }
}

/// What stands between the brackets behind a macro's name: `a, b`, `a, ...`, GNU's `a, rest...`.
fn parameters(text: &[u8]) -> Vec<Parameter<'_>> {
    let words = tokens(text);
    words
        .split(|token| *token == Token::Operator(","))
        .filter_map(|one| match one {
            [Token::Word(name)] => Some(Parameter { name: name.clone(), takes_the_rest: false }),
            [Token::Word(name), Token::Operator("...")] => Some(Parameter { name: name.clone(), takes_the_rest: true }),
            [Token::Operator("...")] => Some(Parameter { name: Cow::Borrowed(b"__VA_ARGS__"), takes_the_rest: true }),
            _ => None,
        })
        .collect()
}

/// Two words made one.
fn paste<'m>(left: Option<Token<'m>>, right: Token<'m>) -> Token<'m> {
    let text = |token: Token<'m>| -> Option<Vec<u8>> {
        match token {
            Token::Word(word) | Token::Spent(word) | Token::Numeral(word) => Some(word.into_owned()),
            Token::Number(Some(number)) => Some(number.to_string().into_bytes()),
            _ => None,
        }
    };
    let Some(left) = left else { return right };
    match (text(left), text(right)) {
        (Some(mut one), Some(other)) if one.len() + other.len() <= LONGEST_WORD => {
            one.extend(other);
            match one.first() {
                Some(b'0'..=b'9') => Token::Numeral(Cow::Owned(one)),
                _ => Token::Word(Cow::Owned(one)),
            }
        }
        _ => Token::Number(None),
    }
}
