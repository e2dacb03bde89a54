// SPDX-License-Identifier: MIT OR Apache-2.0
//! Following a build link through everything it needs.

use crate::build_tree::closure::{Closure, End, Gap, Hop, Role, Unclear};
use crate::build_tree::link::{BuildLink, LinkKind};
use crate::build_tree::makefile::{included_makefiles, is_kernel_makefile};
use crate::error::{Error, Result};
use crate::kernels::Kernel;
use crate::machine;
use crate::sysroot::{Kind, RootPath, Sysroot, WalkEnd};

/// Entries of a tree that may be links into another one (Debian's `scripts` and `tools`, Ubuntu's
/// `Makefile`, `include`, `arch`, …). Ubuntu's `rust` is none of them: it leads into a package that only
/// modules in Rust need, and that hardly anybody has.
const LINKED_ENTRIES: [&str; 7] = ["scripts", "tools", "Makefile", "Kbuild", "include", "arch", "certs"];

/// Of these, the ones a build cannot do without.
const ESSENTIAL_ENTRIES: [&str; 5] = ["scripts", "tools", "Makefile", "include", "arch"];

/// What tells that a directory of this name still is what it was.
const WITNESSES: [(&str, &[&str]); 4] = [
    ("scripts", &["Makefile.build", "basic/fixdep"]),
    ("tools", &["objtool/objtool"]),
    ("include", &["linux/module.h"]),
    ("arch", &["x86/Makefile"]),
];

/// Files that a build tree, and the tree its Makefile includes, cannot be without.
const TREE_WITNESSES: [&str; 4] = ["Makefile", "include/config/auto.conf", "Module.symvers", "include/linux/module.h"];

/// A Makefile that only points to another tree is small; the kernel's is about 75 kB.
const LARGEST_MAKEFILE: usize = 1 << 20;

/// Trees that include trees: openSUSE has two, an `O=` build on top of one three.
const DEEPEST: usize = 4;

/// Follows the build link of `kernel` through everything it needs.
pub fn follow(root: &Sysroot, kernel: &Kernel) -> Result<Closure> {
    let link = BuildLink::of(root, kernel)?;
    let mut closure =
        Closure { link: link.clone(), hops: Vec::new(), end: End::Complete, gaps: Vec::new(), source: None };
    if link.kind == LinkKind::Missing {
        closure.end = End::NoLink;
        return Ok(closure);
    }
    let walk = root.walk(&link.path);
    // The modules directory may be reached through links of its own (/lib); those are no hops of ours.
    for passed in walk.passed.iter().skip_while(|passed| passed.link != link.path) {
        closure.hops.push(Hop {
            path: passed.link.clone(),
            role: Role::BuildLink,
            via: link.path.clone(),
            witnesses: Vec::new(),
        });
    }
    let tree = match walk.end {
        WalkEnd::Found { path, status } if status.kind == Kind::Directory => path,
        WalkEnd::Found { path, .. } => {
            closure.end = End::NotADirectory(path);
            return Ok(closure);
        }
        end => {
            closure.end = end_of(root, end);
            return Ok(closure);
        }
    };
    closure.add_tree(root, tree, Role::BuildTree, link.path.clone());
    closure.follow_includes(root);
    closure.follow_links(root);
    Ok(closure)
}

/// The closure that the build link of `kernel` would have if it led to `tree`, a directory whose path holds no link.
pub fn follow_to(root: &Sysroot, kernel: &Kernel, tree: &RootPath) -> Closure {
    let path = kernel.dir.join("build");
    let link = BuildLink { path: path.clone(), kind: LinkKind::Symlink(tree.as_path().to_owned()) };
    let itself = Hop { path: path.clone(), role: Role::BuildLink, via: path.clone(), witnesses: Vec::new() };
    let mut closure = Closure { link, hops: vec![itself], end: End::Complete, gaps: Vec::new(), source: None };
    closure.add_tree(root, tree.clone(), Role::BuildTree, path);
    closure.follow_includes(root);
    closure.follow_links(root);
    closure
}

impl Closure {
    fn add_tree(&mut self, root: &Sysroot, path: RootPath, role: Role, via: RootPath) {
        if self.hops.iter().any(|hop| hop.path == path && hop.role != Role::BuildLink) {
            return;
        }
        let names = match role {
            Role::Companion => WITNESSES
                .iter()
                .find(|(name, _)| path.file_name() == *name)
                .map_or(&[] as &[&str], |(_, witnesses)| witnesses),
            _ => &TREE_WITNESSES,
        };
        let witnesses = names.iter().map(|name| path.join(name)).filter(|path| root.exists(path)).collect();
        self.hops.push(Hop { path, role, via, witnesses });
    }

