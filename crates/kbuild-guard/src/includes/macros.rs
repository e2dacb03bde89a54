// SPDX-License-Identifier: MIT OR Apache-2.0
//! The macros that are defined at one point of a walk.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use rustc_hash::FxHasher;

use super::directives::{clean_into, word_length};
use super::truth::Truth;

/// Bodies longer than this belong to macros that no condition of a header asks for. They are not kept.
const LONGEST_BODY: u32 = 256;

/// The name of a macro, as a number: some ten thousand are defined on the way, and only few are ever asked for. Who makes
/// names that have the same number on purpose deceives nobody but the users of a tree of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name(u64);

impl Name {
    pub(super) fn of(name: &[u8]) -> Self {
        let mut hasher = FxHasher::default();
        hasher.write(name);
        Name(hasher.finish())
    }
}

/// A number that is a hash already.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// What is known of one macro.
#[derive(Debug, Clone)]
struct Definition {
    defined: Truth,
    /// Where what follows the name stands in `bodies`: parameters, if any, and body; `None` if it was too long.
    body: Option<Range<u32>>,
}

/// So many are defined on the way through a kernel's headers (11,772 in Linux 6.1), and what they stand for is so long.
const MACROS: usize = 14_000;
const BODIES: usize = 400_000;

/// All macros.
#[derive(Debug)]
pub(super) struct Macros {
    known: HashMap<Name, Definition, BuildHasherDefault<AsItIs>>,
    bodies: Vec<u8>,
    keeps_all: bool,
}

/// What an identifier stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meaning<'m> {
    /// No macro.
    Nothing,
    /// A macro, and what stands behind its name: `(a, b) a + b`, or ` 1`.
    Macro(&'m [u8]),
    /// Perhaps a macro, or one with a body that was not kept.
    Unclear,
}

impl Default for Macros {
    fn default() -> Self {
        let known = HashMap::with_capacity_and_hasher(MACROS, BuildHasherDefault::default());
        Macros { known, bodies: Vec::with_capacity(BODIES), keeps_all: false }
    }
}

impl Macros {
    /// Keeps long bodies too, for the text between the directives.
    pub(super) fn keeping_all() -> Self {
        Macros { keeps_all: true, ..Macros::default() }
    }

    /// Takes what follows a `#define`, as it is written. In a branch that may not be taken it is defined at most maybe.
    pub(super) fn define(&mut self, raw: &[u8], certain: Truth) {
        let (name, body) = raw.split_at(word_length(raw));
        let start = self.bodies.len();
        clean_into(body, &mut self.bodies);
        let range = match (u32::try_from(start), u32::try_from(self.bodies.len())) {
            (Ok(start), Ok(end)) if self.keeps_all || end.saturating_sub(start) <= LONGEST_BODY => Some(start..end),
            _ => {
                self.bodies.truncate(start);
                None
            }
        };
        let definition = Definition { defined: certain, body: range };
        let known = self.known.entry(Name::of(name)).or_insert_with(|| definition.clone());
        if certain == Truth::Yes {
            *known = definition;
        } else if known.defined != certain {
            // Was something else before, and may be this now.
            *known = Definition { defined: known.defined.max(certain), body: None };
        }
    }

    /// Takes a macro back, or perhaps.
    pub(super) fn undefine(&mut self, name: &[u8], certain: Truth) {
        if certain == Truth::Yes {
            self.known.remove(&Name::of(name));
        } else if let Some(known) = self.known.get_mut(&Name::of(name)) {
            known.defined = Truth::Maybe;
        }
    }

    /// Whether it is defined.
    pub(super) fn is_defined(&self, name: Name) -> Truth {
        self.known.get(&name).map_or(Truth::No, |known| known.defined)
    }

    /// What it stands for.
    pub(super) fn meaning(&self, name: Name) -> Meaning<'_> {
        let Some(known) = self.known.get(&name) else { return Meaning::Nothing };
        let body = known
            .body
            .as_ref()
            .and_then(|body| self.bodies.get(usize::try_from(body.start).ok()?..usize::try_from(body.end).ok()?));
        match body {
            Some(body) if known.defined == Truth::Yes => Meaning::Macro(body),
            _ => Meaning::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_certain_and_what_may_be() {
        let mut macros = Macros::default();
        let name = Name::of(b"A");
        macros.define(b"A(x) x", Truth::Yes);
        assert!(matches!(macros.meaning(name), Meaning::Macro(b"(x) x")));
        macros.undefine(b"A", Truth::Maybe);
        assert_eq!(macros.is_defined(name), Truth::Maybe);
        macros.undefine(b"A", Truth::Yes);
        assert!(matches!(macros.meaning(name), Meaning::Nothing));
        macros.define(b"A 1", Truth::Maybe);
        assert!(matches!(macros.meaning(name), Meaning::Unclear));
        macros.define(b"A 2", Truth::Yes);
        assert!(matches!(macros.meaning(name), Meaning::Macro(b" 2")));
        macros.define(b"A 3", Truth::Maybe);
        assert_eq!(macros.is_defined(name), Truth::Yes);
        assert!(matches!(macros.meaning(name), Meaning::Unclear));
    }
}
