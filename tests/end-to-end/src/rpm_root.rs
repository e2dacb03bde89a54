// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian as a system of rpm packages, with kernels in packages, and every front end that installs and removes them.

use std::ffi::OsStr;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use test_roots::{Base, Outcome, Result, Root, RootBuilder, Split};

use crate::{Failure, rpms};

/// Which system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RpmSystem {
    /// rpm 4.18, dnf 4, zypper that runs one rpm a package.
    Debian12,
    /// rpm 4.20, dnf 4, zypper that runs one rpm a package.
    Debian13,
    /// rpm 6, dnf 5 and 4, zypper that runs one rpm a package or makes a single transaction.
    Sid,
}

/// What installs and removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontEnd {
    /// rpm itself; it installs from /srv.
    Rpm,
    /// dnf 4.
    Dnf4,
    /// dnf 5, on sid only.
    Dnf5,
    /// zypper that runs one rpm a package.
    Zypper,
    /// zypper that makes a single transaction, on sid only.
    ZypperSingle,
}

/// How the packages of kernels are laid out; each has a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// The kernel's own `make binrpm-pkg`: `kernel`, and `kernel-devel` with the link and the tree. Two releases.
    Upstream,
    /// Fedora's: `kernel-core`, `kernel-modules-core` with the links, `kernel-devel` with the tree. Three releases.
    Fedora,
    /// openSUSE's: `kernel-default` and `kernel-rt`, each with a `-devel` that has the links and what was built, and
    /// `kernel-devel` with the source, which both share; then `kernel-default` once more, of the next version.
    OpenSuse,
}

/// A kernel in packages, each named as `name-version-release`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpmKernel {
    /// Its release.
    pub release: String,
    /// The packages of the kernel itself: what has the image first.
    pub image: Vec<String>,
    /// The packages of its headers; what has the tree, or of two trees the one that the link leads to, first.
    pub headers: Vec<String>,
}

/// A package that has nothing to do with kernels.
pub const BYSTANDER: &str = "bystander-1-1";

/// A root on one of the systems, without a network.
#[derive(Debug)]
pub struct RpmRoot {
    root: Root,
    /// Which system it is.
    pub system: RpmSystem,
    base: Base,
}

impl RpmSystem {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Debian12, Self::Debian13, Self::Sid];

    /// Its base, with packages of kernels.
    pub fn base(self) -> Result<Base> {
        match self {
            Self::Debian12 => Base::debian12_rpm_kernels(&mut |_| {}),
            Self::Debian13 => Base::debian13_rpm_kernels(&mut |_| {}),
            Self::Sid => Base::sid_rpm_kernels(&mut |_| {}),
        }
    }

    /// What it has.
    pub fn front_ends(self) -> &'static [FrontEnd] {
        match self {
            Self::Debian12 | Self::Debian13 => &[FrontEnd::Rpm, FrontEnd::Dnf4, FrontEnd::Zypper],
            Self::Sid => &[FrontEnd::Rpm, FrontEnd::Dnf4, FrontEnd::Dnf5, FrontEnd::Zypper, FrontEnd::ZypperSingle],
        }
    }
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Upstream, Self::Fedora, Self::OpenSuse];

    /// Its repository: `/srv/kernels/NAME`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Fedora => "fedora",
            Self::OpenSuse => "opensuse",
        }
    }

    /// The kernel of this release, if the layout has releases like that.
    fn kernel(self, release: &str) -> Option<RpmKernel> {
        let (version, rest) = release.split_once('-')?;
        let (image, headers): (Vec<String>, Vec<String>) = match self {
            Self::Upstream if matches!(rest, "one" | "two") => {
                let evr = format!("{version}_{rest}-1");
                (vec![format!("kernel-{evr}")], vec![format!("kernel-devel-{evr}")])
            }
            Self::Fedora => {
                let evr = format!("{version}-{}", rest.strip_suffix(".x86_64")?);
                (
                    vec![format!("kernel-core-{evr}"), format!("kernel-modules-core-{evr}")],
                    vec![format!("kernel-devel-{evr}")],
                )
            }
            Self::OpenSuse => {
                let (number, flavour) = rest.split_once('-')?;
                let evr = format!("{version}-{number}.1");
                (
                    vec![format!("kernel-{flavour}-{evr}")],
                    vec![format!("kernel-{flavour}-devel-{evr}"), format!("kernel-devel-{evr}")],
                )
            }
            Self::Upstream => return None,
        };
        Some(RpmKernel { release: release.to_owned(), image, headers })
    }
}

