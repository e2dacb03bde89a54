// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looking through the trees for what is to be kept: by handles, never through a link, with bounds.

use std::path::{Path, PathBuf};

use super::Refusal;
use super::plan::{Item, Origin, Plan, is_foreign_secret, lexical};
use super::select::Selection;
use crate::build_tree::build_inputs::Side;
use crate::error::{Error, Result};
use crate::machine::Users;
use crate::quote::quoted_os;
use crate::root_path::RootPath;
use crate::sysroot::{Held, Kind, Status};

/// More names than the trees of any kernel have where we look: Linux 6.18 has 30,000 there.
const MOST_NAMES: usize = 400_000;

/// Directories in directories; the kernel has a dozen.
const DEEPEST: usize = 40;

/// Links that lead to links.
const MOST_LINKS: usize = 8;

/// One of the directories that a kernel's modules are built from.
#[derive(Debug)]
pub(super) struct Tree {
    held: Held,
    sides: Vec<Side>,
}

impl Tree {
    /// Which side of a build a directory is; none for one that is only reached by links of the others.
    pub(super) fn new(held: Held, sides: &[Side]) -> Self {
        Tree { held, sides: sides.to_vec() }
    }

    pub(super) fn held(&self) -> &Held {
        &self.held
    }
}

/// A directory that is being looked through.
struct Here<'h> {
    tree: usize,
    held: &'h Held,
    /// Its path in its tree.
    at: &'h Path,
    /// Its path in the copy.
    copy: &'h Path,
    /// The sides that it counts for.
    sides: &'h [Side],
    depth: usize,
}

struct Scan<'s> {
    trees: &'s [Tree],
    selection: &'s Selection<'s>,
    users: &'s Users,
    /// Who owns the build tree.
    owner: u32,
    plan: Plan,
    names: usize,
    /// Directories that are being looked through: device and inode.
    way: Vec<(u64, u64)>,
}

/// Everything that is to be kept. Where two trees have a file of one name, the later tree's is.
pub(super) fn scan(trees: &[Tree], selection: &Selection<'_>, users: &Users, owner: u32) -> Result<Plan> {
    let mut scan = Scan { trees, selection, users, owner, plan: Plan::default(), names: 0, way: Vec::new() };
    for (index, tree) in trees.iter().enumerate().filter(|(_, tree)| !tree.sides.is_empty()) {
        let top = Path::new("");
        scan.directory(&Here { tree: index, held: &tree.held, at: top, copy: top, sides: &tree.sides, depth: 0 })?;
    }
    scan.plan.settle_links();
    Ok(scan.plan)
}

