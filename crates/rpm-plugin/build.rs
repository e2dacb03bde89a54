// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the plugin is linked.

fn main() {
    // rpm unloads its plugins when a transaction set is freed, and dnf makes several in one run. What was said in the
    // first is remembered for the second, and Rust's standard library was not made to be unloaded.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=KBUILD_GUARD_RPM_HOOK");
}