impl RpmKernel {
    /// All its packages, for [`RpmRoot::install`] and [`RpmRoot::erase`].
    pub fn packages(&self) -> Vec<&str> {
        self.image.iter().chain(&self.headers).map(String::as_str).collect()
    }

    /// The packages of its headers.
    pub fn headers(&self) -> Vec<&str> {
        self.headers.iter().map(String::as_str).collect()
    }
}

/// The kernels of a layout that a base has packages of, oldest first.
pub fn kernels(base: &Base, layout: Layout) -> Vec<RpmKernel> {
    base.releases().iter().filter_map(|release| layout.kernel(release)).collect()
}

/// Starts a root where dnf and zypper know the kernels of these layouts; nothing of them is installed yet.
///
/// `look` says what it looks like, for instance which release runs.
pub fn rpm_root(
    system: RpmSystem,
    layouts: &[Layout],
    look: impl FnOnce(RootBuilder) -> RootBuilder,
) -> Result<RpmRoot> {
    let base = system.base()?;
    let root = look(Root::builder(&base)).offline().start()?;
    for layout in layouts {
        let name = layout.name();
        let enable =
            format!("sed -i s/enabled=0/enabled=1/ /etc/yum.repos.d/{name}.repo /etc/zypp/repos.d/{name}.repo");
        root.sh(&enable)?.success()?;
    }
    Ok(RpmRoot { root, system, base })
}

impl RpmRoot {
    /// The kernels of a layout, oldest first.
    pub fn kernels(&self, layout: Layout) -> Vec<RpmKernel> {
        kernels(&self.base, layout)
    }

    /// Installs packages, each named as `name-version-release`, in one run. What the front end says is kept apart by stream.
    pub fn install(&self, by: FrontEnd, packages: &[&str]) -> Result<Split> {
        let script = match by {
            FrontEnd::Rpm => {
                let names: Vec<String> = packages.iter().map(|package| format!("-name '{package}.*.rpm'")).collect();
                format!("rpm --install --oldpackage $(find /srv/repository /srv/kernels {})", names.join(" -o "))
            }
            FrontEnd::Dnf4 | FrontEnd::Dnf5 | FrontEnd::ZypperSingle => {
                format!("{} install {}", program(by), words(by, packages))
            }
            FrontEnd::Zypper => format!("{} {}{}", program(by), self.one_by_one(), words(by, packages)),
        };
        self.run_front_end(&script)
    }

    /// Removes packages, each named as `name-version-release`, in one run.
    ///
    /// A front end also removes what depends on them; rpm itself refuses.
    pub fn erase(&self, by: FrontEnd, packages: &[&str]) -> Result<Split> {
        self.run_front_end(&self.erasing(by, packages))
    }

    /// Installs packages that are installed once more, each named as `name-version-release`.
    pub fn reinstall(&self, by: FrontEnd, packages: &[&str]) -> Result<Split> {
        let script = match by {
            FrontEnd::Rpm => {
                let names: Vec<String> = packages.iter().map(|package| format!("-name '{package}.*.rpm'")).collect();
                format!("rpm --reinstall $(find /srv/repository /srv/kernels {})", names.join(" -o "))
            }
            FrontEnd::Dnf4 | FrontEnd::Dnf5 => format!("{} reinstall {}", program(by), words(by, packages)),
            FrontEnd::Zypper => format!("{} {}--force {}", program(by), self.one_by_one(), words(by, packages)),
            FrontEnd::ZypperSingle => format!("{} install --force {}", program(by), words(by, packages)),
        };
        self.run_front_end(&script)
    }

    /// The command that [`RpmRoot::erase`] runs, for a shell.
    pub fn erasing(&self, by: FrontEnd, packages: &[&str]) -> String {
        match by {
            FrontEnd::Rpm => format!("rpm --erase {}", packages.join(" ")),
            FrontEnd::Zypper if self.system == RpmSystem::Sid => {
                // Only installing takes the option that sets one rpm a package, and can remove too; unlike removing, it
                // asks before it takes what depends on that.
                let gone: Vec<String> = packages.iter().map(|package| format!("-{}", equation(package))).collect();
                format!("{} {}--force-resolution -- {}", program(by), self.one_by_one(), gone.join(" "))
            }
            _ => format!("{} remove {}", program(by), words(by, packages)),
        }
    }

