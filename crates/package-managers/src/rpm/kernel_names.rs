// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a kernel's packages are called in rpm's world.

/// The package of a kernel's headers, by that of its image: `kernel-core` and `kernel-rt-core` on Fedora, `kernel-default`
/// and `kernel-default-base` on openSUSE, `kernel` where it was made by the kernel's own Makefile.
pub(super) fn headers_of(image: &str) -> String {
    let parts = ["-modules-core", "-core", "-base"];
    let flavour = parts.iter().find_map(|part| image.strip_suffix(part)).unwrap_or(image);
    format!("{flavour}-devel")
}

#[cfg(test)]
mod tests {
    use super::*;

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
