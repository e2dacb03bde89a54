// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether systemd starts our daily report: by the unit files that it reads (systemd.unit(5), "UNIT FILE LOAD PATH"), in
//! any root. Whether the timer has really been started only a running systemd knows.

use kbuild_guard::hook::{Hook, HookKind, HookState};
use kbuild_guard::quote::quoted;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use crate::hooks::{Package, Program, is_masked, reinstall};

const KIND: HookKind = HookKind { name: "timer", called: "by systemd, at boot and once a day", opt_in: false };

const TIMER: &str = "kbuild-guard-check.timer";
const SERVICE: &str = "kbuild-guard-check.service";
const PROGRAM: &str = "/usr/bin/kbuild-guard";

/// systemd itself; before /usr was merged, in the second place.
const SYSTEMD: [&str; 2] = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];

/// Where units are, the first that has one counts.
const UNITS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The state of the timer in a root.
pub(crate) fn look(root: &Sysroot, package: Package) -> Hook {
    let timer = find(root, TIMER);
    let registered = timer.clone().unwrap_or_else(|| RootPath::new("/usr/lib/systemd/system").join(TIMER));
    let hook = Hook::live(KIND, registered, RootPath::new(PROGRAM));
    let program = Program::at(root, &hook.program);
    let service = find(root, SERVICE);
    if !SYSTEMD.iter().any(|systemd| root.exists(&RootPath::new(systemd))) {
        return hook.is(HookState::NotInstalled, "systemd is not here", None);
    }
    for (name, unit) in [(TIMER, &timer), (SERVICE, &service)] {
        match unit {
            Some(unit) if is_masked(root, unit) => {
                let unmask = format!("systemctl unmask {name}");
                return hook.is(HookState::Off, format!("{} is a link to /dev/null", quoted(unit)), Some(&unmask));
            }
            None if package == Package::Absent => {
                return hook.is(HookState::NotInstalled, "the package is not installed", None);
            }
            None => return hook.is(HookState::Broken, format!("there is no {name}"), Some(&reinstall(root))),
            Some(_) => {}
        }
    }
    let is_wanted = |dir: &str| root.link_status(&RootPath::new(dir).join("timers.target.wants").join(TIMER)).is_ok();
    if !UNITS.into_iter().any(is_wanted) {
        let enable = format!("systemctl enable --now {TIMER}");
        return hook.is(HookState::Off, "the timer is disabled", Some(&enable));
    }
    program.judge(hook, &reinstall(root))
}

/// The file of a unit that counts.
fn find(root: &Sysroot, name: &str) -> Option<RootPath> {
    UNITS.iter().map(|dir| RootPath::new(dir).join(name)).find(|path| root.link_status(path).is_ok())
}
