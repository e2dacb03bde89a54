// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of our packages in a throw-away system of rpm packages: the repository they come from, the steps that each
//! package manager takes with them, and how it must look after each. Asserts, as the tests do that share it.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a part of the tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use test_roots::{Outcome, Root};

use crate::rpm_system::{ACTIONS, Kind};
use crate::words_of_ours;

/// All of them, the main one last: the others need it.
pub const NAMES: [&str; 3] = ["kbuild-guard-dnf5", "kbuild-guard-rpm-plugin", "kbuild-guard"];
/// The release under test.
pub const OURS: &str = "0.1.0-1";
/// The same, with a higher release, built by the system's own rpmbuild.
pub const NEWER: &str = "0.1.0-1.99";
/// Where all of them lie.
const REPOSITORY: &str = "/srv/repository";

/// A package manager, and what it is told for each step.
#[derive(Debug, Clone, Copy)]
pub struct Manager {
    install: &'static str,
    upgrade: &'static str,
    reinstall: &'static str,
    downgrade: &'static str,
    remove: &'static str,
    /// What stands between a name and a version.
    before_version: &'static str,
    /// Packages are named by their files.
    by_file: bool,
}

const RPM: Manager = Manager {
    install: "rpm --install",
    upgrade: "rpm --upgrade",
    reinstall: "rpm --reinstall",
    downgrade: "rpm --upgrade --oldpackage",
    remove: "rpm --erase",
    before_version: "-",
    by_file: true,
};
const DNF4: Manager = Manager {
    install: "dnf --assumeyes install",
    upgrade: "dnf --assumeyes upgrade",
    reinstall: "dnf --assumeyes reinstall",
    downgrade: "dnf --assumeyes downgrade",
    remove: "dnf --assumeyes remove",
    before_version: "-",
    by_file: false,
};
const DNF5: Manager = Manager {
    install: "dnf5 --assumeyes install",
    upgrade: "dnf5 --assumeyes upgrade",
    reinstall: "dnf5 --assumeyes reinstall",
    downgrade: "dnf5 --assumeyes downgrade",
    remove: "dnf5 --assumeyes remove",
    ..DNF4
};
const ZYPPER: Manager = Manager {
    install: "zypper --non-interactive install",
    upgrade: "zypper --non-interactive install",
    reinstall: "zypper --non-interactive install --force",
    downgrade: "zypper --non-interactive install --oldpackage",
    remove: "zypper --non-interactive remove",
    before_version: "=",
    by_file: false,
};
/// One rpm a package, where that is not the way of [`ZYPPER`].
const ZYPPER_CLASSIC: Manager = Manager {
    install: "zypper --non-interactive install --download as-needed",
    upgrade: "zypper --non-interactive install --download as-needed",
    reinstall: "zypper --non-interactive install --download as-needed --force",
    downgrade: "zypper --non-interactive install --download as-needed --oldpackage",
    ..ZYPPER
};

impl Manager {
    /// The command that installs all of ours.
    pub fn install(&self) -> String {
        self.with_version(self.install, OURS)
    }

    /// The command that upgrades all of them.
    pub fn upgrade(&self) -> String {
        self.with_version(self.upgrade, NEWER)
    }

    /// The command that installs the higher release once more.
    pub fn reinstall(&self) -> String {
        self.with_version(self.reinstall, NEWER)
    }

    /// The command that goes back to the release under test.
    pub fn downgrade(&self) -> String {
        self.with_version(self.downgrade, OURS)
    }

    /// The command that removes these.
    pub fn remove(&self, names: &[&str]) -> String {
        format!("{} {}", self.remove, names.join(" "))
    }

    /// The command that installs these, which are there in one version.
    pub fn install_others(&self, names: &[&str]) -> String {
        let word = |name| if self.by_file { format!("{REPOSITORY}/{name}-*.rpm") } else { name };
        let words: Vec<String> = names.iter().map(|name| word((*name).to_owned())).collect();
        format!("{} {}", self.install, words.join(" "))
    }

    fn with_version(&self, command: &str, version: &str) -> String {
        let before = self.before_version;
        let words = NAMES.map(|name| {
            if self.by_file {
                format!(" {REPOSITORY}/{name}-{version}.[!0-9]*.rpm")
            } else {
                format!(" {name}{before}{version}")
            }
        });
        format!("{command}{}", words.concat())
    }
}

