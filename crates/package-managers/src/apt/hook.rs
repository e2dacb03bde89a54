// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether apt calls our hook, as far as its files tell.

use kbuild_guard::hook::{Hook, HookKind, HookState};
use kbuild_guard::quote::quoted;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::configuration::{Configuration, Setting};
use crate::hooks::{FAILS_OPEN, Program, REINSTALL, is_masked};

const KIND: HookKind = HookKind { name: "apt", called: "by apt, before it changes anything", opt_in: false };

/// What apt reads, a link to what our package ships.
const LINK: &str = "/etc/apt/apt.conf.d/05kbuild-guard";
const SHIPPED: &str = "/usr/share/kbuild-guard/apt.conf";
const PROGRAM: &str = "/usr/lib/kbuild-guard/apt-hook";

/// Makes the link anew.
const LINK_ANEW: &str = "ln -sf /usr/share/kbuild-guard/apt.conf /etc/apt/apt.conf.d/05kbuild-guard";

/// The state of apt's hook in a root.
pub(crate) fn look(root: &Sysroot) -> Hook {
    let configuration = Configuration::load(root);
    let is_ours = |setting: &Setting| setting.value.contains(PROGRAM);
    let hook = Hook::live(KIND, RootPath::new(LINK), RootPath::new(PROGRAM));
    let program = Program::at(root, &hook.program);
    // apt runs the command of every one of them.
    let commands: Vec<&Setting> =
        configuration.values("DPkg::Pre-Install-Pkgs").filter(|setting| is_ours(setting)).collect();
    match commands.first() {
        Some(first) => called(root, &configuration, first, &commands, hook, program),
        None => {
            let cleared = configuration.cleared.iter().find(|(setting, _)| is_ours(setting));
            not_called(root, cleared.map(|(_, by)| by), hook, program)
        }
    }
}

fn called(
    root: &Sysroot,
    all: &Configuration,
    first: &Setting,
    commands: &[&Setting],
    hook: Hook,
    program: Program,
) -> Hook {
    let hook = Hook { registered: first.file.clone(), ..hook };
    if program != Program::Ready {
        // Left behind by a package that is gone: then apt's file has to go too.
        let is_shipped = root.exists(&RootPath::new(SHIPPED));
        let mend = if is_shipped { REINSTALL.to_owned() } else { format!("rm {}", quoted(&first.file)) };
        return program.judge(hook, &mend);
    }
    let wrong = commands.iter().find_map(|command| Some((&command.file, wrong_command(command)?)));
    let Some((file, wrong)) = wrong.or_else(|| wrong_version(all, first)) else { return hook };
    let why = format!("{}: {wrong}", quoted(file));
    // The link says nothing about what stands in another file.
    if *file == RootPath::new(LINK) {
        hook.is(HookState::Broken, why, Some(LINK_ANEW))
    } else {
        hook.is(HookState::Broken, format!("{why}; edit that file"), None)
    }
}

/// What is wrong with a command that names our program.
fn wrong_command(command: &Setting) -> Option<&'static str> {
    if command.value.split_ascii_whitespace().next() != Some(PROGRAM) {
        Some("the command does not begin with the program, and apt does not find its options")
    } else if !command.value.contains(FAILS_OPEN) {
        Some("without '|| test $? -ne 10' a hook that fails would stop apt")
    } else {
        None
    }
}

/// The file that has the protocol's version wrong; where none sets it, that of the first command.
fn wrong_version<'c>(all: &'c Configuration, first: &'c Setting) -> Option<(&'c RootPath, &'static str)> {
    let version = all.values(&format!("DPkg::Tools::Options::{PROGRAM}::Version")).last();
    let is_wrong = version.is_none_or(|version| version.value != "3");
    let file = version.map_or(&first.file, |version| &version.file);
    is_wrong.then_some((file, "apt is not told to speak version 3 of the protocol to it"))
}

fn not_called(root: &Sysroot, cleared_by: Option<&RootPath>, hook: Hook, program: Program) -> Hook {
    let link = hook.registered.clone();
    if let Some(file) = cleared_by {
        let why = format!("{} clears what {LINK} has set", quoted(file));
        return hook.is(HookState::Broken, why, None);
    }
    if is_masked(root, &link) {
        return hook.is(HookState::Off, format!("{LINK} is a link to /dev/null"), Some(LINK_ANEW));
    }
    if program == Program::Missing && root.link_status(&link).is_err() {
        return hook.is(HookState::NotInstalled, "the program is not there either", None);
    }
    match (root.link_status(&link), root.status(&link)) {
        (Err(_), _) => hook.is(HookState::Off, format!("there is no {LINK}"), Some(LINK_ANEW)),
        (Ok(_), Ok(_)) => hook.is(HookState::Off, format!("{LINK} does not name it"), Some(LINK_ANEW)),
        (Ok(_), Err(_)) => {
            let target = root.link_target(&link).map(RootPath::new).ok();
            let is_ours = target == Some(RootPath::new(SHIPPED));
            let mend = if is_ours { REINSTALL } else { LINK_ANEW };
            hook.is(HookState::Broken, format!("{LINK} leads nowhere"), Some(mend))
        }
    }
}
