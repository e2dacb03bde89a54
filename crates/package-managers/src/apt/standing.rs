// SPDX-License-Identifier: MIT OR Apache-2.0
//! What apt thinks of a kernel's image: held, by name or automatic, and whether `autoremove` would take it.

use std::collections::HashSet;

use kbuild_guard::error::Result;
use kbuild_guard::kernels::Kernel;
use kbuild_guard::package_db::{ImageStanding, Installed, PackageId};
use kbuild_guard::sysroot::{RootPath, Sysroot};

use crate::dpkg::{Package, Status, Want, compare_versions, stanzas};

/// Where apt marks what it installed by itself.
const EXTENDED_STATES: &str = "/var/lib/apt/extended_states";

/// How many versions of the kernel apt keeps besides the running one: the newest, and the one before
/// (apt's GetProtectedKernelsRegex, apt-pkg/algorithms.cc; `APT::NeverAutoRemove::KernelCount`).
const VERSIONS_KEPT: usize = 2;

/// The standing of each kernel's image, once `leaving` have left. `owners` is in the order of `kernels`.
pub fn of_images(
    root: &Sysroot,
    status: &Status,
    kernels: &[Kernel],
    owners: &[Vec<PackageId>],
    leaving: &[PackageId],
) -> Result<Vec<ImageStanding>> {
    let automatic = automatic(root)?;
    let images: Vec<Option<&Package>> =
        owners.iter().map(|owners| owners.first().and_then(|owner| status.find(owner))).collect();
    let protected = protected_versions(kernels, &images);
    let needed = needed_names(status, leaving);
    Ok(images
        .into_iter()
        .map(|image| {
            // Nobody's image was put there by somebody's hand.
            let Some(image) = image else {
                return ImageStanding { installed: Installed::ByName, ..ImageStanding::default() };
            };
            let is_auto = automatic.contains(&(image.name.clone(), image.arch.clone()));
            let held = image.want == Want::Hold;
            ImageStanding {
                package: Some(image.id(status.native())),
                held,
                installed: if is_auto { Installed::Auto } else { Installed::ByName },
                autoremovable: is_auto
                    && !held
                    && !protected.contains(&image.version.as_str())
                    && !needed.contains(image.name.as_str()),
            }
        })
        .collect())
}

/// Name and architecture of the packages that apt installed by itself.
fn automatic(root: &Sysroot) -> Result<HashSet<(String, String)>> {
    let bytes = match root.read(&RootPath::new(EXTENDED_STATES), 64 << 20) {
        Err(error) if error.is_not_found() => return Ok(HashSet::new()),
        answer => answer?,
    };
    Ok(stanzas(&String::from_utf8_lossy(&bytes))
        .filter(|stanza| stanza.field("Auto-Installed") == Some("1"))
        .filter_map(|stanza| Some((stanza.field("Package")?.to_owned(), stanza.field("Architecture")?.to_owned())))
        .collect())
}

/// The package versions whose kernels apt keeps, whatever their flavour.
fn protected_versions<'s>(kernels: &[Kernel], images: &[Option<&'s Package>]) -> Vec<&'s str> {
    let mut versions: Vec<&str> = images.iter().flatten().map(|image| image.version.as_str()).collect();
    versions.sort_by(|one, other| compare_versions(other, one));
    versions.dedup();
    versions.truncate(VERSIONS_KEPT);
    let running = kernels.iter().zip(images).find(|(kernel, _)| kernel.running);
    versions.extend(running.and_then(|(_, image)| image.map(|image| image.version.as_str())));
    versions
}

/// The names that packages which stay depend on or recommend.
fn needed_names<'s>(status: &'s Status, leaving: &[PackageId]) -> HashSet<&'s str> {
    status
        .present()
        .filter(|package| !leaving.contains(&package.id(status.native())))
        .flat_map(Package::needed_names)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(release: &str, running: bool) -> Kernel {
        Kernel {
            release: release.parse().unwrap(),
            dir: RootPath::new("/lib/modules").join(release),
            image: RootPath::new(format!("/boot/vmlinuz-{release}")),
            running,
            kept: None,
        }
    }

    #[test]
    fn autoremovable_is_automatic_unprotected_unheld_and_unneeded() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("var/lib/apt")).unwrap();
        let mut text = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\n\n\
                        Package: meta\nStatus: install ok installed\nArchitecture: amd64\nDepends: linux-image-3\n\n"
            .to_owned();
        let mut states = String::new();
        let releases = ["1", "2", "3", "4", "5", "6", "7"];
        for release in releases {
            let want = if release == "2" { "hold" } else { "install" };
            text.push_str(&format!(
                "Package: linux-image-{release}\nStatus: {want} ok installed\nArchitecture: amd64\nVersion: {release}.0-1\n\n"
            ));
            if release != "4" {
                states.push_str(&format!("Package: linux-image-{release}\nArchitecture: amd64\nAuto-Installed: 1\n\n"));
            }
        }
        std::fs::write(dir.path().join("var/lib/apt/extended_states"), states).unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let status = Status::parse(&text);
        let kernels: Vec<Kernel> = releases.iter().map(|release| kernel(release, *release == "5")).collect();
        let owners: Vec<Vec<PackageId>> =
            releases.iter().map(|release| vec![PackageId::new(&format!("linux-image-{release}"))]).collect();
        let removable = |leaving: &[PackageId]| -> Vec<&str> {
            let standings = of_images(&root, &status, &kernels, &owners, leaving).unwrap();
            releases
                .iter()
                .zip(standings)
                .filter(|(_, standing)| standing.autoremovable)
                .map(|(release, _)| *release)
                .collect()
        };
        // 2 is held, 3 is needed, 4 was asked for, 5 runs, 6 and 7 are the newest.
        assert_eq!(removable(&[]), ["1"]);
        assert_eq!(removable(&[PackageId::new("meta")]), ["1", "3"]);
    }
}