/// Packages that have nothing to do with us; one has a file where headers are.
const OTHERS: [&str; 2] = ["bystander", "stranger"];

/// A package with these files below /usr/src, built into the repository.
const BUILD: &str = "\
    set -eu; mkdir -p /srv/rpmbuild; cat >/srv/rpmbuild/x.spec <<'SPEC'
Name: NAME
Version: 1
Release: 1
Summary: Made up
License: MIT OR Apache-2.0
BuildArch: noarch
%description
Made up.
%install
mkdir -p %{buildroot}/usr/src/DIRECTORY
echo x >%{buildroot}/usr/src/DIRECTORY/Makefile
%files
/usr/src/DIRECTORY
SPEC
    rpmbuild -bb --quiet /srv/rpmbuild/x.spec; mv /srv/rpmbuild/RPMS/noarch/*.rpm /srv/repository/";

/// Builds the higher release by the spec and this system's rpmbuild, from the files of the packages under test: what
/// would compile does nothing.
const REBUILD: &str = "\
    set -eu; mkdir -p /srv/files /srv/nothing /srv/target/release /srv/target/debug /srv/target/manual/man
    for package in /srv/repository/kbuild-guard-*.rpm; do rpm2archive - <\"$package\" | tar -xz -C /srv/files; done
    for name in cargo rustc; do printf '#!/bin/sh\\nexit 0\\n' >/srv/nothing/$name; chmod 755 /srv/nothing/$name; done
    cp /srv/nothing/cargo /srv/target/debug/manual
    cd /srv/files/usr
    cp bin/kbuild-guard lib/kbuild-guard/* /srv/target/release/
    cp lib*/rpm-plugins/kbuild_guard.so /srv/target/release/librpm_plugin.so || \
        cp lib/*/rpm-plugins/kbuild_guard.so /srv/target/release/librpm_plugin.so
    cp share/man/man*/* /srv/target/manual/man/
    mkdir -p /srv/target/manual/completions/bash /srv/target/manual/completions/zsh /srv/target/manual/completions/fish
    cp share/bash-completion/completions/* /srv/target/manual/completions/bash/
    cp share/zsh/site-functions/* /srv/target/manual/completions/zsh/
    cp share/fish/vendor_completions.d/* /srv/target/manual/completions/fish/
    cd /srv/source
    PATH=/srv/nothing:$PATH CARGO_TARGET_DIR=/srv/target rpmbuild -bb --quiet --build-in-place --nodeps \
        --without rust_packages --without check --define 'dist .99' rpm/kbuild-guard.spec
    mv /srv/rpmbuild/RPMS/*/*.rpm /srv/repository/";

/// One of these systems, with ours in its repository and not installed.
#[derive(Debug)]
pub struct System {
    /// The root.
    pub root: Root,
    /// All package managers here.
    pub managers: Vec<Manager>,
}

impl System {
    /// Starts one.
    pub fn start(kind: &Kind) -> Self {
        let root = kind.start();
        for package in kind.packages(&root) {
            root.copy_in(&package, Path::new(REPOSITORY).join(package.file_name().unwrap())).unwrap();
        }
        let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        for part in ["rpm", "hooks", "docs", "README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
            root.copy_in(project.join(part), Path::new("/srv/source").join(part)).unwrap();
        }
        output(&root, REBUILD);
        for (name, directory) in [("stranger", "linux-stranger"), ("made-tree", "linux-made")] {
            output(&root, &BUILD.replace("NAME", name).replace("DIRECTORY", directory));
        }
        output(&root, "cd /srv/repository; rm -r repodata; createrepo_c --quiet .");
        // Of packages that every system of rpm packages has, or that ours need.
        output(&root, "mkdir -p /usr/share/licenses /usr/lib/systemd/system-preset /etc/dnf/libdnf5-plugins/actions.d");
        let mut managers = vec![RPM, DNF4, ZYPPER];
        if root.exists("/usr/bin/dnf5").unwrap() {
            managers.extend([DNF5, ZYPPER_CLASSIC]);
        }
        System { root, managers }
    }

    /// Runs a command that must succeed without a word of ours, or of rpm's about us.
    pub fn quiet(&self, command: &str) -> Outcome {
        let outcome = self.root.sh(command).unwrap().success().unwrap();
        assert_eq!(words_of_ours(&as_said(&outcome)), Vec::<String>::new(), "{outcome:?}");
        for bad in ["kbuild_guard", "rpm-hook", "scriptlet failed", "Permission denied", "No such file"] {
            assert!(!outcome.output.contains(bad), "{outcome:?}");
        }
        outcome
    }