    /// Installs kbuild-guard with all its subpackages, as built for where this rpm looks for plugins.
    pub fn install_kbuild_guard(&self) -> std::result::Result<(), Failure> {
        let directory = self.root.run(&["rpm", "--eval", "%{__plugindir}"])?.success()?.output;
        self.root.sh("mkdir -p /srv/kbuild-guard")?.success()?;
        for path in rpms(Path::new(directory.trim()))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.root.copy_in(&path, format!("/srv/kbuild-guard/{name}"))?;
        }
        self.root.sh("rpm --install /srv/kbuild-guard/*.rpm")?.success()?;
        Ok(())
    }

    /// Brings an .rpm of the host into the repository, so that every front end can install it.
    pub fn publish(&self, host: impl AsRef<Path>) -> Result<()> {
        let host = host.as_ref();
        let name = host.file_name().unwrap_or(OsStr::new("package.rpm"));
        self.root.copy_in(host, Path::new("/srv/repository").join(name))?;
        self.index()
    }

    /// Makes the repository's index anew, of all .rpm files in `/srv/repository`.
    pub fn index(&self) -> Result<()> {
        // createrepo_c renames the old index, which an overlay refuses where it lies below.
        self.root.sh("rm -r /srv/repository/repodata && createrepo_c --quiet /srv/repository")?.success()?;
        Ok(())
    }

    /// The installed packages as `name-version-release`, sorted, without those that stand for what Debian brings.
    pub fn packages(&self) -> Result<Vec<String>> {
        let listed = self.root.sh("rpm --query --all --queryformat '%{NVR}\\n'")?.success()?;
        let ours = |name: &&str| !name.starts_with("debian-");
        let mut packages: Vec<String> = listed.output.lines().filter(ours).map(str::to_owned).collect();
        packages.sort_unstable();
        Ok(packages)
    }

    /// Builds the smallest module by `make -C /lib/modules/RELEASE/build`, as `/srv/module/RELEASE/m.ko`.
    pub fn build_module(&self, release: &str) -> Result<Outcome> {
        self.root.sh(&format!(
            "set -e; rm -rf /srv/module/{release}; mkdir -p /srv/module/{release}; cd /srv/module/{release}; \
             echo 'obj-m := m.o' >Makefile; printf '#include <linux/module.h>\\nMODULE_LICENSE(\"GPL\");\\n' >m.c; \
             make -C /lib/modules/{release}/build M=$PWD modules; test -f m.ko"
        ))
    }

    /// Makes the headers of this kernel needed: builds a module and puts it, owned by no package, into `extra/`.
    pub fn need_headers(&self, release: &str) -> std::result::Result<(), Failure> {
        self.build_module(release)?.success()?;
        let place = format!("/lib/modules/{release}/extra");
        self.root.sh(&format!("mkdir -p {place} && cp /srv/module/{release}/m.ko {place}/"))?.success()?;
        Ok(())
    }

    /// The words with which this zypper runs one rpm a package.
    fn one_by_one(&self) -> &'static str {
        match self.system {
            RpmSystem::Sid => "install --download as-needed ",
            RpmSystem::Debian12 | RpmSystem::Debian13 => "install ",
        }
    }

    /// Runs a command of a shell that may take long; what it says is kept apart by stream.
    pub fn run_front_end(&self, script: &str) -> Result<Split> {
        self.root.command(&["sh", "-c", script]).timeout(Duration::from_secs(300)).split()
    }
}

impl Deref for RpmRoot {
    type Target = Root;

    fn deref(&self) -> &Root {
        &self.root
    }
}

/// The front end, so that it asks nothing.
fn program(front_end: FrontEnd) -> &'static str {
    match front_end {
        FrontEnd::Rpm => "rpm",
        FrontEnd::Dnf4 => "dnf --assumeyes",
        FrontEnd::Dnf5 => "dnf5 --assumeyes",
        FrontEnd::Zypper | FrontEnd::ZypperSingle => "zypper --non-interactive",
    }
}

/// Packages as the front end wants them named.
fn words(front_end: FrontEnd, packages: &[&str]) -> String {
    let zypper = matches!(front_end, FrontEnd::Zypper | FrontEnd::ZypperSingle);
    let words: Vec<String> =
        packages.iter().map(|package| if zypper { equation(package) } else { (*package).to_owned() }).collect();
    words.join(" ")
}

/// `name-version-release` as zypper has it: `name=version-release`.
fn equation(package: &str) -> String {
    let mut parts = package.rsplitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(release), Some(version), Some(name)) => format!("{name}={version}-{release}"),
        _ => package.to_owned(),
    }
}
