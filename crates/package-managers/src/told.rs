// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a package manager says of itself when it calls a hook. It costs nothing then; otherwise it has to be
//! found out, and is only when it matters.

/// What is known beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// The architecture of the system; otherwise that of dpkg's own package.
    pub native: Option<String>,
    /// apt's `APT::NeverAutoRemove`: regular expressions of names that autoremove leaves alone; otherwise
    /// it is found out.
    pub never_autoremoved: Option<Vec<String>>,
}
