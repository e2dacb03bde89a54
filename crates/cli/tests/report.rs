// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report` on layouts: status, notice, metrics, and what it tells where there is a journal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "the support module serves several tests")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;

use support::{Layout, Run, System};

const STATUS: &str = "/run/kbuild-guard/status.json";
const NOTICE: &str = "/run/kbuild-guard/notice";
const METRICS_DIR: &str = "/var/lib/prometheus/node-exporter";
const METRICS: &str = "/var/lib/prometheus/node-exporter/kbuild-guard.prom";

/// A running kernel that has no headers, which a DKMS module needs.
fn without_headers() -> System {
    let system = Layout::named("headers-not-installed").assemble();
    fs::create_dir_all(system.at(METRICS_DIR)).unwrap();
    system
}

fn report(system: &System) -> Run {
    system.run(["report", "--wait", "0"])
}

fn text(system: &System, path: &str) -> String {
    fs::read_to_string(system.at(path)).unwrap_or_default()
}

/// What lies in the journal's socket of this system.
struct Journal(UnixDatagram);

impl Journal {
    fn of(system: &System) -> Self {
        let socket = system.at("/run/systemd/journal/socket");
        fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let socket = UnixDatagram::bind(socket).unwrap();
        socket.set_nonblocking(true).unwrap();
        Journal(socket)
    }

    fn entries(&self) -> Vec<Vec<String>> {
        let mut buffer = vec![0; 1 << 18];
        std::iter::from_fn(|| self.0.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec()))
            .map(|entry| String::from_utf8(entry).unwrap().lines().map(str::to_owned).collect())
            .collect()
    }
}

#[test]
fn a_kernel_at_fault_is_told_everywhere_until_it_is_mended() {
    let system = without_headers();
    let journal = Journal::of(&system);
    let run = report(&system);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    assert!(run.stdout.starts_with("1 kernel: 1 absent; 1 needs looking after\n"), "{run:?}");

    let status: serde_json::Value = serde_json::from_str(&text(&system, STATUS)).unwrap();
    assert_eq!(status["kernels"], system.run(["check", "--json"]).json()["kernels"]);
    assert!(status["at"].as_u64().unwrap() > 1_700_000_000);
    let release = status["kernels"][0]["release"].as_str().unwrap();
    assert_eq!(
        text(&system, NOTICE),
        format!("kbuild-guard: kernel {release} has no headers, and modules need them: kbuild-guard status\n")
    );
    for path in [STATUS, NOTICE, METRICS] {
        assert_eq!(fs::metadata(system.at(path)).unwrap().permissions().mode() & 0o7777, 0o644, "{path}");
    }
    let metrics = text(&system, METRICS);
    for line in [
        format!("kbuild_guard_kernel_state{{release=\"{release}\",state=\"absent\"}} 1"),
        format!("kbuild_guard_kernel_state{{release=\"{release}\",state=\"ready\"}} 0"),
        format!("kbuild_guard_kernel_problem{{release=\"{release}\"}} 1"),
        format!(
            "kbuild_guard_kernel_findings{{release=\"{release}\",finding=\"KBG001\",effect=\"no-build\",ignored=\"false\"}} 1"
        ),
        format!("kbuild_guard_last_check_timestamp_seconds {}", status["at"]),
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}\n{metrics}");
    }
    let entries = journal.entries();
    let [kernel, summary] = entries.as_slice() else { panic!("{entries:?}") };
    for field in [
        "PRIORITY=4",
        "MESSAGE_ID=edb9184a066d4916bf45304ed8cd7731",
        "SYSLOG_IDENTIFIER=kbuild-guard",
        &format!("KBUILD_GUARD_RELEASE={release}"),
        "KBUILD_GUARD_STATE=absent",
        "KBUILD_GUARD_NEEDED=1",
        "KBUILD_GUARD_NEEDED_BY=acpi-call 1.2.2",
        "KBUILD_GUARD_FINDING=KBG001",
    ] {
        assert!(kernel.iter().any(|one| one == field), "{field}: {kernel:?}");
    }
    assert!(summary.contains(&"KBUILD_GUARD_PROBLEMS=1".to_owned()), "{summary:?}");

    // A problem is told every time.
    report(&system);
    assert_eq!(journal.entries().len(), 2);

    // Mended: the notice is gone, one entry says so, and then there is silence.
    let whole = Layout::named("debian12").assemble();
    fs::remove_dir_all(system.at("/usr")).unwrap();
    fs::rename(whole.at("/usr"), system.at("/usr")).unwrap();
    let run = report(&system);
    assert!(run.code == 0 && run.stdout.starts_with("1 kernel: 1 ready\n"), "{run:?}");
    assert!(!system.at(NOTICE).exists());
    assert!(text(&system, METRICS).contains("state=\"ready\"} 1"));
    assert_eq!(journal.entries().len(), 1);
    report(&system);
    assert_eq!(journal.entries().len(), 0);

    // And what was written can be taken back.
    assert_eq!(system.run(["report", "--clear"]).code, 0);
    for path in [STATUS, NOTICE, METRICS, "/var/lib/kbuild-guard/reported.json"] {
        assert!(!system.at(path).exists(), "{path}");
    }
}

