// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the installation of a kernel calls our hook: run-parts(8) on Debian's /etc/kernel/postinst.d and, since
//! Debian 13, /usr/share/kernel/postinst.d (linux-base's linux-run-hooks).
//!
//! Tried with debianutils 5.7 and 5.23.2: what is not executable is passed over, a file of the same name in the second
//! directory then counts; a link to /dev/null is an error, and nothing behind it runs; so is, with 5.7 and
//! --exit-on-error, a link that leads nowhere.

use kbuild_guard::hook::{Hook, HookKind, HookState};
use kbuild_guard::quote::quoted;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use crate::hooks::{Package, Program, REINSTALL, is_masked};

const KIND: HookKind =
    HookKind { name: "kernel", called: "by 'make install', for a kernel that somebody built", opt_in: false };

/// In the order in which they count.
const SCRIPTS: [&str; 2] = ["/etc/kernel/postinst.d/05kbuild-guard", "/usr/share/kernel/postinst.d/05kbuild-guard"];
const PROGRAM: &str = "/usr/lib/kbuild-guard/kernel-hook";

/// dpkg leaves a conffile that was deleted deleted, unless it is asked for.
const MISSING_CONFFILE: &str = "apt-get -o Dpkg::Options::=--force-confmiss install --reinstall kbuild-guard";

/// The state of the kernel hook in a root.
pub(crate) fn look(root: &Sysroot, package: Package) -> Hook {
    let scripts = SCRIPTS.map(RootPath::new);
    let states: Vec<(&RootPath, Script)> = scripts.iter().map(|script| (script, Script::at(root, script))).collect();
    // The first that is executable is run, unless one before it is an error.
    let telling = states.iter().find(|(_, state)| matches!(state, Script::Ready | Script::Masked));
    let telling = telling.or_else(|| states.iter().find(|(_, state)| *state != Script::Missing)).or(states.first());
    let Some((path, state)) = telling else { return Hook::live(KIND, RootPath::new("/"), RootPath::new(PROGRAM)) };
    let shown = quoted(path);
    let hook = Hook::live(KIND, (*path).clone(), RootPath::new(PROGRAM));
    let program = Program::at(root, &hook.program);
    match state {
        Script::Masked => {
            let why = format!("{shown} is a link to /dev/null: run-parts fails on it, and no kernel can be installed");
            let mend = format!("rm {shown}");
            hook.is(HookState::Broken, why, Some(&mend))
        }
        Script::Missing if program == Program::Missing => {
            hook.is(HookState::NotInstalled, "the program is not there either", None)
        }
        // A script that was left behind by the package does nothing.
        _ if program == Program::Missing && package == Package::Absent => {
            hook.is(HookState::NotInstalled, "the package is not installed", None)
        }
        Script::Missing => hook.is(HookState::Off, format!("there is no {shown}"), Some(MISSING_CONFFILE)),
        Script::Ready => program.judge(hook, REINSTALL),
        Script::NotExecutable => {
            let command = format!("chmod 755 {shown}");
            hook.is(HookState::Off, format!("{shown} is not executable"), Some(&command))
        }
        Script::Dangling => {
            let why = format!("{shown} leads nowhere: run-parts may fail on it, and then no kernel can be installed");
            hook.is(HookState::Broken, why, Some(&format!("rm {shown}")))
        }
    }
}

/// What run-parts makes of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Ready,
    NotExecutable,
    Dangling,
    Masked,
    Missing,
}

impl Script {
    fn at(root: &Sysroot, path: &RootPath) -> Self {
        match Program::at(root, path) {
            _ if is_masked(root, path) => Script::Masked,
            Program::Ready => Script::Ready,
            Program::NotExecutable => Script::NotExecutable,
            Program::Missing if root.link_status(path).is_ok() => Script::Dangling,
            Program::Missing => Script::Missing,
        }
    }
}
