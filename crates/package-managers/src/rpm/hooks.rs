// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether rpm and dnf5 call our hooks: the file triggers, the transaction plugin, dnf5's actions.

use kbuild_guard::hook::{Hook, HookKind, HookState};
use kbuild_guard::quote::quoted;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::owners;
use crate::hooks::{PACKAGE, Program, is_masked, reinstall};

const PROGRAM: &str = "/usr/lib/kbuild-guard/rpm-hook";

const TRIGGER: HookKind = HookKind {
    name: "rpm-trigger",
    called: "by rpm, at the end of a transaction that touched kernels or headers",
    opt_in: false,
};
const PLUGIN: HookKind =
    HookKind { name: "rpm-plugin", called: "by rpm's library, before a transaction changes anything", opt_in: false };
const DNF5: HookKind = HookKind { name: "dnf5", called: "by dnf5, before its prompt", opt_in: false };

/// rpm loads a plugin where both are there: the macro that names it, and the file in its own directory, which is another
/// one on each distribution (`rpm -E %__plugindir`).
const MACRO: &str = "/usr/lib/rpm/macros.d/macros.kbuild-guard";
const PLUGIN_DIRECTORIES: [&str; 2] = ["/usr/lib64", "/usr/lib"];
const PLUGIN_DIRECTORY: &str = "rpm-plugins";

/// Where an admin takes the plugin's name back (docs/rpm.md).
const ADMINS: [&str; 2] = ["/etc/rpm/macros.kbuild-guard", "/etc/rpm/macros"];
const NAMED: &str = "%__transaction_kbuild_guard";

const PLUGIN_FILE: &str = "kbuild_guard.so";

/// What dnf5's plugin "actions" reads, the plugin's own switch, and where it is.
const ACTIONS: &str = "/etc/dnf/libdnf5-plugins/actions.d/kbuild-guard.actions";
const SWITCH: &str = "/etc/dnf/libdnf5-plugins/actions.conf";
const DNF5_PROGRAM: &str = "/usr/bin/dnf5";

const LARGEST: usize = 1 << 20;

/// The state of the file triggers. rpm keeps them with the package, and nowhere else.
pub(crate) fn trigger(root: &Sysroot) -> Hook {
    let database = super::DATABASES.iter().map(RootPath::new).find(|dir| root.exists(dir));
    let registered = database.unwrap_or_else(|| RootPath::new("/var/lib/rpm"));
    let hook = Hook::live(TRIGGER, registered, RootPath::new(PROGRAM));
    if !super::is_here(root) || owners::named(root, PACKAGE).unwrap_or_default().is_empty() {
        return hook.is(HookState::NotInstalled, "rpm has no kbuild-guard installed", None);
    }
    Program::at(root, &hook.program).judge(hook, &reinstall(root))
}

/// The state of the transaction plugin.
pub(crate) fn plugin(root: &Sysroot) -> Hook {
    let macro_file = RootPath::new(MACRO);
    let file = plugin_file(root);
    let hook = Hook::live(PLUGIN, macro_file.clone(), RootPath::new(PROGRAM));
    match (file, root.exists(&macro_file)) {
        (None, false) => hook.is(HookState::NotInstalled, "its package is not installed", None),
        (None, true) => {
            let why = format!("there is no {PLUGIN_FILE} in rpm's plugin directory");
            hook.is(HookState::Broken, why, Some(&reinstall(root)))
        }
        (Some(_), false) if is_masked(root, &macro_file) => {
            let command = format!("rm {}", quoted(&macro_file));
            hook.is(HookState::Off, format!("{} is a link to /dev/null", quoted(&macro_file)), Some(&command))
        }
        (Some(file), false) => {
            let why = format!("{} is there, and no macro names it", quoted(&file));
            hook.is(HookState::Broken, why, Some(&reinstall(root)))
        }
        (Some(_), true) => match ADMINS.iter().map(RootPath::new).find(|file| takes_back(root, file)) {
            Some(file) => hook.is(HookState::Off, format!("{} takes its name back", quoted(&file)), None),
            None => Program::at(root, &hook.program).judge(hook, &reinstall(root)),
        },
    }
}

