// SPDX-License-Identifier: MIT OR Apache-2.0
//! A copy of the project as git sees it, to build packages in.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Doing, Error, tools};

/// Makes `copy` the same as what git knows or would add of the project. Files that are the same stay untouched; the
/// others are as new as their copy, not as their original, which may be older than what cargo built from another one.
/// Returns the files, as paths in either.
pub(crate) fn make(project: &Path, copy: &Path) -> Result<BTreeSet<PathBuf>, Error> {
    let files = project_files(project)?;
    let folders: BTreeSet<&Path> = files.iter().flat_map(|file| file.ancestors().skip(1)).collect();
    fs::create_dir_all(copy).doing(|| format!("create {}", copy.display()))?;
    remove_others(copy, Path::new(""), &files, &folders).doing(|| format!("tidy {}", copy.display()))?;
    for file in &files {
        copy_file(&project.join(file), &copy.join(file))
            .doing(|| format!("copy {} to {}", file.display(), copy.display()))?;
    }
    Ok(files)
}

fn project_files(project: &Path) -> Result<BTreeSet<PathBuf>, Error> {
    let mut safe = OsString::from("safe.directory=");
    safe.push(project);
    let mut git = Command::new("git");
    // The project may belong to somebody else than to root who builds it.
    git.arg("-c").arg(safe).arg("-C").arg(project);
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = tools::output(&mut git)?;
    let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    let paths = paths.map(|path| PathBuf::from(OsString::from_vec(path.to_vec())));
    // git goes on listing a file that was deleted but not yet from its index.
    Ok(paths.filter(|path| project.join(path).symlink_metadata().is_ok()).collect())
}

fn remove_others(root: &Path, folder: &Path, files: &BTreeSet<PathBuf>, folders: &BTreeSet<&Path>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if folders.contains(path.as_path()) {
                remove_others(root, &path, files, folders)?;
            } else {
                fs::remove_dir_all(entry.path())?;
            }
        } else if !files.contains(&path) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let original = from.symlink_metadata()?;
    if let Ok(present) = to.symlink_metadata() {
        let same = present.is_file()
            && original.is_file()
            && present.len() == original.len()
            && present.permissions().mode() == original.permissions().mode()
            && fs::read(from)? == fs::read(to)?;
        if same {
            return Ok(());
        }
        fs::remove_file(to)?;
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if original.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to).map(|_length| ())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::{self, File};
    use std::io;
    use std::path::{Path, PathBuf};
    use std::time::SystemTime;

    use super::{copy_file, remove_others};

    #[test]
    fn the_copy_follows_the_project() -> io::Result<()> {
        let root = std::env::temp_dir().join(format!("xtask-copy-{}", std::process::id()));
        fs::create_dir_all(root.join("from"))?;
        fs::create_dir_all(root.join("to/gone"))?;
        let old = SystemTime::UNIX_EPOCH;
        for (file, text) in [("from/changed", "new"), ("to/changed", "old"), ("from/same", "a"), ("to/same", "a")] {
            fs::write(root.join(file), text)?;
            File::options().write(true).open(root.join(file))?.set_modified(old)?;
        }
        fs::write(root.join("to/gone/file"), "")?;

        let files = BTreeSet::from([PathBuf::from("changed"), PathBuf::from("same")]);
        let folders = BTreeSet::from([Path::new("")]);
        remove_others(&root.join("to"), Path::new(""), &files, &folders)?;
        for file in &files {
            copy_file(&root.join("from").join(file), &root.join("to").join(file))?;
        }

        assert!(!root.join("to/gone").exists());
        assert_eq!(fs::read_to_string(root.join("to/changed"))?, "new");
        assert_ne!(fs::metadata(root.join("to/changed"))?.modified()?, old, "cargo has to see the change");
        assert_eq!(fs::metadata(root.join("to/same"))?.modified()?, old, "nothing to build again");
        fs::remove_dir_all(root)
    }
}
