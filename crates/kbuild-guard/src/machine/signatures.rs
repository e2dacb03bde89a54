// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the kernels of this system refuse modules that nobody they trust has signed.

use crate::sysroot::{RootPath, Sysroot};

/// Firmware variables begin with four bytes of attributes (Documentation/filesystems/efivarfs.rst).
const ATTRIBUTES: usize = 4;
const SECURE_BOOT: &str = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// Set by `mokutil --disable-validation`: the kernel behaves as if Secure Boot were off.
const SHIM_TRUSTS_ALL: &str = "/sys/firmware/efi/efivars/MokSBStateRT-605dab50-e046-4300-abb6-3dd810dd8b23";

/// Whether the running kernel enforces signatures, or distributions' kernels will under Secure Boot.
pub fn enforces_signatures(root: &Sysroot) -> bool {
    let text = |path: &str| {
        let bytes = root.read_start(&RootPath::new(path), 128).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let variable =
        |path: &str| -> Option<u8> { root.read_start(&RootPath::new(path), 16).ok()?.get(ATTRIBUTES).copied() };
    // kernel/module/signing.c: module.sig_enforce; security/lockdown: the level in force is in brackets.
    if text("/sys/module/module/parameters/sig_enforce").starts_with('Y') {
        return true;
    }
    let lockdown = text("/sys/kernel/security/lockdown");
    if lockdown.contains('[') && !lockdown.contains("[none]") {
        return true;
    }
    variable(SECURE_BOOT) == Some(1) && variable(SHIM_TRUSTS_ALL) != Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn secure_boot_lockdown_or_the_parameter() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let put = |path: &str, bytes: &[u8]| {
            let path = dir.path().join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        assert!(!enforces_signatures(&root));
        put(SECURE_BOOT, &[6, 0, 0, 0, 0]);
        assert!(!enforces_signatures(&root));
        put(SECURE_BOOT, &[6, 0, 0, 0, 1]);
        assert!(enforces_signatures(&root));
        put(SHIM_TRUSTS_ALL, &[6, 0, 0, 0, 1]);
        assert!(!enforces_signatures(&root));
        put("/sys/kernel/security/lockdown", b"[none] integrity confidentiality\n");
        assert!(!enforces_signatures(&root));
        put("/sys/kernel/security/lockdown", b"none [integrity] confidentiality\n");
        assert!(enforces_signatures(&root));
        put("/sys/kernel/security/lockdown", b"");
        put("/sys/module/module/parameters/sig_enforce", b"Y\n");
        assert!(enforces_signatures(&root));
    }
}
