// SPDX-License-Identifier: MIT OR Apache-2.0
//! A path as it is seen inside a root.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// An absolute path inside a root. What it means outside depends on the [`Sysroot`](crate::sysroot::Sysroot).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootPath(PathBuf);

impl RootPath {
    /// A path inside the root; a relative one starts at the root. Nothing is resolved.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        if path.is_absolute() { RootPath(path.to_owned()) } else { RootPath(Path::new("/").join(path)) }
    }

    /// This path with one more part; an absolute part replaces it.
    pub fn join(&self, part: impl AsRef<Path>) -> Self {
        RootPath(self.0.join(part))
    }

    /// The directory this path is in; the root for the root.
    pub fn parent(&self) -> Self {
        RootPath(self.0.parent().unwrap_or(Path::new("/")).to_owned())
    }

    /// The last part, empty for the root.
    pub fn file_name(&self) -> &OsStr {
        self.0.file_name().unwrap_or_default()
    }

    /// The path, as the root sees it.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The path as an OS string.
    pub fn as_os_str(&self) -> &OsStr {
        self.0.as_os_str()
    }

    /// Whether `other` is this path or below it.
    pub fn contains(&self, other: &RootPath) -> bool {
        other.0.starts_with(&self.0)
    }

    /// The path relative to the root, `.` for the root itself.
    pub(crate) fn relative(&self) -> &Path {
        match self.0.strip_prefix("/") {
            Ok(path) if path.as_os_str().is_empty() => Path::new("."),
            Ok(path) => path,
            Err(_) => &self.0,
        }
    }
}
