// SPDX-License-Identifier: MIT OR Apache-2.0
//! A plugin of rpm's that asks kbuild-guard before a transaction removes anything.
//!
//! rpm loads it into whatever drives rpm (rpm, dnf, zypper, PackageKit), as root, so it is as small as can be: it
//! collects what leaves and what arrives, hands that to a program ([`PROGRAM`]), waits for its exit status and shows what
//! it said. It decides nothing. Only the status 10 stops the transaction; whatever else happens, it goes on.
//!
//! Installed as `%{__plugindir}/kbuild_guard.so`; `hooks/rpm/macros.kbuild-guard` tells rpm of it. The whole story is in
//! docs/rpm.md.
//!
//! # What the program is given
//! It is run as `rpm-hook transaction`, with the environment of the program that drives rpm, in `/`, in a process group of
//! its own, with no signal blocked. It has five seconds. Its standard input is a whole file, written before it
//! starts: fields `key=value`, each ended by a NUL byte; 64 MiB at most. A value is bytes, as rpm has them, and may hold
//! anything but NUL. In this order:
//!
//! | field | value |
//! | --- | --- |
//! | `kbuild-guard-rpm=` | `1`, the version of this format |
//! | `root=` | rpm's root directory, `/` or another with or without a slash at its end; nothing in it is resolved, and the program does not run in it. Every `file=` is a path below it |
//! | `test=` | `1` if nothing will be changed (`rpm --test`, and what dnf does before each transaction), else `0` |
//! | *for each package* | |
//! | `leaving=` or `arriving=` | its name. All that leave come first. An upgrade is one that arrives and one that leaves, of the same name, with any others in between |
//! | `evr=` | `[epoch:]version-release` |
//! | `nevra=` | name, `evr` and architecture, in rpm's spelling; for people, not for taking apart |
//! | `file=` | one for each file, link and directory of its list, absolute, as packaged. Of a package that arrives only those that a leaving one also has, where `/usr/lib` counts as `/lib` (and so on): nothing else can take the place of what is lost |
//! | *at the end* | |
//! | `end=` | empty. Without it the stream is cut short |
//!
//! It is not run at all if no package leaves, or if only rpm's database is changed (`--justdb`).
//!
//! # What it answers
//! Exit status 0: the transaction goes on. 10: it is stopped. Anything else is a fault of the program: the transaction goes on,
//! and one line says so. What it writes to stdout and stderr (both are one file, 64 KiB at most) is shown if it is
//! UTF-8 and one of its lines begins with `kbuild-guard:`. Control characters but line ends and tabs become `?`. What was shown
//! during a test is not shown again when the same comes for real. A program that is not there is no fault: nothing
//! is said.

mod abi;
mod anonymous_file;
mod collect;
mod error;
mod guard;
mod librpm;
mod process;
mod program;
mod stderr;
mod stream;
mod voice;
mod wording;

pub use abi::{Hooks, kbuild_guard_hooks};

/// The program that decides. Distributions that put it elsewhere set `KBUILD_GUARD_RPM_HOOK` when they build.
pub const PROGRAM: &str = match option_env!("KBUILD_GUARD_RPM_HOOK") {
    Some(path) => path,
    None => "/usr/lib/kbuild-guard/rpm-hook",
};
