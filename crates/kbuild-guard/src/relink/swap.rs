// SPDX-License-Identifier: MIT OR Apache-2.0
//! One link in the place of another, so that at any moment there is the old one or the new one.

use super::Move;
use crate::error::{Error, Result};
use crate::preserve::Refusal;
use crate::sysroot::{Held, Kind, Sysroot};

/// Whether the link still is what it was, without touching it.
pub(super) fn check(root: &Sysroot, one: &Move) -> Result<()> {
    held(root, one).map(drop)
}

/// Makes the move, if the link still is what it was.
pub(super) fn swap(root: &Sysroot, one: &Move) -> Result<()> {
    let dir = held(root, one)?;
    let name = one.link.file_name();
    match &one.new {
        Some(new) => dir.replace_link(name, new)?,
        None => dir.remove_file(name)?,
    }
    dir.sync()
}

/// The link's directory, with the link in it as it was.
fn held(root: &Sysroot, one: &Move) -> Result<Held> {
    let dir = root.hold(&one.link.parent())?;
    let name = one.link.file_name();
    let changed = || Error::from(Refusal::LinkChanged { link: one.link.clone() });
    let now = match dir.status(name) {
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error),
        Ok(status) if status.kind == Kind::Symlink => Some(dir.link_target(name)?),
        Ok(_) => return Err(changed()),
    };
    if now == one.old { Ok(dir) } else { Err(changed()) }
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
        let to = |old: Option<&str>, new: Option<&str>| {
            let one = Move { link: RootPath::new("/build"), old: old.map(Into::into), new: new.map(Into::into) };
            assert_eq!(check(&root, &one).is_ok(), swap(&root, &one).is_ok());
            fs::read_link(at("build")).ok().map(|target| target.to_str().unwrap().to_owned())
        };
        assert_eq!(to(Some("/other"), Some("/new")).as_deref(), Some("/old"));
        assert_eq!(to(None, Some("/new")).as_deref(), Some("/old"));
        assert_eq!(to(Some("/other"), None).as_deref(), Some("/old"));
        assert_eq!(to(Some("/old"), Some("/new")).as_deref(), Some("/new"));
        assert_eq!(to(Some("/new"), None), None);
        assert_eq!(to(None, Some("/again")).as_deref(), Some("/again"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::remove_file(at("build")).unwrap();
        fs::create_dir(at("build")).unwrap();
        assert_eq!(to(None, Some("/new")), None);
        assert!(at("build").is_dir());
    }
}
