// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands we call: that they are there, and calling them.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Doing, Error};

/// Something a task needs on this machine, and the Debian package that brings it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    /// A program on PATH.
    Program { name: &'static str, package: &'static str },
    /// A package that is needed for other things than one program.
    Package(&'static str),
}

impl Tool {
    pub(crate) const fn program(name: &'static str, package: &'static str) -> Self {
        Self::Program { name, package }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Program { package, .. } | Self::Package(package) => package,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Program { name, .. } | Self::Package(name) => name,
        }
    }

    fn present(self) -> bool {
        match self {
            Self::Program { name, .. } => find(name).is_some(),
            Self::Package(package) => installed(package),
        }
    }
}

/// Makes sure that all of `tools` are there. What is missing is installed if we are root on a machine with apt;
/// otherwise the error names the command that does it.
pub(crate) fn ensure(tools: &[Tool]) -> Result<(), Error> {
    let missing = missing(tools);
    if missing.is_empty() {
        return Ok(());
    }
    if find("apt-get").is_none() {
        let names = tools.iter().filter(|tool| !tool.present()).map(|tool| tool.name().to_owned()).collect();
        return Err(Error::MissingPrograms { names });
    }
    if !is_root() {
        let command = format!("apt-get update && apt-get install --no-install-recommends {}", missing.join(" "));
        return Err(Error::MissingPackages { packages: missing.into_iter().map(String::from).collect(), command });
    }
    println!("xtask: installing what is missing here: {}", missing.join(" "));
    run(apt_get().args(["update", "-qq"]))?;
    run(apt_get().args(["install", "-qq", "-y", "--no-install-recommends", "--"]).args(&missing))
}

fn missing(tools: &[Tool]) -> Vec<&'static str> {
    let mut packages: Vec<&'static str> =
        tools.iter().filter(|tool| !tool.present()).map(|tool| tool.package()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// apt-get, asking nothing.
pub(crate) fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// The cargo that runs us.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Whether this process may do what root may.
pub(crate) fn is_root() -> bool {
    // /proc/self belongs to whom the process acts for.
    fs::metadata("/proc/self").is_ok_and(|itself| itself.uid() == 0)
}

/// Where the shell would find `program`. root's own folders count also if PATH lacks them, as it does after `su`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| {
            fs::metadata(candidate).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
}

fn installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|answer| answer.status.success() && answer.stdout == b"installed")
}

/// Runs a command on our terminal to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status = command.status().doing(|| format!("start `{}`", shown(command)))?;
    if status.success() { Ok(()) } else { Err(Error::Command { command: shown(command), status }) }
}

/// Runs a command and returns what it writes to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, Error> {
    let answer = command.stderr(Stdio::inherit()).output().doing(|| format!("start `{}`", shown(command)))?;
    if answer.status.success() {
        Ok(answer.stdout)
    } else {
        Err(Error::Command { command: shown(command), status: answer.status })
    }
}

/// Takes from a command's environment what `cargo run` told us about ourselves, which is not true of what is built next.
pub(crate) fn as_if_by_hand(command: &mut Command) {
    for (name, _value) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
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

/// The files with this extension in a folder.
pub(crate) fn files_in(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
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

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The root of the project.
pub(crate) fn workspace() -> Result<PathBuf, Error> {
    // Set by `cargo run`, and so by `cargo xtask`, to this crate's folder.
    let this_crate = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).ok_or(Error::NoWorkspace)?;
    this_crate.ancestors().nth(2).map(Path::to_path_buf).ok_or(Error::NoWorkspace)
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> Result<PathBuf, Error> {
    match env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => std::path::absolute(folder).doing(|| String::from("find CARGO_TARGET_DIR")),
        None => Ok(workspace()?.join("target")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Tool, find, missing};

    #[test]
    fn what_is_there_is_not_missing() {
        assert!(find("sh").is_some());
        assert!(missing(&[Tool::program("sh", "dash")]).is_empty());
    }

    #[test]
    fn a_package_is_asked_for_once() {
        let tools = [
            Tool::program("no-such-program-a", "no-such-package"),
            Tool::program("no-such-program-b", "no-such-package"),
            Tool::Package("no-such-package"),
        ];
        assert_eq!(missing(&tools), ["no-such-package"]);
    }
}
