// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a tree is not preserved, or a link not moved, before anything was changed, and what an admin who wants it all
//! the same has to say.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::package_db::PackageId;
use crate::quote::{quoted, quoted_os};
use crate::root_path::RootPath;

/// A reason not to begin, or not to go on. `Display` is one line that is safe on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Only root may.
    NotRoot,
    /// The build link is no link that could be moved.
    NoLink {
        /// Where it would stand.
        link: RootPath,
        /// A real directory, as on Arch, or nothing.
        is_directory: bool,
    },
    /// No module can be built in the tree as it is.
    Unusable {
        /// The tree, or the link where there is none.
        path: RootPath,
        /// Why; fit for a terminal.
        cause: String,
    },
    /// The tree is another than the one that the kernel came from, or has changed since.
    Doubtful {
        /// The tree.
        tree: RootPath,
        /// Why; fit for a terminal.
        cause: String,
    },
    /// A package brings the tree.
    Owned {
        /// The package.
        package: PackageId,
        /// The tree.
        tree: RootPath,
    },
    /// Others can change what would be copied.
    Untrusted {
        /// Who, each with one place.
        writers: Vec<(String, RootPath)>,
    },
    /// A file in the tree that its owner has no business to show to everybody.
    ForeignSecret {
        /// The file.
        path: RootPath,
    },
    /// The tree holds more than any kernel's.
    TooMuch {
        /// Where counting stopped.
        path: RootPath,
    },
    /// There is something at the place of the copy.
    Occupied {
        /// The place.
        target: RootPath,
        /// What it is.
        what: &'static str,
    },
    /// The copy would lie in the tree that it is to outlive.
    WithinTree {
        /// The place.
        target: RootPath,
    },
    /// Others could put something else in the place of the copy.
    UnsafePlace {
        /// Where.
        path: RootPath,
        /// Who.
        who: String,
    },
    /// There is no room.
    NoRoom {
        /// The file system's directory.
        path: RootPath,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are there.
        free: u64,
    },
    /// There is room for the bytes, not for the files.
    NoRoomForFiles {
        /// The file system's directory.
        path: RootPath,
        /// Files that are needed.
        needed: u64,
        /// Files that can be made.
        free: u64,
    },
    /// A file became another while it was copied.
    Changed {
        /// The file.
        path: RootPath,
    },
    /// The copy is not as good as the tree.
    Unproved {
        /// Why; fit for a terminal.
        cause: String,
    },
    /// Another run is at it.
    Busy {
        /// The directory that it works in.
        path: RootPath,
    },
    /// Another run is moving links.
    LinksBusy {
        /// The directory that it holds.
        path: RootPath,
    },
    /// A link became another after it was decided to move it.
    LinkChanged {
        /// The link.
        link: RootPath,
    },
    /// A link that is to be moved back leads elsewhere than it was moved to.
    LinkMoved {
        /// The link.
        link: RootPath,
        /// Where it leads; `None` where there is none.
        now: Option<PathBuf>,
        /// Where it was moved to.
        recorded: Option<PathBuf>,
    },
    /// A tree became another after it was proved.
    TreeChanged {
        /// The tree.
        path: RootPath,
    },
    /// What was moved, and back, is written down in a way that this version does not know.
    ForeignJournal {
        /// The journal.
        path: RootPath,
    },
}

impl Refusal {
    /// What to add to the command to have it done all the same.
    pub fn way_on(&self) -> Vec<String> {
        match self {
            Refusal::Untrusted { writers } => {
                writers.iter().flat_map(|(who, _)| ["--trust-owner".to_owned(), who.clone()]).collect()
            }
            Refusal::Owned { .. } | Refusal::Doubtful { .. } | Refusal::LinkMoved { .. } => vec!["--force".to_owned()],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotRoot => write!(f, "only root can move a kernel's build link"),
            Refusal::NoLink { link, is_directory: true } => {
                write!(f, "{} is a directory and no link: there is nothing to move", quoted(link))
            }
            Refusal::NoLink { link, is_directory: false } => {
                write!(f, "{} is no link to a tree: there is nothing to preserve", quoted(link))
            }
            Refusal::Unusable { path, cause } => {
                write!(f, "no module can be built in {} as it is: {cause}", quoted(path))
            }
            Refusal::Doubtful { tree, cause } => {
                write!(f, "a copy of {} would not fit the kernel any better: {cause}", quoted(tree))
            }
            Refusal::Owned { package, tree } => {
                write!(f, "nothing to preserve; the package {package} owns {}", quoted(tree))
            }
            Refusal::Untrusted { writers } => {
                for (index, (who, path)) in writers.iter().enumerate() {
                    let joint = if index == 0 { "" } else { ", " };
                    write!(f, "{joint}{} can be changed by {who}", quoted(path))?;
                }
                write!(f, ": root would build modules with whatever was put there")
            }
            Refusal::ForeignSecret { path } => write!(
                f,
                "{} belongs to somebody else than the tree does, and is not for everybody to read",
                quoted(path)
            ),
            Refusal::TooMuch { path } => write!(f, "{} holds more than a kernel's tree can", quoted(path)),
            Refusal::Occupied { target, what } => write!(f, "{} is there already: {what}", quoted(target)),
            Refusal::WithinTree { target } => {
                write!(f, "{} lies in the tree that is to be deleted one day", quoted(target))
            }
            Refusal::UnsafePlace { path, who } => {
                write!(f, "{} can be changed by {who}: no place for what root builds with", quoted(path))
            }
            Refusal::NoRoom { path, needed, free } => {
                write!(f, "no space below {}: {} needed, {} free", quoted(path), megabytes(*needed), megabytes(*free))
            }
            Refusal::NoRoomForFiles { path, needed, free } => {
                write!(f, "no space below {}: {needed} files needed, {free} can be made", quoted(path))
            }
            Refusal::Changed { path } => write!(f, "{} was changed while it was copied", quoted(path)),
            Refusal::Unproved { cause } => write!(f, "the copy is not as good as the tree: {cause}"),
            Refusal::Busy { path } => write!(f, "another run is preserving a tree in {}", quoted(path)),
            Refusal::LinksBusy { path } => write!(f, "another run is moving build links: it holds {}", quoted(path)),
            Refusal::LinkChanged { link } => write!(f, "somebody else has changed {} meanwhile", quoted(link)),
            Refusal::LinkMoved { link, now, recorded } => {
                let (now, recorded) = (place(now.as_deref()), place(recorded.as_deref()));
                write!(
                    f,
                    "{} leads to {now} now, and was moved to {recorded}: somebody has changed it since",
                    quoted(link)
                )
            }
            Refusal::TreeChanged { path } => write!(f, "{} became another while it was looked at", quoted(path)),
            Refusal::ForeignJournal { path } => write!(
                f,
                "{} is not a journal that this version knows; move it away to go on",
                quoted_os(path.as_os_str())
            ),
        }
    }
}

/// Where a link leads.
fn place(target: Option<&Path>) -> String {
    target.map_or_else(|| "nothing".to_owned(), |target| quoted_os(target.as_os_str()))
}

/// A size as people read it, never less than it is.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}
