// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, really booted: its own kernel runs, its own systemd is process 1, and apt would take that kernel's headers.
//!
//! The other tests stand in roots that only look like this: what pid 1, uname and /proc say is set up there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, bootable, deb, said, words_of_ours};
use test_roots::{Boot, Error};

/// Everything apt or dpkg could have changed, as one text.
const PACKAGE_STATE: &str = "sha256sum /var/lib/dpkg/status /var/lib/apt/extended_states; \
                             find /lib/modules /usr/src /usr/lib/linux-kbuild* -printf '%p %s %l\\n' | sort | sha256sum";

#[test]
fn the_running_kernels_headers_are_guarded_on_a_system_that_really_runs() {
    let base = bootable().unwrap();
    let Releases { new, .. } = Releases::of(&base).unwrap();
    let deb = deb().unwrap();
    let package = deb.file_name().unwrap().to_str().unwrap();
    let remove = format!("apt-get -y remove linux-headers-{new}");
    let booted = Boot::of(&base)
        .kernel(&new)
        .bring(&deb)
        .step("uname -r; cat /proc/1/comm; readlink -f /proc/1/exe; systemctl is-failed --quiet '*' || echo no unit failed")
        .step(&format!("dpkg --install /run/brought/{package}"))
        .step("dkms status -k $(uname -r); kbuild-guard status")
        .step(PACKAGE_STATE)
        .step(&remove)
        .step(PACKAGE_STATE)
        .step(&format!("apt-get -y -o KbuildGuard::Mode=warn remove linux-headers-{new}"))
        .step(&format!("kbuild-guard check {new}; ls -d /usr/src/linux-headers-{new}"))
        // From apt's cache: there is no network.
        .step(&format!("apt-get -y --no-download install linux-headers-{new}"))
        .step(&format!("kbuild-guard check --json {new}"))
        .step("dkms status -k $(uname -r); modprobe acpi_call && grep acpi_call /proc/modules")
        .run()
        .unwrap();
    println!("first step after {:.0?}, off after {:.0?}", booted.until_first_step, booted.took);
    let [system, installed, status, before, blocked, after, passed, gone, back, check, module] =
        booted.steps.as_slice()
    else {
        panic!("{booted:?}");
    };

    // A live system, by what is really there.
    assert_eq!(system.output, format!("{new}\nsystemd\n/usr/lib/systemd/systemd\nno unit failed\n"));
    assert_eq!(installed.code, 0, "{installed:?}");
    assert!(words_of_ours(installed).is_empty(), "{installed:?}");
    assert!(status.output.contains(&format!("{new} (running)")), "{status:?}");
    assert!(status.output.contains("acpi-call/1.2.2"), "{status:?}");

    assert_eq!(blocked.code, 100, "{blocked:?}");
    let words = said(blocked);
    assert!(
        words.starts_with(&format!("kbuild-guard: blocked: kernel {new} (running) would lose its headers ")),
        "{blocked:?}"
    );
    assert!(words.contains("needed by DKMS: acpi-call 1.2.2"), "{words}");
    assert!(
        words.ends_with(&format!("anyway apt-get -o KbuildGuard::Mode=warn -y remove linux-headers-{new}")),
        "{words}"
    );
    assert_eq!((before.code, before), (0, after), "a block changes nothing");

    assert_eq!(passed.code, 0, "{passed:?}");
    assert!(
        said(passed).starts_with(&format!("kbuild-guard: warning: kernel {new} (running) loses its headers ")),
        "{passed:?}"
    );
    assert!(said(passed).contains(&format!("back apt-get install linux-headers-{new}")), "{passed:?}");
    assert!(said(gone).contains("has no headers installed") && gone.output.contains("No such file"), "{gone:?}");

    assert_eq!(back.code, 0, "{back:?}");
    assert!(words_of_ours(back).is_empty(), "{back:?}");
    let check: serde_json::Value = serde_json::from_str(&check.output).unwrap();
    assert_eq!(check["kernels"][0]["state"], "ready", "{check}");
    assert_eq!(check["kernels"][0]["running"], true, "{check}");
    // And so it is: dkms has built the module again, and the running kernel loads it.
    assert!(module.code == 0 && module.output.contains(": installed"), "{module:?}");
}

/// What every other boot leans on: one that goes wrong is told at once, with the kernel's last words, and ends.
#[test]
fn a_guest_that_crashes_shows_its_console() {
    let base = bootable().unwrap();
    let crashed = Boot::of(&base).step("echo before the end").step("echo c >/proc/sysrq-trigger").run();
    let Err(Error::Boot { console, report, .. }) = crashed else { panic!("{crashed:?}") };
    assert!(console.contains("Kernel panic - not syncing: sysrq triggered crash"), "{console}");
    assert!(report.contains("before the end"), "{report}");
}
