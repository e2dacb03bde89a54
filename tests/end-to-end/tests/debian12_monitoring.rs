// SPDX-License-Identifier: MIT OR Apache-2.0
//! The daily report and those it goes to, without systemd: Prometheus' own programs, a real lock, a real login.
//! What systemd makes of the timer and its sandbox is in debian12_boot.rs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;

use end_to_end::{Releases, guarded, monitored, words_of_ours};
use test_roots::Root;

const METRICS: &str = "/var/lib/prometheus/node-exporter/kbuild-guard.prom";
const ADDRESS: &str = "127.0.0.1:9100";

fn root() -> (Root, String) {
    let base = monitored().unwrap();
    let Releases { new, .. } = Releases::of(&base).unwrap();
    let root = guarded(Root::builder(&base).running(&new)).unwrap();
    root.sh("ip link set lo up").unwrap().success().unwrap();
    (root, new)
}

fn output(root: &Root, script: &str) -> String {
    root.sh(script).unwrap().success().unwrap().output
}

/// What a login shows. There is no terminal here but the one that script(1) makes.
fn login(root: &Root) -> String {
    output(root, "echo exit | script --quiet --return --command 'login -f root' /dev/null")
}

#[test]
fn prometheus_reads_what_is_written_and_its_rules_are_right() {
    let (root, new) = root();
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.copy_in(project.join("tests/monitoring/kbuild-guard.rules.test.yml"), "/rules/kbuild-guard.rules.test.yml")
        .unwrap();
    let judged = output(
        &root,
        "cd /rules && cp /usr/share/doc/kbuild-guard/examples/kbuild-guard.rules.yml . && \
         promtool check rules kbuild-guard.rules.yml && promtool test rules kbuild-guard.rules.test.yml 2>&1",
    );
    assert!(judged.contains("SUCCESS: 4 rules found") && judged.trim_end().ends_with("SUCCESS"), "{judged}");

    output(
        &root,
        &format!(
            "prometheus-node-exporter --collector.disable-defaults --collector.textfile \
             --collector.textfile.directory={} --web.listen-address={ADDRESS} >/exporter.log 2>&1 &",
            Path::new(METRICS).parent().unwrap().display()
        ),
    );
    let scrape = || {
        let curl =
            format!("curl --silent --fail --retry 20 --retry-connrefused --retry-delay 1 http://{ADDRESS}/metrics");
        output(&root, &format!("{curl} >/scraped && promtool check metrics </scraped >&2 && cat /scraped"))
    };
    let of = |name: &str, state: &str| format!("kbuild_guard_kernel_{name}{{release=\"{new}\"{state}}}");
    let is = |scraped: &str, line: &str| assert!(scraped.lines().any(|one| one == line), "{line}\n{scraped}");

    assert_eq!(output(&root, "kbuild-guard --quiet report"), "");
    let scraped = scrape();
    is(&scraped, &format!("{} 1", of("state", ",state=\"ready\"")));
    is(&scraped, &format!("{} 1", of("needed", "")));
    is(&scraped, &format!("{} 0", of("problem", "")));
    is(&scraped, "kbuild_guard_kernels 3");
    is(&scraped, "node_textfile_scrape_error 0");

    // A tree that is moved by hand, which no package manager sees.
    output(&root, &format!("mv /usr/src/linux-headers-{new} /root/"));
    let told = root.run(&["kbuild-guard", "--quiet", "report"]).unwrap().success().unwrap();
    assert!(!words_of_ours(&told).is_empty(), "without a journal it is told on stderr: {told:?}");
    let scraped = scrape();
    is(&scraped, &format!("{} 1", of("state", ",state=\"broken\"")));
    is(&scraped, &format!("{} 0", of("state", ",state=\"ready\"")));
    is(&scraped, &format!("{} 1", of("problem", "")));
    let finding = format!(
        "kbuild_guard_kernel_findings{{effect=\"no-build\",finding=\"KBG002\",ignored=\"false\",release=\"{new}\"}} 1"
    );
    is(&scraped, &finding);
    let status: serde_json::Value = serde_json::from_str(&output(&root, "cat /run/kbuild-guard/status.json")).unwrap();
    let last =
        scraped.lines().find_map(|line| line.strip_prefix("kbuild_guard_last_check_timestamp_seconds ")).unwrap();
    assert_eq!(last.parse::<f64>().unwrap(), status["at"].as_f64().unwrap());
    assert_eq!(status["kernels"].as_array().unwrap().len(), 3);

    // Whoever logs in is told, and that is over when it is mended: a look of root's is enough.
    assert!(login(&root).contains(&format!("kbuild-guard: kernel {new} cannot have its modules built")));
    output(&root, &format!("mv /root/linux-headers-{new} /usr/src/"));
    output(&root, "kbuild-guard status");
    assert!(!login(&root).contains("kbuild-guard"));
}

#[test]
fn a_package_manager_that_holds_its_lock_is_waited_for() {
    let (root, _) = root();
    for lock in ["lock-frontend", "lock"] {
        // As apt and dpkg take it (fcntl(2)). The file says that it is held, and, removed, lets it go.
        let hold = format!(
            "python3 -c '\nimport fcntl, os, time\nheld = open(\"/var/lib/dpkg/{lock}\", \"w\")\nfcntl.lockf(held, fcntl.LOCK_EX)\n\
             open(\"/held\", \"w\").close()\nwhile os.path.exists(\"/held\"): time.sleep(0.1)' >/dev/null 2>&1 & \
             until test -e /held; do sleep 0.1; done"
        );
        output(&root, &hold);
        let busy = output(&root, "kbuild-guard report --wait 1");
        assert_eq!(busy, "a package manager is at work: nothing was looked at\n", "{lock}");
        // The holder lets go when the report has begun to wait.
        let waited = output(
            &root,
            "kbuild-guard -v report >/out 2>/err & pid=$!\n\
             until grep -q 'package manager is at work' /err; do sleep 0.1; done\n\
             rm /held; wait $pid && cat /out",
        );
        assert!(waited.starts_with("3 kernels: 3 ready\n"), "{waited}");
    }
}

#[test]
fn what_mends_takes_the_notice_away_and_removal_takes_all_of_it() {
    let (root, new) = root();
    output(&root, &format!("mv /usr/src/linux-headers-{new} /root/; kbuild-guard --quiet report 2>/dev/null"));
    assert!(login(&root).contains("kbuild-guard: "));
    assert!(root.exists(METRICS).unwrap());
    // By dpkg's trigger, at the end of the run that brings the headers again.
    output(&root, &format!("apt-get -y --no-download install --reinstall linux-headers-{new}"));
    assert!(!login(&root).contains("kbuild-guard"));

    output(&root, &format!("rm -r /usr/src/linux-headers-{new}; kbuild-guard --quiet report 2>/dev/null"));
    // Removed, nothing is said any more that nobody brings up to date; purged, nothing is left.
    output(&root, "apt-get -y remove kbuild-guard");
    assert!(!login(&root).contains("kbuild-guard"));
    for path in [METRICS, "/run/kbuild-guard/status.json", "/run/kbuild-guard/notice", "/usr/lib/motd.d/kbuild-guard"] {
        assert!(!root.exists(path).unwrap(), "{path}");
    }
    output(&root, "apt-get -y purge kbuild-guard");
    let left = "find / -xdev -path /proc -prune -o -name '*kbuild-guard*' ! -path '/kbuild-guard.deb' ! -path '/var/log/*' \
                ! -path '/rules/*' -print; find /run -name '*kbuild-guard*'";
    assert_eq!(output(&root, left), "");
}
