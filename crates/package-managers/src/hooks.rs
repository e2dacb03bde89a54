// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which hooks of ours are live in a root, and which package managers there are to call them.

use kbuild_guard::hook::{Hook, HookState, Manager};
use kbuild_guard::package_db::PackageId;
use kbuild_guard::sysroot::{Kind, RootPath, Sysroot};

use crate::{apt, dpkg, kernel_hook, kernel_install, rpm, systemd_timer};

/// Where our programs are.
pub(crate) const PROGRAMS: &str = "/usr/lib/kbuild-guard/";

/// Our package.
pub(crate) const PACKAGE: &str = "kbuild-guard";

/// What a command that apt or dpkg runs ends with, so that only a deliberate 10 stops them.
pub(crate) const FAILS_OPEN: &str = "|| test $? -ne 10";

/// What brings back a file of our package where dpkg has it.
pub(crate) const REINSTALL: &str = "apt-get install --reinstall kbuild-guard";

/// What brings back a file of our package, whichever package manager has it.
pub(crate) fn reinstall(root: &Sysroot) -> String {
    if dpkg::is_here(root) && Package::of(root) != Package::Absent {
        return REINSTALL.to_owned();
    }
    rpm::reinstall(root, PACKAGE)
}

/// The package managers we have heard of, and how each is recognised.
const MANAGERS: [(&str, &str, bool); 4] = [
    ("apt", "/usr/bin/apt-get", true),
    ("dpkg", "/var/lib/dpkg/status", true),
    ("rpm", "/usr/bin/rpm", true),
    ("pacman", "/usr/bin/pacman", false),
];

/// Every package manager we have heard of.
pub fn managers(root: &Sysroot) -> Vec<Manager> {
    let manager = |(name, sign, supported)| Manager { name, here: root.exists(&RootPath::new(sign)), supported };
    MANAGERS.map(manager).to_vec()
}

/// Every hook we have, live or not; one that is not there is left out where nobody is who would call it.
pub fn hooks(root: &Sysroot) -> Vec<Hook> {
    let package = Package::of(root);
    let has = |sign: &str| root.exists(&RootPath::new(sign));
    let (dpkg_is_here, rpm_is_here) = (has("/var/lib/dpkg/status"), has("/usr/bin/rpm"));
    let all = [
        (apt::hook::look(root), dpkg_is_here),
        (dpkg::hooks::trigger(root, package), dpkg_is_here),
        (kernel_hook::look(root, package), true),
        (kernel_install::look(root), true),
        (dpkg::hooks::pre_invoke(root, package), dpkg_is_here),
        (rpm::hooks::trigger(root), rpm_is_here),
        (rpm::hooks::plugin(root), rpm_is_here),
        (rpm::hooks::dnf5(root), has("/usr/bin/dnf5")),
        (systemd_timer::look(root, package), true),
    ];
    let is_shown = |(hook, has_caller): &(Hook, bool)| *has_caller || hook.state != HookState::NotInstalled;
    all.into_iter().filter(is_shown).map(|(hook, _)| hook).collect()
}

/// How far dpkg has our own package installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Package {
    /// Not at all, or removed with its settings left, or dpkg is not here.
    Absent,
    /// Unpacked and not configured, or with triggers to run.
    Between,
    /// Installed.
    Installed,
}

impl Package {
    fn of(root: &Sysroot) -> Self {
        let status = dpkg::Status::load(root).unwrap_or_default();
        match status.find(&PackageId::new(PACKAGE)).map(|package| package.state) {
            Some(dpkg::State::Installed) => Package::Installed,
            Some(dpkg::State::Between) => Package::Between,
            Some(dpkg::State::NotInstalled) | None => Package::Absent,
        }
    }
}

/// Whether a program can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Ready,
    Missing,
    NotExecutable,
}

impl Program {
    pub(crate) fn at(root: &Sysroot, path: &RootPath) -> Self {
        match root.status(path) {
            Ok(status) if status.kind == Kind::File && status.is_executable() => Program::Ready,
            Ok(_) => Program::NotExecutable,
            Err(_) => Program::Missing,
        }
    }

    /// The hook in the state that a program which cannot be started puts it in.
    pub(crate) fn judge(self, hook: Hook, command: &str) -> Hook {
        let program = kbuild_guard::quote::quoted(&hook.program);
        match self {
            Program::Ready => hook,
            Program::Missing => hook.is(HookState::Broken, format!("{program} is not there"), Some(command)),
            Program::NotExecutable => hook.is(HookState::Broken, format!("{program} is no program"), Some(command)),
        }
    }
}

/// Whether there is a link to /dev/null at `path`: the usual way to mask a file.
pub(crate) fn is_masked(root: &Sysroot, path: &RootPath) -> bool {
    root.link_target(path).is_ok_and(|target| target == std::path::Path::new("/dev/null"))
}
