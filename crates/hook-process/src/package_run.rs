// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a package's own script called: its hooks run in the middle of a transaction, when what belongs together is
//! not there yet, and a trigger has the word at the end.

use std::ffi::{OsStr, OsString};

use crate::caller::{self, Process, file_name};

/// What runs the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageRun {
    /// A maintainer script of dpkg's.
    Dpkg,
    /// A scriptlet of rpm's.
    Rpm,
}

/// dpkg sets the one variable for each maintainer script (dpkg(1)), kernel packages the other for their hooks.
const VARIABLES: [&str; 2] = ["DPKG_MAINTSCRIPT_NAME", "DEB_MAINT_PARAMS"];

/// A scriptlet's environment says nothing of rpm. Its shell's first word is a file of this name, which rpm has written
/// it to (`rpmScriptHelper` of rpm's lib/rpmscript.c).
const SCRIPTLET: &str = "rpm-tmp.";

/// What stands on rpm's library; a scriptlet in Lua runs in one of them.
const RPM_PROGRAMS: [&str; 9] = ["rpm", "dnf", "dnf-3", "dnf4", "dnf5", "yum", "microdnf", "zypper", "packagekitd"];

/// So far above a hook a package manager may be: kernel-install, its worker, a script or two, rpm, dnf.
const HIGHEST: usize = 10;

/// What called, as far as the environment and the processes above this one tell.
pub fn caller() -> Option<PackageRun> {
    of_environment(std::env::var_os).or_else(|| of_processes(&caller::above(HIGHEST)))
}

fn of_environment(variable: impl Fn(&'static str) -> Option<OsString>) -> Option<PackageRun> {
    let is_set = |name| variable(name).is_some_and(|value| value != OsStr::new(""));
    VARIABLES.into_iter().any(is_set).then_some(PackageRun::Dpkg)
}

fn of_processes(above: &[Process]) -> Option<PackageRun> {
    // `/bin/sh /var/tmp/rpm-tmp.x 1`, `/bin/sh -e …`, `/usr/bin/python3 /usr/bin/dnf …`
    let names = |process: &Process| process.words.iter().take(3).map(|word| file_name(word).to_owned()).collect();
    let is_rpms = |names: Vec<String>| {
        let is_program = |name: &String| RPM_PROGRAMS.contains(&name.as_str());
        let is_interpreted = names.first().is_some_and(|name| name.starts_with("python"));
        names.iter().any(|name| name.starts_with(SCRIPTLET))
            || names.iter().take(if is_interpreted { 2 } else { 1 }).any(is_program)
    };
    above.iter().map(names).any(is_rpms).then_some(PackageRun::Rpm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_variable_tells_a_maintainer_script() {
        let with = |set: &'static str, value: &'static str| {
            of_environment(move |name| (name == set).then(|| OsString::from(value)))
        };
        assert_eq!(with("DPKG_MAINTSCRIPT_NAME", "postinst"), Some(PackageRun::Dpkg));
        assert_eq!(with("DEB_MAINT_PARAMS", "configure"), Some(PackageRun::Dpkg));
        assert_eq!(with("DEB_MAINT_PARAMS", ""), None);
        assert_eq!(with("HOME", "/root"), None);
    }

    #[test]
    fn the_shells_own_words_tell_a_scriptlet() {
        let of = |lines: &[&str]| {
            let process =
                |line: &&str| Process { identity: String::new(), words: line.split(' ').map(str::to_owned).collect() };
            of_processes(&lines.iter().map(process).collect::<Vec<_>>())
        };
        let rpm = Some(PackageRun::Rpm);
        assert_eq!(of(&["/bin/sh /usr/bin/kernel-install add R I", "/bin/sh /var/tmp/rpm-tmp.Ab1 1", "rpm -i x"]), rpm);
        assert_eq!(of(&["kernel-install add R I", "/bin/sh -e /var/tmp/rpm-tmp.Ab1 1"]), rpm);
        assert_eq!(of(&["kernel-install add R I", "/usr/bin/python3 /usr/bin/dnf upgrade"]), rpm);
        assert_eq!(of(&["kernel-install add R I", "make rpm install", "bash"]), None);
        assert_eq!(of(&["kernel-install add R I", "vi /root/x rpm-tmp", ""]), None);
    }
}
