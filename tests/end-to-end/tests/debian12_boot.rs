// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian 12, really booted: its own kernel runs, its own systemd is process 1, and apt would take that kernel's headers.
//!
//! The other tests stand in roots that only look like this: what pid 1, uname and /proc say is set up there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::{Releases, bootable, deb, said, words_of_ours};
use test_roots::{Boot, Error, Outcome};

/// Everything apt or dpkg could have changed, as one text.
const PACKAGE_STATE: &str = "sha256sum /var/lib/dpkg/status /var/lib/apt/extended_states; \
                             find /lib/modules /usr/src /usr/lib/linux-kbuild* -printf '%p %s %l\\n' | sort | sha256sum";

#[test]
fn the_running_kernels_headers_are_guarded_on_a_system_that_really_runs() {
    let base = bootable().unwrap();
    let Releases { old, middle, new } = Releases::of(&base).unwrap();
    let deb = deb().unwrap();
    let package = deb.file_name().unwrap().to_str().unwrap();
    let remove = format!("apt-get -y remove linux-headers-{new}");
    let booted = Boot::of(&base)
        .kernel(&new)
        .bring(&deb)
        .step("uname -r; cat /proc/1/comm; readlink -f /proc/1/exe; systemctl is-failed --quiet '*' || echo no unit failed")
        // In the other roots nothing is to be started.
        .step(&format!("rm /usr/sbin/policy-rc.d && dpkg --install /run/brought/{package}"))
        .step("dkms status -k $(uname -r); kbuild-guard status")
        .step(PACKAGE_STATE)
        .step(&remove)
        .step(PACKAGE_STATE)
        .step(&format!("apt-get -y -o KbuildGuard::Mode=warn remove linux-headers-{new}"))
        .step(&format!("kbuild-guard check {new}; ls -d /usr/src/linux-headers-{new}"))
        // From apt's cache: there is no network.
        .step(&format!("apt-get -y --no-download install linux-headers-{new}"))
        .step(&format!("kbuild-guard check --json {new}"))
        .step("dkms status -k $(uname -r); modprobe acpi_call && grep acpi_call /proc/modules");
    let booted =
        daily_report(booted, &Releases { old: old.clone(), middle: middle.clone(), new: new.clone() }).run().unwrap();
    println!("first step after {:.0?}, off after {:.0?}", booted.until_first_step, booted.took);
    let [system, installed, status, before, blocked, after, passed, gone, back, check, module, report @ ..] =
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
    assert_reported(report, &old, &middle);
}

/// Starts the service as the timer does, and says how it ended.
const CHECK: &str = "systemctl start kbuild-guard-check.service; systemctl show -P Result kbuild-guard-check.service";

/// What the service and root without its sandbox see of the kernels, one after the other.
const SAME: &str = "cat /run/kbuild-guard/status.json; echo and; kbuild-guard check --json";

/// What whoever logs in is shown.
const LOGIN: &str = "echo exit | script --quiet --return --command 'login -f root' /dev/null";

/// Two kernels get trees of their own, in a home that is closed to others and in /tmp; these go, the home becomes one
/// that is not mounted, and at last all is as it was.
fn daily_report(boot: Boot, Releases { old, middle, .. }: &Releases) -> Boot {
    let trees = format!(
        "set -e; useradd --create-home felix; chmod 700 /home/felix; cp -a /usr/src/linux-headers-{middle} /home/felix/linux; \
         for part in scripts tools; do \
         ln -sfn \"$(readlink -f /usr/src/linux-headers-{middle}/$part)\" /home/felix/linux/$part; done; \
         chown -R felix: /home/felix/linux; cp -a /usr/src/linux-headers-{old} /tmp/linux; \
         ln -sfn /home/felix/linux /lib/modules/{middle}/build; ln -sfn /tmp/linux /lib/modules/{old}/build"
    );
    let automount = "set -e; cd /etc/systemd/system; \
         printf '[Mount]\\nWhat=tmpfs\\nType=tmpfs\\nWhere=/home/felix\\n' >home-felix.mount; \
         printf '[Automount]\\nWhere=/home/felix\\n' >home-felix.automount; \
         systemctl daemon-reload; systemctl start home-felix.automount; grep -c ' /home/felix autofs ' /proc/mounts";
    let fstab = "systemctl stop home-felix.automount; echo 'LABEL=home /home ext4 noauto 0 0' >>/etc/fstab";
    let mend = format!(
        "sed -i /LABEL=home/d /etc/fstab; for release in {old} {middle}; do \
         ln -sfn /usr/src/linux-headers-$release /lib/modules/$release/build; done"
    );
    boot.step(
        "systemctl is-enabled kbuild-guard-check.timer; systemctl is-active kbuild-guard-check.timer; \
         kbuild-guard hooks | grep ^timer; \
         systemd-analyze verify --man=no kbuild-guard-check.timer kbuild-guard-check.service && \
         systemd-analyze security --no-pager --threshold=20 kbuild-guard-check.service | tail -n 1",
    )
    .step(&format!("{trees}; {CHECK}"))
    .step(SAME)
    .step(&format!("rm -r /home/felix/linux /tmp/linux; {CHECK}"))
    .step(SAME)
    .step("journalctl --quiet --output=json --identifier=kbuild-guard --since=-1h | tail -n 3")
    .step(LOGIN)
    .step(&format!("{automount}; {CHECK}; systemctl is-active home-felix.mount"))
    .step(SAME)
    .step(&format!("{fstab}; {CHECK}"))
    .step(SAME)
    .step(&format!("{mend}; {CHECK}; {LOGIN}"))
    .step("apt-get -y purge kbuild-guard >/dev/null; find / /run -xdev -name '*kbuild-guard*'; systemctl --failed --quiet")
}