    /// Everybody installs and removes what has nothing to do with us, and hears nothing of us.
    pub fn others_come_and_go(&self) {
        for manager in &self.managers {
            for (command, installed) in [(manager.install_others(&OTHERS), true), (manager.remove(&OTHERS), false)] {
                let outcome = self.quiet(&command);
                // zypper has a line on each script that it has run.
                let mut lines = outcome.output.lines().filter(|line| !line.contains(") Executing trigger"));
                assert!(!lines.any(|line| line.contains("kbuild")), "{outcome:?}");
                for other in OTHERS {
                    let query = self.root.run(&["rpm", "--query", other]).unwrap();
                    assert_eq!(query.code == 0, installed, "{outcome:?}");
                }
            }
        }
    }

    /// This release is installed, whole, and called by all who are here; and others come and go.
    pub fn assert_live(&self, release: &str) {
        let query = format!("rpm --query --queryformat '%{{version}}-%{{release}}\\n' {}", NAMES.join(" "));
        assert_eq!(output(&self.root, &query), format!("{release}\n").repeat(NAMES.len()));
        assert_eq!(output(&self.root, &format!("rpm --verify {}", NAMES.join(" "))), "");
        self.others_come_and_go();
        let states = self.hooks();
        let state = |hook: &str| states.iter().find(|(name, _)| name == hook).map(|(_, state)| state.as_str());
        assert_eq!(state("rpm-trigger"), Some("live"), "{states:?}");
        assert_eq!(state("rpm-plugin"), Some("live"), "{states:?}");
        let dnf5 = self.root.exists("/usr/bin/dnf5").unwrap().then_some("live");
        assert_eq!(state("dnf5"), dnf5, "{states:?}");
    }

    /// The hooks, each with its state.
    pub fn hooks(&self) -> Vec<(String, String)> {
        let split = self.root.command(&["kbuild-guard", "hooks", "--json"]).split().unwrap();
        let document: serde_json::Value = serde_json::from_str(&split.stdout).unwrap();
        let text =
            |hook: &serde_json::Value, key| hook.get(key).and_then(|value| value.as_str()).unwrap_or("").to_owned();
        let hooks = document.get("hooks").and_then(|hooks| hooks.as_array()).cloned().unwrap_or_default();
        hooks.iter().map(|hook| (text(hook, "name"), text(hook, "state"))).collect()
    }

    /// Every file of the system that package managers do not keep books in.
    pub fn files(&self) -> BTreeSet<String> {
        let listed = output(
            &self.root,
            "find / /run /tmp -xdev \\( -path /proc -o -path /srv -o -path /var/log -o -path /var/cache -o -path /var/lib/dnf \
             -o -path /var/lib/rpm -o -path /var/lib/zypp -o -path /var/adm -o -path '/run/zypp*.pid' -o -path /run/dnf -o -path /usr/lib/sysimage -o -path /var/tmp \\) -prune \
             -o -printf '%p %y %m %l\\n'",
        );
        listed.lines().map(str::to_owned).collect()
    }

    /// It is as if our packages had never been.
    pub fn assert_nothing_left(&self, files_before: &BTreeSet<String>) {
        let after = self.files();
        let new: Vec<&String> = after.difference(files_before).collect();
        let gone: Vec<&String> = files_before.difference(&after).collect();
        assert!(new.is_empty() && gone.is_empty(), "came {new:?}, went {gone:?}");
        let known = "rpm --query --all | grep kbuild-guard; rpm --eval '%{?__transaction_kbuild_guard}'";
        assert_eq!(output(&self.root, known).trim(), "");
        self.others_come_and_go();
    }

    /// The admin writes a line of their own into dnf5's actions.
    pub fn change_actions(&self) {
        output(&self.root, &format!("echo '# mine' >>{ACTIONS}"));
    }
}

/// What rpm's scripts have said, without the mark that dnf5 puts before their lines.
pub fn as_said(outcome: &Outcome) -> Outcome {
    Outcome { output: outcome.output.replace("\n>>> ", "\n"), ..outcome.clone() }
}

/// What a script says that must succeed.
pub fn output(root: &Root, script: &str) -> String {
    root.sh(script).unwrap().success().unwrap().output
}
