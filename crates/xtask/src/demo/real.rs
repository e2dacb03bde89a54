// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demo on a real system: real apt, real kernels with headers, real dkms.

use std::path::Path;

use test_roots::{Base, Outcome, Root};

use super::progress::Progress;
use crate::Error;

/// One throw-away system and what is said about it.
struct Stage {
    root: Root,
    /// Whether it looks like a booted machine; if not, nothing is ever blocked on it.
    live: bool,
}

/// Plays the whole story.
pub(super) fn show(base: &Base, package: &Path) -> Result<(), Error> {
    let [old, middle, new] = base.releases() else {
        return Err(Error::Kernels { found: base.releases().len() });
    };
    let live = Root::can_mount();
    let builder = Root::builder(base).running(old).offline();
    let progress = Progress::start("starting it");
    let root = if live { builder } else { builder.copied() }.start().map_err(Error::Roots)?;
    drop(progress);
    // What is shown is what is typed: nobody is there to say yes.
    root.write("/etc/apt/apt.conf.d/95demo", "APT::Get::Assume-Yes \"true\";\n").map_err(Error::Roots)?;
    let stage = Stage { root, live };
    if !live {
        println!("\nThis machine allows no mounts (a container?): the system below is a plain copy. It does not look");
        println!("like a booted one, on which alone a removal is blocked, and dkms cannot build in it.");
    }

    stage.tell("kbuild-guard is installed. Nobody hears of it until something is wrong.");
    stage.root.copy_in(package, "/kbuild-guard.deb").map_err(Error::Roots)?;
    stage.apt("install /kbuild-guard.deb", 0)?;

    stage.tell(&format!("A kernel with its headers, and a module that dkms builds for it; {old} runs."));
    if live {
        stage.apt(&format!("install acpi-call-dkms linux-image-{old} linux-headers-{old}"), 0)?;
    } else {
        stage.apt(&format!("install linux-image-{old} linux-headers-{old}"), 0)?;
        stage.quietly(
            "set -e; dpkg-deb -x /var/cache/apt/archives/acpi-call-dkms_*.deb /; v=$(ls -d /usr/src/acpi-call-*); \
             mkdir -p /var/lib/dkms/acpi-call/${v##*-}; ln -s $v /var/lib/dkms/acpi-call/${v##*-}/source",
        )?;
    }

    stage.tell("VERIFY. The next kernel arrives without its headers: said once, at the end, with what mends it.");
    stage.apt(&format!("install linux-image-{middle}"), 0)?;
    stage.apt(&format!("install linux-headers-{middle} linux-image-{new} linux-headers-{new}"), 0)?;

    stage.tell(&format!(
        "GUARD. Nobody asked for linux-headers-{old} by name: a meta-package that is gone had brought it.\n\
         The kernel itself was asked for, and it runs. apt would take its headers and leave the kernel."
    ));
    stage.quietly(&format!("apt-mark auto linux-headers-{old}"))?;
    if live {
        stage.apt("autoremove", 100)?;
        stage.tell("Nothing was changed. Whoever means it says so, for this one run:");
    } else {
        stage.play(&format!("kbuild-guard what-if --as-live remove linux-headers-{old}"), 1)?;
        stage.tell("That is what a booted machine would meet. Here, where nothing is booted, it is a warning:");
    }
    stage.apt(if live { "-o KbuildGuard::Mode=warn autoremove" } else { "autoremove" }, 0)?;

    stage.tell("What the admin sees:");
    stage.play("kbuild-guard status", 0)?;
    stage.play(&format!("kbuild-guard explain {old}"), 0)?;
    println!("\nThat was all. The system is gone again; nothing is left of it.");
    Ok(())
}

impl Stage {
    fn tell(&self, words: &str) {
        println!("\n# {}", words.replace('\n', "\n# "));
    }

    fn apt(&self, words: &str, expected: i32) -> Result<(), Error> {
        self.play(&format!("apt-get {words}"), expected)
    }

    /// Runs a command and shows what a person would look for in what it says. A demo that does not show what
    /// it promises has failed.
    fn play(&self, command: &str, expected: i32) -> Result<(), Error> {
        println!("\n$ {command}");
        let progress = Progress::start(if self.live { "it runs" } else { "it runs, in a copy" });
        let outcome = self.root.sh(command).map_err(Error::Roots)?;
        drop(progress);
        print(&outcome, command.starts_with("apt-get"));
        match outcome.code {
            code if code == expected => Ok(()),
            code => Err(Error::Unexpected { command: command.to_owned(), code, expected, output: outcome.output }),
        }
    }

    fn quietly(&self, script: &str) -> Result<(), Error> {
        self.root.sh(script).and_then(Outcome::success).map(|_| ()).map_err(Error::Roots)
    }
}

/// All of a short answer; of apt's pages what we say and what fails.
fn print(outcome: &Outcome, is_apt: bool) {
    let mut hidden = 0;
    let mut ours = false;
    // What apt says about the log of a terminal that a copy does not have is no news.
    for line in outcome.output.lines().filter(|line| !line.starts_with("E: Can not write log")) {
        ours = line.starts_with("kbuild-guard:") || (ours && line.starts_with("  "));
        if !is_apt || ours || line.starts_with("E:") {
            println!("{line}");
        } else {
            hidden += 1;
        }
    }
    if is_apt {
        println!("(exit status {}, and {hidden} lines of apt's own)", outcome.code);
    }
}
