// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bases: systems built once from a recipe and kept in a cache, for throw-away roots to stand on.

mod build;
mod cache;
mod debian12;
mod debian12_boot;
mod debian12_built_apart;
mod debian12_flavours;
mod debian12_front_ends;
mod debian12_kernels;
mod debian12_monitoring;
mod debian12_old_kernel;
mod debian12_packaging;
mod debian12_rpm;
mod debian12_rpm_kernels;
mod debian12_self_built;
mod debian12_self_built_trees;
mod debian12_to_13;
mod debian12_unowned;
mod debian13;
mod debian13_flavours;
mod debian13_kernels;
mod debian13_rpm;
mod debian13_rpm_kernels;
mod debian13_unowned;
mod debian14;
mod debian14_rust;
mod entry;
mod header_packages;
mod hidden;
mod log;
mod recipe;
mod rpm_kernel_packages;
mod sid_rpm;
mod sid_rpm_kernels;

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use cache::{Cache, lock, lock_or_wait};
pub(crate) use entry::Layer;

use crate::error::{Error, Result};
use crate::root::Root;
use build::{Build, Progress};
use entry::Entry;
use log::Log;
use recipe::Recipe;

/// A system in the cache, whole and unchanging, that nobody removes while this value lives.
///
/// Cached in `$KBUILD_GUARD_TEST_CACHE`, `$XDG_CACHE_HOME/kbuild-guard` or `$HOME/.cache/kbuild-guard`. It is built again
/// when its recipe changes, not when the registry does: remove it from the cache for newer packages.
#[derive(Debug, Clone)]
pub struct Base {
    name: &'static str,
    entry: Entry,
    layers: Vec<Layer>,
    /// Keeps what lies below from being removed.
    _below: Option<Box<Base>>,
}

