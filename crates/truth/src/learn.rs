// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a module build reads, learnt by watching one.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use test_roots::Root;

use crate::build;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::strace::{self, Used};
use crate::subject::Stage;
use crate::verdict::Hop;

/// What was learnt of a subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Learnt {
    /// Files of the trees that a build reads or executes, sorted.
    pub(crate) read: Vec<String>,
    /// Those of them that are executable.
    pub(crate) executable: Vec<String>,
    /// Those of them that are programs in ELF.
    pub(crate) elf: Vec<String>,
    /// Programs outside the trees that a build runs, links followed or not, sorted.
    pub(crate) programs: Vec<String>,
    /// Files that packages have in the trees and that no build reads, each with its package.
    pub(crate) unread: Vec<(String, String)>,
}

/// Sorts paths out: to each that is there, links followed, what it is.
const LOOK: &str = r#"while read -r path; do
    [ -f "$path" ] || continue
    kind=-
    [ ! -x "$path" ] || kind=x
    [ "$(head -c 4 "$path" | tail -c 3)" != ELF ] || kind=${kind}elf
    printf '%s %s\n' "$kind" "$(readlink -f "$path")"
done"#;

/// The regular files of packages, a line each with its package.
const OWNED: &str = r#"for package; do
    dpkg-query --listfiles "$package" | while read -r path; do
        { [ -f "$path" ] && [ ! -L "$path" ]; } && printf '%s %s\n' "$package" "$path"
    done
done; true"#;

/// Watches a build in a sound root. `hops` are those of our program, `scratch` is for strace's files.
pub(crate) fn learn(stage: &Stage, layout: &Layout, hops: &[Hop], scratch: &Path) -> Result<Learnt> {
    let root = stage.root()?;
    let used = watch(stage, &root, scratch)?;
    let mut trees: BTreeSet<String> = hops.iter().skip(1).map(|hop| hop.path.clone()).collect();
    trees.extend([&layout.build, &layout.source, &layout.kbuild].map(String::from));
    let is_inside = |path: &str| {
        trees.iter().any(|tree| path.strip_prefix(tree.as_str()).is_some_and(|rest| rest.starts_with('/')))
    };

    let all: BTreeSet<&String> = used.opened.iter().chain(&used.executed).collect();
    let list: String = all.iter().flat_map(|path| [path.as_str(), "\n"]).collect();
    let looked = root.command(&["sh", "-c", LOOK]).stdin_bytes(list).run()?.success()?;
    let mut learnt = Learnt::default();
    let mut read = BTreeSet::new();
    for (kind, path) in looked.output.lines().filter_map(|line| line.split_once(' ')) {
        if is_inside(path) && read.insert(path.to_owned()) {
            if kind.starts_with('x') {
                learnt.executable.push(path.to_owned());
            }
            if kind == "xelf" {
                learnt.elf.push(path.to_owned());
            }
        }
    }
    learnt.programs = used.executed.iter().filter(|path| !is_inside(path)).cloned().collect();
    let packages: BTreeSet<&String> = hops.iter().skip(1).filter_map(|hop| hop.owner.as_ref()).collect();
    if !packages.is_empty() {
        let mut command = root.command(&["sh", "-c", OWNED, "sh"]);
        for package in packages {
            command = command.arg(package);
        }
        let listed = command.run()?.success()?;
        let files = listed.output.lines().filter_map(|line| line.split_once(' '));
        let unread = files.filter(|(_, path)| is_inside(path) && !read.contains(*path));
        learnt.unread = unread.map(|(package, path)| (path.to_owned(), package.to_owned())).collect();
    }
    learnt.read = read.into_iter().collect();
    learnt.executable.sort();
    learnt.elf.sort();
    if learnt.read.is_empty() {
        return Err(Error::Unsound {
            subject: stage.subject.name,
            detail: "a build reads nothing of its trees".into(),
        });
    }
    Ok(learnt)
}

/// Runs a build under strace, which runs on the host around the words that lead in.
fn watch(stage: &Stage, root: &Root, scratch: &Path) -> Result<Used> {
    build::lay_source(root)?;
    let directory = tempfile::Builder::new()
        .prefix("strace-")
        .tempdir_in(scratch)
        .map_err(Error::io("create a directory in", scratch))?;
    let mut command = Command::new("strace");
    command
        .args(["-ff", "-y", "-s", "4096", "-qq", "--signal=none", "-e", "trace=%file", "-o"])
        .arg(directory.path().join("process"))
        .args(root.entry()?)
        .args(build::words(&stage.release))
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", "/root")
        .stdin(Stdio::null());
    let output = command.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::MissingTool { tool: "strace", install: "apt-get install strace" },
        _ => Error::io("run", Path::new("strace"))(error),
    })?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        return Err(Error::Unsound { subject: stage.subject.name, detail: build::last_lines(&words, 20) });
    }
    let mut used = Used::default();
    for entry in std::fs::read_dir(directory.path()).map_err(Error::io("list", directory.path()))? {
        let path = entry.map_err(Error::io("list", directory.path()))?.path();
        let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
        strace::read(&String::from_utf8_lossy(&bytes), &mut used);
    }
    Ok(used)
}
