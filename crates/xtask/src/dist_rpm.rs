// SPDX-License-Identifier: MIT OR Apache-2.0
//! The packages for rpm and their source package, from a copy of the project, with what cargo built for the .deb as far
//! as that goes.
//!
//! rpm looks for its plugins elsewhere on each system, so the packages are there once for each place: `target/dist/rpm/`
//! holds the source package and a folder for each.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tools::{self, Tool};
use crate::{Doing, Error};

/// What a build needs beyond a Rust toolchain.
pub(crate) const TOOLS: [Tool; 4] = [
    Tool::program("git", "git"),
    Tool::program("rpmbuild", "rpm"),
    Tool::program("tar", "tar"),
    Tool::program("gcc", "build-essential"),
];

/// The spec, in the project.
const SPEC: &str = "rpm/kbuild-guard.spec";

/// The version of the programs, which the spec has too.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A place where an rpm looks for its plugins: what `rpm --eval %{__plugindir}` says there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PluginPlace(PathBuf);

impl PluginPlace {
    /// The folder that its packages are laid in, named after the one that the plugins' is in: `lib64`.
    pub(crate) fn folder(&self, results: &Path) -> PathBuf {
        results.join(self.0.parent().and_then(Path::file_name).unwrap_or_default())
    }
}

/// What was built.
pub(crate) struct Built {
    /// The folder with the source package, and with a folder of packages for each place.
    pub(crate) folder: PathBuf,
    /// Every package, the source package too.
    pub(crate) packages: Vec<PathBuf>,
}

/// Fedora's, openSUSE's and Debian 12's place; then that of Debian since 13.
pub(crate) fn all_places() -> [PluginPlace; 2] {
    ["lib64", &format!("lib/{}-linux-gnu", std::env::consts::ARCH)]
        .map(|folder| PluginPlace(Path::new("/usr").join(folder).join("rpm-plugins")))
}

/// The place of the rpm that is here.
pub(crate) fn place_here() -> Result<PluginPlace, Error> {
    let said = tools::output(Command::new("rpm").args(["--eval", "%{?__plugindir}"]))?;
    Ok(PluginPlace(PathBuf::from(String::from_utf8_lossy(&said).trim())))
}

/// Builds from a copy of the project with these files, for each of these places.
pub(crate) fn build(source: &Path, files: &BTreeSet<PathBuf>, places: &[PluginPlace]) -> Result<Built, Error> {
    let target = tools::target_dir()?;
    let folder = target.join("dist/rpm");
    let top = target.join("dist/build/rpm");
    for old in [&folder, &top] {
        if old.exists() {
            fs::remove_dir_all(old).doing(|| format!("remove {}", old.display()))?;
        }
        fs::create_dir_all(old).doing(|| format!("create {}", old.display()))?;
    }
    pack_source(source, files, &top.join("SOURCES"))?;
    tools::run(rpmbuild(&top, &folder, source).args(["-bs", SPEC]))?;
    for place in places {
        let mut in_place = rpmbuild_in_place(&top, &place.folder(&folder), source, place);
        tools::run(in_place.env("CARGO_TARGET_DIR", &target))?;
    }
    let mut packages = packages_in(&folder)?;
    for place in places {
        packages.extend(packages_in(&place.folder(&folder))?);
    }
    Ok(Built { folder, packages })
}

/// Builds the packages for a place from a source tree, where it lies.
pub(crate) fn rpmbuild_in_place(top: &Path, results: &Path, source: &Path, place: &PluginPlace) -> Command {
    let mut command = rpmbuild(top, results, source);
    command.args(["-bb", "--build-in-place", "--define"]).arg(format!("__plugindir {}", place.0.display())).arg(SPEC);
    command
}

/// rpmbuild with whatever Rust toolchain is here, and a database of its own: the system's packages may not be rpm's.
/// Tests have their own task. What is built is laid in `results`.
fn rpmbuild(top: &Path, results: &Path, working_directory: &Path) -> Command {
    let mut command = Command::new("rpmbuild");
    command.args(["--quiet", "--nodeps", "--without", "rust_packages", "--without", "check"]);
    for (name, value) in [
        ("_topdir", top.as_os_str()),
        ("_dbpath", top.join("database").as_os_str()),
        ("_tmppath", top.join("tmp").as_os_str()),
        ("_rpmdir", results.as_os_str()),
        ("_srcrpmdir", results.as_os_str()),
        ("_build_name_fmt", "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm".as_ref()),
        // Not the name of this machine.
        ("_buildhost", "localhost".as_ref()),
    ] {
        let mut definition = OsString::from(name);
        definition.push(" ");
        definition.push(value);
        command.arg("--define").arg(definition);
    }
    command.current_dir(working_directory).env("LC_ALL", "C.UTF-8");
    tools::as_if_by_hand(&mut command);
    command
}

/// The .rpm files in a folder, by their names.
pub(crate) fn packages_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut packages = tools::files_in(folder, "rpm")?;
    packages.sort();
    Ok(packages)
}

/// The tarball that the spec names, the same for the same files.
fn pack_source(source: &Path, files: &BTreeSet<PathBuf>, folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).doing(|| format!("create {}", folder.display()))?;
    let time = tools::output(
        Command::new("rpmspec")
            .args(["--query", "--srpm", "--queryformat", "%{changelogtime}", SPEC])
            .current_dir(source),
    )?;
    let tarball = folder.join(format!("kbuild-guard-{VERSION}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.args(["--create", "--owner=0", "--group=0", "--numeric-owner", "--mode=u+rw,go=rX", "--format=ustar"])
        .args(["--use-compress-program=gzip --no-name", "--null", "--verbatim-files-from", "--files-from=-"])
        .arg(format!("--mtime=@{}", String::from_utf8_lossy(&time).trim()))
        .arg(format!("--transform=flags=r;s,^,kbuild-guard-{VERSION}/,"))
        .arg("--file")
        .arg(&tarball)
        .current_dir(source)
        .stdin(Stdio::from(listed(files, &folder.join("files"))?));
    tools::run(&mut tar)
}

/// The names of files as tar reads them.
fn listed(files: &BTreeSet<PathBuf>, list: &Path) -> Result<File, Error> {
    let doing = || format!("write {}", list.display());
    let mut written = File::create(list).doing(doing)?;
    for file in files {
        written.write_all(file.as_os_str().as_bytes()).and_then(|()| written.write_all(b"\0")).doing(doing)?;
    }
    File::open(list).doing(|| format!("read {}", list.display()))
}
