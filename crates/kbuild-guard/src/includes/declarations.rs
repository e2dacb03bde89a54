// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names that are used and declared nowhere: what shows that an empty header should not be empty.
//!
//! This is no C parser. It takes for declared whatever may be, and looks only at places where the compiler stops for
//! certain if a name is not: the type of a declaration, of a member or of a parameter; the structure that a member is; the
//! size of an array; a function or variable in the body of an inline function.

use std::collections::HashSet;

use super::macros::Name;
use super::units::Unit;

/// A declaration longer than this is passed over: a table of registers.
const LONGEST: usize = 1 << 16;
/// Structures within structures.
const DEEPEST: usize = 50;

/// What is declared so far, and the declaration that is being read.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    types: HashSet<Name>,
    names: HashSet<Name>,
    /// Structures and unions whose members are known.
    complete: HashSet<Name>,
    pending: Vec<Unit>,
    open: usize,
    depth: usize,
    undeclared: Option<Box<[u8]>>,
}

/// How a declaration begins.
struct Specifiers {
    /// What follows it begins here.
    end: usize,
    is_typedef: bool,
    has_type: bool,
    /// The structure or enumeration whose members are not given here.
    tag: Option<Box<[u8]>>,
}

impl Declarations {
    /// Takes one more word. What is not `certain` may not be there.
    pub(super) fn take(&mut self, unit: Unit, certain: bool) {
        match &unit {
            Unit::Operator("{" | "(" | "[") => self.open += 1,
            Unit::Operator("}" | ")" | "]") => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        if !certain {
            self.pending.push(Unit::Unknown);
        }
        let ends = self.open == 0
            && (unit.is(";") || (unit.is("}") && body(&self.pending).is_some()) || self.pending.len() > LONGEST);
        self.pending.push(unit);
        if ends {
            let declaration = std::mem::take(&mut self.pending);
            self.declaration(&declaration);
        }
    }

    /// A name that is used and was not declared before, if there is one.
    pub(super) fn undeclared(&self) -> Option<&[u8]> {
        self.undeclared.as_deref()
    }

    fn miss(&mut self, name: &[u8]) {
        if self.depth < DEEPEST {
            self.undeclared.get_or_insert_with(|| name.into());
        }
    }

    /// Where something is not known, any of these names may be what is declared.
    fn declare_all(&mut self, units: &[Unit]) {
        let names: Vec<Name> = units.iter().filter_map(Unit::name).collect();
        self.names.extend(&names);
        self.types.extend(&names);
        self.complete.extend(&names);
    }

    fn declaration(&mut self, units: &[Unit]) {
        let body_at = body(units);
        let head = units.get(..body_at.unwrap_or(units.len())).unwrap_or_default();
        if let Some(at) = unclear_outside_braces(head) {
            self.members_before(head.get(..at).unwrap_or_default());
            return self.declare_all(units);
        }
        let specifiers = self.specifiers(head);
        let declarators = head.get(specifiers.end..).unwrap_or_default();
        let mut locals = HashSet::new();
        for declarator in split(declarators, ",") {
            let mut sides = split(declarator, "=");
            let declarator = sides.next().unwrap_or_default();
            let name = declarator.iter().find_map(Unit::name);
            if let Some(name) = name {
                if specifiers.is_typedef {
                    self.types.insert(name)
                } else {
                    self.names.insert(name)
                };
            }
            self.declarator(&specifiers, declarator);
            locals.extend(declarator.iter().filter_map(Unit::name));
            sides.for_each(|value| self.adjacent(value));
        }
        if let Some(at) = body_at {
            self.body(units.get(at..).unwrap_or_default(), locals);
        }
    }

    /// The members of a structure are clear, whatever attribute may stand behind them.
    fn members_before(&mut self, units: &[Unit]) {
        if matches!(units, [.., last] if last.is("}")) {
            self.specifiers(units);
        }
    }

    /// What stands behind the type: parameters, sizes, and words that only a macro could have made something of.
    fn declarator(&mut self, specifiers: &Specifiers, declarator: &[Unit]) {
        if specifiers.has_type {
            if let [Unit::Word(word), next, ..] = declarator {
                if matches!(next, Unit::Word(_)) || next.is("*") {
                    self.miss(word);
                }
            }
        }
        if let (Some(tag), [Unit::Word(_), next, ..]) = (&specifiers.tag, declarator) {
            if next.is("[") && !self.complete.contains(&Name::of(tag)) {
                self.miss(tag);
            }
        }
        self.parameters(declarator);
        self.sizes(declarator);
    }

    /// A name beside a string or a number: no expression has that.
    fn adjacent(&mut self, units: &[Unit]) {
        for pair in units.windows(2) {
            if let [Unit::Value, Unit::Word(word)] | [Unit::Word(word), Unit::Value] = pair {
                self.miss(word);
            }
        }
    }

    /// Reads how a declaration begins, and what it declares by the way.
    fn specifiers(&mut self, units: &[Unit]) -> Specifiers {
        let mut read = Specifiers { end: 0, is_typedef: false, has_type: false, tag: None };
        while let Some(unit) = units.get(read.end) {
            match unit {
                Unit::Typedef => read.is_typedef = true,
                Unit::Qualifier => {}
                Unit::Type => read.has_type = true,
                Unit::Struct | Unit::Enum => {
                    read.has_type = true;
                    let tag = match units.get(read.end + 1) {
                        Some(Unit::Word(word)) => Some(word.clone()),
                        _ => None,
                    };
                    let after = read.end + 1 + usize::from(tag.is_some());
                    read.end = after - 1;
                    if units.get(after).is_some_and(|unit| unit.is("{")) {
                        let length = bracketed(units.get(after..).unwrap_or_default());
                        let inner = units.get(after + 1..(after + length).saturating_sub(1)).unwrap_or_default();
                        if *unit == Unit::Enum {
                            self.constants(inner)
                        } else {
                            self.members(inner)
                        }
                        if let Some(tag) = tag {
                            self.complete.insert(Name::of(&tag));
                        }
                        read.end = after + length - 1;
                    } else {
                        read.tag = tag;
                    }
                }
                Unit::Word(word) if !read.has_type => {
                    let name = Name::of(word);
                    // `name(` at the beginning is a macro or a function that is none; the compiler wants a type.
                    if !self.types.contains(&name) {
                        let next = units.get(read.end + 1);
                        let is_alone = next.is_none() || next.is_some_and(|next| next.is(";"));
                        let is_type =
                            next.is_some_and(|next| matches!(next, Unit::Word(_)) || next.is("*") || next.is("("));
                        if is_type || (is_alone && read.end == 0) {
                            self.miss(word);
                        }
                        return read;
                    }
                    read.has_type = true;
                }
                _ => return read,
            }
            read.end += 1;
        }
        read
    }

    /// The members of a structure, without its braces.
    fn members(&mut self, units: &[Unit]) {
        self.depth += 1;
        for member in split(units, ";") {
            if self.depth >= DEEPEST || member.is_empty() {
                continue;
            }
            if let Some(at) = unclear_outside_braces(member) {
                self.members_before(member.get(..at).unwrap_or_default());
                self.declare_all(member);
                continue;
            }
            let specifiers = self.specifiers(member);
            let rest = member.get(specifiers.end..).unwrap_or_default();
            if let (Some(tag), Some(Unit::Word(_))) = (&specifiers.tag, rest.first()) {
                if !self.complete.contains(&Name::of(tag)) {
                    self.miss(tag);
                }
            }
            for declarator in split(rest, ",") {
                self.declarator(&specifiers, declarator);
            }
        }
        self.depth -= 1;
    }

    /// The constants of an enumeration, without its braces.
    fn constants(&mut self, units: &[Unit]) {
        for constant in split(units, ",") {
            if constant.contains(&Unit::Unknown) {
                self.declare_all(constant);
                continue;
            }
            for word in constant.iter().skip(1) {
                self.used(word);
            }
            self.names.extend(constant.first().and_then(Unit::name));
        }
    }

    /// The types of the parameters in every bracket of a declarator.
    fn parameters(&mut self, declarator: &[Unit]) {
        self.depth += 1;
        let mut at = 0;
        while let Some(unit) = declarator.get(at) {
            if unit.is("(") && self.depth < DEEPEST {
                let length = bracketed(declarator.get(at..).unwrap_or_default());
                let inner = declarator.get(at + 1..(at + length).saturating_sub(1)).unwrap_or_default();
                // `(*name)`, or parameters.
                if inner.first().is_some_and(|first| first.is("*") || first.is("(")) {
                    self.parameters(inner);
                } else {
                    split(inner, ",").for_each(|parameter| self.parameter(parameter));
                }
                at += length;
            } else if unit.is("[") {
                at += bracketed(declarator.get(at..).unwrap_or_default());
            } else {
                at += 1;
            }
        }
        self.depth -= 1;
    }

    fn parameter(&mut self, units: &[Unit]) {
        // A name alone may be anything: `(noargs)`, `__must_check (x)`.
        if units.len() < 2 || matches!(units, [Unit::Word(_), next, ..] if next.is("(")) {
            return;
        }
        let specifiers = self.specifiers(units);
        self.declarator(&specifiers, units.get(specifiers.end..).unwrap_or_default());
    }

    /// The sizes of arrays, and of bit fields.
    fn sizes(&mut self, declarator: &[Unit]) {
        let mut open = 0_usize;
        for unit in declarator {
            match unit {
                Unit::Operator("[") => open += 1,
                Unit::Operator("]") => open = open.saturating_sub(1),
                _ if open > 0 => self.used(unit),
                _ => {}
            }
        }
    }

    /// A name where only what is declared may stand.
    fn used(&mut self, unit: &Unit) {
        if let Unit::Word(word) = unit {
            let name = Name::of(word);
            if !self.names.contains(&name) && !self.types.contains(&name) && !self.complete.contains(&name) {
                self.miss(word);
            }
        }
    }

    /// What a function's body uses, with its parameters and whatever in it may be a declaration.
    fn body(&mut self, units: &[Unit], mut locals: HashSet<Name>) {
        let is_clear = !units.contains(&Unit::Unknown);
        let before = |index: usize| index.checked_sub(1).and_then(|index| units.get(index));
        let is = |unit: Option<&Unit>, operators: &[&str]| {
            unit.is_some_and(|unit| operators.iter().any(|operator| unit.is(operator)))
        };
        let declares = |index: usize| {
            let (previous, next) = (before(index), units.get(index + 1));
            match previous {
                Some(Unit::Word(_) | Unit::Type | Unit::Qualifier | Unit::Struct | Unit::Enum) => true,
                Some(unit) if unit.is("*") || unit.is("}") => !is(next, &["("]),
                Some(unit) if unit.is(",") => is(next, &["=", ",", ";", "["]),
                // `enum type (name) = 0`, from a macro.
                Some(unit) if unit.is("(") && is(next, &[")"]) => {
                    matches!(index.checked_sub(3).and_then(|index| units.get(index)), Some(Unit::Struct | Unit::Enum))
                        || index.checked_sub(2).and_then(|index| units.get(index)) == Some(&Unit::Type)
                }
                _ => false,
            }
        };
        locals
            .extend(units.iter().enumerate().filter(|(index, _)| declares(*index)).filter_map(|(_, unit)| unit.name()));
        for (index, unit) in units.iter().enumerate() {
            let (previous, next) = (before(index), units.get(index + 1));
            let is_other = is(previous, &[".", "->"])
                || is(next, &[":"])
                || matches!(previous, Some(Unit::Struct | Unit::Enum | Unit::Goto))
                || unit.name().is_none_or(|name| locals.contains(&name));
            // What is not known may declare a variable, and no function.
            if !is_other && (is_clear || is(next, &["("])) {
                self.used(unit);
            }
        }
        if is_clear {
            self.adjacent(units);
        }
    }
}

/// Where the body of a function begins: at the first brace behind a bracket, and not behind a `=`.
fn body(units: &[Unit]) -> Option<usize> {
    let mut at = 0;
    while let Some(unit) = units.get(at) {
        if unit.is("=") {
            return None;
        }
        if unit.is("{") && at.checked_sub(1).and_then(|before| units.get(before)).is_some_and(|unit| unit.is(")")) {
            return Some(at);
        }
        at += bracketed(units.get(at..).unwrap_or_default());
    }
    None
}

/// Where something stands that is not known and may change what the rest says. In braces it changes one member or constant.
fn unclear_outside_braces(units: &[Unit]) -> Option<usize> {
    let mut open = 0_usize;
    units.iter().position(|unit| {
        match unit {
            Unit::Operator("{") => open += 1,
            Unit::Operator("}") => open = open.saturating_sub(1),
            _ => {}
        }
        open == 0 && *unit == Unit::Unknown
    })
}

/// How long what begins here is: a bracket with all in it, or one word.
fn bracketed(units: &[Unit]) -> usize {
    let mut open = 0_usize;
    for (index, unit) in units.iter().enumerate() {
        match unit {
            Unit::Operator("{" | "(" | "[") => open += 1,
            Unit::Operator("}" | ")" | "]") => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return index + 1;
        }
    }
    units.len().max(1)
}

/// The parts between these operators, where no bracket is open.
fn split<'u>(units: &'u [Unit], at: &'static str) -> impl Iterator<Item = &'u [Unit]> {
    let mut open = 0_usize;
    units.split(move |unit| {
        match unit {
            Unit::Operator("{" | "(" | "[") => open += 1,
            Unit::Operator("}" | ")" | "]") => open = open.saturating_sub(1),
            _ => {}
        }
        open == 0 && unit.is(at)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::super::units::Units;
    use super::*;

    fn undeclared(text: &str) -> Option<String> {
        let (mut units, mut declarations) = (Units::default(), Declarations::default());
        for token in tokens(text.as_bytes()) {
            if let Some(unit) = units.next(&token) {
                declarations.take(unit, true);
            }
        }
        declarations.undeclared().map(|name| String::from_utf8(name.to_vec()).unwrap())
    }

    const DECLARED: &str = "typedef unsigned int u32; typedef struct { u32 a; } both_t; struct list { struct list *next; };\
        enum { ONE, TWO = ONE + 1 }; extern int printk(const char *fmt, ...); typedef u32 (*call_t)(struct other *);\
        static inline __attribute__((always_inline)) u32 f(u32 x) { return x; }; u32 array[TWO], *more;";

    #[test]
    fn sound_text_is_let_pass() {
        for text in [
            "struct s { u32 a : 3, b; struct list l; struct other *o; struct nope (*call)(both_t, call_t); union { u32 x; }; u32 v[ONE]; };",
            "static inline int g(struct list *l, u32 n) { u32 x = n, y; struct list *p = l->next; for (int i = 0; i < x; i++) \
             printk(\"%d\", i); y = f(array[ONE]); again: if (p) goto again; return ({ typeof(x) z = y; z; }) + sizeof(struct list) ? more[1] : 0; }",
            "extern struct incomplete x; struct incomplete make(void); asm volatile (\"x\" : : \"r\" (nothing)); enum e;",
            "extern void (*handler)(int); extern int (*table[TWO])(u32, void *); u32 late[] = { [ONE] = 3 };",
        ] {
            assert_eq!(undeclared(&format!("{DECLARED} {text}")), None, "{text}");
        }
    }

    #[test]
    fn what_the_compiler_would_stop_at_is_found() {
        for (text, name) in [
            ("u64 x;", "u64"),
            ("extern u64 f2(void);", "u64"),
            ("extern int f3(u32 a, u64 b);", "u64"),
            ("struct s { u64 a; };", "u64"),
            ("struct s { struct nope a; };", "nope"),
            ("struct s { u32 a[THREE]; };", "THREE"),
            ("u32 b[THREE];", "THREE"),
            ("enum { THREE = FOUR };", "FOUR"),
            ("DEFINE(x);", "DEFINE"),
            ("HEADER;", "HEADER"),
            ("struct s { MEMBERS; };", "MEMBERS"),
            ("struct s { enum nope a; };", "nope"),
            ("extern struct nope many[];", "nope"),
            ("extern int f4(struct nope many[]);", "nope"),
            ("extern void __init f5(void);", "__init"),
            ("extern int f6(void __user *p);", "__user"),
            ("static const char text[] = \"a\" VERSION;", "VERSION"),
            ("static inline int g(u32 n) { return missing(n); }", "missing"),
            ("static inline int g(u32 n) { return n + MISSING; }", "MISSING"),
            ("typedef u64 other;", "u64"),
        ] {
            assert_eq!(undeclared(&format!("{DECLARED} {text}")).as_deref(), Some(name), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn ends_whatever_the_text_is(text in "(struct|enum|typedef|x|y|int|[{}()\\[\\];,=*:.]| ){0,80}") {
            undeclared(&text);
        }
    }
}