#[test]
fn without_a_journal_the_same_is_on_stderr() {
    let system = without_headers();
    let run = system.run(["--quiet", "report", "--wait", "0"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.starts_with("kbuild-guard: warning: kernel "), "{run:?}");
    assert!(run.stderr.ends_with("kbuild-guard: 1 kernel: 1 absent; 1 needs looking after\n"), "{run:?}");
    // Something else where the journal listens is not written to.
    system.write("/run/systemd/journal/socket", "");
    report(&system);
    assert_eq!(text(&system, "/run/systemd/journal/socket"), "");
}

#[test]
fn what_is_switched_off_is_not_told() {
    let system = without_headers();
    let journal = Journal::of(&system);
    report(&system);
    journal.entries();
    system.write(
        "/etc/kbuild-guard/config.toml",
        "[report]\njournal = false\nnotice = false\nmetrics_dir = \"/srv/metrics\"\n",
    );
    fs::create_dir_all(system.at("/srv/metrics")).unwrap();
    let run = report(&system);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(journal.entries().is_empty() && !system.at(NOTICE).exists());
    assert!(!system.at(METRICS).exists(), "metrics are in one place");
    assert!(text(&system, "/srv/metrics/kbuild-guard.prom").contains("kbuild_guard_kernels 1\n"));
    system.write("/etc/kbuild-guard/config.toml", "report.metrics_dir = \"\"\n");
    report(&system);
    assert!(!system.at("/srv/metrics/kbuild-guard.prom").exists() && !system.at(METRICS).exists());
    assert!(system.at(NOTICE).exists());

    system.write("/etc/kbuild-guard/config.toml", "mode = \"off\"\n");
    let run = report(&system);
    assert_eq!((run.code, run.stdout.as_str()), (0, "mode is \"off\": nothing was looked at\n"));
    assert!(!system.at(NOTICE).exists() && !system.at(STATUS).exists());
    let run = system.run(["report", "--json"]);
    assert_eq!(run.json(), serde_json::json!({ "schema": 1, "looked": false, "why": "off" }));
}

#[test]
fn a_finding_that_is_silenced_raises_no_notice_and_is_in_the_metrics() {
    let system = without_headers();
    system.write("/etc/kbuild-guard/config.toml", "ignore = [{ finding = \"KBG001\" }]\n");
    let run = report(&system);
    assert_eq!((run.code, run.stdout.lines().next()), (0, Some("1 kernel: 1 absent")), "{run:?}");
    assert!(!system.at(NOTICE).exists());
    let metrics = text(&system, METRICS);
    assert!(metrics.contains("finding=\"KBG001\",effect=\"no-build\",ignored=\"true\"} 1\n"), "{metrics}");
    assert!(metrics.contains("kbuild_guard_kernel_problem{release=\"6.1.0-56-cloud-amd64\"} 0\n"), "{metrics}");
}

#[test]
fn headers_that_nothing_needs_and_homes_that_are_not_mounted_are_no_problem() {
    for (layout, state) in [("headers-not-installed-not-needed", "absent"), ("home-not-mounted", "unknown")] {
        let system = Layout::named(layout).assemble();
        let run = report(&system);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(!system.at(NOTICE).exists(), "{layout}");
        let status: serde_json::Value = serde_json::from_str(&text(&system, STATUS)).unwrap();
        assert_eq!(status["kernels"][0]["state"], state);
        assert!(!system.at("/var/lib/prometheus").exists(), "nothing is made for a node_exporter that is not there");
    }
}

/// Whoever could put a link there could have root write elsewhere.
#[test]
fn metrics_are_written_only_where_nobody_else_can() {
    let system = without_headers();
    fs::set_permissions(system.at(METRICS_DIR), fs::Permissions::from_mode(0o777)).unwrap();
    let run = report(&system);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains(&format!("{METRICS_DIR} is not root's alone to write to")), "{run:?}");
    assert!(!system.at(METRICS).exists());
    assert!(system.at(STATUS).exists() && system.at(NOTICE).exists(), "the others are told");

    // A link in the way is not followed, and one in the file's place is replaced.
    fs::remove_dir_all(system.at(METRICS_DIR)).unwrap();
    fs::create_dir_all(system.at("/srv/elsewhere")).unwrap();
    symlink("/srv/elsewhere", system.at(METRICS_DIR)).unwrap();
    let run = report(&system);
    assert!(run.code == 3 && run.stderr.contains("links are not followed"), "{run:?}");
    assert_eq!(fs::read_dir(system.at("/srv/elsewhere")).unwrap().count(), 0);
    fs::remove_file(system.at(METRICS_DIR)).unwrap();
    fs::create_dir(system.at(METRICS_DIR)).unwrap();
    system.write("/srv/file", "kept");
    symlink(system.at("/srv/file"), system.at(METRICS)).unwrap();
    assert_eq!(report(&system).code, 0);
    assert_eq!(text(&system, "/srv/file"), "kept");

    // What is configured must be there.
    system.write("/etc/kbuild-guard/config.toml", "report.metrics_dir = \"/srv/nowhere\"\n");
    let run = report(&system);
    assert!(run.code == 3 && run.stderr.contains("/srv/nowhere does not exist"), "{run:?}");
}

