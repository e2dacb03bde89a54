// SPDX-License-Identifier: MIT OR Apache-2.0
//! Finding the installed kernels: modules directories that have an image of exactly their release.

use std::str::FromStr;

use crate::error::Result;
use crate::kernels::Kernel;
use crate::kernels::images::{Arriving, Images};
use crate::machine::Machine;
use crate::release::Release;
use crate::sysroot::{Kind, RootPath, Sysroot, WalkEnd};

/// Both spellings; on a merged /usr they are one directory.
const MODULES: [&str; 2] = ["/usr/lib/modules", "/lib/modules"];

/// More modules directories than any system has; the rest is not looked at.
const MOST: usize = 4096;

/// The installed kernels, oldest first.
pub fn installed(root: &Sysroot, machine: &Machine) -> Result<Vec<Kernel>> {
    installed_with(root, machine, None)
}

/// The same where an image may be on its way: its kernel is one of them.
pub fn installed_with(root: &Sysroot, machine: &Machine, arriving: Option<&Arriving>) -> Result<Vec<Kernel>> {
    let mut kernels: Vec<Kernel> = Vec::new();
    let mut seen = Vec::new();
    let images = Images::of(root, arriving);
    let mut is_without_image = false;
    for modules in MODULES {
        let WalkEnd::Found { path, status } = root.walk(&RootPath::new(modules)).end else { continue };
        if status.kind != Kind::Directory || seen.contains(&status.id) {
            continue;
        }
        seen.push(status.id);
        for entry in root.list(&path, MOST)? {
            // Some other name is no kernel's: nothing to say about it.
            let Some(release) = entry.name.to_str().and_then(|name| Release::from_str(name).ok()) else { continue };
            if kernels.iter().any(|kernel| kernel.release == release) {
                continue;
            }
            match kernel_at(root, machine, path.join(&entry.name), release, &images) {
                Some(kernel) => kernels.push(kernel),
                None => is_without_image = true,
            }
        }
    }
    // It would be untrue to say that there is no other kernel.
    if let (true, Some(error)) = (is_without_image, images.hidden()) {
        return Err(error);
    }
    kernels.sort_by(|one, other| one.release.cmp(&other.release));
    Ok(kernels)
}

