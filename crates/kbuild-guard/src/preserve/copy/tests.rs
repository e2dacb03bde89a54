// SPDX-License-Identifier: MIT OR Apache-2.0
//! Trees that are not what they seem, copied: nothing gets out, nothing of elsewhere gets in.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use proptest::prelude::*;

use super::*;
use crate::build_tree::TreeConfig;
use crate::build_tree::build_inputs::Side;
use crate::machine::Users;
use crate::preserve::plan::lexical;
use crate::preserve::scan::scan;
use crate::preserve::select::Selection;
use crate::root_path::RootPath;
use crate::sysroot::Sysroot;

/// A root with a tree in /tree, and what must not change around it.
fn root() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for path in ["tree/include/linux", "tree/scripts", "outside/include", "usr/src"] {
        fs::create_dir_all(dir.path().join(path)).unwrap();
    }
    fs::write(dir.path().join("outside/secret"), "secret").unwrap();
    fs::write(dir.path().join("outside/include/x.h"), "secret").unwrap();
    dir
}

fn run(dir: &Path) -> Result<Plan> {
    run_configured(dir, &TreeConfig::default())
}

fn run_configured(dir: &Path, config: &TreeConfig) -> Result<Plan> {
    let root = Sysroot::open(dir)?;
    let tree = root.hold(&RootPath::new("/tree"))?;
    let owner = tree.own_status()?.uid;
    let trees = [Tree::new(tree, &[Side::Source, Side::Build])];
    let plan = scan(&trees, &Selection::new("x86", config, ""), &Users::default(), owner)?;
    let work = root.hold(&RootPath::new("/usr/src"))?.make_dir(OsStr::new("work"), 0o755)?;
    copy(&trees, owner, &plan, &work, &mut |_| {})?;
    Ok(plan)
}