impl Base {
    /// Debian 12 with dkms, gcc, make and unattended-upgrades, without any kernel.
    ///
    /// The .debs of three kernels with their headers ([`releases`](Self::releases)) and of the module package `acpi-call-dkms`
    /// are in apt's cache, so that apt installs them without a network. update-initramfs does nothing.
    ///
    /// `progress` is told each step, if anything has to be built (a minute, with a network).
    pub fn debian12(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12::DEBIAN12, progress)
    }

    /// [`debian12`](Self::debian12) with all three kernels, their headers and acpi-call-dkms installed by name, the module
    /// built for each by dkms.
    pub fn debian12_kernels(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_kernels::DEBIAN12_KERNELS, progress)
    }

    /// [`debian12_kernels`](Self::debian12_kernels) with systemd and initial ramdisks: what a [`Boot`](crate::Boot) boots.
    pub fn debian12_boot(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_boot::DEBIAN12_BOOT, progress)
    }

    /// [`debian12`](Self::debian12) with the user felix, who has built a small kernel in /home/felix/linux.
    ///
    /// It is not installed yet; [`releases`](Self::releases) has its release alone. Building it takes some minutes.
    pub fn debian12_self_built(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_self_built::DEBIAN12_SELF_BUILT, progress)
    }

    /// [`debian12_self_built`](Self::debian12_self_built) with another kernel built in /home/felix/out (`O=`), not
    /// installed yet, from the source in /home/felix/linux, which holds nothing built any more.
    ///
    /// [`releases`](Self::releases) has its release alone. acpi_call builds for it.
    pub fn debian12_built_apart(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_built_apart::DEBIAN12_BUILT_APART, progress)
    }

    /// [`debian12`](Self::debian12) with autopkgtest and piuparts, and a minimal Debian 12 in `/srv/minimal` for the latter.
    ///
    /// The meta-packages of the newest cloud kernel and of its headers are in apt's cache too.
    pub fn debian12_packaging(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_packaging::DEBIAN12_PACKAGING, progress)
    }

    /// [`debian12_kernels`](Self::debian12_kernels) with the packages that lead to the newest kernel, on the eve of its
    /// upgrade: apt's sources name Debian 13, and all that will come is in apt's cache.
    pub fn debian12_to_13(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_to_13::DEBIAN12_TO_13, progress)
    }

    /// Debian 13 with dkms, gcc, make and unattended-upgrades, without any kernel; as [`debian12`](Self::debian12), three
    /// kernels with their headers, the packages that lead to the newest, and `acpi-call-dkms` are in apt's cache.
    pub fn debian13(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian13::DEBIAN13, progress)
    }

    /// [`debian13`](Self::debian13) with all three kernels, their headers and acpi-call-dkms installed by name, the module
    /// built for each by dkms.
    pub fn debian13_kernels(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian13_kernels::DEBIAN13_KERNELS, progress)
    }

    /// [`debian12_kernels`](Self::debian12_kernels) with aptitude, nala and PackageKit. `linux-image-` and `linux-headers-` of
    /// the kernels' flavour, which bring new ones, are in apt's cache.
    pub fn debian12_front_ends(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_front_ends::DEBIAN12_FRONT_ENDS, progress)
    }

    /// [`debian12_kernels`](Self::debian12_kernels) with Prometheus' node_exporter, which does not run, and promtool.
    pub fn debian12_monitoring(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_monitoring::DEBIAN12_MONITORING, progress)
    }

    /// [`debian12_kernels`](Self::debian12_kernels) whose header trees lie in /srv/trees, and whose packages dpkg has forgotten.
    pub fn debian12_unowned(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_unowned::DEBIAN12_UNOWNED, progress)
    }

    /// The same of Debian 13.
    pub fn debian13_unowned(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian13_unowned::DEBIAN13_UNOWNED, progress)
    }

    /// [`debian12`](Self::debian12) with the newest 6.1 kernels of the flavours `rt-amd64` and `amd64`, the newest 6.12 of the
    /// latter, and their headers.
    pub fn debian12_flavours(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_flavours::DEBIAN12_FLAVOURS, progress)
    }

    /// The same of Debian 13.
    pub fn debian13_flavours(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian13_flavours::DEBIAN13_FLAVOURS, progress)
    }

    /// [`debian12_self_built`](Self::debian12_self_built) with that kernel installed, and in /usr/src its tree
    /// (`felix-full`), one built with `O=` (`felix-o`), one that is only prepared (`felix-prepared`), the selection of a
    /// headers package (`felix-package`), and the clean source of the second and third (`felix-source`).
    pub fn debian12_self_built_trees(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_self_built_trees::DEBIAN12_SELF_BUILT_TREES, progress)
    }

    /// [`debian12`](Self::debian12) as it is after an upgrade: with a kernel of Debian 11, its headers and its compiler.
    ///
    /// [`releases`](Self::releases) has its release alone.
    pub fn debian12_old_kernel(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_old_kernel::DEBIAN12_OLD_KERNEL, progress)
    }

    /// Debian 14 as it is so far, with gcc, make, its newest kernel and the headers of that, installed.
    ///
    /// [`releases`](Self::releases) has its release alone.
    pub fn debian14(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian14::DEBIAN14, progress)
    }

    /// [`debian14`](Self::debian14) with Rust, and a small kernel that takes modules in it, built in /usr/src/rusty (`O=`)
    /// from the source in /usr/src/linux, and not installed yet.
    ///
    /// [`releases`](Self::releases) has its release alone. Building it takes some minutes.
    pub fn debian14_rust(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian14_rust::DEBIAN14_RUST, progress)
    }

    /// [`debian12`](Self::debian12) with the header packages of kernels from 5.10 to sid's, of several machines, each
    /// unpacked as a small root in `/srv/RELEASE`: there is no kernel and nothing else in it.
    ///
    /// [`releases`](Self::releases) has theirs alone.
    pub fn header_packages(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&header_packages::HEADER_PACKAGES, progress)
    }

    /// Debian 12 as a system of rpm packages: rpm 4.18, dnf 4, zypper, createrepo_c, gcc and make.
    ///
    /// rpm's database knows one package, which stands for what Debian brings. dnf and zypper know the repository
    /// `/srv/repository` and no other; in it is `bystander-1-1.noarch`, which has nothing to do with kernels. zypper runs
    /// one rpm a package, whatever it is asked for.
    pub fn debian12_rpm(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_rpm::DEBIAN12_RPM, progress)
    }

    /// The same of Debian 13, with rpm 4.20; its zypper too runs one rpm a package: Debian left out what its single
    /// transaction runs.
    pub fn debian13_rpm(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian13_rpm::DEBIAN13_RPM, progress)
    }

    /// The same of Debian sid, with rpm 6, and dnf 5 beside dnf 4. Its zypper makes a single transaction, but with
    /// `zypper install --download as-needed`, which also removes (`-- -NAME`), one a package.
    pub fn sid_rpm(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&sid_rpm::SID_RPM, progress)
    }

    /// [`debian12_rpm`](Self::debian12_rpm) with packages of kernels in `/srv/kernels`, a repository for each layout that dnf
    /// and zypper know and none of which is enabled; nothing of them is installed. A module builds against each. A second
    /// package stands for Debian's libraries, so that packages of compiled programs can be installed as they are.
    ///
    /// [`releases`](Self::releases) has, of one upstream version V:
    /// - `upstream`: V-one, V-two, by the kernel's own `make binrpm-pkg`;
    /// - `fedora`: V-100.fc41.x86_64, V-200.…, V-300.…;
    /// - `opensuse`: V-1-default, V-1-rt, V-2-default.
    ///
    /// All are built by Debian 12's compiler: elsewhere it is another than the one used.
    pub fn debian12_rpm_kernels(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian12_rpm_kernels::DEBIAN12_RPM_KERNELS, progress)
    }

    /// The same, on [`debian13_rpm`](Self::debian13_rpm).
    pub fn debian13_rpm_kernels(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&debian13_rpm_kernels::DEBIAN13_RPM_KERNELS, progress)
    }

    /// The same, on [`sid_rpm`](Self::sid_rpm).
    pub fn sid_rpm_kernels(progress: &mut dyn FnMut(&str)) -> Result<Self> {
        Self::obtain(&sid_rpm_kernels::SID_RPM_KERNELS, progress)
    }

    /// The releases of its kernels, or of those in apt's cache, oldest first.
    pub fn releases(&self) -> &[String] {
        &self.entry.about.releases
    }

    /// Its name, as in the cache.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Another for every time it was built: what was measured on it holds as long as this stays.
    pub fn identity(&self) -> &str {
        &self.entry.about.identity
    }

    /// One of its files, as the host sees it; `path` is relative to its root.
    pub(crate) fn file(&self, path: &str) -> Option<PathBuf> {
        self.directories().into_iter().map(|layer| layer.join(path)).find(|file| file.is_file())
    }

    /// One of its directories that was made by its own steps, as the host sees it; `path` is absolute, in its root.
    fn own_directory(&self, path: &str) -> Option<PathBuf> {
        let directory = self.entry.layer.root.join(path.trim_start_matches('/'));
        directory.is_dir().then_some(directory)
    }

    /// Its directory in the cache. Its files are in `root/`; look, and do not touch.
    pub fn directory(&self) -> &Path {
        &self.entry.directory
    }

    /// The directories it consists of, topmost first.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        self.layers.iter().map(|layer| layer.root.clone()).collect()
    }

    /// What it consists of, topmost first.
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// An empty directory to mount on, in private.
    pub(crate) fn place(&self) -> PathBuf {
        self.entry.directory.join("place")
    }

    /// Takes a base from the cache, or builds it there.
    fn obtain(recipe: &Recipe, progress: Progress<'_>) -> Result<Self> {
        let below = recipe.below().map(|below| Self::obtain(below, progress)).transpose()?;
        let lender = match recipe.lender() {
            Some((lender, directory)) => Some((Self::obtain(lender, progress)?, directory)),
            None => None,
        };
        if !nix::unistd::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        let cache = Cache::locate()?;
        let bases = cache.directory("bases")?;
        let key = recipe.key(
            below.as_ref().map(|base| base.entry.about.identity.as_str()),
            lender.as_ref().map(|(base, _)| base.entry.about.identity.as_str()),
        );
        let directory = bases.join(format!("{}-{key}", recipe.name));

        let lock = lock_or_wait(&bases.join(format!("{}.lock", recipe.name)), || {
            progress(&format!("{}: waiting for another who builds it", recipe.name));
        })?;
        entry::sweep(&bases, recipe.name, &key);
        if !directory.exists() {
            if recipe.needs_mounts && !Root::can_mount() {
                return Err(Error::NeedsMounts {
                    what: format!("base {} cannot be built, since dkms needs a /proc; debian12 can", recipe.name),
                });
            }
            let half = tempfile::Builder::new()
                .prefix(&format!("{}-{key}.building-", recipe.name))
                .tempdir_in(&bases)
                .map_err(Error::io("create a directory in", &bases))?;
            open_to_all(half.path())?;
            let log = cache.directory("logs")?.join(format!("{}.log", recipe.name));
            Build {
                recipe,
                below: below.as_ref(),
                lent: lender.as_ref().map(|(base, directory)| (base, *directory)),
                directory: half.path(),
                log: Log::create(log)?,
                lock: &lock,
            }
            .run(progress)?;
            fs::rename(half.path(), &directory).map_err(Error::io("publish", &directory))?;
            // Nothing is left under this name to remove.
            drop(half.keep());
        }
        let entry = Entry::open(&directory)?;
        let mut layers = vec![entry.layer.clone()];
        if let Some(base) = below.as_ref().filter(|_| entry.about.difference) {
            layers.extend(base.layers.iter().cloned());
        }
        Ok(Self { name: recipe.name, entry, layers, _below: below.map(Box::new) })
    }
}

/// Temporary directories, and all of a strict umask, are closed to others; apt's download user must get through.
pub(crate) fn open_to_all(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).map_err(Error::io("open up", directory))
}
