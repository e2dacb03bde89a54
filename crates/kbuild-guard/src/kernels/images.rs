// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which image belongs to a release.

use std::cell::OnceCell;
use std::ffi::OsString;

use crate::error::Error;
use crate::release::Release;
use crate::sysroot::{Kind, RootPath, Sysroot};

/// What the image is called in /boot, before `-RELEASE`: Debian and most, s390x and ppc64, s390x's
/// older name, arm64 on openSUSE.
const NAMES: [&str; 4] = ["vmlinuz", "vmlinux", "kernel", "Image"];

/// More files than any /boot has; the rest is not looked at.
const MOST: usize = 1 << 16;

/// Where Alpine says of which release the image of a flavour is: its images are `/boot/vmlinuz-lts`.
const FLAVOURS: &str = "/usr/share/kernel";

/// Where boot partitions are mounted, as systemd's kernel-install looks for them. It keeps the image of a release as
/// `TOKEN/RELEASE/linux`, where TOKEN is the machine's ID or any name (layout `bls`, 90-loaderentry.install), or as
/// `EFI/Linux/TOKEN-RELEASE.efi`, which may end in a count of tries (layout `uki`, 90-uki-copy.install).
const PARTITIONS: [&str; 3] = ["/efi", "/boot", "/boot/efi"];

/// An image that somebody is installing and that may not be in its place yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arriving {
    /// The release it is of.
    pub release: Release,
    /// Where it is now.
    pub image: RootPath,
}

/// The images of a root, looked for once: a thousand modules directories do not look there four times each.
pub(super) struct Images {
    /// The names in /boot, in byte order.
    boot: Vec<OsString>,
    /// Why /boot could not be looked at: an EFI partition mounted there may be root's alone.
    hidden: Option<Error>,
    /// Flavours with their releases.
    flavours: Vec<(OsString, String)>,
    /// What the firmware of a Raspberry Pi loads: `kernel8.img` and the like carry no release.
    firmware: Option<RootPath>,
    /// What kernel-install keeps, looked for where nothing else is an image.
    partitions: OnceCell<Partitions>,
    /// One that is on its way.
    arriving: Option<Arriving>,
}

/// What lies on boot partitions.
#[derive(Default)]
struct Partitions {
    /// Directories that may hold a directory for each release.
    tokens: Vec<RootPath>,
    /// Images with their directories.
    unified: Vec<RootPath>,
}

impl Partitions {
    fn of(root: &Sysroot) -> Self {
        let below = |dir: &RootPath| root.list(dir, MOST).unwrap_or_default();
        let mut found = Partitions::default();
        for partition in PARTITIONS.map(RootPath::new) {
            let directories = below(&partition).into_iter().filter(|entry| entry.kind == Some(Kind::Directory));
            found.tokens.extend(directories.map(|entry| partition.join(entry.name)));
            let unified = partition.join("EFI/Linux");
            found.unified.extend(below(&unified).into_iter().map(|entry| unified.join(entry.name)));
        }
        found
    }

    /// Where the image of this release may be.
    fn places(&self, release: &Release) -> impl Iterator<Item = RootPath> {
        let apart = self.tokens.iter().map(move |token| token.join(release.as_str()).join("linux"));
        apart.chain(self.unified.iter().filter(move |path| is_unified_image(path, release)).cloned())
    }
}

/// Whether the name is `TOKEN-RELEASE.efi`, `TOKEN-RELEASE+3.efi` or `TOKEN-RELEASE+3-1.efi`.
fn is_unified_image(path: &RootPath, release: &Release) -> bool {
    let Some(name) = path.file_name().to_str().and_then(|name| name.strip_suffix(".efi")) else { return false };
    let is_count = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let is_of = |name: &str| name.strip_suffix(release.as_str()).is_some_and(|token| token.ends_with('-'));
    is_of(name) || name.rsplit_once('+').is_some_and(|(name, count)| is_count(count) && is_of(name))
}

impl Images {
    /// Looks for them.
    pub(super) fn of(root: &Sysroot, arriving: Option<&Arriving>) -> Self {
        let names = |dir: &str| match root.list(&RootPath::new(dir), MOST) {
            Ok(entries) => Ok(entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>()),
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let (boot, hidden) = match names("/boot") {
            Ok(boot) => (boot, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let release = |flavour: &OsString| -> Option<String> {
            let file = RootPath::new(FLAVOURS).join(flavour).join("kernel.release");
            Some(String::from_utf8(root.read_start(&file, 128).ok()?).ok()?.trim_end().to_owned())
        };
        let flavours = names(FLAVOURS).unwrap_or_default().into_iter();
        let flavours = flavours.filter_map(|flavour| release(&flavour).map(|release| (flavour, release))).collect();
        let is_firmware =
            |name: &&OsString| name.to_str().is_some_and(|name| name.starts_with("kernel") && name.ends_with(".img"));
        let firmware = ["/boot", "/boot/firmware"].iter().find_map(|dir| {
            let inside = if *dir == "/boot" { boot.clone() } else { names(dir).unwrap_or_default() };
            inside.iter().find(is_firmware).map(|name| RootPath::new(dir).join(name))
        });
        Images { boot, hidden, flavours, firmware, partitions: OnceCell::new(), arriving: arriving.cloned() }
    }

    /// Why images may have gone unseen, if they may.
    pub(super) fn hidden(self) -> Option<Error> {
        self.hidden
    }

    /// The image of exactly this release; `dir` is its modules directory.
    pub(super) fn image(&self, root: &Sysroot, dir: &RootPath, release: &Release, running: bool) -> Option<RootPath> {
        let is_file = |path: &RootPath| root.status(path).is_ok_and(|status| status.kind == Kind::File);
        let boot = RootPath::new("/boot");
        let by_release = NAMES.iter().map(|name| OsString::from(format!("{name}-{release}")));
        let by_flavour = self.flavours.iter().filter(|(_, other)| other == release.as_str()).map(|(flavour, _)| {
            let mut name = OsString::from("vmlinuz-");
            name.push(flavour);
            name
        });
        let in_boot = by_release
            .chain(by_flavour)
            .filter(|name| self.boot.binary_search(name).is_ok())
            .map(|name| boot.join(name));
        // An image without a release is the running kernel's, if its modules are all there: what an upgrade
        // leaves of the one before (modules that dkms built) has no modules.order.
        let without = || self.firmware.clone().filter(|_| running && is_file(&dir.join("modules.order")));
        // Where both are, the one in /boot is a hook's copy that no package owns (Fedora, Arch; Debian from
        // linux-base 4.17 on).
        let in_partitions = || self.partitions.get_or_init(|| Partitions::of(root)).places(release).find(is_file);
        let arriving = || {
            let of_this = self.arriving.as_ref().filter(|arriving| arriving.release == *release);
            of_this.map(|arriving| arriving.image.clone()).filter(is_file)
        };
        let found = [dir.join("vmlinuz")].into_iter().chain(in_boot).find(is_file);
        found.or_else(arriving).or_else(in_partitions).or_else(without)
    }
}
