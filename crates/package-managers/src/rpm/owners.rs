// SPDX-License-Identifier: MIT OR Apache-2.0
//! Asking rpm: which packages own paths, what a package has. rpm's database has four formats and no stable one; its own
//! program reads them all. It is started once for many questions (7 to 60 ms).

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

use kbuild_guard::error::{Error, Result};
use kbuild_guard::package_db::PackageId;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use crate::program::{self, Answer};

/// A hook's environment may be anybody's.
pub(super) const RPM: &str = "/usr/bin/rpm";

/// What stands between two answers: rpm says nothing of a path that is neither owned nor there, one line of one that is
/// there, and a line for each owner of any other. This file is there where /proc is, and nobody's.
const BETWEEN: &str = "/proc/self/cmdline";

/// One line a package; the first column tells it from rpm's own words.
const FORMAT: &str = "P\\t%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{INSTALLTID}\\n";

/// So many paths are asked for at once; a line of arguments may have 2 MB (execve(2)).
const AT_ONCE: usize = 400;

/// A package that rpm has installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installed {
    pub(super) name: String,
    pub(super) epoch: String,
    pub(super) version: String,
    pub(super) release: String,
    pub(super) arch: String,
    /// The transaction that installed it: another one for whatever comes later.
    pub(super) transaction: u64,
}

impl Installed {
    /// What rpm prints for it: several versions of a name may be installed.
    pub(super) fn id(&self) -> PackageId {
        PackageId::new(&format!("{}-{}-{}.{}", self.name, self.version, self.release, self.arch))
    }

    /// Whether a word names it: `name`, `name.arch`, `name-version`, `name-version-release`, with architecture.
    pub(super) fn is(&self, word: &str) -> bool {
        let Installed { name, version, release, arch, .. } = self;
        let Some(rest) = word.strip_prefix(name.as_str()) else { return false };
        let rest = rest.strip_suffix(arch.as_str()).and_then(|rest| rest.strip_suffix('.')).unwrap_or(rest);
        match rest.strip_prefix('-') {
            None => rest.is_empty(),
            Some(rest) => rest == version || rest.strip_prefix(version.as_str()) == Some(&format!("-{release}")),
        }
    }

    fn of_line(line: &str) -> Option<Self> {
        let mut fields = line.strip_prefix("P\t")?.split('\t').map(str::to_owned);
        let mut next = || fields.next();
        let (name, epoch, version, release, arch) = (next()?, next()?, next()?, next()?, next()?);
        let transaction = next()?.parse().unwrap_or_default();
        Some(Installed { name, epoch, version, release, arch, transaction })
    }
}

/// For each path the packages that own it.
pub(super) fn owners(root: &Sysroot, paths: &[RootPath]) -> Result<Vec<Vec<Installed>>> {
    let mut all = Vec::with_capacity(paths.len());
    for paths in paths.chunks(AT_ONCE) {
        let together = owners_together(root, paths)?;
        if together.len() == paths.len() {
            all.extend(together);
            continue;
        }
        // Since rpm 6 a question about another root is answered from inside of it, and that may have no /proc.
        for path in paths {
            let words = ["-qf", "--qf", FORMAT].map(OsStr::new);
            let answer = ask(root, &[&words[..], &[path.as_os_str()]].concat())?;
            all.push(installed(&answer));
        }
    }
    Ok(all)
}

/// The same by one question; fewer answers than questions where nothing stands between them.
fn owners_together(root: &Sysroot, paths: &[RootPath]) -> Result<Vec<Vec<Installed>>> {
    let mut words = vec![OsStr::new("-qf"), OsStr::new("--qf"), OsStr::new(FORMAT)];
    for path in paths {
        words.extend([path.as_os_str(), OsStr::new(BETWEEN)]);
    }
    // Its status is how many paths nobody owns.
    let answer = ask(root, &words)?;
    Ok(in_answer(&String::from_utf8_lossy(&answer.text)))
}

/// The owners of the paths of one question, in its order.
fn in_answer(text: &str) -> Vec<Vec<Installed>> {
    let between = format!("file {BETWEEN} is not owned by any package");
    let mut all = Vec::new();
    let mut present = Vec::new();
    for line in text.lines() {
        if line == between {
            all.push(std::mem::take(&mut present));
        } else if let Some(installed) = Installed::of_line(line).filter(|found| !present.contains(found)) {
            present.push(installed);
        }
    }
    all
}

/// The installed packages that a word names, as rpm takes it.
pub(super) fn named(root: &Sysroot, word: &str) -> Result<Vec<Installed>> {
    if word.starts_with('-') || word.is_empty() {
        return Ok(Vec::new());
    }
    let answer = ask(root, &["-q", "--qf", FORMAT, word].map(OsStr::new))?;
    Ok(installed(&answer))
}

/// Which of these packages are installed.
pub(super) fn installed_among(root: &Sysroot, packages: &[PackageId]) -> Result<HashSet<PackageId>> {
    let mut all = HashSet::new();
    for packages in packages.chunks(AT_ONCE) {
        let ids = packages.iter().map(PackageId::as_str).filter(|id| !id.starts_with('-'));
        let words: Vec<&OsStr> = ["-q", "--qf", FORMAT].into_iter().chain(ids).map(OsStr::new).collect();
        all.extend(installed(&ask(root, &words)?).iter().map(Installed::id));
    }
    Ok(all)
}

