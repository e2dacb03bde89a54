// SPDX-License-Identifier: MIT OR Apache-2.0
//! The value of an `#if`, as far as it does not hang on the compiler.

use super::expand::Expansion;
use super::macros::Macros;
use super::tokens::{Token, number, tokens};
use super::truth::Truth;

/// Whether a condition, cleaned, holds.
pub(super) fn holds(condition: &[u8], macros: &Macros) -> Truth {
    let Some(tokens) = Expansion::of_condition(macros, tokens(condition)).run() else { return Truth::Maybe };
    let mut value = Value { tokens: &tokens, depth: 0 };
    match value.choice() {
        Ok(number) if value.tokens.is_empty() => number.map_or(Truth::Maybe, |number| (number != 0).into()),
        _ => Truth::Maybe,
    }
}

/// Brackets within brackets.
const DEEPEST: usize = 100;

/// What asks the compiler: always a question and its brackets.
const ASKS: &[&[u8]] = &[
    b"__has_attribute",
    b"__has_builtin",
    b"__has_extension",
    b"__has_feature",
    b"__has_include",
    b"__has_c_attribute",
    b"__has_warning",
];

/// No expression.
struct Nonsense;

/// A number, or nothing known.
type Number = Option<i128>;

struct Value<'e> {
    tokens: &'e [Token<'e>],
    depth: usize,
}

impl<'e> Value<'e> {
    fn next(&mut self) -> Option<Token<'e>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn take(&mut self, operator: &str) -> bool {
        let is = self.tokens.first().is_some_and(|token| matches!(token, Token::Operator(other) if *other == operator));
        if is {
            self.next();
        }
        is
    }

    fn choice(&mut self) -> Result<Number, Nonsense> {
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        let yes = self.choice()?;
        if !self.take(":") {
            return Err(Nonsense);
        }
        let no = self.choice()?;
        Ok(match condition {
            Some(0) => no,
            Some(_) => yes,
            None => yes.filter(|_| yes == no),
        })
    }

    /// Operators that bind at least so tight.
    fn binary(&mut self, least: u8) -> Result<Number, Nonsense> {
        let mut left = self.unary()?;
        while let Some(Token::Operator(operator)) = self.tokens.first() {
            let Some(binds) = precedence(operator).filter(|binds| *binds >= least) else { break };
            let operator = *operator;
            self.next();
            let right = self.binary(binds + 1)?;
            left = apply(operator, left, right);
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Number, Nonsense> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Nonsense);
        }
        let value = match self.next() {
            Some(Token::Operator("!")) => self.unary()?.map(|number| i128::from(number == 0)),
            Some(Token::Operator("-")) => self.unary()?.and_then(i128::checked_neg),
            Some(Token::Operator("+")) => self.unary()?,
            Some(Token::Operator("~")) => self.unary()?.map(|number| !number),
            Some(Token::Operator("(")) => {
                let value = self.choice()?;
                if !self.take(")") {
                    return Err(Nonsense);
                }
                value
            }
            Some(Token::Numeral(text)) => number(&text),
            Some(Token::Number(number)) => number,
            Some(Token::Text) => None,
            Some(Token::Word(word) | Token::Spent(word)) => {
                let is_call = self.take("(");
                if is_call {
                    self.pass_call()?;
                }
                // What is no macro counts as 0 (C11 6.10.1); `__SUCH__` may be one of the compiler's own.
                let is_compilers = word.len() > 4 && word.starts_with(b"__") && word.ends_with(b"__");
                if is_call || is_compilers || ASKS.contains(&word.as_ref()) { None } else { Some(0) }
            }
            _ => return Err(Nonsense),
        };
        self.depth -= 1;
        Ok(value)
    }

    /// Moves behind the bracket that closes a call.
    fn pass_call(&mut self) -> Result<(), Nonsense> {
        let mut open = 1_usize;
        while open > 0 {
            match self.next().ok_or(Nonsense)? {
                Token::Operator("(") => open += 1,
                Token::Operator(")") => open -= 1,
                _ => {}
            }
        }
        Ok(())
    }
}

fn precedence(operator: &str) -> Option<u8> {
    Some(match operator {
        "||" => 0,
        "&&" => 1,
        "|" => 2,
        "^" => 3,
        "&" => 4,
        "==" | "!=" => 5,
        "<" | ">" | "<=" | ">=" => 6,
        "<<" | ">>" => 7,
        "+" | "-" => 8,
        "*" | "/" | "%" => 9,
        _ => return None,
    })
}