    /// From the build tree's Makefile to the tree that has the kernel's.
    fn follow_includes(&mut self, root: &Sysroot) {
        let Some(build) = self.build_tree().cloned() else { return };
        let mut makefile = build.join("Makefile");
        for _ in 0..DEEPEST {
            let bytes = match root.read(&makefile, LARGEST_MAKEFILE) {
                Ok(bytes) => bytes,
                // Not there, or no file: a check says so. Anything else hides what is there.
                Err(Error::NotFound { .. } | Error::NotRegular { .. } | Error::TooLarge { .. }) => return,
                Err(error) if error.is_circle() => return,
                Err(error) => {
                    self.end = End::Unknown(Unclear::Failed(error.to_string()));
                    return;
                }
            };
            let text = String::from_utf8_lossy(&bytes);
            if is_kernel_makefile(&text) {
                // Ubuntu's flavour tree links to the Makefile of its source tree, yet is built as one.
                self.source = Some(makefile.parent());
                return;
            }
            // make reads a relative path from where it runs, which is the build tree (-C).
            let Some(next) = included_makefiles(&text).first().map(|path| build.join(path)) else { return };
            match root.walk(&next).end {
                WalkEnd::Found { path, status } if status.kind == Kind::File => {
                    self.add_tree(root, path.parent(), Role::SourceTree, makefile.clone());
                    makefile = path;
                }
                WalkEnd::Found { .. } => return,
                end => return self.add_gap(root, makefile, end),
            }
        }
    }

    /// Something asks for a further tree and does not get it; or nobody can say whether it does.
    fn add_gap(&mut self, root: &Sysroot, via: RootPath, end: WalkEnd) {
        match end_of(root, end) {
            End::Dangling { at: missing, .. } | End::Loop(missing) => {
                // A link to itself asks for nothing: it is what is missing.
                if missing != via && !self.gaps.iter().any(|gap| gap.missing == missing) {
                    self.gaps.push(Gap { via, missing });
                }
            }
            unknown @ End::Unknown(_) => self.end = unknown,
            End::Complete | End::NoLink | End::NotADirectory(_) => {}
        }
    }

    /// From the trees' linked entries to what they lead to.
    fn follow_links(&mut self, root: &Sysroot) {
        let trees: Vec<RootPath> = self
            .hops
            .iter()
            .filter(|hop| matches!(hop.role, Role::BuildTree | Role::SourceTree))
            .map(|hop| hop.path.clone())
            .collect();
        for tree in &trees {
            for entry in LINKED_ENTRIES {
                let path = tree.join(entry);
                let Ok(status) = root.link_status(&path) else { continue };
                if status.kind != Kind::Symlink {
                    continue;
                }
                match root.walk(&path).end {
                    WalkEnd::Found { path: found, status } if !trees.iter().any(|tree| tree.contains(&found)) => {
                        let found = if status.kind == Kind::Directory { found } else { found.parent() };
                        self.add_tree(root, found, Role::Companion, path);
                    }
                    WalkEnd::Found { .. } => {}
                    end if ESSENTIAL_ENTRIES.contains(&entry) => self.add_gap(root, path, end),
                    _ => {}
                }
            }
        }
    }
}

