// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask bench`: the hooks beside their peers, by hyperfine, in one run on throw-away roots.
//!
//! Prints the tables of docs/performance.md. Nothing is asserted: times are for people to read.

mod rpm;
mod stopwatch;

use std::fmt::Write as _;
use std::path::Path;

use clap::ValueEnum;
use test_roots::{Base, Root};

use crate::{Error, base, dist, dist_rpm, tools};
use stopwatch::{Case, measure, rows};

/// Makes more kernels out of real ones.
const KERNELS: &str = include_str!("kernels.sh");

const TRIGGER: &str = "/usr/lib/kbuild-guard/dpkg-trigger-hook";

const PLUGIN: &str = "/usr/lib/kernel/install.d/30-kbuild-guard.install";

/// The stream of an apt run: as much configuration as apt sends, then its actions.
fn stream(command: &str, actions: &str) -> String {
    let mut text = String::from("VERSION 3\nAPT::Architecture=amd64\nDir=/\nDir::State::status=/var/lib/dpkg/status\n");
    // apt sends 110 to 160 lines of configuration.
    for index in 0..130 {
        let _ = writeln!(text, "Acquire::Some::Setting::Number{index}=with%20a%20value%20of%20usual%20length");
    }
    let _ = write!(text, "CommandLine::AsString={command}\n\n{actions}");
    text
}

fn installs(count: usize) -> String {
    (0..count)
        .map(|index| format!("package-number-{index} - - none < 1.0 amd64 none /var/cache/apt/archives/p{index}.deb\n"))
        .collect()
}

/// A part of the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// What package managers of Debian call, and what else they call
    Hooks,
    /// The trigger and the command with more and more kernels
    Looks,
    /// rpm and dnf, with our packages and without
    Rpm,
}

/// Measures and prints one part, or all.
pub(crate) fn run(only: Option<Part>) -> Result<(), Error> {
    if !tools::is_root() {
        return Err(Error::NeedsRoot { task: "bench" });
    }
    tools::ensure(&base::TOOLS)?;
    let is_wanted = |part| only.is_none_or(|only| only == part);
    let mut tables = Vec::new();
    if is_wanted(Part::Hooks) || is_wanted(Part::Looks) {
        let package = dist::deb()?;
        let base = Base::debian12_kernels(&mut |step| println!("xtask: base: {step}")).map_err(Error::Roots)?;
        if is_wanted(Part::Hooks) {
            tables.push(hooks(&base, &package).map_err(Error::Roots)?);
        }
        if is_wanted(Part::Looks) {
            tables.push(looks(&base, &package).map_err(Error::Roots)?);
        }
    }
    if is_wanted(Part::Rpm) {
        let rpms = dist::rpm_built(&dist_rpm::all_places())?.folder.join("lib64");
        let base = Base::debian12_rpm_kernels(&mut |step| println!("xtask: base: {step}")).map_err(Error::Roots)?;
        tables.push(rpm::transactions(&base, &rpms).map_err(Error::Roots)?);
    }
    println!("\n{}", tables.join("\n"));
    Ok(())
}

/// A root that runs its oldest kernel: apt protects the newest, so the oldest is the one to lose its headers.
fn root(base: &Base, package: &Path) -> test_roots::Result<(Root, String)> {
    let old = base.releases().first().cloned().unwrap_or_default();
    let root = Root::builder(base).running(&old).start()?;
    root.sh("apt-get update -qq; apt-get -y -qq install hyperfine jq time needrestart apt-listchanges")?.success()?;
    root.install_deb(package)?.success()?;
    Ok((root, old))
}

