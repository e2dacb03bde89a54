// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask install`: the packages of this machine's kind onto it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dist::Kind;
use crate::{Error, dist, dist_rpm, tools};

/// Where dnf5's plugin "actions" has its settings, if it is installed.
const ACTIONS: &str = "/etc/dnf/libdnf5-plugins/actions.conf";

pub(crate) fn run() -> Result<(), Error> {
    if !tools::is_root() {
        return Err(Error::NeedsRoot { task: "install" });
    }
    match kind_of(Path::new("/")) {
        Kind::Deb => install_deb()?,
        Kind::Rpm => install_rpms()?,
    }
    println!();
    tools::run(Command::new("/usr/bin/kbuild-guard").arg("status"))
}

/// Which packages a system is made of: rpm's, if there is a database of theirs, a front end that looks after it, and no dpkg.
fn kind_of(root: &Path) -> Kind {
    let any = |paths: &[&str]| paths.iter().any(|path| root.join(path).exists());
    let rpm = any(&["usr/lib/sysimage/rpm", "var/lib/rpm"])
        && any(&["usr/bin/dnf", "usr/bin/dnf5", "usr/bin/zypper"])
        && !any(&["usr/bin/dpkg"]);
    if rpm { Kind::Rpm } else { Kind::Deb }
}

fn install_deb() -> Result<(), Error> {
    let package = dist::deb_and_verdict()?.package;
    println!("\nxtask: installing {}", package.display());
    // --reinstall: the same version may have been built anew. The sandbox's user may not read our folders.
    let options = ["install", "-y", "--reinstall", "--allow-downgrades", "-o", "APT::Sandbox::User=root", "--"];
    tools::run(tools::apt_get().args(options).arg(&package))
}

fn install_rpms() -> Result<(), Error> {
    let here = dist_rpm::place_here()?;
    let built = dist::rpm_built(std::slice::from_ref(&here))?;
    let folder = here.folder(&built.folder);
    let packages = dist_rpm::packages_in(&folder)?;
    let packages: Vec<PathBuf> = packages.into_iter().filter(|package| is_of_use(package)).collect();
    println!("\nxtask: installing {}", folder.display());
    // Not by dnf or zypper, which take a package that was built anew for the one that is installed.
    tools::run(Command::new("rpm").args(["--upgrade", "--replacepkgs", "--oldpackage"]).args(&packages))
}

/// The package for dnf5 needs dnf5's plugin.
fn is_of_use(package: &Path) -> bool {
    let for_dnf5 = package.file_name().is_some_and(|name| name.to_string_lossy().starts_with("kbuild-guard-dnf5-"));
    !for_dnf5 || Path::new(ACTIONS).exists()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;

    use super::{Kind, kind_of};

    #[test]
    fn the_kind_is_that_of_the_system() -> io::Result<()> {
        let root = std::env::temp_dir().join(format!("xtask-install-{}", std::process::id()));
        for (made, kind) in [
            ("usr/bin/rpm", Kind::Deb),
            ("usr/lib/sysimage/rpm", Kind::Deb),
            ("usr/bin/zypper", Kind::Rpm),
            // Debian with rpm's tools on it.
            ("usr/bin/dpkg", Kind::Deb),
        ] {
            fs::create_dir_all(root.join(made))?;
            assert_eq!(kind_of(&root), kind, "{made}");
        }
        fs::remove_dir_all(root)
    }
}
