// SPDX-License-Identifier: MIT OR Apache-2.0
//! Systems of rpm packages with our plugin in them, and a stand-in for the program that it asks. Asserts, as the tests do
//! that share it.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a part of the tests")]

use std::path::{Path, PathBuf};

use test_roots::{Base, Outcome, Result, Root};

use crate::rpms;

/// What the plugin asks.
pub const PROGRAM: &str = "/usr/lib/kbuild-guard/rpm-hook";

/// The macro that makes rpm load the plugin.
pub const MACRO: &str = "/usr/lib/rpm/macros.d/macros.kbuild-guard";

/// What makes dnf5 call us.
pub const ACTIONS: &str = "/etc/dnf/libdnf5-plugins/actions.d/kbuild-guard.actions";

/// A way to remove packages.
#[derive(Debug, Clone, Copy)]
pub struct FrontEnd {
    /// The command; names follow, each after `before_name`.
    command: &'static str,
    before_name: &'static str,
    /// Each package is a transaction of its own.
    pub one_by_one: bool,
    /// How often a removal is told to plugins, if none stops it.
    pub transactions: usize,
}

impl FrontEnd {
    /// The command that removes these.
    pub fn remove(&self, names: &[&str]) -> String {
        let names = names.iter().map(|name| format!(" {}{name}", self.before_name));
        format!("{}{}", self.command, names.collect::<String>())
    }
}

/// rpm by hand.
pub const RPM: FrontEnd = FrontEnd { command: "rpm --erase", before_name: "", one_by_one: false, transactions: 1 };
const DNF4: FrontEnd = FrontEnd { command: "dnf --assumeyes remove", transactions: 2, ..RPM };
const DNF5: FrontEnd = FrontEnd { command: "dnf5 --assumeyes remove", ..DNF4 };
const ZYPPER_CLASSIC: FrontEnd =
    FrontEnd { command: "zypper --non-interactive remove", one_by_one: true, transactions: 1, ..RPM };
const ZYPPER_SINGLE: FrontEnd = FrontEnd { command: "zypper --non-interactive remove", ..RPM };
/// The classic way, of a zypper whose default is the other. It removes what is named after a minus.
const ZYPPER_ONE_BY_ONE: FrontEnd = FrontEnd {
    command: "zypper --non-interactive install --download as-needed --",
    before_name: "-",
    one_by_one: true,
    ..RPM
};

/// How a base is obtained, telling somebody its steps.
type Obtain = fn(&mut dyn FnMut(&str)) -> Result<Base>;

/// A kind of system.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    base: Obtain,
    /// All that remove packages there.
    pub front_ends: &'static [FrontEnd],
}

impl Kind {
    /// Starts one, offline.
    pub fn start(&self) -> Root {
        Root::builder(&(self.base)(&mut |_| {}).unwrap()).offline().start().unwrap()
    }

    /// Our packages that are for it.
    pub fn packages(&self, root: &Root) -> Vec<PathBuf> {
        let directory = root.run(&["rpm", "--eval", "%{__plugindir}"]).unwrap().success().unwrap().output;
        rpms(Path::new(directory.trim())).unwrap()
    }
}

/// rpm 4.18, dnf 4, zypper.
pub const DEBIAN12: Kind = Kind { base: |say| Base::debian12_rpm(say), front_ends: &[RPM, DNF4, ZYPPER_CLASSIC] };
/// rpm 4.20, dnf 4, zypper.
pub const DEBIAN13: Kind = Kind { base: |say| Base::debian13_rpm(say), front_ends: &[RPM, DNF4, ZYPPER_CLASSIC] };
/// rpm 6, dnf 4, dnf 5, zypper in both ways.
pub const SID: Kind =
    Kind { base: |say| Base::sid_rpm(say), front_ends: &[RPM, DNF4, DNF5, ZYPPER_SINGLE, ZYPPER_ONE_BY_ONE] };

/// One of them, offline, with the plugin, the packages `devel` (in versions 1 and 2) and `bystander`, and nothing to ask yet.
#[derive(Debug)]
pub struct System {
    /// The root.
    pub root: Root,
    /// Where rpm looks for the plugin.
    pub plugin: String,
    /// All that remove packages here.
    pub front_ends: &'static [FrontEnd],
}

