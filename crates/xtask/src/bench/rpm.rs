// SPDX-License-Identifier: MIT OR Apache-2.0
//! What rpm and dnf cost with our packages and without.

use std::path::Path;

use test_roots::{Base, Root};

use super::stopwatch::{Case, measure, rows};

const TRIGGER: &str = "/usr/lib/kbuild-guard/rpm-hook trigger";

/// A package of one file, and how it comes back.
const INSTALL: &str = "rpm -i --replacepkgs --noplugins --notriggers /srv/repository/bystander-1-1.noarch.rpm";

/// Switches the plugin off and on for whoever reads rpm's macros.
const OFF: &str = "echo %__transaction_kbuild_guard %{nil} >/etc/rpm/macros.kbuild-guard";
const ON: &str = "rm -f /etc/rpm/macros.kbuild-guard";

/// A root of rpm packages that runs the first of three kernels with headers, with the packages in `rpms`.
pub(super) fn transactions(base: &Base, rpms: &Path) -> test_roots::Result<String> {
    let root = Root::builder(base).start()?;
    root.sh("apt-get update -qq; apt-get -y -qq install hyperfine jq time")?.success()?;
    root.sh("mkdir /srv/kbuild-guard")?.success()?;
    for entry in rpms.read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name();
        root.copy_in(entry.path(), Path::new("/srv/kbuild-guard").join(name))?;
    }
    let kernels = "/srv/kernels/fedora/kernel-core-*.rpm /srv/kernels/fedora/kernel-modules-core-*.rpm \
                   /srv/kernels/fedora/kernel-devel-*.rpm";
    root.sh(&format!("rpm -i {kernels}; rpm -i /srv/kbuild-guard/*.rpm; {INSTALL}"))?.success()?;
    let devel = root.sh("ls /srv/kernels/fedora/kernel-devel-*.rpm | tail -n 1")?.success()?.output;
    let again = format!("rpm -i --replacepkgs {}", devel.trim());
    let (off, on) = (format!("{INSTALL}; {OFF}"), format!("{INSTALL}; {ON}"));
    let dnf = "dnf -y -C remove bystander";
    let cases = [
        Case::new("`sh -c :`", "sh -c :"),
        Case::new("`rpm -e` of a small package, without the plugin", "rpm -e bystander").after(&off),
        Case::new("`rpm -e` of a small package, with it", "rpm -e bystander").after(&on),
        Case::new("`dnf remove` of a small package, without", dnf).after(&off),
        Case::new("`dnf remove` of a small package, with it", dnf).after(&on),
        Case::new("`rpm -qf` of one path", "rpm -qf /usr/bin/kbuild-guard"),
        Case::new("trigger hook, 3 kernels", TRIGGER),
        Case::new("a kernel-devel installed again, `--notriggers`", &format!("{again} --notriggers")),
        Case::new("a kernel-devel installed again", &again),
    ];
    let files = root.sh(&format!("rpm -qlp {} | wc -l", devel.trim()))?.output;
    let table = rows(&measure(&root, &cases)?);
    Ok(format!("{table}\nThe kernel-devel has {} files.\n", files.trim()))
}
