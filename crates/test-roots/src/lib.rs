// SPDX-License-Identifier: MIT OR Apache-2.0
//! Throw-away Debian systems for end-to-end tests, benchmarks and the demo.
//!
//! A [`Base`] is built once from a recipe and kept in a cache; a [`Root`] stands on it, takes a twentieth of a second to
//! start, and leaves nothing behind. Both need uid 0.
//!
//! ```no_run
//! use test_roots::{Base, Root};
//!
//! # fn main() -> test_roots::Result<()> {
//! let base = Base::debian12(&mut |step| eprintln!("{step}"))?;
//! let newest = base.releases().last().map_or("", String::as_str);
//! let root = Root::builder(&base).running(newest).offline().start()?;
//! root.run(&["apt-get", "install", "--yes", &format!("linux-image-{newest}")])?.success()?;
//! let json = root.command(&["kbuild-guard", "check", "--json"]).split()?;
//! assert_eq!((json.code, json.stderr.as_str()), (0, ""));
//! # Ok(())
//! # }
//! ```
//!
//! # Bases
//! | | |
//! | --- | --- |
//! | [`Base::debian12`] | dkms, gcc, make, unattended-upgrades; no kernel; three kernels with headers and `acpi-call-dkms` in apt's cache |
//! | [`Base::debian12_kernels`] | the same with all of that installed, the module built by dkms for each kernel |
//! | [`Base::debian12_boot`] | the same with systemd and initial ramdisks, for [`Boot`] |
//! | [`Base::debian12_self_built`] | [`Base::debian12`] with a small kernel that a user has built in the home directory |
//! | [`Base::debian12_built_apart`] | the same with a kernel built with `O=`, in another directory than its source |
//! | [`Base::debian12_packaging`] | the first one with autopkgtest and piuparts, and a minimal system for the latter in `/srv/minimal` |
//! | [`Base::debian13`], [`Base::debian13_kernels`] | the same of Debian 13 |
//! | [`Base::debian12_to_13`] | Debian 12 with its kernels, and in apt's cache all that its upgrade to 13 needs |
//! | [`Base::debian12_unowned`], [`Base::debian13_unowned`] | those with kernels, their trees in a place that no package knows |
//! | [`Base::debian12_flavours`], [`Base::debian13_flavours`] | the bare ones with a kernel for every machine and one for real time |
//! | [`Base::debian12_self_built_trees`] | the self-built kernel installed, and every kind of tree that people build modules in |
//! | [`Base::debian12_rpm`], [`Base::debian13_rpm`], [`Base::sid_rpm`] | Debian as a system of rpm packages, without any kernel: rpm 4.18, 4.20, 6; dnf, zypper, and a repository of our own |
//! | [`Base::debian12_rpm_kernels`], [`Base::debian13_rpm_kernels`], [`Base::sid_rpm_kernels`] | the same with kernels and headers in packages, laid out as upstream, Fedora and openSUSE have them, not installed |
//! | [`Base::header_packages`] | Debian 12, and in `/srv/RELEASE` the header packages of other Debian releases and machines, each a small root |
//! | [`Base::releases`] | its kernels, three in most, oldest first |
//! | [`Base::identity`] | another for every time it was built |
//! | [`Base::directory`] | where it is in the cache |
//!
//! The cache is `$KBUILD_GUARD_TEST_CACHE`, `$XDG_CACHE_HOME/kbuild-guard` or `$HOME/.cache/kbuild-guard`. An entry is keyed by
//! its recipe's text, built beside its final place under a lock, and renamed into it; older keys that nobody uses go.
//!
//! # Roots
//! | | |
//! | --- | --- |
//! | [`Root::builder`] | live unless told otherwise: own mounts and processes, `/proc/1/root` is `/` |
//! | [`RootBuilder::running`] | what `/proc/sys/kernel/osrelease` names (the system call `uname` tells the host's all the same) |
//! | [`RootBuilder::not_live`] | as in a chroot: `/proc/1/root` is another |
//! | [`RootBuilder::offline`] | without a network |
//! | [`RootBuilder::copied`] | for where nothing can be mounted ([`Root::can_mount`]): a copy, entered by chroot |
//! | [`RootBuilder::start`] | starts it |
//! | [`Root::run`], [`Root::sh`] | a command, a script; both streams in one, in order: [`Outcome`] |
//! | [`Root::command`] | one with [`env`](Command::env), [`stdin_bytes`](Command::stdin_bytes), [`timeout`](Command::timeout), [`tee`](Command::tee), then [`run`](Command::run) or, streams apart, [`split`](Command::split) |
//! | [`Outcome::success`], [`Split::success`] | itself, or an error with the whole transcript |
//! | [`Root::write`], [`Root::write_executable`], [`Root::read`], [`Root::read_to_string`], [`Root::exists`], [`Root::remove`], [`Root::copy_in`] | its files |
//! | [`Root::install_deb`] | a package of the host, installed by its apt |
//! | [`Root::entry`] | the words that lead in, for tools of the host such as hyperfine |
//!
//! # Boots
//! | | |
//! | --- | --- |
//! | [`Boot::of`] | a base's disk under qemu, emulated, with one of its real kernels and its real init; no network |
//! | [`Boot::kernel`], [`Boot::bring`] | which kernel, which files of the host |
//! | [`Boot::step`] | a script to run in there, one after the other |
//! | [`Boot::run`] | boots; how each step ended: [`Booted`] |
//! | [`TinyBoot::of`] | one of a base's kernels with nothing but a static busybox, a script and some files: seconds; [`TinyBooted`] |

mod bases;
mod boot;
mod capture;
mod error;
mod root;
mod stable_hash;
mod tools;

pub use bases::Base;
pub use boot::{Boot, Booted, TinyBoot, TinyBooted};
pub use error::{Error, Result};
pub use root::{Command, DEFAULT_TIMEOUT, Outcome, Root, RootBuilder, Split};
pub use stable_hash::fnv1a;
