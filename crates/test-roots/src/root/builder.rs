// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a root is to look like.

use super::copy::Copied;
use super::namespace::{Look, Namespace, Tree};
use super::{Reach, Root};
use crate::bases::Base;
use crate::error::{Error, Result};

/// A root to be, from [`Root::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing happens before start()"]
pub struct RootBuilder {
    base: Base,
    look: Look,
    copied: bool,
}

impl RootBuilder {
    pub(super) fn new(base: &Base) -> Self {
        Self { base: base.clone(), look: Look { live: true, release: None, offline: false }, copied: false }
    }

    /// The release that /proc/sys/kernel/osrelease names; the host's if not said.
    ///
    /// `uname` (the system call) still tells the host's.
    pub fn running(mut self, release: &str) -> Self {
        self.look.release = Some(release.to_owned());
        self
    }

    /// As in a chroot or an image build: /proc/1/root is not this root.
    pub fn not_live(mut self) -> Self {
        self.look.live = false;
        self
    }

    /// Without any network, to prove that none is used.
    pub fn offline(mut self) -> Self {
        self.look.offline = true;
        self
    }

    /// A copy of the base that is entered by chroot alone, for where nothing can be mounted ([`Root::can_mount`]).
    ///
    /// It has no /proc, /sys or /dev/pts, is never live, and has the caller's network whatever was said.
    /// A [release](Self::running) is written as a plain file where /proc would be.
    pub fn copied(mut self) -> Self {
        self.copied = true;
        self
    }

    /// Starts it.
    pub fn start(self) -> Result<Root> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        let reach = if self.copied {
            Reach::Copy(Copied::make(&self.base, self.look.release.as_deref())?)
        } else {
            let layers = self.base.directories();
            let tree = Tree::Throwaway { layers };
            let started = Namespace::start(&tree, &self.base.place(), &self.look);
            Reach::Namespace(started.map_err(explain)?)
        };
        Ok(Root { reach, _base: Some(self.base) })
    }
}

/// Says the reason that is behind most failures to set up, if it is.
fn explain(error: Error) -> Error {
    match error {
        Error::Setup { detail } if !Root::can_mount() => {
            Error::NeedsMounts { what: format!("only a copied root is possible ({detail})") }
        }
        other => other,
    }
}
