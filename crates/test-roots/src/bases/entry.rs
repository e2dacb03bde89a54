// SPDX-License-Identifier: MIT OR Apache-2.0
//! One base in the cache: a directory that is complete or not there.
//!
//! `root/` is the system or, if `below:` is said, what it differs in; `place/` an empty directory to mount on;
//! `hidden` the paths that it removed from what lies below; `about` the rest, a `word: value` a line;
//! `in-use` is locked by whoever uses it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{Flock, FlockArg};

use super::cache::lock;
use crate::error::{Error, Result};

/// A directory of a base, and what it hides of those below.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) root: PathBuf,
    /// Relative paths that are there below and not any more.
    pub(crate) hidden: Vec<PathBuf>,
}

/// What is known of a base beside its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// The releases it holds, oldest first.
    pub(crate) releases: Vec<String>,
    /// Another for every build: what is built on it is built again when it was.
    pub(crate) identity: String,
    /// Whether it is only the difference to the base it was built on.
    pub(crate) difference: bool,
}

/// A complete base in the cache, locked against removal.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) directory: PathBuf,
    pub(crate) about: About,
    pub(crate) layer: Layer,
    _in_use: Arc<Flock<File>>,
}

impl About {
    fn parse(text: &str) -> Self {
        let mut about = Self::default();
        for (word, value) in text.lines().filter_map(|line| line.split_once(": ")) {
            match word {
                "release" => about.releases.push(value.to_owned()),
                "identity" => value.clone_into(&mut about.identity),
                "difference" => about.difference = value == "yes",
                _ => {}
            }
        }
        about
    }

    fn text(&self) -> String {
        let mut text =
            format!("identity: {}\ndifference: {}\n", self.identity, if self.difference { "yes" } else { "no" });
        for release in &self.releases {
            text.push_str(&format!("release: {release}\n"));
        }
        text
    }
}

impl Entry {
    /// Opens a complete entry. The caller holds the base's lock, so it is not being removed.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        let in_use = lock(&directory.join("in-use"), FlockArg::LockShared)?;
        let about = directory.join("about");
        let about = fs::read_to_string(&about).map_err(Error::io("read", &about))?;
        let hidden = directory.join("hidden");
        let hidden = fs::read(&hidden).map_err(Error::io("read", &hidden))?;
        Ok(Self {
            directory: directory.to_owned(),
            about: About::parse(&about),
            layer: Layer {
                root: directory.join("root"),
                hidden: hidden
                    .split(|byte| *byte == 0)
                    .filter(|path| !path.is_empty())
                    .map(|path| PathBuf::from(OsStr::from_bytes(path)))
                    .collect(),
            },
            _in_use: Arc::new(in_use),
        })
    }

    /// Writes what makes a built directory an entry.
    pub(crate) fn complete(directory: &Path, about: &About, hidden: &[PathBuf]) -> Result<()> {
        let mut list = Vec::new();
        for path in hidden {
            list.extend(path.clone().into_os_string().into_vec());
            list.push(0);
        }
        for (name, bytes) in [("hidden", list), ("about", about.text().into_bytes())] {
            let file = directory.join(name);
            fs::write(&file, bytes).map_err(Error::io("write", &file))?;
        }
        Ok(())
    }
}

/// Removes the entries of this base under other keys that nobody uses, and what dead processes left half-built.
///
/// The caller holds the base's lock, so nobody alive is building it.
pub(crate) fn sweep(bases: &Path, name: &str, key: &str) {
    let Ok(entries) = fs::read_dir(bases) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let Some((its_key, rest)) = path
            .file_name()
            .and_then(OsStr::to_str)
            .and_then(|file| file.strip_prefix(name)?.strip_prefix('-')?.split_at_checked(16))
        else {
            continue;
        };
        if !its_key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            continue;
        }
        if rest.starts_with('.') {
            drop(fs::remove_dir_all(&path));
        } else if rest.is_empty()
            && its_key != key
            && lock(&path.join("in-use"), FlockArg::LockExclusiveNonblock).is_ok()
        {
            // Renamed first: one that is half gone must not be taken for a whole one.
            let gone = path.with_file_name(format!("{name}-{its_key}.old"));
            if fs::rename(&path, &gone).is_ok() {
                drop(fs::remove_dir_all(&gone));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn about_survives_its_text() {
        let about =
            About { releases: vec!["6.1.0-1-a".into(), "6.1.0-2-a".into()], identity: "x".into(), difference: true };
        assert_eq!(About::parse(&about.text()), about);
    }

    #[test]
    fn sweeping_takes_old_and_half_built_ones_of_this_base_only() {
        let cache = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let directory = cache.path().join(name);
            fs::create_dir_all(directory.join("root")).unwrap();
            directory
        };
        let now = make("a-0000000000000001");
        let old = make("a-0000000000000002");
        let used = make("a-0000000000000003");
        let half = make("a-0000000000000001.building-x");
        let other = make("a-kernels-0000000000000002");
        Entry::complete(&used, &About::default(), &["x/y".into()]).unwrap();
        let entry = Entry::open(&used).unwrap();
        assert_eq!(entry.layer.hidden, [PathBuf::from("x/y")]);
        sweep(cache.path(), "a", "0000000000000001");
        assert!(now.exists() && used.exists() && other.exists());
        assert!(!old.exists() && !half.exists());
        drop(entry);
        sweep(cache.path(), "a", "0000000000000001");
        assert!(!used.exists());
    }
}
