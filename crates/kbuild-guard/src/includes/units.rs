// SPDX-License-Identifier: MIT OR Apache-2.0
//! C text after the preprocessor, without what says nothing of declarations: attributes, assembler, questions of types.

use super::macros::Name;
use super::tokens::Token;

/// One word of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unit {
    /// An identifier that is no keyword.
    Word(Box<[u8]>),
    /// `struct` or `union`.
    Struct,
    Enum,
    Typedef,
    /// Any other word of a type: `int`, `__int128`, `typeof (x)`.
    Type,
    /// `const`, `static`, `inline` and what else stands with a type and is none.
    Qualifier,
    /// `return`, `else` and other words of statements.
    Statement,
    Goto,
    Operator(&'static str),
    /// A number or a string.
    Value,
    /// What a macro that may be defined otherwise stands for.
    Unknown,
}

impl Unit {
    pub(super) fn is(&self, operator: &str) -> bool {
        matches!(self, Unit::Operator(own) if *own == operator)
    }

    pub(super) fn name(&self) -> Option<Name> {
        match self {
            Unit::Word(word) => Some(Name::of(word)),
            _ => None,
        }
    }
}

/// What a word is to the parser, with the bracket that follows some.
enum Kind {
    Plain(Unit),
    /// Stands for this, together with the bracket that follows, if one does.
    WithBracket(Option<Unit>),
}

fn kind(word: &[u8]) -> Kind {
    use Kind::{Plain, WithBracket};
    match word {
        b"struct" | b"union" => Plain(Unit::Struct),
        b"enum" => Plain(Unit::Enum),
        b"goto" => Plain(Unit::Goto),
        b"typedef" => Plain(Unit::Typedef),
        b"void" | b"char" | b"short" | b"int" | b"long" | b"float" | b"double" | b"signed" | b"unsigned" | b"_Bool"
        | b"bool" | b"__signed__" | b"__signed" | b"__int128" | b"__int128_t" | b"__uint128_t" | b"_Complex"
        | b"__builtin_va_list" | b"__auto_type" => Plain(Unit::Type),
        b"const" | b"volatile" | b"static" | b"extern" | b"inline" | b"register" | b"auto" | b"restrict"
        | b"__restrict" | b"__restrict__" | b"__const" | b"__const__" | b"__volatile__" | b"__volatile"
        | b"__inline" | b"__inline__" | b"_Noreturn" | b"__extension__" | b"__thread" | b"_Thread_local"
        | b"__seg_gs" | b"__seg_fs" | b"_Atomic" | b"__label__" => Plain(Unit::Qualifier),
        b"return" | b"else" | b"do" | b"case" | b"default" | b"if" | b"while" | b"for" | b"switch" | b"break"
        | b"continue" | b"sizeof" | b"_Alignof" | b"__alignof__" | b"__alignof" => Plain(Unit::Statement),
        b"typeof" | b"__typeof__" | b"__typeof" | b"typeof_unqual" | b"__typeof_unqual__" => {
            WithBracket(Some(Unit::Type))
        }
        b"__builtin_offsetof" | b"__builtin_types_compatible_p" | b"__builtin_va_arg" | b"_Generic" => {
            WithBracket(Some(Unit::Value))
        }
        b"__attribute__" | b"__attribute" | b"asm" | b"__asm__" | b"__asm" | b"_Pragma" | b"_Static_assert"
        | b"static_assert" | b"_Alignas" => WithBracket(None),
        b"__func__"
        | b"__FUNCTION__"
        | b"__PRETTY_FUNCTION__"
        | b"__FILE__"
        | b"__LINE__"
        | b"__COUNTER__"
        | b"__BASE_FILE__"
        | b"__DATE__"
        | b"__TIME__"
        | b"__INCLUDE_LEVEL__" => Plain(Unit::Value),
        builtin if [&b"__builtin_"[..], b"__sync_", b"__atomic_"].iter().any(|of| builtin.starts_with(of)) => {
            Plain(Unit::Value)
        }
        other => Plain(Unit::Word(other.into())),
    }
}

/// Turns words into units, one after the other.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// Passing over a bracket: how many are open; 0 while it has not begun.
    passing: Option<usize>,
}

impl Units {
    /// The unit of one more word, if it makes one.
    pub(super) fn next(&mut self, token: &Token<'_>) -> Option<Unit> {
        if let Some(open) = self.passing {
            match token {
                Token::Operator("(") => {
                    self.passing = Some(open + 1);
                    return None;
                }
                Token::Operator(")") if open == 1 => {
                    self.passing = None;
                    return None;
                }
                Token::Operator(")") if open > 1 => {
                    self.passing = Some(open - 1);
                    return None;
                }
                _ if open > 0 => return None,
                // `asm volatile goto (`.
                Token::Word(word) | Token::Spent(word)
                    if matches!(word.as_ref(), b"volatile" | b"__volatile__" | b"goto" | b"inline" | b"__inline") =>
                {
                    return None;
                }
                _ => self.passing = None,
            }
        }
        match token {
            Token::Word(word) | Token::Spent(word) => match kind(word) {
                Kind::Plain(unit) => Some(unit),
                Kind::WithBracket(unit) => {
                    self.passing = Some(0);
                    unit
                }
            },
            Token::Numeral(_) | Token::Number(Some(_)) | Token::Text => Some(Unit::Value),
            Token::Number(None) => Some(Unit::Unknown),
            Token::Operator(operator) => Some(Unit::Operator(operator)),
        }
    }
}
