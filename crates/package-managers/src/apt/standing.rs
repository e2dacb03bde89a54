// SPDX-License-Identifier: MIT OR Apache-2.0
//! What apt thinks of a kernel's image: held, by name or automatic, and whether `autoremove` would take it.

use std::collections::{HashMap, HashSet};

use kbuild_guard::error::Result;
use kbuild_guard::kernels::Kernel;
use kbuild_guard::package_db::{ImageStanding, Installed, PackageId};
use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::never::NeverAutoremoved;
use crate::dpkg::{Package, Status, Want, compare_versions, stanzas};

/// Where apt marks what it installed by itself.
const EXTENDED_STATES: &str = "/var/lib/apt/extended_states";

/// How many versions of the kernel apt keeps (GetProtectedKernelsRegex in apt-pkg/algorithms.cc).
const VERSIONS_KEPT: usize = 2;

/// The standing of each kernel's image, once `leaving` have left. `owners` is in the order of `kernels`.
pub fn of_images(
    root: &Sysroot,
    status: &Status,
    kernels: &[Kernel],
    owners: &[Vec<PackageId>],
    leaving: &[PackageId],
    never: &NeverAutoremoved<'_>,
) -> Result<Vec<ImageStanding>> {
    let automatic = automatic(root)?;
    let images: Vec<Option<&Package>> =
        owners.iter().map(|owners| owners.first().and_then(|owner| status.find(owner))).collect();
    let protected = protected_versions(kernels, &images);
    // What apt calls its root set: what somebody asked for by name, and what the admin's patterns say.
    let is_auto = |package: &Package| automatic.contains(&(package.name.clone(), package.arch.clone()));
    let may_go =
        |image: &Package| is_auto(image) && image.want != Want::Hold && !protected.contains(&image.version.as_str());
    let mut needed = needed_names(status, leaving, |package| !is_auto(package));
    // The patterns are asked for only where they can change the answer.
    let is_open = |image: &&Package| may_go(image) && !needed.contains(image.name.as_str());
    if images.iter().flatten().any(is_open) {
        needed = needed_names(status, leaving, |package| !is_auto(package) || never.matches(&package.name));
    }
    Ok(images
        .into_iter()
        .map(|image| {
            // Nobody's image was put there by somebody's hand.
            let Some(image) = image else {
                return ImageStanding { installed: Installed::ByName, ..ImageStanding::default() };
            };
            ImageStanding {
                package: Some(image.id(status.native())),
                held: image.want == Want::Hold,
                installed: if is_auto(image) { Installed::Auto } else { Installed::ByName },
                autoremovable: may_go(image) && !needed.contains(image.name.as_str()) && !never.matches(&image.name),
                // dpkg configures everything before its triggers run.
                in_transit: false,
            }
        })
        .collect())
}

/// Name and architecture of the packages that apt installed by itself.
pub(super) fn automatic(root: &Sysroot) -> Result<HashSet<(String, String)>> {
    let bytes = match root.read(&RootPath::new(EXTENDED_STATES), 64 << 20) {
        Err(error) if error.is_not_found() => return Ok(HashSet::new()),
        answer => answer?,
    };
    Ok(stanzas(&String::from_utf8_lossy(&bytes))
        .filter(|stanza| stanza.field("Auto-Installed") == Some("1"))
        .filter_map(|stanza| Some((stanza.field("Package")?.to_owned(), stanza.field("Architecture")?.to_owned())))
        .collect())
}

/// The package versions whose kernels apt keeps, whatever their flavour: the running one, the newest, and
/// the one before it only if these two are one (apt 2.6.1; apt 3 lets the number be set).
fn protected_versions<'s>(kernels: &[Kernel], images: &[Option<&'s Package>]) -> Vec<&'s str> {
    let mut versions: Vec<&str> = images.iter().flatten().map(|image| image.version.as_str()).collect();
    versions.sort_by(|one, other| compare_versions(other, one));
    versions.dedup();
    let running = kernels.iter().zip(images).filter(|(kernel, _)| kernel.running);
    let mut kept: Vec<&str> = running.filter_map(|(_, image)| image.map(|image| image.version.as_str())).collect();
    for (index, version) in versions.into_iter().enumerate() {
        if !kept.contains(&version) && (index == 0 || kept.len() < VERSIONS_KEPT) {
            kept.push(version);
        }
    }
    kept
}