/// The packages that need something of what `packages` provide. What a requirement's version rules out is not meant: every
/// kernel's modules need the kernel of their own release by one and the same name.
pub(super) fn dependents(root: &Sysroot, packages: &[PackageId]) -> Result<Vec<Installed>> {
    let provided = table(root, PROVIDES, packages)?;
    let mut names: Vec<&str> = provided.iter().filter_map(|row| row.split('\t').next()).collect();
    names.retain(|name| !name.starts_with('-') && !name.is_empty());
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let words = ["-q", "--qf", FORMAT, "--whatrequires"];
    let words: Vec<&OsStr> = words.iter().chain(&names).map(OsStr::new).collect();
    let mut dependents = installed(&ask(root, &words)?);
    dependents.retain(|found| !packages.contains(&found.id()));
    dependents.sort_by_key(Installed::id);
    dependents.dedup();
    let mut meant = Vec::new();
    for dependent in dependents {
        let required = table(root, REQUIRES, &[dependent.id()])?;
        if required.iter().any(|requirement| is_met_by(requirement, &provided)) {
            meant.push(dependent);
        }
    }
    Ok(meant)
}

/// Names with their versions, and requirements: name, sign, version.
const PROVIDES: &str = "[%{PROVIDENAME}\\t%{PROVIDEVERSION}\\n]";
const REQUIRES: &str = "[%{REQUIRENAME}\\t%{REQUIREFLAGS:depflags}\\t%{REQUIREVERSION}\\n]";

fn table(root: &Sysroot, format: &str, packages: &[PackageId]) -> Result<Vec<String>> {
    let ids: Vec<&str> = packages.iter().map(PackageId::as_str).filter(|id| !id.starts_with('-')).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let words: Vec<&OsStr> = ["-q", "--qf", format].into_iter().chain(ids).map(OsStr::new).collect();
    let answer = ask(root, &words)?;
    let text = String::from_utf8_lossy(&answer.text).into_owned();
    Ok(text.lines().filter(|line| line.contains('\t')).map(str::to_owned).collect())
}

/// Whether something that is provided is what a requirement asks for, as far as names and equal versions tell; a version
/// without a release is that of any.
fn is_met_by(requirement: &str, provided: &[String]) -> bool {
    let mut fields = requirement.split('\t').map(str::trim);
    let (name, sign, version) = (fields.next(), fields.next(), fields.next().unwrap_or_default());
    provided.iter().any(|row| {
        let (provides, own) = row.split_once('\t').unwrap_or((row, ""));
        let is_version = own == version || own.strip_prefix(version).is_some_and(|rest| rest.starts_with('-'));
        name == Some(provides) && (sign != Some("=") || own.is_empty() || is_version)
    })
}

/// The paths of an installed package, a line each.
pub(super) fn files(root: &Sysroot, package: &PackageId) -> Result<Vec<u8>> {
    if package.as_str().starts_with('-') {
        return Ok(Vec::new());
    }
    let answer = ask(root, &["-ql", package.as_str()].map(OsStr::new))?;
    // It says so in a line that is no path.
    Ok(answer.text)
}

fn installed(answer: &Answer) -> Vec<Installed> {
    String::from_utf8_lossy(&answer.text).lines().filter_map(Installed::of_line).collect()
}

fn ask(root: &Sysroot, words: &[&OsStr]) -> Result<Answer> {
    let mut command = Command::new(RPM);
    if root.host_path() != Path::new("/") {
        let mut option = OsString::from("--root=");
        option.push(std::path::absolute(root.host_path()).unwrap_or_else(|_| root.host_path().to_owned()));
        command.arg(option);
    }
    command.args(words);
    let asked = program::start(command, root).ok_or_else(|| unclear("rpm cannot be started"))?;
    asked.answer().ok_or_else(|| unclear("rpm does not answer in time"))
}

fn unclear(detail: &str) -> Error {
    Error::PackageDb { detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Installed {
        Installed {
            name: "kernel-devel".to_owned(),
            epoch: "0".to_owned(),
            version: "6.8.5".to_owned(),
            release: "301.fc40".to_owned(),
            arch: "x86_64".to_owned(),
            transaction: 7,
        }
    }

    #[test]
    fn answers_stand_between_what_nobody_owns() {
        let line = "P\tkernel-devel\t0\t6.8.5\t301.fc40\tx86_64\t7\n";
        let between = "file /proc/self/cmdline is not owned by any package\n";
        let text = format!("{line}{line}{between}{between}file /etc/x is not owned by any package\n{between}");
        assert_eq!(in_answer(&text), [vec![package()], Vec::new(), Vec::new()]);
        assert!(in_answer("P\tcut").is_empty());
    }

    #[test]
    fn versions_tell_whose_requirement_is_met() {
        let provided = ["kernel-uname-r\t6.8.5-301.fc40".to_owned(), "libx\t".to_owned()];
        for (requirement, is_met) in [
            ("kernel-uname-r\t = \t6.8.5-301.fc40", true),
            ("kernel-uname-r\t=\t6.8.5", true),
            ("kernel-uname-r\t = \t6.8.6-300.fc40", false),
            ("kernel-uname-r\t >= \t6.8", true),
            ("libx\t\t", true),
            ("liby\t\t", false),
        ] {
            assert_eq!(is_met_by(requirement, &provided), is_met, "{requirement}");
        }
    }

    #[test]
    fn words_name_packages_as_rpm_takes_them() {
        let package = package();
        assert_eq!(package.id().as_str(), "kernel-devel-6.8.5-301.fc40.x86_64");
        for word in [
            "kernel-devel",
            "kernel-devel.x86_64",
            "kernel-devel-6.8.5",
            "kernel-devel-6.8.5-301.fc40",
            "kernel-devel-6.8.5-301.fc40.x86_64",
        ] {
            assert!(package.is(word), "{word}");
        }
        for word in ["kernel", "kernel-devel-6.8", "kernel-devel-matched", "kernel-devel-6.8.5-302.fc40", ""] {
            assert!(!package.is(word), "{word}");
        }
    }
}
