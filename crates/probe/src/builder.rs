// SPDX-License-Identifier: MIT OR Apache-2.0
//! As whom a tree's makefiles are run: never as root, and never with the rights of somebody whose tree
//! others can change.

use kbuild_guard::build_tree::{Closure, Role};
use kbuild_guard::machine::Users;
use kbuild_guard::quote::quoted;
use kbuild_guard::sysroot::{RootPath, Status, Sysroot};

/// Nobody's user and group, on every Linux (Documentation/admin-guide/sysctl/fs.rst, overflowuid).
const NOBODY: u32 = 65_534;

/// Who builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Builder {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) name: String,
}

/// Who is to build in these trees when `caller` asks; or why nobody is.
///
/// Root has the person build whose tree it is: it is that person's own Makefile, and a home may not be
/// readable to others. Any other tree is nobody's to build. Others build as themselves, and only what root
/// and they alone can change.
pub(crate) fn choose(root: &Sysroot, users: &Users, closure: &Closure, caller: u32) -> Result<Builder, String> {
    let places = places(root, closure);
    let changed_by = |uid: u32| {
        let mut places = places.iter();
        places.find_map(|(path, status)| Some((path, users.writer_besides(uid, status)?)))
    };
    if caller != 0 {
        return match changed_by(caller) {
            Some((path, who)) => Err(format!("{} can be changed by {who}", quoted(path))),
            None => Ok(Builder {
                uid: caller,
                gid: nix::unistd::getegid().as_raw(),
                name: users.person(caller).map_or_else(|| users.name_of(caller), |(name, _)| name),
            }),
        };
    }
    let owner = closure.build_tree().and_then(|tree| root.status(tree).ok()).map(|status| status.uid);
    let person = owner.and_then(|uid| users.person(uid).map(|(name, gid)| Builder { uid, gid, name }));
    Ok(person.filter(|person| person.gid != 0 && changed_by(person.uid).is_none()).unwrap_or(Builder {
        uid: NOBODY,
        gid: NOBODY,
        name: "nobody".to_owned(),
    }))
}

/// Everything that somebody who can change it would have the build run: what leads to the trees, they, and
/// the files of them that no build does without.
fn places(root: &Sysroot, closure: &Closure) -> Vec<(RootPath, Status)> {
    closure
        .hops
        .iter()
        .filter(|hop| hop.role != Role::BuildLink)
        .flat_map(|hop| {
            let mut parts: Vec<RootPath> = hop.path.as_path().ancestors().map(RootPath::new).collect();
            parts.reverse();
            parts.extend(hop.witnesses.iter().cloned());
            parts
        })
        .filter_map(|path| root.status(&path).ok().map(|status| (path, status)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kbuild_guard::build_tree::{BuildLink, End, Hop, LinkKind};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::path::Path;

    /// A root with felix' tree, and whom they choose for it after `change`.
    fn chosen(caller: u32, change: impl Fn(&Path)) -> Option<Result<String, String>> {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("home/felix/linux");
        fs::create_dir_all(&tree).unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let passwd = "root:x:0:0::/root:/bin/sh\ndaemon:x:2:2::/:/bin/sh\nfelix:x:1000:1000::/home/felix:/bin/sh\n";
        fs::write(dir.path().join("etc/passwd"), passwd).unwrap();
        fs::write(dir.path().join("etc/group"), "felix:x:1000:\nwork:x:2000:felix,jelle\n").unwrap();
        for path in [&tree, tree.parent().unwrap()] {
            // Only root can give files away.
            chown(path, Some(1000), Some(1000)).ok()?;
        }
        change(&tree);
        let root = Sysroot::open(dir.path()).unwrap();
        let path = RootPath::new("/home/felix/linux");
        let hop = Hop { path: path.clone(), role: Role::BuildTree, via: path, witnesses: Vec::new() };
        let link = BuildLink { path: RootPath::new("/lib/modules/R/build"), kind: LinkKind::Missing };
        let closure = Closure { link, hops: vec![hop], end: End::Complete, gaps: Vec::new(), source: None };
        Some(choose(&root, &Users::read(&root), &closure, caller).map(|builder| builder.name))
    }

    fn owner(uid: u32) -> impl Fn(&Path) {
        move |tree| chown(tree, Some(uid), None).unwrap()
    }

    fn mode(mode: u32, group: u32) -> impl Fn(&Path) {
        move |tree| {
            chown(tree, None, Some(group)).unwrap();
            fs::set_permissions(tree, Permissions::from_mode(mode)).unwrap();
        }
    }

    #[test]
    fn root_never_builds_itself() {
        for (change, expected) in [
            (Box::new(|_: &Path| {}) as Box<dyn Fn(&Path)>, "felix"),
            (Box::new(mode(0o775, 1000)), "felix"),
            (Box::new(mode(0o775, 2000)), "nobody"),
            (Box::new(mode(0o777, 1000)), "nobody"),
            (Box::new(owner(0)), "nobody"),
            (Box::new(owner(2)), "nobody"),
            (Box::new(owner(1001)), "nobody"),
        ] {
            let Some(chosen) = chosen(0, change) else { return };
            assert_eq!(chosen, Ok(expected.to_owned()));
        }
    }

    #[test]
    fn others_build_in_their_own_trees_only() {
        let Some(felix) = chosen(1000, |_| {}) else { return };
        assert_eq!(felix, Ok("felix".to_owned()));
        let jelle = chosen(1001, |_| {}).unwrap();
        assert_eq!(jelle, Err("/home/felix can be changed by felix".to_owned()));
        let open = chosen(1000, mode(0o777, 1000)).unwrap();
        assert_eq!(open, Err("/home/felix/linux can be changed by everybody".to_owned()));
    }
}