/// The plugin, in rpm's own directory or in that of an architecture (`/usr/lib/x86_64-linux-gnu/rpm-plugins`).
fn plugin_file(root: &Sysroot) -> Option<RootPath> {
    let in_directory = |dir: RootPath| dir.join(PLUGIN_DIRECTORY).join(PLUGIN_FILE);
    let architectures = root.list(&RootPath::new("/usr/lib"), 10_000).unwrap_or_default().into_iter();
    let architectures = architectures.filter(|entry| entry.name.to_string_lossy().contains("-linux-gnu"));
    let architectures = architectures.map(|entry| RootPath::new("/usr/lib").join(entry.name));
    let directories = PLUGIN_DIRECTORIES.iter().map(RootPath::new).chain(architectures);
    directories.map(in_directory).find(|file| root.exists(file))
}

/// Whether a file of macros makes the plugin's macro an empty one.
fn takes_back(root: &Sysroot, file: &RootPath) -> bool {
    let text = root.read(file, LARGEST).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().any(|line| line.trim().strip_prefix(NAMED).is_some_and(|body| matches!(body.trim(), "" | "%{nil}")))
}

/// The state of dnf5's actions.
pub(crate) fn dnf5(root: &Sysroot) -> Hook {
    let actions = RootPath::new(ACTIONS);
    let hook = Hook::live(DNF5, actions.clone(), RootPath::new(PROGRAM));
    let Ok(text) = root.read(&actions, LARGEST) else {
        return hook.is(HookState::NotInstalled, format!("there is no {}", quoted(&actions)), None);
    };
    let text = String::from_utf8_lossy(&text);
    if !text.lines().any(|line| !line.trim_start().starts_with('#') && line.contains(PROGRAM)) {
        return hook.is(HookState::Off, format!("no line of {} calls it", quoted(&actions)), None);
    }
    if !root.exists(&RootPath::new(DNF5_PROGRAM)) {
        return hook.is(HookState::NotInstalled, "dnf5 is not here, so that nobody calls it", None);
    }
    let switch = RootPath::new(SWITCH);
    let settings = root.read(&switch, LARGEST).unwrap_or_default();
    let settings = String::from_utf8_lossy(&settings);
    let enabled = settings.lines().find_map(|line| line.trim().strip_prefix("enabled")?.trim().strip_prefix('='));
    match enabled.map(str::trim) {
        None => hook.is(
            HookState::NotInstalled,
            format!("dnf5's plugin \"actions\" is not installed: there is no {}", quoted(&switch)),
            Some("dnf install libdnf5-plugin-actions"),
        ),
        Some("0" | "false" | "no") => hook.is(HookState::Off, format!("{} has enabled = 0", quoted(&switch)), None),
        Some(_) => Program::at(root, &hook.program).judge(hook, &reinstall(root)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_make_a_plugin() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = dir.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        };
        let state = || plugin(&Sysroot::open(dir.path()).unwrap()).state;
        assert_eq!(state(), HookState::NotInstalled);
        write(MACRO);
        assert_eq!(state(), HookState::Broken);
        write("/usr/lib64/rpm-plugins/kbuild_guard.so");
        assert_eq!(state(), HookState::Broken, "no program");
        write(PROGRAM);
        assert_eq!(state(), HookState::Live);
        let admins = dir.path().join(ADMINS[0].trim_start_matches('/'));
        std::fs::create_dir_all(admins.parent().unwrap()).unwrap();
        std::fs::write(&admins, "%__transaction_kbuild_guard %{nil}\n").unwrap();
        assert_eq!(state(), HookState::Off);
        std::fs::remove_file(admins).unwrap();
        std::fs::remove_file(dir.path().join(MACRO.trim_start_matches('/'))).unwrap();
        assert_eq!(state(), HookState::Broken);
    }

    #[test]
    fn dnf5_has_two_switches() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        };
        let state = || dnf5(&Sysroot::open(dir.path()).unwrap()).state;
        write(ACTIONS, &format!("goal_resolved:::mode=json:{PROGRAM} dnf5\n"));
        assert_eq!(state(), HookState::NotInstalled);
        write(DNF5_PROGRAM, "");
        write(PROGRAM, "");
        assert_eq!(state(), HookState::NotInstalled, "no plugin");
        write(SWITCH, "[main]\nname = actions\nenabled = host-only\n");
        assert_eq!(state(), HookState::Live);
        write(SWITCH, "[main]\nenabled=0\n");
        assert_eq!(state(), HookState::Off);
        write(ACTIONS, &format!("# goal_resolved:::mode=json:{PROGRAM} dnf5\n"));
        assert_eq!(state(), HookState::Off);
    }
}
