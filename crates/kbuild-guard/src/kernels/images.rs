// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which image belongs to a release.

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
}

impl Images {
    /// Looks for them.
    pub(super) fn of(root: &Sysroot) -> Self {
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
        Images { boot, hidden, flavours, firmware }
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
        [dir.join("vmlinuz")].into_iter().chain(in_boot).find(is_file).or_else(without)
    }
}
