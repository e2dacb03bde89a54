// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking apt's own programs about a root, in the time that is left.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use kbuild_guard::sysroot::{Kind, RootPath, Sysroot};

use crate::program;

/// The user and the group that own nothing (systemd's UIDS-GIDS, Debian Policy 9.2.2).
const NOBODY: u32 = 65_534;

/// What apt's answer is made from. Where root's umask was narrow some of it is root's alone, and to anybody else it
/// would look as if nothing were offered.
const READ: [&str; 5] =
    ["/var/lib/apt/lists", "/etc/apt", "/etc/apt/apt.conf.d", "/etc/apt/preferences.d", "/etc/apt/sources.list.d"];

/// What `program` says on its standard output; `None` if it cannot be asked, takes too long or fails.
pub(super) fn ask(root: &Sysroot, program: &str, words: &[&str]) -> Option<String> {
    let as_nobody = as_nobody(root, program, words).and_then(|command| program::start(command, root));
    let asked = as_nobody.or_else(|| program::start(command(root.host_path(), program, words), root))?;
    let answer = asked.answer()?;
    (answer.status == Some(0)).then(|| String::from_utf8(answer.text).ok())?
}

/// apt's programs as somebody who may read its cache and write nothing: for this system's own root, which is everybody's
/// to read. Where there is no such user (in a user namespace) it cannot be started.
fn as_nobody(root: &Sysroot, program: &str, words: &[&str]) -> Option<Command> {
    let is_ours = root.host_path() == Path::new("/") && nix::unistd::geteuid().is_root();
    if !is_ours || !READ.iter().all(|dir| is_everybodys(root, &RootPath::new(dir))) {
        return None;
    }
    let mut command = Command::new(program);
    command.args(words).uid(NOBODY).gid(NOBODY);
    Some(command)
}

/// Whether everybody may read a directory and the files in it; one that is not there hides nothing.
fn is_everybodys(root: &Sysroot, dir: &RootPath) -> bool {
    let Ok(status) = root.status(dir) else { return !root.exists(dir) };
    let files = root.list(dir, 4096).unwrap_or_default();
    let hides = |path: RootPath| {
        root.status(&path).is_ok_and(|file| file.kind == Kind::File && file.size > 0 && file.mode & 0o004 == 0)
    };
    status.mode & 0o005 == 0o005 && !files.into_iter().any(|file| hides(dir.join(file.name)))
}

/// The command line as ourselves. Whatever its configuration says, apt keeps no cache: as root it would write 70 MB into the system
/// that is asked about, and leave half of it where it is killed.
fn command(root: &Path, program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    if root != Path::new("/") {
        let set = |key: &str, below: &str| {
            let mut option = OsString::from(format!("{key}="));
            option.push(root.join(below));
            option
        };
        command.arg("-o").arg(set("Dir", "")).arg("-o").arg(set("Dir::State::status", "var/lib/dpkg/status"));
    }
    command.args(["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]).args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_root_may_read_is_seen() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let (lists, file) = (dir.path().join("lists"), dir.path().join("lists/x_Packages"));
        let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        assert!(is_everybodys(&root, &RootPath::new("/lists")), "there is none");
        std::fs::create_dir(&lists).unwrap();
        std::fs::write(&file, "Package: x").unwrap();
        for (of_dir, of_file, is) in [(0o755, 0o644, true), (0o755, 0o600, false), (0o700, 0o644, false)] {
            mode(&lists, of_dir);
            mode(&file, of_file);
            assert_eq!(is_everybodys(&root, &RootPath::new("/lists")), is, "{of_dir:o} {of_file:o}");
        }
        mode(&lists, 0o755);
    }

    #[test]
    fn apt_keeps_no_cache() {
        for root in ["/", "/alt"] {
            let command = command(Path::new(root), "apt-cache", &["policy"]);
            let words: Vec<_> = command.get_args().collect();
            let set: Vec<_> = words.windows(2).filter(|pair| pair[0] == "-o").map(|pair| pair[1]).collect();
            for cache in ["Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="] {
                assert!(set.contains(&cache.as_ref()), "{words:?}");
            }
            assert_eq!(words.last(), Some(&"policy".as_ref()));
        }
    }
}