fn kernel_at(root: &Sysroot, machine: &Machine, dir: RootPath, release: Release, images: &Images) -> Option<Kernel> {
    let running = machine.osrelease.as_ref() == Some(&release);
    let image = images.image(root, &dir, &release, running)?;
    // The directory itself may be a link: what the kernel's hops are called has to hold none.
    let dir = match root.walk(&dir).end {
        WalkEnd::Found { path, status } if status.kind == Kind::Directory => path,
        _ => return None,
    };
    Some(Kernel { release, dir, image, running, kept: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_kernel_has_modules_and_an_image_of_exactly_its_release() {
        let dir = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        make("boot/vmlinuz-6.1.0-56-amd64");
        make("lib/modules/6.1.0-56-amd64/modules.order");
        make("boot/vmlinuz-6.1.0-55-amd64.old");
        make("lib/modules/6.1.0-55-amd64/modules.order");
        make("lib/modules/6.1.0-54-amd64/updates/dkms/x.ko");
        make("boot/vmlinuz-0-rescue-abc");
        make("lib/modules/6.9.1-arch1-1/vmlinuz");
        make("lib/modules/a\nb/vmlinuz");
        make("lib/modules/7.2.13+deb14-amd64/vmlinuz");
        make("boot/vmlinuz-7.2.13+deb14-amd64");
        make("boot/Image-6.4.0-default");
        make("lib/modules/6.4.0-default/modules.dep");
        fs::create_dir_all(dir.path().join("boot/vmlinuz-6.2.0")).unwrap();
        make("lib/modules/6.2.0/modules.dep");
        let machine = Machine { osrelease: Some("6.1.0-56-amd64".parse().unwrap()), ..Machine::default() };
        let found = installed(&Sysroot::open(dir.path()).unwrap(), &machine).unwrap();
        let releases: Vec<(&str, bool)> = found.iter().map(|k| (k.release.as_str(), k.running)).collect();
        let expected = [
            ("6.1.0-56-amd64", true),
            ("6.4.0-default", false),
            ("6.9.1-arch1-1", false),
            ("7.2.13+deb14-amd64", false),
        ];
        assert_eq!(releases, expected);
        assert_eq!(found[2].image, RootPath::new("/lib/modules/6.9.1-arch1-1/vmlinuz"));
        assert_eq!(found[3].image, RootPath::new("/lib/modules/7.2.13+deb14-amd64/vmlinuz"));
    }

    #[test]
    fn images_without_a_release_have_it_beside_them_or_run() {
        let dir = tempfile::tempdir().unwrap();
        let make = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        // Alpine.
        make("boot/vmlinuz-lts", "");
        make("usr/share/kernel/lts/kernel.release", "6.6.100-0-lts\n");
        make("usr/share/kernel/virt/kernel.release", "6.6.100-0-virt\n");
        // Raspberry Pi OS 11.
        make("boot/kernel8.img", "");
        for release in ["6.6.100-0-lts", "6.6.100-0-virt", "6.1.21-v7l+", "6.1.21-v8+"] {
            make(&format!("lib/modules/{release}/modules.order"), "");
        }
        let root = Sysroot::open(dir.path()).unwrap();
        let found = |running: &str| -> Vec<(String, String)> {
            let machine = Machine { osrelease: Some(running.parse().unwrap()), ..Machine::default() };
            let shown = |kernel: Kernel| (kernel.release.to_string(), kernel.image.as_path().display().to_string());
            installed(&root, &machine).unwrap().into_iter().map(shown).collect()
        };
        let pair = |release: &str, image: &str| (release.to_owned(), image.to_owned());
        let alpine = pair("6.6.100-0-lts", "/boot/vmlinuz-lts");
        assert_eq!(found("6.9.0"), std::slice::from_ref(&alpine));
        assert_eq!(found("6.1.21-v8+"), [pair("6.1.21-v8+", "/boot/kernel8.img"), alpine.clone()]);
        fs::remove_file(dir.path().join("lib/modules/6.1.21-v8+/modules.order")).unwrap();
        assert_eq!(found("6.1.21-v8+"), [alpine], "an upgrade left this one behind");
    }

    #[test]
    fn kernel_install_has_places_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let make = |path: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        let found = |arriving: Option<&Arriving>| -> Vec<(String, String)> {
            let root = Sysroot::open(dir.path()).unwrap();
            let shown = |kernel: Kernel| (kernel.release.to_string(), kernel.image.as_path().display().to_string());
            installed_with(&root, &Machine::default(), arriving).unwrap().into_iter().map(shown).collect()
        };
        let pair = |release: &str, image: &str| (release.to_owned(), image.to_owned());
        make("lib/modules/6.1.0-felix/modules.order");
        make("home/felix/bzImage");
        assert_eq!(found(None), []);
        let arriving =
            Arriving { release: "6.1.0-felix".parse().unwrap(), image: RootPath::new("/home/felix/bzImage") };
        assert_eq!(found(Some(&arriving)), [pair("6.1.0-felix", "/home/felix/bzImage")]);
        let nowhere = Arriving { image: RootPath::new("/home/felix/gone"), ..arriving.clone() };
        assert_eq!(found(Some(&nowhere)), []);
        make("boot/efi/0123456789abcdef/6.1.0-felix/linux");
        assert_eq!(found(None), [pair("6.1.0-felix", "/boot/efi/0123456789abcdef/6.1.0-felix/linux")]);
        for (name, is_found) in [
            ("debian-6.2.0", true),
            ("debian-6.2.0+3", true),
            ("debian-6.2.0+2-1", true),
            ("debian-6.2.0+", false),
            ("debian-6.2.0-rc1", false),
            ("6.2.0", false),
        ] {
            make("lib/modules/6.2.0/modules.order");
            make(&format!("efi/EFI/Linux/{name}.efi"));
            let is_there = found(None).contains(&pair("6.2.0", &format!("/efi/EFI/Linux/{name}.efi")));
            assert_eq!(is_there, is_found, "{name}");
            fs::remove_file(dir.path().join(format!("efi/EFI/Linux/{name}.efi"))).unwrap();
        }
    }

    #[test]
    fn no_modules_directory_is_no_kernel_and_no_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(installed(&Sysroot::open(dir.path()).unwrap(), &Machine::default()).unwrap().is_empty());
    }
}
