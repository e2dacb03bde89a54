// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a base is made from: data, whose text names the cache entry.

use crate::stable_hash::fnv1a;

/// A base to be.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// Its name, in the cache and in messages.
    pub(crate) name: &'static str,
    /// Whether its steps need a /proc, and so the right to mount. Without it /dev/fd leads nowhere, and dkms needs that.
    pub(crate) needs_mounts: bool,
    /// What its steps start from.
    pub(crate) start: Start,
    /// What is done, in this order.
    pub(crate) steps: &'static [Step],
}

/// What the steps of a recipe start from.
#[derive(Debug)]
pub(crate) enum Start {
    /// A new Debian system with apt.
    Debian {
        /// Its code name.
        suite: &'static str,
        /// What is installed beyond apt and the essential packages, without what those recommend.
        packages: &'static [&'static str],
    },
    /// Another base, of which only the difference is kept.
    On(&'static Recipe),
    /// The same, with a directory out of a third, which may be another system: what takes long is made there, once for all.
    With {
        /// What it stands on.
        below: &'static Recipe,
        /// Whose directory it gets.
        lender: &'static Recipe,
        /// That directory, in both; made by the lender's own steps.
        directory: &'static str,
    },
}

/// One step: a shell script run inside as root.
///
/// A line `release: R` that it says tells a release that the base holds. Its environment has RELEASES, those of the base
/// below, oldest first.
#[derive(Debug)]
pub(crate) struct Step {
    /// What is being done, for the progress line.
    pub(crate) title: &'static str,
    /// The script; `set -eu` holds.
    pub(crate) script: &'static str,
}

impl Recipe {
    /// The recipe it stands on.
    pub(crate) fn below(&self) -> Option<&'static Recipe> {
        match &self.start {
            Start::Debian { .. } => None,
            Start::On(below) | Start::With { below, .. } => Some(below),
        }
    }

    /// The recipe of the base that it gets a directory of, and that directory.
    pub(crate) fn lender(&self) -> Option<(&'static Recipe, &'static str)> {
        match &self.start {
            Start::With { lender, directory, .. } => Some((lender, directory)),
            Start::Debian { .. } | Start::On(_) => None,
        }
    }

    /// The key of its cache entry: another recipe, machine type, base below or lender gives another key.
    pub(crate) fn key(&self, below: Option<&str>, lender: Option<&str>) -> String {
        let mut parts = vec![self.name, std::env::consts::ARCH, below.unwrap_or_default()];
        parts.extend(lender);
        if let Start::Debian { suite, packages } = &self.start {
            parts.push(suite);
            parts.extend(*packages);
        }
        parts.extend(self.steps.iter().map(|step| step.script));
        format!("{:016x}", fnv1a(parts.join("\0").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Recipe = Recipe {
        name: "plain",
        needs_mounts: false,
        start: Start::Debian { suite: "bookworm", packages: &["make"] },
        steps: &[Step { title: "nothing", script: ":" }],
    };

    #[test]
    fn the_key_follows_the_text_and_the_base_below() {
        assert_eq!(PLAIN.key(None, None), PLAIN.key(None, None));
        assert_eq!(PLAIN.key(None, None).len(), 16);
        assert_ne!(PLAIN.key(None, None), PLAIN.key(Some("x"), None));
        assert_ne!(PLAIN.key(Some("x"), None), PLAIN.key(Some("x"), Some("y")));
        let other = Recipe { steps: &[Step { title: "nothing", script: "true" }], ..PLAIN };
        assert_ne!(PLAIN.key(None, None), other.key(None, None));
    }
}
