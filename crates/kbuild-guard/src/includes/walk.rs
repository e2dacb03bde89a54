// SPDX-License-Identifier: MIT OR Apache-2.0
//! Going through the headers as the preprocessor does.

use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;

use rustc_hash::FxHashMap;

use super::declarations::Declarations;
use super::directives::{Directive, Directives, cleaned};
use super::expand::Expansion;
use super::macros::{Macros, Name};
use super::search::{Found, Place, Search};
use super::tokens::{Token, tokens};
use super::truth::Truth;
use super::units::Units;
use super::{Reached, condition};
use crate::error::Result;
use crate::sysroot::{RootPath, Status};

/// As deep as the compiler goes (`-fmax-include-depth`).
const DEEPEST: usize = 200;
/// A module reaches some 500 files.
const MOST_FILES: usize = 8_192;
/// Some headers are read again and again by design (`asm/GEN-for-each-reg.h`).
const MOST_READS: usize = 65_536;

/// Headers that come with the compiler: until Linux 5.15 kbuild let it search its own directory (`-isystem`).
const COMPILERS: [&[u8]; 4] = [b"stdarg.h", b"stddef.h", b"stdbool.h", b"arm_neon.h"];

/// What they declare.
const COMPILERS_TYPES: &[u8] =
    b"typedef __builtin_va_list va_list; typedef unsigned long size_t; typedef long ptrdiff_t;";

/// A header that something includes and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfound {
    /// Its name, as it is written between the brackets or quotation marks.
    pub name: Vec<u8>,
    /// The file that includes it; `None` if kbuild or the module itself does.
    pub by: Option<RootPath>,
    /// The places that were looked at, in order.
    pub looked_at: Vec<RootPath>,
    /// Whether it is certain that it is asked for; else it hangs on the compiler.
    pub is_certain: bool,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Read {
    /// Where it is.
    pub path: RootPath,
    /// What it was.
    pub status: Status,
    /// Whether it is certain that it is read.
    pub is_certain: bool,
}

/// What the compiler stops at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// A name is used that is declared nowhere before.
    Undeclared {
        /// The name.
        name: Vec<u8>,
        /// The header that uses it; `None` for the text of the module itself.
        by: Option<RootPath>,
    },
    /// A header refuses what it finds, by an `#error`.
    Refused {
        /// The header.
        by: RootPath,
    },
}

/// A file that something includes.
#[derive(Debug)]
struct File {
    found: Found,
    /// Which of the reads it was first, once it was read.
    read: Option<usize>,
    /// The macro whose being defined means that reading it again changes nothing.
    guard: Option<Name>,
    /// `#pragma once`.
    once: bool,
}

/// One `#if` to `#endif`.
struct Branches {
    /// Whether one of its branches was taken.
    taken: Truth,
    /// Whether the present one is, and everything around it.
    active: Truth,
    around: Truth,
    /// It is the first thing in its file, `#ifndef` this.
    guard: Option<Name>,
}

/// The state of a walk.
pub(super) struct Walk<'r> {
    search: Search<'r>,
    macros: Macros,
    files: Vec<File>,
    by_path: FxHashMap<RootPath, usize>,
    /// Which file a name leads to; the directory of the file that asks stands before it where that counts.
    places: FxHashMap<Box<[u8]>, Option<usize>>,
    reads: Vec<Read>,
    unfound: Vec<Unfound>,
    times_read: usize,
    spare: Vec<Vec<u8>>,
    listener: Option<Listener>,
}

/// Reads the text between the directives.
#[derive(Default)]
struct Listener {
    units: Units,
    declarations: Declarations,
    stop: Option<Stop>,
}

impl Listener {
    fn take(&mut self, text: &[u8], macros: &Macros, path: Option<&RootPath>, is_certain: bool) {
        if self.stop.is_some() {
            return;
        }
        let text = cleaned(text);
        let words = Expansion::of_text(macros, tokens(&text)).run();
        for word in words.unwrap_or_else(|| vec![Token::Number(None)]) {
            if let Some(unit) = self.units.next(&word) {
                self.declarations.take(unit, is_certain);
            }
        }
        if let Some(name) = self.declarations.undeclared() {
            self.stop = Some(Stop::Undeclared { name: name.to_vec(), by: path.cloned() });
        }
    }
}

impl<'r> Walk<'r> {
    pub(super) fn new(search: Search<'r>, predefined: &[String]) -> Self {
        Self::with(search, predefined, Macros::default(), None)
    }

    /// One that reads the text between the directives, too.
    pub(super) fn listening(search: Search<'r>, predefined: &[String]) -> Self {
        Self::with(search, predefined, Macros::keeping_all(), Some(Listener::default()))
    }