fn assert_reported(steps: &[Outcome], old: &str, middle: &str) {
    let [
        live,
        trees,
        same,
        gone,
        same_gone,
        journal,
        login,
        automount,
        same_automount,
        fstab,
        same_fstab,
        mended,
        purged,
    ] = steps
    else {
        panic!("{steps:?}");
    };
    assert!(live.output.starts_with("enabled\nactive\ntimer "), "{live:?}");
    assert!(live.output.contains(" live "), "{live:?}");
    // A tenth of what the threshold says.
    assert!(live.code == 0 && live.output.contains("exposure level for kbuild-guard-check.service: 1."), "{live:?}");
    // Whatever the kernels are like, the sandbox hides nothing.
    for (ran, same, states) in [
        (trees, same, ["degraded", "degraded", "ready"]),
        (gone, same_gone, ["broken", "broken", "ready"]),
        (automount, same_automount, ["broken", "unknown", "ready"]),
        (fstab, same_fstab, ["broken", "unknown", "ready"]),
    ] {
        assert!(ran.output.contains("success\n"), "{ran:?}");
        let (service, root) = same.output.split_once("\nand\n").unwrap_or_else(|| panic!("{same:?}"));
        let [service, root] = [service, root].map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
        assert_eq!(service["kernels"], root["kernels"]);
        for (kernel, state) in service["kernels"].as_array().unwrap().iter().zip(states) {
            assert_eq!(kernel["state"], state, "{kernel:#}");
        }
    }
    let entries: Vec<serde_json::Value> = journal
        .output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{journal:?}")))
        .collect();
    let [first, second, summary] = entries.as_slice() else { panic!("{journal:?}") };
    for (entry, release) in [(first, old), (second, middle)] {
        assert_eq!(entry["KBUILD_GUARD_RELEASE"], release, "{entry:#}");
        assert_eq!(entry["KBUILD_GUARD_STATE"], "broken");
        assert_eq!(entry["KBUILD_GUARD_FINDING"], "KBG002");
        assert_eq!(entry["KBUILD_GUARD_NEEDED_BY"], "acpi-call 1.2.2");
        assert_eq!((&entry["PRIORITY"], &entry["_SYSTEMD_UNIT"]), (&"4".into(), &"kbuild-guard-check.service".into()));
    }
    assert_eq!(summary["KBUILD_GUARD_PROBLEMS"], "2", "{summary:#}");
    assert_eq!(summary["MESSAGE"], "3 kernels: 1 ready, 2 broken; 2 need looking after");
    assert!(
        login.output.contains("kbuild-guard: 2 kernels are not ready for module builds: kbuild-guard status"),
        "{login:?}"
    );
    // One automount point, and looking has not mounted it.
    assert!(automount.output.starts_with("1\n") && automount.output.ends_with("inactive\n"), "{automount:?}");
    assert!(mended.output.contains("success\n") && !mended.output.contains("kbuild-guard"), "{mended:?}");
    assert_eq!((purged.code, purged.output.as_str()), (0, "/run/brought/kbuild-guard_0.1.0_amd64.deb\n"), "{purged:?}");
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