/// What package managers call, and what else they call.
fn hooks(base: &Base, package: &Path) -> test_roots::Result<String> {
    let (root, old) = root(base, package)?;
    let new = base.releases().last().cloned().unwrap_or_default();
    let removal = format!("linux-headers-{old} 6.1 amd64 none > - - none **REMOVE**\n");
    root.write("/s/1", stream("apt-get%20install%20x", &installs(1)))?;
    root.write("/s/100", stream("apt-get%20install%20x", &installs(100)))?;
    root.write("/s/3000", stream("apt-get%20install%20x", &installs(3000)))?;
    root.write("/s/removal", stream("apt-get%20autoremove", &removal))?;
    root.write("/s/unrelated", stream("apt-get%20remove%20make", "make 4.3 amd64 none > - - none **REMOVE**\n"))?;
    // As apt calls it: by a shell, which is what the first row measures alone.
    let hook = |stream: &str| format!("sh -c \"/usr/lib/kbuild-guard/apt-hook </s/{stream} || test $? -ne 10\"");
    let cases = [
        Case::new("`sh -c :`", "sh -c :"),
        Case::new("apt hook, 1 package arrives", &hook("1")),
        Case::new("apt hook, 100 lines, nothing leaves", &hook("100")),
        Case::new("apt hook, 3,000 lines, nothing leaves", &hook("3000")),
        Case::new("apt hook, an unrelated package leaves", &hook("unrelated")),
        Case::new("apt hook, needed headers leave: blocked", &hook("removal")),
        Case::new("trigger hook, 3 kernels, nothing new", TRIGGER),
        Case::new(
            "kernel-install plugin, a kernel is added, nothing new",
            &format!("{PLUGIN} add {new} /boot/x/{new} /boot/vmlinuz-{new}"),
        ),
        Case::new("kernel-install plugin, a kernel is removed", &format!("{PLUGIN} remove {new} /boot/x/{new}")),
        Case::new(
            "dkms' kernel-install plugin, added, nothing to build",
            &format!("/etc/kernel/install.d/dkms add {new}"),
        ),
        Case::new("dkms' postinst.d hook, nothing to build", &format!("/etc/kernel/postinst.d/dkms {new}")),
        Case::new(
            "dkms' header_postinst.d hook, nothing to build",
            &format!("/etc/kernel/header_postinst.d/dkms {new}"),
        ),
        Case::new("`dkms status`", "dkms status"),
        Case::new("apt-listchanges, 1 package", "apt-listchanges --frontend=text /kbuild-guard.deb"),
        Case::new("needrestart, as apt calls it", "needrestart -b -k"),
        Case::new("`dpkg -S` of one path", &format!("dpkg -S /usr/src/linux-headers-{new}")),
        Case::new("`dpkg -V` of one headers package", &format!("dpkg -V linux-headers-{new}")),
    ];
    root.copy_in(package, "/kbuild-guard.deb")?;
    Ok(rows(&measure(&root, &cases)?))
}

/// The trigger and the command with more and more kernels.
fn looks(base: &Base, package: &Path) -> test_roots::Result<String> {
    let mut all = String::new();
    let new = base.releases().last().cloned().unwrap_or_default();
    for (how, count, title) in [
        ("apart", 0, "3 kernels"),
        ("apart", 17, "20 kernels, each with its own headers"),
        ("shared", 997, "1,000 kernels, 998 of them with one tree"),
    ] {
        let (root, _) = root(base, package)?;
        root.write("/kernels.sh", KERNELS)?;
        root.sh(&format!("sh /kernels.sh {how} {new} {count}; sleep 3"))?.success()?;
        // The first look learns what was seen, the first `check` which trees are whole.
        root.sh(&format!("{TRIGGER}; kbuild-guard check -q; true"))?.success()?;
        let forget = "rm -f /var/lib/kbuild-guard/trees.json";
        let mut cases = vec![
            Case::new(&format!("trigger hook, {title}"), TRIGGER),
            Case::new(&format!("`check`, {title}, seen before"), "kbuild-guard check -q"),
            Case::new(&format!("`check`, {title}, every directory read"), "kbuild-guard check -q").after(forget),
        ];
        // What the headers of new kernels cost: of 20 less those of 3, each of 17.
        if how == "apart" {
            let read = format!("trigger hook, {title}, every header read");
            cases.push(Case::new(&read, TRIGGER).after("rm -rf /var/lib/kbuild-guard/headers"));
            let arrived = format!("trigger hook, {title}, one of them new");
            let forget = "rm -f $(ls /var/lib/kbuild-guard/headers/* | head -n 1)";
            cases.push(Case::new(&arrived, TRIGGER).after(forget));
        }
        if count == 0 {
            let one = format!("kbuild-guard check -q {new}");
            cases.push(Case::new("`check`, 1 kernel, seen before", &one));
            cases.push(Case::new("`check`, 1 kernel, every directory read", &one).after(forget));
            cases.push(Case::new("`dpkg -V` of its three packages", &verify_of(&new)));
        }
        all.push_str(&rows(&measure(&root, &cases)?));
        all.push('\n');
    }
    Ok(all)
}

/// dpkg's own look at a kernel's three header packages.
fn verify_of(release: &str) -> String {
    let common = release.trim_end_matches("-cloud-amd64");
    format!("dpkg -V linux-headers-{release} linux-headers-{common}-common linux-kbuild-6.1")
}