    fn with(search: Search<'r>, predefined: &[String], mut macros: Macros, listener: Option<Listener>) -> Self {
        for text in predefined {
            macros.define(text.as_bytes(), Truth::Yes);
        }
        Walk {
            search,
            macros,
            files: Vec::new(),
            by_path: FxHashMap::default(),
            places: FxHashMap::default(),
            reads: Vec::new(),
            unfound: Vec::new(),
            times_read: 0,
            spare: Vec::new(),
            listener,
        }
    }

    pub(super) fn finish(self) -> Reached {
        let (directories, passed_over) = self.search.finish();
        Reached { reads: self.reads, unfound: self.unfound, passed_over, directories, is_sound: false }
    }

    /// Reads the text of a module, which includes nothing more.
    pub(super) fn module(&mut self, text: &[u8]) {
        self.listen(text, None, Truth::Yes);
    }

    /// What the compiler would stop at first, after a walk that listened.
    pub(super) fn stop(self) -> Option<Stop> {
        self.listener.and_then(|listener| listener.stop)
    }

    /// Obeys directives as if they stood in the module itself, which is at `path`.
    pub(super) fn directives(&mut self, text: &str, path: &RootPath) -> Result<()> {
        self.text(text.as_bytes(), path, Truth::Yes, 0).map(|_| ())
    }

    /// Reads a file that is given by its path.
    pub(super) fn compile(&mut self, path: &RootPath) -> Result<()> {
        match self.search.find_at(path)? {
            Place::File(found) => {
                let file = self.file_of(found);
                self.file(file, Truth::Yes, 0)
            }
            Place::Nowhere(looked_at) => {
                let name = path.as_os_str().as_bytes().to_vec();
                self.unfound.push(Unfound { name, by: None, looked_at, is_certain: true });
                Ok(())
            }
        }
    }

    fn follow(
        &mut self,
        name: &[u8],
        beside: Option<RootPath>,
        by: Option<&RootPath>,
        certain: Truth,
        depth: usize,
    ) -> Result<()> {
        let asked: Cow<[u8]> = match &beside {
            None => name.into(),
            Some(dir) => [dir.as_os_str().as_bytes(), b"\0", name].concat().into(),
        };
        let file = match self.places.get(asked.as_ref()) {
            Some(file) => *file,
            None => {
                let file = match self.search.find(name, beside.as_ref())? {
                    Place::File(found) => Some(self.file_of(found)),
                    Place::Nowhere(_) if COMPILERS.contains(&name) => None,
                    Place::Nowhere(looked_at) => {
                        if !self.unfound.iter().any(|known| known.name == name) {
                            let (name, by) = (name.to_vec(), by.cloned());
                            self.unfound.push(Unfound { name, by, looked_at, is_certain: false });
                        }
                        None
                    }
                };
                self.places.insert(asked.into(), file);
                file
            }
        };
        match file {
            Some(file) => self.file(file, certain, depth)?,
            None if COMPILERS.contains(&name) => self.listen(COMPILERS_TYPES, by, certain),
            None => {
                let unfound = self.unfound.iter_mut().find(|unfound| unfound.name == name);
                if let Some(unfound) = unfound.filter(|_| certain == Truth::Yes) {
                    unfound.is_certain = true;
                }
            }
        }
        Ok(())
    }

    fn file_of(&mut self, found: Found) -> usize {
        if let Some(known) = self.by_path.get(&found.path) {
            return *known;
        }
        let index = self.files.len();
        self.by_path.insert(found.path.clone(), index);
        self.files.push(File { found, read: None, guard: None, once: false });
        index
    }

    fn file(&mut self, index: usize, certain: Truth, depth: usize) -> Result<()> {
        let Some(file) = self.files.get_mut(index) else { return Ok(()) };
        if let Some(read) = file.read.and_then(|read| self.reads.get_mut(read)) {
            let was_certain = read.is_certain;
            read.is_certain |= certain == Truth::Yes;
            if file.once && (was_certain || certain != Truth::Yes) {
                return Ok(());
            }
            let guarded = file.guard.map_or(Truth::No, |guard| self.macros.is_defined(guard));
            if guarded == Truth::Yes || (guarded == Truth::Maybe && certain == Truth::Maybe) {
                return Ok(());
            }
        }
        self.times_read += 1;
        if depth > DEEPEST || self.times_read > MOST_READS || self.reads.len() > MOST_FILES {
            return Ok(());
        }
        let mut text = self.spare.pop().unwrap_or_default();
        let status = self.search.read(&file.found, &mut text)?;
        let path = file.found.path.clone();
        if file.read.is_none() {
            file.read = Some(self.reads.len());
            self.reads.push(Read { path: path.clone(), status, is_certain: certain == Truth::Yes });
        }
        let (guard, once) = self.text(&text, &path, certain, depth)?;
        if let Some(file) = self.files.get_mut(index) {
            (file.guard, file.once) = (guard, once);
        }
        self.spare.push(text);
        Ok(())
    }

