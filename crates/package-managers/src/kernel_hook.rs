// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether kernel packages and `make install` call our hook: Debian's /etc/kernel/postinst.d, and on Debian 13
//! also /usr/share/kernel/postinst.d, where a file of the same name in /etc stands in front.

use kbuild_guard::hook::{Hook, HookKind, HookState};
use kbuild_guard::quote::quoted;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use crate::hooks::{Package, Program, REINSTALL, is_masked};

const KIND: HookKind =
    HookKind { name: "kernel", called: "by kernel packages and 'make install', for a new kernel", opt_in: false };

/// In the order in which they count.
const SCRIPTS: [&str; 2] = ["/etc/kernel/postinst.d/zz-kbuild-guard", "/usr/share/kernel/postinst.d/zz-kbuild-guard"];
const PROGRAM: &str = "/usr/lib/kbuild-guard/kernel-hook";

/// dpkg leaves a conffile that was deleted deleted, unless it is asked for.
const MISSING_CONFFILE: &str = "apt-get -o Dpkg::Options::=--force-confmiss install --reinstall kbuild-guard";

/// The state of the kernel hook in a root.
pub(crate) fn look(root: &Sysroot, package: Package) -> Hook {
    let scripts = SCRIPTS.map(RootPath::new);
    let script = scripts.iter().find(|script| root.link_status(script).is_ok());
    let registered = script.or(scripts.first()).cloned().unwrap_or_else(|| RootPath::new("/"));
    let shown = quoted(&registered);
    let hook = Hook::live(KIND, registered.clone(), RootPath::new(PROGRAM));
    let program = Program::at(root, &hook.program);
    if script.is_none() {
        return match program {
            Program::Missing => hook.is(HookState::NotInstalled, "the program is not there either", None),
            _ => hook.is(HookState::Off, format!("there is no {shown}"), Some(MISSING_CONFFILE)),
        };
    }
    if is_masked(root, &registered) {
        let command = format!("rm {shown} && {MISSING_CONFFILE}");
        return hook.is(HookState::Off, format!("{shown} is a link to /dev/null"), Some(&command));
    }
    if program == Program::Missing && package == Package::Absent {
        // A script that was left behind does nothing without it.
        return hook.is(HookState::NotInstalled, "the package is not installed", None);
    }
    match Program::at(root, &registered) {
        Program::Ready => program.judge(hook, REINSTALL),
        // run-parts(8) passes over what is not executable.
        Program::NotExecutable => {
            let command = format!("chmod 755 {shown}");
            hook.is(HookState::Off, format!("{shown} is not executable"), Some(&command))
        }
        Program::Missing => {
            let command = format!("rm {shown} && {MISSING_CONFFILE}");
            hook.is(HookState::Broken, format!("{shown} leads nowhere"), Some(&command))
        }
    }
}