#[test]
fn what_is_no_plain_file_of_the_tree_does_not_get_into_the_copy() {
    let dir = root();
    let at = |path: &str| dir.path().join(path);
    fs::write(at("tree/include/linux/a.h"), "abc").unwrap();
    fs::set_permissions(at("tree/include/linux/a.h"), Permissions::from_mode(0o4666)).unwrap();
    fs::write(at("tree/scripts/tool"), "tool").unwrap();
    fs::set_permissions(at("tree/scripts/tool"), Permissions::from_mode(0o6777)).unwrap();
    fs::hard_link(at("tree/scripts/tool"), at("tree/scripts/other")).unwrap();
    fs::write(at("tree/include").join("n".repeat(255)), "").unwrap();
    nix::unistd::mkfifo(&at("tree/include/fifo.h"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (link, target) in [
        ("scripts/nm", "tool"),
        ("scripts/abs", "/tree/scripts/tool"),
        ("scripts/out", "../../outside/secret"),
        ("scripts/far", "/outside/secret"),
        ("scripts/top", "../../../../../../outside/secret"),
        ("scripts/gone", "nothing"),
        ("scripts/self", "self"),
        ("scripts/chain", "nm"),
        ("include/dir", "linux"),
        ("include/linux/up", ".."),
        ("include/away", "../../outside/include"),
    ] {
        symlink(target, at("tree").join(link)).unwrap();
    }
    let plan = run(dir.path()).unwrap();
    let work = at("usr/src/work");
    let mode = |path: &str| fs::symlink_metadata(work.join(path)).unwrap().mode() & 0o7777;
    assert_eq!((mode("include/linux/a.h"), mode("scripts/tool"), mode("include")), (0o644, 0o755, 0o755));
    assert_eq!(fs::metadata(work.join("scripts/tool")).unwrap().nlink(), 1);
    assert_eq!(fs::read_link(work.join("scripts/nm")).unwrap(), Path::new("tool"));
    for path in ["scripts/abs", "scripts/chain", "scripts/nm", "scripts/other"] {
        assert_eq!(fs::read_to_string(work.join(path)).unwrap(), "tool", "{path}");
    }
    assert!(!fs::symlink_metadata(work.join("scripts/abs")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(work.join("include/dir/a.h")).unwrap(), "abc");
    assert!(work.join("include").join("n".repeat(255)).exists());
    for path in
        ["scripts/out", "scripts/far", "scripts/top", "scripts/gone", "scripts/self", "include/fifo.h", "include/away"]
    {
        assert!(work.join(path).symlink_metadata().is_err(), "{path}");
        let told = RootPath::new(Path::new("/tree").join(path));
        assert!(plan.left_out().iter().any(|left| left.path == told), "{path}: {:?}", plan.left_out());
    }
    let modified = |path: &Path| fs::metadata(path).unwrap().mtime_nsec();
    assert_eq!(modified(&work.join("scripts/tool")), modified(&at("tree/scripts/tool")));
}

/// Ubuntu has Rust's metadata in a package of its own, and a link to that in the tree.
#[test]
fn what_modules_in_rust_need_of_elsewhere_is_told() {
    let dir = root();
    symlink("../outside/include", dir.path().join("tree/rust")).unwrap();
    assert_eq!(run(dir.path()).unwrap().left_out(), []);
    fs::remove_dir_all(dir.path().join("usr/src/work")).unwrap();
    let plan = run_configured(dir.path(), &TreeConfig::new("CONFIG_RUST=y\n")).unwrap();
    let told: Vec<&RootPath> = plan.left_out().iter().map(|left| &left.path).collect();
    assert_eq!(told, [&RootPath::new("/tree/rust")]);
}

#[test]
fn a_tree_that_changes_while_it_is_copied_is_refused() {
    let dir = root();
    let at = |path: &str| dir.path().join(path);
    fs::write(at("tree/scripts/tool"), "tool").unwrap();
    let root = Sysroot::open(dir.path()).unwrap();
    let tree = root.hold(&RootPath::new("/tree")).unwrap();
    let owner = tree.own_status().unwrap().uid;
    let trees = [Tree::new(tree, &[Side::Source])];
    let config = TreeConfig::default();
    let plan = scan(&trees, &Selection::new("x86", &config, ""), &Users::default(), owner).unwrap();
    let attempt = |name: &str| {
        let work = root.hold(&RootPath::new("/usr/src")).unwrap().make_dir(OsStr::new(name), 0o755).unwrap();
        copy(&trees, owner, &plan, &work, &mut |_| {})
    };
    fs::write(at("tree/scripts/tool"), "a longer tool").unwrap();
    assert!(matches!(attempt("grown"), Err(Error::Refused(Refusal::Changed { .. }))));
    fs::write(at("tree/scripts/tool"), "t").unwrap();
    assert!(matches!(attempt("shrunk"), Err(Error::Refused(Refusal::Changed { .. }))));
    fs::remove_file(at("tree/scripts/tool")).unwrap();
    symlink("../../outside/secret", at("tree/scripts/tool")).unwrap();
    assert!(matches!(attempt("file-swapped"), Err(Error::NotRegular { .. })));
    fs::rename(at("tree/scripts"), at("tree/gone")).unwrap();
    symlink("../outside", at("tree/scripts")).unwrap();
    assert!(matches!(attempt("directory-swapped"), Err(Error::NotADirectory { .. })));
}

/// Every file and link around the tree and the copy, with its content.
fn surroundings(dir: &Path) -> Vec<(PathBuf, String)> {
    fn list(dir: &Path, top: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            let content = match () {
                () if kind.is_symlink() => fs::read_link(&path).unwrap().to_string_lossy().into_owned(),
                () if kind.is_file() => fs::read_to_string(&path).unwrap(),
                () => String::new(),
            };
            found.push((path.clone(), content));
            if kind.is_dir() && path != top.join("usr/src/work") {
                list(&path, top, found);
            }
        }
    }
    let mut found = Vec::new();
    list(dir, dir, &mut found);
    found.retain(|(path, _)| *path != dir.join("usr/src/work"));
    found.sort();
    found
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["include", "linux", "scripts", "arch", "x86", "a", "b\n", "tool", ".x.cmd"])
        .prop_map(str::to_owned)
}

fn target() -> impl Strategy<Value = String> {
    let part =
        prop::sample::select(vec!["..", ".", "tree", "include", "linux", "scripts", "a", "tool", "outside", "secret"]);
    (prop::sample::select(vec!["", "/", "/tree/", "/outside/"]), prop::collection::vec(part, 1..5))
        .prop_map(|(start, parts)| format!("{start}{}", parts.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn nothing_is_written_outside_and_nothing_of_outside_gets_in(
        entries in prop::collection::vec((prop::collection::vec(name(), 1..5), prop::option::of(target())), 1..25)
    ) {
        let dir = root();
        for (parts, link) in entries {
            let path = dir.path().join("tree").join(parts.join("/"));
            // Whatever cannot be made there, is not.
            let inside = path.parent().is_some_and(|parent| {
                fs::create_dir_all(parent).is_ok()
                    && parent.canonicalize().is_ok_and(|real| real.starts_with(dir.path().join("tree").canonicalize().unwrap()))
            });
            if inside && path.symlink_metadata().is_err() {
                match link {
                    Some(target) => symlink(target, path).unwrap(),
                    None => fs::write(path, "of the tree").unwrap(),
                }
            }
        }
        let before = surroundings(dir.path());
        let outcome = run(dir.path());
        prop_assert_eq!(surroundings(dir.path()), before);
        prop_assert!(outcome.is_ok(), "{outcome:?}");
        let work = dir.path().join("usr/src/work");
        let mut todo = vec![work.clone()];
        while let Some(here) = todo.pop() {
            for entry in fs::read_dir(here).unwrap() {
                let path = entry.unwrap().path();
                let status = fs::symlink_metadata(&path).unwrap();
                if status.is_dir() {
                    todo.push(path);
                } else if status.is_symlink() {
                    let end = lexical(&path.parent().unwrap().join(fs::read_link(&path).unwrap())).unwrap();
                    prop_assert!(end.starts_with(&work), "{path:?}");
                    prop_assert!(end.symlink_metadata().unwrap().is_file());
                } else {
                    prop_assert_eq!(fs::read_to_string(&path).unwrap(), "of the tree");
                }
            }
        }
    }
}