    /// Obeys the directives of one text; which macro guards it, and whether it says `#pragma once`.
    fn text(&mut self, text: &[u8], path: &RootPath, certain: Truth, depth: usize) -> Result<(Option<Name>, bool)> {
        let mut open: Vec<Branches> = Vec::new();
        let (mut guard, mut once, mut is_first) = (None, false, true);
        let mut directives = Directives::of(text);
        while let Some(directive) = directives.next() {
            let begins = std::mem::replace(&mut is_first, false);
            let active = open.last().map_or(certain, |branches| branches.active);
            self.listen(directives.passed(), Some(path), active);
            // Something stands behind what looked like a guard.
            if open.is_empty() {
                guard = None;
            }
            match directive {
                Directive::If(_) | Directive::Ifdef(_) | Directive::Ifndef(_) => {
                    let own = match directive {
                        Directive::Ifndef(name) if begins => Some(Name::of(name)),
                        _ => None,
                    };
                    let mut holds = self.holds(directive, active);
                    // What may have been read is read now, for certain.
                    if own.is_some() && holds == Truth::Maybe && certain == Truth::Yes {
                        holds = Truth::Yes;
                    }
                    open.push(Branches { taken: holds, active: active.min(holds), around: active, guard: own });
                }
                Directive::Elif(_) | Directive::Else => {
                    let Some((around, taken)) = open.last().map(|branches| (branches.around, branches.taken)) else {
                        continue;
                    };
                    let holds = match directive {
                        _ if taken == Truth::Yes || around == Truth::No => Truth::No,
                        Directive::Elif(_) => self.holds(directive, around),
                        _ => Truth::Yes,
                    };
                    if let Some(branches) = open.last_mut() {
                        branches.active = around.min(holds).min(taken.not());
                        branches.taken = taken.max(holds);
                        branches.guard = None;
                    }
                }
                Directive::Endif => guard = open.pop().and_then(|branches| branches.guard).filter(|_| open.is_empty()),
                _ if active == Truth::No => {}
                Directive::Define(raw) => self.macros.define(raw, active),
                Directive::Undef(name) => self.macros.undefine(name, active),
                Directive::PragmaOnce => once = true,
                Directive::Error => self.refuse(path, active),
                Directive::Other => {}
                Directive::Include(raw) => {
                    if let Some((name, is_quoted)) = included(raw) {
                        let beside = is_quoted.then(|| path.parent());
                        self.follow(name, beside, Some(path), active, depth + 1)?;
                    }
                }
            }
        }
        self.listen(directives.passed(), Some(path), open.last().map_or(certain, |branches| branches.active));
        Ok((guard, once))
    }

    /// An `#error`, which says that something is not as it has to be.
    fn refuse(&mut self, path: &RootPath, active: Truth) {
        if let Some(listener) = self.listener.as_mut().filter(|_| active == Truth::Yes) {
            listener.stop.get_or_insert_with(|| Stop::Refused { by: path.clone() });
        }
    }

    /// Takes what stands between two directives.
    fn listen(&mut self, text: &[u8], path: Option<&RootPath>, active: Truth) {
        if let Some(listener) = self.listener.as_mut().filter(|_| active != Truth::No) {
            listener.take(text, &self.macros, path, active == Truth::Yes);
        }
    }

    fn holds(&self, directive: Directive<'_>, around: Truth) -> Truth {
        if around == Truth::No {
            return Truth::No;
        }
        match directive {
            Directive::Ifdef(name) => self.macros.is_defined(Name::of(name)),
            Directive::Ifndef(name) => self.macros.is_defined(Name::of(name)).not(),
            Directive::If(raw) | Directive::Elif(raw) => condition::holds(&cleaned(raw), &self.macros),
            _ => Truth::No,
        }
    }
}

/// The name in an `#include`, and whether it stands in quotation marks. What a macro names is passed over.
fn included(words: &[u8]) -> Option<(&[u8], bool)> {
    let (open, rest) = words.split_first()?;
    let close = match open {
        b'<' => b'>',
        b'"' => b'"',
        _ => return None,
    };
    let name = rest.get(..memchr::memchr(close, rest)?)?;
    (!name.is_empty()).then_some((name, close == b'"'))
}