/// The names that are needed by what stays: all that hangs on a root by `Depends` or `Recommends`. Packages that
/// are only needed by what autoremove takes do not count.
fn needed_names<'s>(status: &'s Status, leaving: &[PackageId], is_root: impl Fn(&Package) -> bool) -> HashSet<&'s str> {
    let staying: Vec<&Package> =
        status.present().filter(|package| !leaving.contains(&package.id(status.native()))).collect();
    let mut by_name: HashMap<&str, Vec<&Package>> = HashMap::new();
    for package in &staying {
        for name in package.provided_names().chain([package.name.as_str()]) {
            by_name.entry(name).or_default().push(package);
        }
    }
    let mut todo: Vec<&Package> = staying.into_iter().filter(|package| is_root(package)).collect();
    let mut needed = HashSet::new();
    while let Some(package) = todo.pop() {
        for name in package.needed_names() {
            if needed.insert(name) {
                todo.extend(by_name.get(name).into_iter().flatten());
            }
        }
    }
    needed
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
    fn the_one_before_the_newest_is_kept_where_the_newest_runs() {
        let package = |version: &str| {
            let text = format!("Package: i\nStatus: install ok installed\nVersion: {version}\n");
            Status::parse(&text).present().next().cloned().unwrap()
        };
        let packages = [package("7.1"), package("7.2"), package("7.3")];
        let images: Vec<Option<&Package>> = packages.iter().map(Some).collect();
        let kept = |running: &str| {
            let kernels: Vec<Kernel> =
                ["7.1", "7.2", "7.3"].into_iter().map(|release| kernel(release, release == running)).collect();
            let mut kept = protected_versions(&kernels, &images);
            kept.sort_unstable();
            kept
        };
        assert_eq!(kept("7.3"), ["7.2", "7.3"]);
        assert_eq!(kept("7.1"), ["7.1", "7.3"]);
        assert_eq!(kept("none"), ["7.2", "7.3"]);
    }

    #[test]
    fn autoremovable_is_automatic_unprotected_unheld_and_unneeded() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("var/lib/apt")).unwrap();
        let mut text = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\n\n\
                        Package: meta\nStatus: install ok installed\nArchitecture: amd64\nDepends: linux-image-3\n\n"
            .to_owned();
        text.push_str("Package: extra\nStatus: install ok installed\nArchitecture: amd64\nDepends: linux-image-1\n\n");
        let mut states = "Package: extra\nArchitecture: amd64\nAuto-Installed: 1\n\n".to_owned();
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
        let removable_but = |leaving: &[PackageId], never: &[String]| -> Vec<&str> {
            let never = NeverAutoremoved::of(&root, Some(never));
            let standings = of_images(&root, &status, &kernels, &owners, leaving, &never).unwrap();
            releases
                .iter()
                .zip(standings)
                .filter(|(_, standing)| standing.autoremovable)
                .map(|(release, _)| *release)
                .collect()
        };
        let removable = |leaving: &[PackageId]| removable_but(leaving, &[]);
        // 2 is held, 3 is needed, 4 was asked for, 5 runs, 7 is the newest. That `extra` of 1 needs 1 is
        // no reason to keep it: nobody needs `extra`.
        assert_eq!(removable(&[]), ["1", "6"]);
        assert_eq!(removable(&[PackageId::new("meta")]), ["1", "3", "6"]);
        // The admin's patterns keep what they name, and what that needs.
        let never = |pattern: &str| removable_but(&[], &[pattern.to_owned()]);
        assert_eq!(never("^LINUX-image-6$"), ["1"]);
        assert_eq!(never("^extra$"), ["6"]);
        assert_eq!(never("(unclosed"), ["1", "6"]);
    }
}