fn apply(operator: &str, left: Number, right: Number) -> Number {
    match (operator, left, right) {
        ("&&", Some(0), _) | ("&&", _, Some(0)) => return Some(0),
        ("||", Some(number), _) | ("||", _, Some(number)) if number != 0 => return Some(1),
        _ => {}
    }
    let (left, right) = (left?, right?);
    let shift = || u32::try_from(right).ok();
    match operator {
        "||" | "&&" => Some(i128::from(left != 0 && right != 0)),
        "|" => Some(left | right),
        "^" => Some(left ^ right),
        "&" => Some(left & right),
        "==" => Some(i128::from(left == right)),
        "!=" => Some(i128::from(left != right)),
        "<" => Some(i128::from(left < right)),
        ">" => Some(i128::from(left > right)),
        "<=" => Some(i128::from(left <= right)),
        ">=" => Some(i128::from(left >= right)),
        "<<" => left.checked_shl(shift()?),
        ">>" => left.checked_shr(shift()?),
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" => left.checked_div(right),
        "%" => left.checked_rem(right),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACROS: &[&str] = &[
        "CONFIG_A 1",
        "CONFIG_B_MODULE 1",
        "MODULE",
        "__ARG_PLACEHOLDER_1 0,",
        "__take_second_arg(__ignored, val, ...) val",
        "__and(x, y) ___and(x, y)",
        "___and(x, y) ____and(__ARG_PLACEHOLDER_##x, y)",
        "____and(arg1_or_junk, y) __take_second_arg(arg1_or_junk y, 0)",
        "__or(x, y) ___or(x, y)",
        "___or(x, y) ____or(__ARG_PLACEHOLDER_##x, y)",
        "____or(arg1_or_junk, y) __take_second_arg(arg1_or_junk 1, y)",
        "__is_defined(x) ___is_defined(x)",
        "___is_defined(val) ____is_defined(__ARG_PLACEHOLDER_##val)",
        "____is_defined(arg1_or_junk) __take_second_arg(arg1_or_junk 1, 0)",
        "IS_BUILTIN(option) __is_defined(option)",
        "IS_MODULE(option) __is_defined(option##_MODULE)",
        "IS_ENABLED(option) __or(IS_BUILTIN(option), IS_MODULE(option))",
        "VERSION(a, b) (((a) << 16) + (b))",
        "CODE 393228",
        "SELF SELF + 1",
        "BITS 64",
        "PING PONG",
        "PONG PING",
    ];

    fn holds(condition: &str) -> Truth {
        let mut macros = Macros::default();
        for text in MACROS {
            macros.define(text.as_bytes(), Truth::Yes);
        }
        macros.define(b"MAYBE 1", Truth::Maybe);
        super::holds(condition.as_bytes(), &macros)
    }

    #[test]
    fn values_as_the_preprocessor_finds_them() {
        let yes = [
            "1",
            "defined(CONFIG_A) && !defined CONFIG_B",
            "IS_ENABLED(CONFIG_A)",
            "IS_BUILTIN(CONFIG_A)",
            "!IS_ENABLED(CONFIG_C)",
            "IS_ENABLED(CONFIG_B)",
            "IS_MODULE(CONFIG_B) && !IS_BUILTIN(CONFIG_B)",
            "BITS == 64 && BITS >= 0x40UL",
            "CODE >= VERSION(6, 12) && CODE < VERSION(6, 13)",
            "(1 ? 2 : 0) == 2",
            "1 || MAYBE",
            "-1 < 0 && ~0 == -1",
            "SELF == 1",
            "!PING",
            "2 + 3 * 4 == 14 && 1 << 2 == 4 && 7 % 4 == 3",
        ];
        for condition in yes {
            assert_eq!(holds(condition), Truth::Yes, "{condition}");
        }
        for condition in ["0", "UNDEFINED", "MAYBE && 0", "defined(X) || UNDEFINED > 3"] {
            assert_eq!(holds(condition), Truth::No, "{condition}");
        }
        for condition in [
            "MAYBE",
            "defined(MAYBE)",
            "__has_attribute(x)",
            "F(1) == 2",
            "1 +",
            "(",
            "1 / 0",
            "'a' == 97",
            "__CHAR_UNSIGNED__ == 1",
        ] {
            assert_eq!(holds(condition), Truth::Maybe, "{condition}");
        }
    }

    proptest::proptest! {
        #[test]
        fn ends_whatever_the_condition_is(condition in "[A-Z_a-z0-9()&|!<>=+?:,# ]{0,60}", body in "\\([a-c,]{0,5}\\)[A-Ca-c()#, ]{0,20}") {
            let mut macros = Macros::default();
            for name in ["A", "B", "C"] {
                macros.define(format!("{name}{body}").as_bytes(), Truth::Yes);
            }
            super::holds(condition.as_bytes(), &macros);
        }
    }
}