/// Whoever looks at all kernels and finds nothing takes a notice away that is not true any more.
#[test]
fn a_look_that_finds_all_well_takes_the_notice_away() {
    for (words, goes) in [(&["status"] as &[&str], true), (&["check"], true), (&["check", RELEASE], false)] {
        let system = Layout::named("debian12").assemble();
        system.write(NOTICE, "old\n");
        system.run(words);
        assert_eq!(!system.at(NOTICE).exists(), goes, "{words:?}");
    }
    let system = without_headers();
    report(&system);
    system.run(["status"]);
    assert!(system.at(NOTICE).exists());
}

const RELEASE: &str = "6.1.0-56-cloud-amd64";

/// In the middle of a run headers are half there: the lock is waited for, and not taken.
#[test]
fn a_package_manager_at_work_is_waited_for() {
    use nix::fcntl::{FcntlArg, fcntl};
    let system = without_headers();
    for lock in ["/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock"] {
        report(&system);
        let before = text(&system, STATUS);
        system.write(lock, "");
        let file = fs::File::options().write(true).open(system.at(lock)).unwrap();
        let whole = nix::libc::flock { l_type: nix::libc::F_WRLCK as _, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
        fcntl(&file, FcntlArg::F_OFD_SETLK(&whole)).unwrap();
        let run = system.run(["report", "--wait", "1"]);
        assert_eq!((run.code, run.stdout.as_str()), (0, "a package manager is at work: nothing was looked at\n"));
        assert_eq!(text(&system, STATUS), before, "what was reported last stands");
        // Let go of while it waits.
        fs::remove_file(system.at(STATUS)).unwrap();
        let waiting = system.command(["-v", "report"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let mut waiting = Waiting(waiting);
        waiting.says("a package manager is at work: waiting");
        drop(file);
        assert!(waiting.0.wait().unwrap().success());
        assert!(!text(&system, STATUS).is_empty());
    }
}

/// A run that is ended with the test.
struct Waiting(std::process::Child);

impl Waiting {
    /// Reads what it says until a line ends so.
    fn says(&mut self, end: &str) {
        use std::io::BufRead;
        let stderr = std::io::BufReader::new(self.0.stderr.take().unwrap());
        assert!(stderr.lines().any(|line| line.unwrap().ends_with(end)), "{end}");
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
