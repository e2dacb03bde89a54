// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which kernels somebody counts on.

use crate::kernels::Kernel;
use crate::package_db::{ImageStanding, Installed};

/// Why a kernel is kept; the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptBecause {
    /// It runs.
    Running,
    /// It is the newest of its flavour.
    Newest,
    /// Its image is held.
    Held,
    /// Its image was installed by name, or by hand without any package.
    ByName,
}

impl KeptBecause {
    /// As it stands in a sentence after "this kernel is".
    pub fn words(self) -> &'static str {
        match self {
            KeptBecause::Running => "running",
            KeptBecause::Newest => "the newest of its flavour",
            KeptBecause::Held => "held",
            KeptBecause::ByName => "installed by name",
        }
    }
}

/// Fills in [`Kernel::kept`]. `kernels` is in order of release, `standings` is in the same order.
pub fn mark_kept(kernels: &mut [Kernel], standings: &[ImageStanding]) {
    let flavours: Vec<String> = kernels.iter().map(|kernel| kernel.release.flavour()).collect();
    let last = |index: usize| flavours.iter().skip(index + 1).all(|other| Some(other) != flavours.get(index));
    let reasons: Vec<Option<KeptBecause>> = kernels
        .iter()
        .enumerate()
        .map(|(index, kernel)| {
            let standing = standings.get(index);
            if kernel.running {
                Some(KeptBecause::Running)
            } else if last(index) {
                Some(KeptBecause::Newest)
            } else if standing.is_some_and(|standing| standing.held) {
                Some(KeptBecause::Held)
            } else if standing.is_some_and(|standing| standing.installed == Installed::ByName) {
                Some(KeptBecause::ByName)
            } else {
                None
            }
        })
        .collect();
    for (kernel, reason) in kernels.iter_mut().zip(reasons) {
        kernel.kept = reason;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysroot::RootPath;

    fn kernel(release: &str, running: bool) -> Kernel {
        Kernel {
            release: release.parse().unwrap(),
            dir: RootPath::new("/"),
            image: RootPath::new("/"),
            running,
            kept: None,
        }
    }

    #[test]
    fn running_newest_held_and_by_name() {
        let mut kernels = [
            kernel("6.1.0-50-amd64", false),
            kernel("6.1.0-51-amd64", false),
            kernel("6.1.0-52-amd64", false),
            kernel("6.1.0-53-amd64", true),
            kernel("6.1.0-53-rt-amd64", false),
            kernel("6.1.0-56-amd64", false),
        ];
        let auto = ImageStanding { installed: Installed::Auto, ..ImageStanding::default() };
        let held = ImageStanding { held: true, ..auto.clone() };
        let named = ImageStanding { installed: Installed::ByName, ..auto.clone() };
        mark_kept(&mut kernels, &[auto.clone(), held, named, auto.clone(), auto.clone(), auto]);
        use KeptBecause::*;
        let kept: Vec<_> = kernels.iter().map(|kernel| kernel.kept).collect();
        assert_eq!(kept, [None, Some(Held), Some(ByName), Some(Running), Some(Newest), Some(Newest)]);
    }
}
