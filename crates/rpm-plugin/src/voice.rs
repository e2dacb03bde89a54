// SPDX-License-Identifier: MIT OR Apache-2.0
//! What people are shown, and where: once, under each program that drives rpm.

use std::ffi::CString;
use std::fs;
use std::sync::{Mutex, PoisonError};

use crate::librpm::Librpm;
use crate::stderr;

/// Where a program that drives rpm lets words through. Tried with rpm 4.18, 4.20 and 6.1, dnf 4.14 to 4.24, dnf5 5.4,
/// libzypp 17 in both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channel {
    /// rpm shows both, dnf 4 shows rpm's log in other words after a failure, dnf5 hides it.
    Stderr,
    /// zypper's helper for single transactions shows rpm's log and hides stderr.
    RpmLog,
    /// One that is not known: twice is better than not at all.
    Both,
}

impl Channel {
    /// By the file that runs, as `/proc/self/exe` has it, and what the process is called. dnf 4 runs as python3
    /// and is called dnf; zypp-rpm is called Zypp-main.
    fn of(file: &str, called: &str) -> Self {
        let drives = |name: &str| {
            ["rpm", "dnf", "dnf4", "dnf-3", "dnf5", "dnf5daemon-server", "yum", "microdnf", "packagekitd"]
                .contains(&name)
        };
        if file == "zypp-rpm" {
            Channel::RpmLog
        } else if drives(file) || (file.starts_with("python") && drives(called)) {
            Channel::Stderr
        } else {
            Channel::Both
        }
    }

    /// Of this process.
    fn here() -> Self {
        let file = fs::read_link("/proc/self/exe").unwrap_or_default();
        let file = file.file_name().unwrap_or_default().to_string_lossy();
        let called = fs::read_to_string("/proc/self/comm").unwrap_or_default();
        // The program itself may have been replaced in this very run.
        Self::of(file.trim_end_matches(" (deleted)"), called.trim_end())
    }
}

/// What was said during the last test, for the transaction that follows: dnf tests each one before.
static SAID_IN_TEST: Mutex<Option<String>> = Mutex::new(None);

/// Says something, unless the test of the same transaction has said it.
pub(crate) fn say(text: &str, test: bool, librpm: &Librpm) {
    let before = {
        let mut said = SAID_IN_TEST.lock().unwrap_or_else(PoisonError::into_inner);
        if test { said.replace(text.to_owned()) } else { said.take() }
    };
    if !test && before.is_some_and(|before| before == text) {
        return;
    }
    let channel = Channel::here();
    if channel != Channel::RpmLog {
        stderr::write(text);
    }
    if channel != Channel::Stderr {
        if let Ok(text) = CString::new(text) {
            librpm.log(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Channel::{self, Both, RpmLog, Stderr};

    #[test]
    fn where_each_program_lets_words_through() {
        for (file, called, channel) in [
            ("rpm", "rpm", Stderr),
            ("dnf5", "dnf5", Stderr),
            ("python3.11", "dnf", Stderr),
            ("python3.13", "dnf-3", Stderr),
            ("packagekitd", "packagekitd", Stderr),
            ("zypp-rpm", "Zypp-main", RpmLog),
            ("zypper", "Zypp-main", Both),
            ("python3.13", "python3", Both),
            ("my-own", "rpm", Both),
            ("", "", Both),
        ] {
            assert_eq!(Channel::of(file, called), channel, "{file} {called}");
        }
    }
}