impl System {
    /// Starts one.
    pub fn start(kind: &Kind) -> Self {
        let root = kind.start();
        let named = |package: &&PathBuf| package.to_string_lossy().contains("/kbuild-guard-rpm-plugin-");
        root.copy_in(kind.packages(&root).iter().find(named).unwrap(), "/srv/plugin.rpm").unwrap();
        // As rpm would, but for its books: what the package needs is not there. Whoever stands in for the program knows
        // nothing of what zypper's own plugin would talk about.
        root.sh("rm -rf /run/asked; rpm2archive - </srv/plugin.rpm | tar -xz -C / && rm -r /usr/lib/zypp/plugins")
            .unwrap()
            .success()
            .unwrap();
        let plugin = root.sh("rpm --eval '%{__transaction_kbuild_guard}'").unwrap().success().unwrap().output;
        let plugin = plugin.trim().to_owned();
        let system = System { root, plugin, front_ends: kind.front_ends };
        system.build("devel", "Version: 1", "kernels/6.1/Makefile kernels/6.1/include/a.h");
        system.build("devel", "Version: 2\nEpoch: 1", "kernels/6.2/Makefile kernels/6.1/include/a.h");
        system.fill();
        system
    }

    /// Builds a package with these files below /usr/src; directories are its own too.
    fn build(&self, name: &str, version: &str, files: &str) {
        let script = format!(
            "set -eu; mkdir -p /srv/rpmbuild; cat >/srv/rpmbuild/x.spec <<'SPEC'\nName: {name}\n{version}\nRelease: 1\n\
             Summary: Made up\nLicense: MIT OR Apache-2.0\nBuildArch: noarch\n%description\nMade up.\n%install\n\
             mkdir -p %{{buildroot}}/usr/src\ncd %{{buildroot}}/usr/src\nfor file in {files}; do\n\
             mkdir -p \"$(dirname \"$file\")\"; echo x >\"$file\"\ndone\n%files\n/usr/src/kernels\nSPEC\n\
             rpmbuild -bb --quiet /srv/rpmbuild/x.spec\nmv /srv/rpmbuild/RPMS/noarch/*.rpm /srv/repository/\n"
        );
        self.root.sh(&script).unwrap().success().unwrap();
    }

    /// Installs version 1 of `devel` and `bystander`, as they were.
    pub fn fill(&self) {
        let packages = "/srv/repository/devel-1-1.noarch.rpm /srv/repository/bystander-1-1.noarch.rpm";
        let install = format!("rpm --upgrade --oldpackage --replacepkgs --noplugins {packages}");
        self.root.sh(&install).unwrap().success().unwrap();
    }

    /// What there is, of packages and of files.
    pub fn state(&self) -> String {
        let look =
            "rpm --query --all | sort; find /usr/src /usr/share/bystander ! -type d -printf '%p %s %T@\\n' | sort";
        self.root.sh(look).unwrap().success().unwrap().output
    }

    /// Whether a package is installed.
    pub fn has(&self, name: &str) -> bool {
        self.root.run(&["rpm", "--query", name]).unwrap().code == 0
    }

    /// Puts something in the program's place that keeps what it is told, and then does this.
    pub fn answer(&self, script: &str) {
        let keep = "mkdir -p /run/asked; cat >/run/asked/$(ls /run/asked | wc -l)";
        self.root.write_executable(PROGRAM, format!("#!/bin/sh\n{keep}\n{script}\n")).unwrap();
    }

    /// Runs a command, and returns what the program was told in it, each time.
    pub fn run(&self, command: &str) -> (Outcome, Vec<Told>) {
        self.root.sh("rm -rf /run/asked").unwrap().success().unwrap();
        let outcome = self.root.sh(command).unwrap();
        let mut told = Vec::new();
        while let Ok(bytes) = self.root.read(format!("/run/asked/{}", told.len())) {
            told.push(Told::parse(&bytes));
        }
        (outcome, told)
    }
}

/// What the program was told: the fields, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told(pub Vec<String>);

impl Told {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let fields = text.strip_suffix('\0').map(|text| text.split('\0').map(str::to_owned).collect());
        let told = Told(fields.unwrap_or_default());
        assert_eq!(told.0.first().map(String::as_str), Some("kbuild-guard-rpm=1"), "{text}");
        assert_eq!(told.0.last().map(String::as_str), Some("end="), "{text}");
        told
    }

    /// Whether there is such a field.
    pub fn says(&self, field: &str) -> bool {
        self.0.iter().any(|said| said == field)
    }
}

/// How many of our messages somebody sees.
pub fn messages(outcome: &Outcome) -> usize {
    outcome.output.matches("kbuild-guard:").count()
}
