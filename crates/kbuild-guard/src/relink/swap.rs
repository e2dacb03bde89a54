// SPDX-License-Identifier: MIT OR Apache-2.0
//! One link in the place of another, so that at any moment there is the old one or the new one.

use super::Move;
use crate::error::{Error, Result};
use crate::preserve::Refusal;
use crate::sysroot::{Kind, Sysroot};

/// Makes the move, if the link still is what it was.
pub(super) fn swap(root: &Sysroot, one: &Move) -> Result<()> {
    let dir = root.hold(&one.link.parent())?;
    let name = one.link.file_name();
    let now = match dir.status(name) {
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error),
        Ok(status) if status.kind == Kind::Symlink => Some(dir.link_target(name)?),
        Ok(_) => return Err(Error::from(Refusal::Changed { path: one.link.clone() })),
    };
    if now != one.old {
        return Err(Refusal::Changed { path: one.link.clone() }.into());
    }
    dir.replace_link(name, &one.new)?;
    dir.sync()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root_path::RootPath;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_that_has_changed_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        symlink("/old", at("build")).unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let to = |old: Option<&str>, new: &str| {
            let one = Move { link: RootPath::new("/build"), old: old.map(Into::into), new: new.into() };
            swap(&root, &one)
        };
        assert!(to(Some("/other"), "/new").is_err() && to(None, "/new").is_err());
        assert_eq!(fs::read_link(at("build")).unwrap().to_str(), Some("/old"));
        to(Some("/old"), "/new").unwrap();
        assert_eq!(fs::read_link(at("build")).unwrap().to_str(), Some("/new"));
        fs::remove_file(at("build")).unwrap();
        to(None, "/again").unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::remove_file(at("build")).unwrap();
        fs::create_dir(at("build")).unwrap();
        assert!(to(None, "/new").is_err());
    }
}