impl Scan<'_> {
    fn directory(&mut self, here: &Here<'_>) -> Result<()> {
        let too_much = || Error::from(Refusal::TooMuch { path: here.held.path().clone() });
        let status = here.held.own_status()?;
        if self.way.contains(&status.id) {
            self.plan.leave_out(here.held.path().clone(), "a link leads in a circle");
            return Ok(());
        }
        if here.depth >= DEEPEST {
            return Err(too_much());
        }
        self.note(&status, here.held.path())?;
        self.way.push(status.id);
        let entries = here.held.list(MOST_NAMES)?;
        self.names = self.names.saturating_add(entries.len());
        if self.names >= MOST_NAMES {
            return Err(too_much());
        }
        for entry in entries {
            let (at, copy) = (here.at.join(&entry.name), here.copy.join(&entry.name));
            let is_wanted = here.sides.iter().any(|side| match entry.kind {
                Some(Kind::Directory) => self.selection.enters(*side, &copy),
                Some(Kind::File | Kind::Other) => self.selection.keeps(*side, &copy),
                Some(Kind::Symlink) | None => self.selection.enters(*side, &copy) || self.selection.keeps(*side, &copy),
            });
            if is_wanted {
                self.entry(here, &entry.name, &at, &copy)?;
            }
        }
        self.way.pop();
        Ok(())
    }

    fn entry(&mut self, here: &Here<'_>, name: &std::ffi::OsStr, at: &Path, copy: &Path) -> Result<()> {
        let status = match here.held.status(name) {
            // Gone since it was listed.
            Err(error) if error.is_not_found() => return Ok(()),
            answer => answer?,
        };
        let path = here.held.path().join(name);
        let keeps = |scan: &Self| here.sides.iter().any(|side| scan.selection.keeps(*side, copy));
        match status.kind {
            Kind::Directory if here.sides.iter().any(|side| self.selection.enters(*side, copy)) => {
                let held = here.held.sub(name)?;
                self.directory(&Here { held: &held, at, copy, depth: here.depth + 1, ..*here })
            }
            Kind::File if keeps(self) => self.file(here.tree, at, copy, &status, &path),
            Kind::Symlink => self.link(here, name, at, copy, &path),
            Kind::Other if keeps(self) => {
                self.plan.leave_out(path, "neither a file nor a directory");
                Ok(())
            }
            Kind::Directory | Kind::File | Kind::Other => Ok(()),
        }
    }

    fn file(&mut self, tree: usize, at: &Path, copy: &Path, status: &Status, path: &RootPath) -> Result<()> {
        let origin = self.origin(tree, at, status, path)?;
        self.plan.items.insert(copy.to_owned(), Item::File(origin));
        Ok(())
    }

    fn origin(&mut self, tree: usize, at: &Path, status: &Status, path: &RootPath) -> Result<Origin> {
        self.note(status, path)?;
        Ok(Origin { tree, path: at.to_owned(), size: status.size })
    }

    /// Everything that is kept passes here: who can change it, and who may see it.
    fn note(&mut self, status: &Status, path: &RootPath) -> Result<()> {
        if is_foreign_secret(status, self.owner) {
            return Err(Refusal::ForeignSecret { path: path.clone() }.into());
        }
        for who in self.users.writers(status) {
            self.plan.note_writer(who, || path.clone());
        }
        Ok(())
    }

    /// A link that stays in the copy is kept; what one into any of the trees leads to is copied; any other is left out.
    fn link(&mut self, here: &Here<'_>, name: &std::ffi::OsStr, at: &Path, copy: &Path, path: &RootPath) -> Result<()> {
        // The source tree's own file stands above a build tree's link to it.
        if self.plan.items.contains_key(copy) {
            return Ok(());
        }
        let target = here.held.link_target(name)?;
        let (tree, end, status) = match self.follow(here.tree, at, &target)? {
            Ok(found) => found,
            Err(why) => {
                // Only what a build would have missed is worth a line.
                if here.sides.iter().any(|side| self.selection.may_miss(*side, copy)) {
                    self.plan.leave_out(path.clone(), why);
                }
                return Ok(());
            }
        };
        let Some(found) = self.trees.get(tree) else { return Ok(()) };
        let end_path = found.held.path().join(&end);
        match status.kind {
            Kind::Directory => {
                let held = found.held.descend(&end)?;
                self.directory(&Here { tree, held: &held, at: &end, copy, sides: here.sides, depth: here.depth + 1 })
            }
            Kind::File if here.sides.iter().any(|side| self.selection.keeps(*side, copy)) => {
                let content = self.origin(tree, &end, &status, &end_path)?;
                // Where this part of the tree stands in the copy as it does in the tree, the link is right there too.
                let item = match target.is_relative() && at == copy && tree == here.tree {
                    true => Item::Link { target, content },
                    false => Item::File(content),
                };
                self.plan.items.insert(copy.to_owned(), item);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Where a link ends: in which tree, at which path, what is there; or why it is not followed.
    #[allow(clippy::type_complexity, reason = "an answer that is used once")]
    fn follow(&self, tree: usize, at: &Path, target: &Path) -> Result<Result<(usize, PathBuf, Status), String>> {
        let Some(first) = self.trees.get(tree) else { return Ok(Err("it leads nowhere".to_owned())) };
        let mut from = first.held.path().join(at);
        let mut target = target.to_owned();
        for _ in 0..MOST_LINKS {
            let away = format!("a link that leads out of the tree, to {}", quoted_os(target.as_os_str()));
            let Some(end) = lexical(from.parent().join(&target).as_path()).map(RootPath::new) else {
                return Ok(Err(away));
            };
            let inside = self.trees.iter().enumerate().filter_map(|(index, tree)| {
                let below = end.as_path().strip_prefix(tree.held.path().as_path()).ok()?;
                Some((index, tree, below.to_owned()))
            });
            // Of a tree in a tree, the inner one.
            let Some((index, tree, below)) = inside.min_by_key(|(.., below)| below.components().count()) else {
                return Ok(Err(away));
            };
            let nowhere = |error: Error| match error {
                error if error.is_not_found() => Ok(Err("a link that leads nowhere".to_owned())),
                Error::NotADirectory { .. } => Ok(Err("a link that leads through another one".to_owned())),
                error => Err(error),
            };
            let status = match (below.parent(), below.file_name()) {
                (Some(parent), Some(name)) => {
                    let held = match tree.held.descend(parent) {
                        Err(error) => return nowhere(error),
                        Ok(held) => held,
                    };
                    match held.status(name) {
                        Err(error) => return nowhere(error),
                        Ok(status) if status.kind == Kind::Symlink => {
                            target = held.link_target(name)?;
                            from = end;
                            continue;
                        }
                        Ok(status) => status,
                    }
                }
                _ => tree.held.own_status()?,
            };
            return Ok(Ok((index, below, status)));
        }
        Ok(Err("a link that leads in a circle".to_owned()))
    }
}
