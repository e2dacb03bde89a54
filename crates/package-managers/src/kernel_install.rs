// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether systemd's kernel-install calls our plugin (kernel-install(8)).
//!
//! Tried with 252 and 257: of two files of one name the one in /etc counts, and is called if it is executable; a link to
//! /dev/null there switches the name off. One that is not executable does so with 252; 257 passes over it, and the file in
//! /usr/lib counts.

use kbuild_guard::hook::{Hook, HookKind, HookState};
use kbuild_guard::quote::quoted;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use crate::hooks::{Program, is_masked, reinstall};

const KIND: HookKind =
    HookKind { name: "kernel-install", called: "by systemd's kernel-install, when it adds a kernel", opt_in: false };

/// The second where /usr is not merged.
const CALLERS: [&str; 2] = ["/usr/bin/kernel-install", "/bin/kernel-install"];
const ADMINS: &str = "/etc/kernel/install.d/30-kbuild-guard.install";
const PACKAGED: &str = "/usr/lib/kernel/install.d/30-kbuild-guard.install";
const PROGRAM: &str = "/usr/lib/kbuild-guard/kernel-install-hook";

/// The state of the plugin in a root.
pub(crate) fn look(root: &Sysroot) -> Hook {
    let (admins, packaged) = (RootPath::new(ADMINS), RootPath::new(PACKAGED));
    let hook = Hook::live(KIND, packaged.clone(), RootPath::new(PROGRAM));
    let program = Program::at(root, &hook.program);
    if program == Program::Missing && Program::at(root, &packaged) == Program::Missing {
        return hook.is(HookState::NotInstalled, "the program is not there either", None);
    }
    if is_masked(root, &admins) {
        let command = format!("rm {}", quoted(&admins));
        return hook.is(HookState::Off, format!("{} is a link to /dev/null", quoted(&admins)), Some(&command));
    }
    // Somebody's own file of the name is called in place of ours.
    if root.link_status(&admins).is_ok() {
        let command = format!("rm {}", quoted(&admins));
        return hook.is(HookState::Off, format!("{} takes its place", quoted(&admins)), Some(&command));
    }
    match Program::at(root, &packaged) {
        Program::Missing => {
            return hook.is(HookState::Broken, format!("there is no {}", quoted(&packaged)), Some(&reinstall(root)));
        }
        Program::NotExecutable => {
            let command = format!("chmod 755 {}", quoted(&packaged));
            return hook.is(HookState::Off, format!("{} is not executable", quoted(&packaged)), Some(&command));
        }
        Program::Ready => {}
    }
    if CALLERS.iter().all(|caller| Program::at(root, &RootPath::new(caller)) == Program::Missing) {
        return hook.is(HookState::NotInstalled, "kernel-install is not here, so that nobody calls it", None);
    }
    program.judge(hook, &reinstall(root))
}
