// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether dpkg calls our hooks: the triggers, and the opt-in `pre-invoke`.

use std::os::unix::ffi::OsStrExt;

use kbuild_guard::hook::{Hook, HookKind, HookState};
use kbuild_guard::quote::quoted;
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::ADMIN_DIR;
use crate::hooks::{FAILS_OPEN, PACKAGE, PROGRAMS, Package, Program, REINSTALL};

const TRIGGER: HookKind = HookKind {
    name: "dpkg-trigger",
    called: "by dpkg, at the end of a run that touched kernels or headers",
    opt_in: false,
};

const PRE_INVOKE: HookKind = HookKind { name: "dpkg-pre-invoke", called: "by dpkg, before each action", opt_in: true };

/// Below these paths nothing comes or goes without the trigger.
const INTERESTS: [&str; 3] = ["/lib/modules", "/usr/lib/modules", "/usr/src"];

const TRIGGER_PROGRAM: &str = "/usr/lib/kbuild-guard/dpkg-trigger-hook";

/// The file of all file triggers, a line each: `PATH PACKAGE`, behind it `/noawait` (dpkg's lib/dpkg/trigdeferred
/// and triglib; not documented elsewhere).
const LARGEST: usize = 16 << 20;

/// Where dpkg's own configuration is; names in the directory have only letters, digits, `_` and `-`
/// (dpkg(1), "FILES").
const CONFIGURATION: &str = "/etc/dpkg/dpkg.cfg";
const PARTS: &str = "/etc/dpkg/dpkg.cfg.d";
const LARGEST_CONFIGURATION: usize = 1 << 20;
const MOST_PARTS: usize = 1000;

/// What switches the opt-in hook on, once it is copied there.
const EXAMPLE: &str = "/usr/share/doc/kbuild-guard/examples/dpkg-pre-invoke";

/// The state of the triggers in a root.
pub(crate) fn trigger(root: &Sysroot, package: Package) -> Hook {
    let admin = RootPath::new(ADMIN_DIR);
    let file = admin.join("triggers/File");
    let hook = Hook::live(TRIGGER, file.clone(), RootPath::new(TRIGGER_PROGRAM));
    let program = Program::at(root, &hook.program);
    let triggers = root.read(&file, LARGEST).unwrap_or_default();
    let triggers = String::from_utf8_lossy(&triggers);
    let missing: Vec<&str> =
        INTERESTS.into_iter().filter(|path| !triggers.lines().any(|line| is_ours(line, path))).collect();
    if package == Package::Absent {
        // dpkg forgets a package's triggers with it.
        return hook.is(HookState::NotInstalled, "dpkg has no kbuild-guard installed", None);
    }
    if program != Program::Ready {
        return program.judge(hook, REINSTALL);
    }
    if !missing.is_empty() {
        let why = format!("dpkg knows of no trigger for {}", missing.join(", "));
        return hook.is(HookState::Broken, why, Some(REINSTALL));
    }
    if !root.exists(&admin.join(format!("info/{PACKAGE}.postinst"))) {
        return hook.is(HookState::Broken, "dpkg has lost the package's postinst", Some(REINSTALL));
    }
    if package == Package::Between {
        let why = "the package is not configured, or has triggers to run";
        return hook.is(HookState::Broken, why, Some("dpkg --configure --pending"));
    }
    hook
}

fn is_ours(line: &str, path: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let (at, who) = (words.next(), words.next().unwrap_or_default());
    at == Some(path) && who.split('/').next() == Some(PACKAGE)
}

/// The state of the opt-in hook: live where a line `pre-invoke` of dpkg's configuration names a program of ours.
pub(crate) fn pre_invoke(root: &Sysroot, package: Package) -> Hook {
    let parts = RootPath::new(PARTS);
    let is_part = |name: &[u8]| name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let listed = root.list(&parts, MOST_PARTS).unwrap_or_default();
    let listed = listed.into_iter().filter(|entry| is_part(entry.name.as_bytes())).map(|entry| parts.join(entry.name));
    let mut live: Option<Hook> = None;
    for file in listed.chain([RootPath::new(CONFIGURATION)]) {
        let Ok(text) = root.read(&file, LARGEST_CONFIGURATION) else { continue };
        let text = String::from_utf8_lossy(&text);
        // dpkg runs the command of every line.
        for (line, program) in text.lines().filter_map(|line| Some((line, called_program(line)?))) {
            let hook = pre_invoked(root, package, &file, line, program);
            if hook.state != HookState::Live {
                return hook;
            }
            live.get_or_insert(hook);
        }
    }
    if let Some(live) = live {
        return live;
    }
    let switch_on = root.exists(&RootPath::new(EXAMPLE)).then(|| format!("cp {EXAMPLE} {PARTS}/{PACKAGE}"));
    let program = RootPath::new(PROGRAMS).join("dpkg-pre-invoke-hook");
    Hook::live(PRE_INVOKE, parts, program).is(
        HookState::NotInstalled,
        "no line of dpkg's configuration asks for it",
        switch_on.as_deref(),
    )
}

/// What becomes of a line that calls a program of ours.
fn pre_invoked(root: &Sysroot, package: Package, file: &RootPath, line: &str, program: &str) -> Hook {
    let hook = Hook::live(PRE_INVOKE, file.clone(), RootPath::new(program));
    let take_out = format!("sed -i '/pre-invoke.*kbuild-guard/d' {}", quoted(file));
    let is_open = line.contains(FAILS_OPEN);
    match Program::at(root, &hook.program) {
        Program::Ready if is_open => hook,
        Program::Ready => {
            let why = format!("without '{FAILS_OPEN}' in {} a hook that fails stops dpkg", quoted(file));
            hook.is(HookState::Broken, why, Some(&take_out))
        }
        // Where every failure stops dpkg, nothing can be installed before the line is gone.
        wrong if is_open && package != Package::Absent => wrong.judge(hook, REINSTALL),
        wrong => wrong.judge(hook, &take_out),
    }
}

/// Our program in a line `pre-invoke=…` or `pre-invoke …`.
fn called_program(line: &str) -> Option<&str> {
    let value = line.trim_start().strip_prefix("pre-invoke")?;
    if !value.starts_with(['=', ' ', '\t']) {
        return None;
    }
    let at = value.find(PROGRAMS)?;
    let program = value.get(at..)?;
    let end = program.find(|c: char| !(c.is_ascii_alphanumeric() || "/-_.".contains(c))).unwrap_or(program.len());
    program.get(..end)
}
