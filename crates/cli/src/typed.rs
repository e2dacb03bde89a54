// SPDX-License-Identifier: MIT OR Apache-2.0
//! Words that were typed: as paths of the root, and as a command that can be typed again with more.

use std::path::{Component, Path};

use kbuild_guard::quote::{quoted_os, shell_word};
use kbuild_guard::sysroot::RootPath;

use crate::error::{Error, Result};
use crate::options::Options;

/// This run's command with more words, as a shell takes it.
pub(crate) fn again_with(more: Vec<String>) -> String {
    let typed = std::env::args_os().skip(1);
    let words = std::iter::once("kbuild-guard".into()).chain(typed).chain(more.into_iter().map(Into::into));
    words.map(|word| shell_word(&word)).collect::<Vec<String>>().join(" ")
}

/// The command for the same root.
pub(crate) fn program(options: &Options) -> String {
    match options.root == Path::new("/") {
        true => "kbuild-guard".to_owned(),
        false => format!("kbuild-guard --root {}", shell_word(options.root.as_os_str())),
    }
}

/// A directory of the root, which has no directory that anybody stands in.
pub(crate) fn absolute(path: &Path) -> Result<RootPath> {
    let is_plain = path.components().all(|part| part != Component::ParentDir);
    match path.is_absolute() && is_plain {
        true => Ok(RootPath::new(path)),
        false => Err(Error::NoPlace(quoted_os(path.as_os_str()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_absolute_and_plain() {
        assert!(absolute(Path::new("/a/../b")).is_err() && absolute(Path::new("a")).is_err());
        assert_eq!(absolute(Path::new("/")).unwrap(), RootPath::new("/"));
    }
}
