// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a kernel's packages are called in rpm's world.

use super::owners::Installed;

/// The package of a kernel's headers, by that of its image: `kernel-core` and `kernel-rt-core` on Fedora, `kernel-default`
/// and `kernel-default-base` on openSUSE, `kernel` where it was made by the kernel's own Makefile.
pub(super) fn headers_of(image: &str) -> String {
    let parts = ["-modules-core", "-core", "-base"];
    let flavour = parts.iter().find_map(|part| image.strip_suffix(part)).unwrap_or(image);
    format!("{flavour}-devel")
}

/// Whether headers of this `version-release` belong to an image: they have its own, but that `kernel-default-base` is made
/// later from what the other was, and says so behind its release (`6.4.0-1.7.1.2` of `6.4.0-1.7`).
pub(super) fn are_headers_of(vr: &str, image: &Installed) -> bool {
    let own = format!("{}-{}", image.version, image.release);
    let is_base = image.name.ends_with("-base");
    own == vr || (is_base && own.strip_prefix(vr).is_some_and(|rest| rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_of_an_earlier_release() {
        let image = |name: &str, release: &str| Installed {
            name: name.to_owned(),
            epoch: "0".to_owned(),
            version: "6.4.0".to_owned(),
            release: release.to_owned(),
            arch: "x86_64".to_owned(),
            transaction: 1,
        };
        assert!(are_headers_of("6.4.0-1.7", &image("kernel-default", "1.7")));
        assert!(!are_headers_of("6.4.0-1", &image("kernel-default", "1.7")));
        assert!(are_headers_of("6.4.0-1.7", &image("kernel-default-base", "1.7.1.2")));
        assert!(!are_headers_of("6.4.0-1.7", &image("kernel-default-base", "1.71")));
    }

    #[test]
    fn headers_are_named_after_the_image() {
        for (image, headers) in [
            ("kernel-core", "kernel-devel"),
            ("kernel-rt-core", "kernel-rt-devel"),
            ("kernel-uek-core", "kernel-uek-devel"),
            ("kernel-ml", "kernel-ml-devel"),
            ("kernel-default", "kernel-default-devel"),
            ("kernel-default-base", "kernel-default-devel"),
            ("kernel", "kernel-devel"),
        ] {
            assert_eq!(headers_of(image), headers);
        }
    }
}
