// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every end-to-end test stands on: throw-away Debian systems with our package installed, and
//! such that live by rpm.
//!
//! `cargo xtask test` builds the package and tells where it is; nothing here is skipped.

mod faults;
pub mod kernel_install;
mod made_up;
pub mod package_life;
pub mod rpm_package_life;
pub mod rpm_root;
pub mod rpm_system;
mod sample_module;

use std::path::{Path, PathBuf};

use test_roots::{Base, Outcome, Result, Root, RootBuilder};

pub use faults::{Fault, Judged, judge};
pub use made_up::{MadeUp, apt};
pub use sample_module::{build_sample, install_sample};

/// The environment variable that names the .deb under test.
const DEB: &str = "KBUILD_GUARD_DEB";

/// The environment variable that names the folder of the .rpm packages under test, a set for each place of rpm's plugins.
const RPMS: &str = "KBUILD_GUARD_RPMS";

/// What went wrong outside of what is tested.
pub type Failure = Box<dyn std::error::Error>;

/// The package under test.
pub fn deb() -> std::result::Result<PathBuf, Failure> {
    let path = std::env::var_os(DEB).ok_or(format!("{DEB} names no package: run these tests by cargo xtask test"))?;
    Ok(PathBuf::from(path))
}

/// The packages under test for an rpm whose plugins are in this directory.
pub fn rpms(plugins: &Path) -> std::result::Result<Vec<PathBuf>, Failure> {
    let folder =
        std::env::var_os(RPMS).ok_or(format!("{RPMS} names no folder: run these tests by cargo xtask test"))?;
    let folder = Path::new(&folder).join(plugins.parent().and_then(Path::file_name).unwrap_or_default());
    let listed = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut packages = Vec::new();
    for entry in listed {
        packages.push(entry?.path());
    }
    Ok(packages)
}

/// Debian 12 without any kernel; three of them in apt's cache.
pub fn bare() -> Result<Base> {
    Base::debian12(&mut |_| {})
}

/// Debian 12 with three kernels and their headers, installed by name, and acpi_call built by dkms for each.
pub fn with_kernels() -> Result<Base> {
    Base::debian12_kernels(&mut |_| {})
}

/// Debian 12 with three kernels, as above, that boots.
pub fn bootable() -> Result<Base> {
    Base::debian12_boot(&mut |_| {})
}

/// Debian 12 where felix has built a kernel in /home/felix/linux, not installed yet.
pub fn self_built() -> Result<Base> {
    Base::debian12_self_built(&mut |_| {})
}

/// The same where the kernel was built with O=, in /home/felix/out, from the source in /home/felix/linux.
pub fn built_apart() -> Result<Base> {
    Base::debian12_built_apart(&mut |_| {})
}

/// The same with that kernel installed, and every kind of tree of it in /usr/src.
pub fn self_built_trees() -> Result<Base> {
    Base::debian12_self_built_trees(&mut |_| {})
}

/// Debian 12 with three kernels, as above, with node_exporter and promtool.
pub fn monitored() -> Result<Base> {
    Base::debian12_monitoring(&mut |_| {})
}

/// Debian 12 with autopkgtest and piuparts.
pub fn with_testers() -> Result<Base> {
    Base::debian12_packaging(&mut |_| {})
}

/// Debian 13 without any kernel; three of them in apt's cache.
pub fn bare_13() -> Result<Base> {
    Base::debian13(&mut |_| {})
}

/// Debian 13 with three kernels and their headers, installed by name, and acpi_call built by dkms for each.
pub fn with_kernels_13() -> Result<Base> {
    Base::debian13_kernels(&mut |_| {})
}

/// Debian 13 with three kernels whose header trees lie in /srv/trees, owned by no package.
pub fn unowned_13() -> Result<Base> {
    Base::debian13_unowned(&mut |_| {})
}

/// Debian 12 with a kernel of Debian 11 and its headers, as after an upgrade.
pub fn with_old_kernel() -> Result<Base> {
    Base::debian12_old_kernel(&mut |_| {})
}

/// Debian 14 to be, with its newest kernel and headers.
pub fn with_kernel_14() -> Result<Base> {
    Base::debian14(&mut |_| {})
}

/// Debian 14 to be, with Rust, and a kernel built with O=, in /usr/src/rusty, from the source in /usr/src/linux.
pub fn built_with_rust() -> Result<Base> {
    Base::debian14_rust(&mut |_| {})
}

/// Debian 12 with its kernels, on the eve of its upgrade to 13.
pub fn eve_of_13() -> Result<Base> {
    Base::debian12_to_13(&mut |_| {})
}

/// Debian 12 with three kernels, as above, with aptitude, nala and PackageKit, and the packages that bring new kernels and headers in apt's cache.
pub fn with_front_ends() -> Result<Base> {
    Base::debian12_front_ends(&mut |_| {})
}

/// Debian 12 with the header packages of other releases and machines, each set in `/srv/RELEASE`.
pub fn header_packages() -> Result<Base> {
    Base::header_packages(&mut |_| {})
}

/// The three releases of a base.
pub struct Releases {
    /// The oldest; apt protects it only if it runs.
    pub old: String,
    /// The one before the newest.
    pub middle: String,
    /// The newest.
    pub new: String,
}

impl Releases {
    /// Of this base.
    pub fn of(base: &Base) -> std::result::Result<Self, Failure> {
        match base.releases() {
            [old, middle, new] => Ok(Releases { old: old.clone(), middle: middle.clone(), new: new.clone() }),
            other => Err(format!("three releases are needed, the base has {other:?}").into()),
        }
    }
}

/// Starts a root without a network and installs our package in it. apt and dpkg must take it in silence.
pub fn guarded(builder: RootBuilder) -> std::result::Result<Root, Failure> {
    let root = builder.offline().start()?;
    root.copy_in(deb()?, "/kbuild-guard.deb")?;
    let installed = root.run(&["dpkg", "--install", "/kbuild-guard.deb"])?.success()?;
    match words_of_ours(&installed).as_slice() {
        [] => Ok(root),
        words => Err(format!("installing the package says {words:?}").into()),
    }
}

/// The lines we say, each message's first line and what is indented below it.
pub fn words_of_ours(outcome: &Outcome) -> Vec<String> {
    let mut ours = Vec::new();
    let mut in_message = false;
    for line in outcome.output.lines() {
        in_message = line.starts_with("kbuild-guard:") || (in_message && line.starts_with("  "));
        if in_message {
            ours.push(line.to_owned());
        }
    }
    ours
}

/// All we say, as one line: what was wrapped is joined again, so that a test does not depend on how long
/// today's releases are.
pub fn said(outcome: &Outcome) -> String {
    let words = words_of_ours(outcome).join(" ").replace(" \\ ", " ");
    words.split_ascii_whitespace().collect::<Vec<&str>>().join(" ")
}

/// What `check --json` says of one kernel.
pub fn kernel(root: &Root, release: &str) -> std::result::Result<serde_json::Value, Failure> {
    let split = root.command(&["kbuild-guard", "check", "--json", release]).split()?;
    let document: serde_json::Value = serde_json::from_str(&split.stdout)
        .map_err(|error| format!("{}: {error}: {}{}", split.command, split.stdout, split.stderr))?;
    Ok(document.get("kernels").and_then(|kernels| kernels.get(0)).cloned().unwrap_or_default())
}
