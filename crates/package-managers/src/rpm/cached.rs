// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which packages a front end would install, asked without network: each answers from what its last refresh left.

use std::path::Path;
use std::process::Command;

use kbuild_guard::sysroot::{RootPath, Sysroot};

use crate::program;

/// Where the front ends' own logs go while they are asked: a question is no event.
const LOGS: &str = "logdir=/run/kbuild-guard";

/// dnf 4 by a name that is nobody else's.
const DNF4: &str = "/usr/bin/dnf-3";

/// A front end that a person would use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrontEnd {
    Dnf5,
    Dnf4,
    Zypper,
}

/// A package that can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offered {
    pub(super) name: String,
    /// `version-release`, without an epoch.
    pub(super) vr: String,
    pub(super) arch: String,
}

impl FrontEnd {
    /// The system's own: zypper where its repositories are configured and dnf's are not, else dnf.
    pub(super) fn of(root: &Sysroot) -> Option<Self> {
        let has = |path: &str| root.exists(&RootPath::new(path));
        let has_repositories = |dir: &str| {
            let entries = root.list(&RootPath::new(dir), 1000).unwrap_or_default();
            entries.iter().any(|entry| entry.name.to_string_lossy().ends_with(".repo"))
        };
        let zypper = has("/usr/bin/zypper").then_some(FrontEnd::Zypper);
        if has_repositories("/etc/zypp/repos.d") && !has_repositories("/etc/yum.repos.d") {
            return zypper;
        }
        let dnf4 = || (has("/usr/bin/dnf") || has("/usr/bin/dnf-3")).then_some(FrontEnd::Dnf4);
        has("/usr/bin/dnf5").then_some(FrontEnd::Dnf5).or_else(dnf4).or(zypper)
    }

    /// The one that is at work just now, by its program: it is what people use here. Since Fedora 41 `dnf` and `yum` are
    /// other names of dnf5's.
    pub(super) fn of_program(root: &Sysroot, program: &str) -> Option<Self> {
        let is_5 = || root.link_target(&RootPath::new("/usr/bin/dnf")).is_ok_and(|target| target.ends_with("dnf5"));
        match program {
            "dnf" | "yum" if is_5() => Some(FrontEnd::Dnf5),
            "dnf5" | "dnf5daemon-server" => Some(FrontEnd::Dnf5),
            "dnf" | "yum" | "dnf-3" | "dnf4" | "yum4" | "dnf-automatic" => Some(FrontEnd::Dnf4),
            "zypper" | "y2base" | "y2start" | "myrlyn" => Some(FrontEnd::Zypper),
            _ => None,
        }
    }

    /// What people type.
    pub(super) fn name(self) -> &'static str {
        match self {
            FrontEnd::Dnf5 | FrontEnd::Dnf4 => "dnf",
            FrontEnd::Zypper => "zypper",
        }
    }

    /// Every version of `names` that can be had; `None` if it could not be asked. Only of this system's own root: the
    /// front ends would go by the settings of the caller's.
    pub(super) fn offered(self, root: &Sysroot, names: &[&str]) -> Option<Vec<Offered>> {
        if root.host_path() != Path::new("/") || !names.iter().all(|name| is_name(name)) {
            return None;
        }
        if names.is_empty() {
            return Some(Vec::new());
        }
        let mut command = self.question();
        command.args(names);
        let answer = program::start(command, root)?.answer()?;
        let text = String::from_utf8(answer.text).ok()?;
        match self {
            FrontEnd::Dnf5 | FrontEnd::Dnf4 => {
                (answer.status == Some(0)).then(|| text.lines().filter_map(of_columns).collect())
            }
            // 104: nothing of that name (zypper(8)).
            FrontEnd::Zypper => {
                matches!(answer.status, Some(0 | 104)).then(|| text.lines().filter_map(of_solvable).collect())
            }
        }
    }

    fn question(self) -> Command {
        let (program, words): (_, &[&str]) = match self {
            FrontEnd::Dnf5 => {
                // It knows no escape but this one.
                let format = "%{name}\t%{version}-%{release}\t%{arch}\\n";
                ("/usr/bin/dnf5", &["-C", "-q", "--setopt", LOGS, "repoquery", "--available", "--qf", format])
            }
            FrontEnd::Dnf4 => {
                let format = "%{name}\t%{version}-%{release}\t%{arch}";
                // Where dnf is dnf5 this is the older one's name.
                let program = if Path::new(DNF4).exists() { DNF4 } else { "/usr/bin/dnf" };
                (program, &["-C", "-q", "--setopt", LOGS, "repoquery", "--available", "--qf", format])
            }
            FrontEnd::Zypper => (
                "/usr/bin/zypper",
                &[
                    "--no-refresh",
                    "--non-interactive",
                    "--xmlout",
                    "search",
                    "--details",
                    "--match-exact",
                    "--type",
                    "package",
                ],
            ),
        };
        let mut command = Command::new(program);
        // A zypper that is at work has locked out all others, which a question needs not respect (libzypp's ZYppFactory).
        command.args(words).env("ZYPP_LOGFILE", "/dev/null").env("ZYPP_READONLY_HACK", "1");
        command
    }
}

fn of_columns(line: &str) -> Option<Offered> {
    let mut fields = line.split('\t').map(str::to_owned);
    Some(Offered { name: fields.next()?, vr: fields.next()?, arch: fields.next()? }).filter(Offered::is_plain)
}

/// `<solvable status="not-installed" name="x" kind="package" edition="1:2-3" arch="noarch" repository="local"/>`. What is
/// installed is in a repository of its own, which brings nothing back.
fn of_solvable(line: &str) -> Option<Offered> {
    let rest = line.trim_start().strip_prefix("<solvable ")?;
    let value = |key: &str| {
        let (_, after) = rest.split_once(&format!("{key}=\""))?;
        after.split_once('"').map(|(value, _)| value.to_owned())
    };
    if value("repository").is_none_or(|repository| repository.starts_with('(')) {
        return None;
    }
    let edition = value("edition")?;
    let vr = edition.split_once(':').map_or(edition.as_str(), |(_, vr)| vr).to_owned();
    Some(Offered { name: value("name")?, vr, arch: value("arch")? }).filter(Offered::is_plain)
}

impl Offered {
    /// Nothing else is ever repeated in a command.
    fn is_plain(&self) -> bool {
        [&self.name, &self.vr, &self.arch].into_iter().all(|part| is_name(part))
    }
}

/// What names and versions of packages are made of (rpm's build/parsePreamble.c).
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._~^".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_answers_are_read() {
        let offered = Offered { name: "k-devel".to_owned(), vr: "1-2".to_owned(), arch: "x86_64".to_owned() };
        assert_eq!(of_columns("k-devel\t1-2\tx86_64"), Some(offered.clone()));
        let line = |repository: &str| {
            format!(
                "<solvable status=\"other-version\" name=\"k-devel\" kind=\"package\" edition=\"3:1-2\" \
                 arch=\"x86_64\" repository=\"{repository}\"/>"
            )
        };
        assert_eq!(of_solvable(&line("local")), Some(offered));
        assert_eq!(of_solvable(&line("(System Packages)")), None);
        assert_eq!(of_columns("Last metadata expiration check: yesterday"), None);
        assert_eq!(of_columns("$(x)\t1-2\tx86_64"), None);
    }
}