fn end_of(root: &Sysroot, end: WalkEnd) -> End {
    match end {
        WalkEnd::Found { path, .. } => End::NotADirectory(path),
        WalkEnd::Missing { at, path } => {
            match machine::unmounted_mount_points(root).into_iter().find(|point| point.contains(&at)) {
                Some(point) => End::Unknown(Unclear::NotMounted(point)),
                None => End::Dangling { at, path },
            }
        }
        WalkEnd::Loop { at } => End::Loop(at),
        WalkEnd::NotMounted { at } => End::Unknown(Unclear::NotMounted(at)),
        WalkEnd::Unknown(Error::Deadline) => End::Unknown(Unclear::Failed("the time for an answer is over".into())),
        WalkEnd::Unknown(error) => End::Unknown(Unclear::Failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    struct Fixture {
        dir: tempfile::TempDir,
        root: Sysroot,
        kernel: Kernel,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("usr/lib/modules/R")).unwrap();
            symlink("usr/lib", dir.path().join("lib")).unwrap();
            let root = Sysroot::open(dir.path()).unwrap();
            let kernel = Kernel {
                release: "R".parse().unwrap(),
                dir: RootPath::new("/usr/lib/modules/R"),
                image: RootPath::new("/boot/vmlinuz-R"),
                running: false,
                kept: None,
            };
            Fixture { dir, root, kernel }
        }

        fn file(&self, path: &str, text: &str) {
            let path = self.dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn link(&self, target: &str, path: &str) {
            let path = self.dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(target, path).unwrap();
        }

        fn closure(&self) -> Closure {
            follow(&self.root, &self.kernel).unwrap()
        }
    }

    fn paths(closure: &Closure) -> Vec<(Role, String)> {
        closure.hops.iter().map(|hop| (hop.role, hop.path.as_path().display().to_string())).collect()
    }

    #[test]
    fn debian_has_three_trees() {
        let f = Fixture::new();
        f.link("/usr/src/h-R", "lib/modules/R/build");
        f.file("usr/src/h-R/Makefile", "include /usr/src/h-common/Makefile\n");
        f.link("../../lib/kbuild/scripts", "usr/src/h-R/scripts");
        f.link("../../lib/kbuild/tools", "usr/src/h-R/tools");
        f.file("usr/src/h-common/Makefile", "VERSION = 6\nPATCHLEVEL = 1\n");
        f.file("usr/lib/kbuild/scripts/basic/fixdep", "");
        f.file("usr/lib/kbuild/tools/objtool/objtool", "");
        let closure = f.closure();
        assert_eq!(
            paths(&closure),
            [
                (Role::BuildLink, "/usr/lib/modules/R/build".to_owned()),
                (Role::BuildTree, "/usr/src/h-R".to_owned()),
                (Role::SourceTree, "/usr/src/h-common".to_owned()),
                (Role::Companion, "/usr/lib/kbuild/scripts".to_owned()),
                (Role::Companion, "/usr/lib/kbuild/tools".to_owned()),
            ]
        );
        assert_eq!(closure.source, Some(RootPath::new("/usr/src/h-common")));
        assert_eq!(closure.hops[3].witnesses, [RootPath::new("/usr/lib/kbuild/scripts/basic/fixdep")]);
        fs::remove_dir_all(f.dir.path().join("usr/src/h-common")).unwrap();
        fs::remove_dir_all(f.dir.path().join("usr/lib/kbuild")).unwrap();
        let missing: Vec<_> = f.closure().gaps.into_iter().map(|gap| gap.missing).collect();
        assert_eq!(missing, [RootPath::new("/usr/src/h-common"), RootPath::new("/usr/lib/kbuild")]);
    }

    #[test]
    fn arch_is_a_real_directory() {
        let f = Fixture::new();
        f.file("lib/modules/R/build/Makefile", "VERSION = 6\nPATCHLEVEL = 9\n");
        let closure = f.closure();
        assert_eq!(paths(&closure), [(Role::BuildTree, "/usr/lib/modules/R/build".to_owned())]);
        assert_eq!(closure.source, Some(RootPath::new("/usr/lib/modules/R/build")));
    }

    #[test]
    fn ubuntu_links_file_by_file_and_suse_includes_upwards() {
        let f = Fixture::new();
        f.link("/usr/src/h-flavour", "lib/modules/R/build");
        f.link("../h/Makefile", "usr/src/h-flavour/Makefile");
        f.file("usr/src/h/Makefile", "VERSION = 6\nPATCHLEVEL = 8\n");
        let closure = f.closure();
        assert_eq!(closure.source, Some(RootPath::new("/usr/src/h-flavour")));
        assert_eq!(closure.hops[2].path, RootPath::new("/usr/src/h"));

        let f = Fixture::new();
        f.link("/usr/src/linux-6.4-obj/x86_64/default", "lib/modules/R/build");
        f.file("usr/src/linux-6.4-obj/x86_64/default/Makefile", "include ../../../linux-6.4/Makefile\n");
        f.file("usr/src/linux-6.4/Makefile", "VERSION = 6\nPATCHLEVEL = 4\n");
        assert_eq!(f.closure().source, Some(RootPath::new("/usr/src/linux-6.4")));
    }

    #[test]
    fn where_a_link_can_end() {
        let f = Fixture::new();
        assert_eq!(f.closure().end, End::NoLink);
        f.link("/home/jelle/linux", "lib/modules/R/build");
        let path = RootPath::new("/home/jelle/linux");
        assert_eq!(f.closure().end, End::Dangling { at: RootPath::new("/home"), path });
        f.file("etc/fstab", "/dev/b /home ext4\n");
        assert_eq!(f.closure().end, End::Unknown(Unclear::NotMounted(RootPath::new("/home"))));
        fs::remove_file(f.dir.path().join("lib/modules/R/build")).unwrap();
        f.link("build", "lib/modules/R/build");
        assert!(matches!(f.closure().end, End::Loop(_)));
        fs::remove_file(f.dir.path().join("lib/modules/R/build")).unwrap();
        f.file("lib/modules/R/build", "");
        assert!(matches!(f.closure().end, End::NotADirectory(_)));
    }

    #[test]
    fn a_source_tree_that_is_not_mounted_is_unknown() {
        let f = Fixture::new();
        f.link("/usr/src/out", "lib/modules/R/build");
        f.file("usr/src/out/Makefile", "include /home/felix/linux/Makefile\n");
        assert_eq!(f.closure().gaps.len(), 1);
        f.file("etc/fstab", "/dev/b /home ext4\n");
        assert_eq!(f.closure().end, End::Unknown(Unclear::NotMounted(RootPath::new("/home"))));
    }

    #[test]
    fn makefiles_that_include_each_other_end() {
        let f = Fixture::new();
        f.link("/usr/src/a", "lib/modules/R/build");
        f.file("usr/src/a/Makefile", "include /usr/src/b/Makefile\n");
        f.file("usr/src/b/Makefile", "include /usr/src/a/Makefile\n");
        assert_eq!(f.closure().hops.len(), 3);
    }
}
