// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask dist`: the Debian package, and its source package.
//!
//! `target/dist/build/kbuild-guard/` is a copy of the project as git sees it, `target/dist/build/` holds all that
//! dpkg-buildpackage makes of it, and the package alone is laid in `target/dist/`.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::tools::{self, Tool};
use crate::{Doing, Error, lintian};

/// What a build needs beyond a Rust toolchain.
const BUILD_TOOLS: [Tool; 4] = [
    Tool::program("git", "git"),
    Tool::program("dpkg-buildpackage", "dpkg-dev"),
    Tool::program("dh", "debhelper"),
    Tool::Package("build-essential"),
];

/// What a build leaves.
const RESULTS: [&str; 5] = ["deb", "dsc", "xz", "changes", "buildinfo"];

/// Where the package lies, and what was made along with it.
pub(crate) struct Built {
    /// The .deb, alone in its folder.
    pub(crate) package: PathBuf,
    /// The folder with the source package, .changes and .buildinfo, and the .deb once more.
    pub(crate) results: PathBuf,
}

/// Builds the package, shows it and lets lintian judge it and its source.
pub(crate) fn run() -> Result<Built, Error> {
    tools::ensure(&[BUILD_TOOLS.as_slice(), &[lintian::TOOL]].concat())?;
    let built = build_all()?;
    let size = fs::metadata(&built.package).doing(|| format!("read {}", built.package.display()))?.len();
    println!("\nxtask: {} ({size} bytes) holds", built.package.display());
    tools::run(Command::new("dpkg-deb").arg("--contents").arg(&built.package))?;
    println!("\nxtask: lintian");
    lintian::judge(&only_file(&built.results, "changes")?)?;
    println!("xtask: lintian has nothing to say\n\n{}", built.package.display());
    Ok(built)
}

/// Builds the package and returns its path. A second run builds only what has changed.
pub(crate) fn build() -> Result<PathBuf, Error> {
    build_all().map(|built| built.package)
}

fn build_all() -> Result<Built, Error> {
    tools::ensure(&BUILD_TOOLS)?;
    let started = Instant::now();
    let target = tools::target_dir()?;
    let dist = target.join("dist");
    let results = dist.join("build");
    let source = results.join("kbuild-guard");
    copy_project(&tools::workspace()?, &source)?;
    for folder in [&dist, &results] {
        for extension in RESULTS {
            for old in files_in(folder, extension)? {
                fs::remove_file(&old).doing(|| format!("remove {}", old.display()))?;
            }
        }
    }

    // Source and binary. The copy is clean: nothing to clean before.
    let mut dpkg_buildpackage = dpkg_buildpackage(&source);
    dpkg_buildpackage
        .args(["--build=full", "--no-pre-clean"])
        .env("CARGO_TARGET_DIR", &target)
        .env("LC_ALL", "C.UTF-8");
    tools::run(&mut dpkg_buildpackage)?;

    let package = only_file(&results, "deb")?;
    let laid = dist.join(package.file_name().unwrap_or_default());
    fs::copy(&package, &laid).doing(|| format!("copy {} to {}", package.display(), laid.display()))?;
    println!("xtask: built in {:.1} s", started.elapsed().as_secs_f64());
    Ok(Built { package: laid, results })
}

/// dpkg-buildpackage on a source tree, with whatever Rust toolchain is here. Tests have their own task.
pub(crate) fn dpkg_buildpackage(source: &Path) -> Command {
    let mut command = Command::new("dpkg-buildpackage");
    command
        .args(["--unsigned-source", "--unsigned-changes", "--unsigned-buildinfo"])
        .arg("--build-profiles=pkg.kbuild-guard.rustup")
        .current_dir(source)
        .env("DEB_BUILD_OPTIONS", with_word("DEB_BUILD_OPTIONS", "nocheck"));
    // What `cargo run` told us about ourselves is not true of the crates of the package.
    for (name, _value) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    command
}

/// The one file with this extension in a folder.
pub(crate) fn only_file(folder: &Path, extension: &'static str) -> Result<PathBuf, Error> {
    let mut found = files_in(folder, extension)?;
    match (found.pop(), found.len()) {
        (Some(file), 0) => Ok(file),
        (last, rest) => {
            let found = rest + usize::from(last.is_some());
            Err(Error::NotOneFile { extension, folder: folder.to_owned(), found })
        }
    }
}

fn with_word(variable: &str, word: &str) -> OsString {
    let mut words = env::var_os(variable).unwrap_or_default();
    if !words.is_empty() {
        words.push(" ");
    }
    words.push(word);
    words
}

fn files_in(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
    let doing = || format!("list {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).doing(doing)? {
        let path = entry.doing(doing)?.path();
        if path.extension() == Some(OsStr::new(extension)) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Makes `copy` the same as what git knows or would add of the project. Files that are the same stay untouched; the
/// others are as new as their copy, not as their original, which may be older than what cargo built from another one.
fn copy_project(project: &Path, copy: &Path) -> Result<(), Error> {
    let files = project_files(project)?;
    let folders: BTreeSet<&Path> = files.iter().flat_map(|file| file.ancestors().skip(1)).collect();
    fs::create_dir_all(copy).doing(|| format!("create {}", copy.display()))?;
    remove_others(copy, Path::new(""), &files, &folders).doing(|| format!("tidy {}", copy.display()))?;
    for file in &files {
        copy_file(&project.join(file), &copy.join(file))
            .doing(|| format!("copy {} to {}", file.display(), copy.display()))?;
    }
    Ok(())
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
