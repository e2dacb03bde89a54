// SPDX-License-Identifier: MIT OR Apache-2.0
//! The throw-away systems that all other end-to-end tests stand on: what they look like, and that nothing is left of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use test_roots::{Base, Error, Root};

const RELEASE: &str = "6.1.0-999-smoke";

/// Set for a process of ours that holds a root until it is killed.
const HOLD: &str = "KBUILD_GUARD_SMOKE_HOLD";

fn debian12() -> Base {
    Base::debian12(&mut |step| println!("{step}")).unwrap()
}

fn live(base: &Base) -> Root {
    Root::builder(base).running(RELEASE).start().unwrap()
}

fn said(root: &Root, script: &str) -> String {
    let outcome = root.sh(script).unwrap().success().unwrap();
    outcome.output.trim_end().to_owned()
}

/// Whether two names lead to one file, by device and inode, seen from inside.
fn same_file(root: &Root, one: &str, other: &str) -> bool {
    let number = |name| said(root, &format!("stat -Lc %d:%i {name}"));
    number(one) == number(other)
}

fn cached_deb(base: &Base, start: &str) -> PathBuf {
    let archives = base.directory().join("root/var/cache/apt/archives");
    fs::read_dir(archives)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start))
        .unwrap()
}

#[test]
fn a_live_root_looks_like_a_booted_system() {
    let base = debian12();
    let start = Instant::now();
    let root = live(&base);
    let started = start.elapsed();
    println!("a root started in {started:?}");
    assert!(started < Duration::from_secs(1), "{started:?}");
    let start = Instant::now();
    (0..100).for_each(|_| assert_eq!(root.run(&["true"]).unwrap().code, 0));
    println!("a command takes {:?}", start.elapsed() / 100);

    assert!(same_file(&root, "/proc/1/root/", "/"));
    assert!(same_file(&root, "/proc/1/root/etc/passwd", "/etc/passwd"));
    let told = root.read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(told, format!("{RELEASE}\n"));

    // Nothing of the host is in sight: no process but pid 1 and the shell that looks, and no mount but ours.
    assert_eq!(said(&root, "ls -d /proc/[0-9]*").lines().count(), 2);
    let points = said(&root, "cut -d' ' -f5 /proc/self/mountinfo");
    let ours = ["/", "/proc", "/dev", "/run", "/tmp"];
    for point in points.lines() {
        assert!(
            ours.contains(&point) || point.starts_with("/dev/") || point == "/proc/sys/kernel/osrelease",
            "{points}"
        );
    }
    said(
        &root,
        "echo x >/dev/null; head -c1 /dev/zero >/dev/shm/x; head -c1 /dev/urandom >/dev/ptmx; test -c /dev/tty",
    );
}

#[test]
fn a_root_that_is_not_live_is_not_the_root_of_process_1() {
    let base = debian12();
    let root = Root::builder(&base).running(RELEASE).not_live().start().unwrap();
    assert!(!same_file(&root, "/proc/1/root/", "/"));
    assert_eq!(said(&root, "cat /proc/sys/kernel/osrelease"), RELEASE);

    let root = Root::builder(&base).not_live().start().unwrap();
    let host = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(root.read_to_string("/proc/sys/kernel/osrelease").unwrap(), host);
}

#[test]
fn apt_installs_a_cached_kernel_without_a_network() {
    let base = debian12();
    assert_eq!(base.releases().len(), 3);
    let newest = base.releases().last().unwrap();
    let root = Root::builder(&base).running(newest).offline().start().unwrap();
    assert_eq!(said(&root, "grep -c : /proc/net/dev"), "1", "only the loopback");
    let debs = said(&root, "ls /var/cache/apt/archives");

    assert_eq!(said(&root, "ls -A /lib/modules 2>/dev/null || :"), "");
    let packages = format!("linux-image-{newest} linux-headers-{newest} acpi-call-dkms");
    // apt deletes what it installed from, unlike apt-get, unless told otherwise.
    said(&root, &format!("apt install --yes {packages}"));
    said(&root, &format!("test -e /boot/vmlinuz-{newest}; test -e /lib/modules/{newest}/build/Makefile"));
    assert!(said(&root, "dkms status").contains("installed"));
    assert_eq!(said(&root, "ls /var/cache/apt/archives"), debs);

    // What one root does, another does not see.
    let other = live(&base);
    assert!(!other.exists(format!("/boot/vmlinuz-{newest}")).unwrap());
}

#[test]
fn a_deb_of_the_host_is_installed() {
    let base = debian12();
    let root = live(&base);
    let outcome = root.install_deb(cached_deb(&base, "acpi-call-dkms")).unwrap();
    assert!(outcome.success().unwrap().output.contains("Setting up acpi-call-dkms"));
    assert_eq!(said(&root, "ls /tmp"), "");

    let broken = tempfile_with(b"no archive");
    assert_ne!(root.install_deb(&broken).unwrap().code, 0);
    fs::remove_file(broken).unwrap();
}

fn tempfile_with(bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("kbuild-guard-smoke-{}.deb", std::process::id()));
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn the_base_with_kernels_has_a_module_that_dkms_built_for_each() {
    let base = Base::debian12_kernels(&mut |step| println!("{step}")).unwrap();
    assert_eq!(base.releases(), debian12().releases());
    let newest = base.releases().last().unwrap();
    let root = Root::builder(&base).running(newest).start().unwrap();
    for release in base.releases() {
        let told = said(&root, &format!("modinfo -k {release} -F vermagic acpi_call"));
        assert!(told.starts_with(&format!("{release} ")), "{told}");
    }
    let update = root.run(&["apt-get", "check"]).unwrap();
    assert_eq!(update.success().unwrap().code, 0);
}

#[test]
fn commands_get_what_they_are_given() {
    let base = debian12();
    let root = live(&base);
    let both = root.sh("echo out; echo err >&2; echo more; exit 3").unwrap();
    assert_eq!((both.code, both.output.as_str()), (3, "out\nerr\nmore\n"));
    let Err(error @ Error::Failed { .. }) = both.success() else {
        panic!("code 3 is no success");
    };
    assert!(error.to_string().contains("err\n"), "{error}");

    let split =
        root.command(&["sh", "-c", "cat; echo \"$WORD\" >&2"]).stdin_bytes("in").env("WORD", "a b").split().unwrap();
    assert_eq!((split.stdout.as_str(), split.stderr.as_str()), ("in", "a b\n"));
    assert_eq!(
        said(&root, "env -u OLDPWD | cut -d= -f1 | sort | tr '\\n' ' '"),
        "DEBIAN_FRONTEND HOME LANG LC_ALL PATH PWD TERM"
    );
    assert_eq!(root.run(&["no-such-command"]).unwrap().code, 127);
    assert_eq!(root.sh("kill -9 $$").unwrap().code, 137);
}

#[test]
fn a_command_that_takes_too_long_is_killed_with_its_children() {
    let base = debian12();
    let root = live(&base);
    let start = Instant::now();
    let late =
        root.command(&["sh", "-c", "echo begun; sleep 4711 & sleep 4711"]).timeout(Duration::from_millis(300)).run();
    let Err(error @ Error::TimedOut { .. }) = late else {
        panic!("{late:?}");
    };
    assert!(error.to_string().contains("begun"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(said(&root, "grep -l 'sleep.471[1]' /proc/[0-9]*/cmdline || :"), "");
}

#[test]
fn files_go_in_and_out() {
    let base = debian12();
    let root = live(&base);
    files(&root);
}

fn files(root: &Root) {
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    root.write("/srv/a dir/-file", bytes.clone()).unwrap();
    assert_eq!(root.read("/srv/a dir/-file").unwrap(), bytes);
    assert!(matches!(root.read("/srv/nothing"), Err(Error::Failed { .. })));

    root.write_executable("/srv/run", "#!/bin/sh\necho ran\n").unwrap();
    assert_eq!(said(root, "/srv/run"), "ran");
    said(root, "ln -s nowhere /srv/dangling");
    assert!(root.exists("/srv/dangling").unwrap());
    root.remove("/srv/dangling").unwrap();
    root.remove("/srv/dangling").unwrap();
    assert!(!root.exists("/srv/dangling").unwrap());

    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.copy_in(manifest.join("tests"), "/srv/tests").unwrap();
    root.copy_in(manifest.join("Cargo.toml"), "/srv/tests/more/Cargo.toml").unwrap();
    assert!(root.exists("/srv/tests/root_smoke.rs").unwrap());
    assert_eq!(root.read("/srv/tests/more/Cargo.toml").unwrap(), fs::read(manifest.join("Cargo.toml")).unwrap());
}

#[test]
fn nothing_is_left_of_a_dropped_root() {
    let base = debian12();
    for look in [Root::builder(&base), Root::builder(&base).not_live(), Root::builder(&base).offline()] {
        let root = look.start().unwrap();
        let spaces = Spaces::of(&root);
        said(&root, "setsid sleep 600 >/dev/null 2>&1 & echo x >/root/x");
        assert!(spaces.processes() >= 2);
        let start = Instant::now();
        drop(root);
        println!("a root was dropped in {:?}", start.elapsed());
        spaces.must_be_gone();
        nothing_in(&base);
    }
}

#[test]
fn nothing_is_left_when_the_holder_is_killed() {
    let base = debian12();
    let (mut holder, told) = hold("live");
    let spaces = Spaces::parse(&told);
    assert!(spaces.processes() >= 2, "{told}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    spaces.must_be_gone();
    nothing_in(&base);
}

/// The namespaces of a root: while one of its processes lives, or any of its mounts, some process is in them.
#[derive(Debug)]
struct Spaces {
    mnt: String,
    pid: String,
}

impl Spaces {
    fn of(root: &Root) -> Self {
        Self::parse(&said(root, "echo $(readlink /proc/self/ns/mnt /proc/self/ns/pid)"))
    }

    fn parse(words: &str) -> Self {
        let (mnt, pid) = words.trim().split_once(' ').unwrap();
        Self { mnt: mnt.to_owned(), pid: pid.to_owned() }
    }

    fn processes(&self) -> usize {
        let is = |process: &Path, name: &str, space: &str| {
            fs::read_link(process.join("ns").join(name)).is_ok_and(|link| link == OsStr::new(space))
        };
        fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .filter(|process| is(process, "mnt", &self.mnt) || is(process, "pid", &self.pid))
            .count()
    }

    fn must_be_gone(&self) {
        let patience = Instant::now() + Duration::from_secs(5);
        while self.processes() > 0 {
            assert!(Instant::now() < patience, "{self:?} still has processes");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// No mount of ours in this namespace, and nothing written to the base.
fn nothing_in(base: &Base) {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains("kbuild-guard") && !mounts.contains("overlay root"), "{mounts}");
    assert_eq!(fs::read_dir(base.directory().join("place")).unwrap().count(), 0);
    assert!(!base.directory().join("root/root/x").exists());
}

/// Starts this test program again, to hold a root; returns what it told of it.
fn hold(what: &str) -> (Child, String) {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "held_until_killed", "--nocapture"])
        .env(HOLD, what)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(holder.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .find_map(|line| line.strip_prefix("holding ").map(str::to_owned))
        .unwrap();
    (holder, told)
}

/// Not a test but the other process of one; does nothing when run among the tests.
#[test]
fn held_until_killed() {
    let Some(what) = std::env::var_os(HOLD) else {
        return;
    };
    let base = debian12();
    if what == "copy" {
        let root = Root::builder(&base).copied().start().unwrap();
        println!("\nholding {}", root.entry().unwrap().last().unwrap().to_str().unwrap());
        std::thread::sleep(Duration::from_secs(600));
        drop(root);
    } else {
        let root = live(&base);
        said(&root, "setsid sleep 600 >/dev/null 2>&1 &");
        println!("\nholding {}", said(&root, "echo $(readlink /proc/self/ns/mnt /proc/self/ns/pid)"));
        // Killed in the midst of a command.
        drop(root.run(&["sleep", "600"]));
    }
}

#[test]
fn a_copy_does_the_same_without_a_mount() {
    // Without the right to mount, as in a container, if this system lets us give it up.
    if std::env::var_os(HOLD).is_none() && Root::can_mount() {
        // Built while it can be: dkms needs a /proc.
        Base::debian12_kernels(&mut |step| println!("{step}")).unwrap();
        let outcome = Command::new("setpriv")
            .args(["--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "a_copy_does_the_same_without_a_mount", "--nocapture"])
            .env(HOLD, "no")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&outcome.stdout) + String::from_utf8_lossy(&outcome.stderr);
        println!("{text}");
        assert!(outcome.status.success() && text.contains("1 passed"));
        return;
    }
    assert!(!Root::can_mount());
    let base = Base::debian12_kernels(&mut |step| println!("{step}")).unwrap();
    let start = Instant::now();
    let root = Root::builder(&base).running(RELEASE).copied().start().unwrap();
    println!("a copy was made in {:?}", start.elapsed());
    files(&root);
    assert_eq!(said(&root, "cat /proc/sys/kernel/osrelease"), RELEASE);
    assert!(!root.exists("/proc/1").unwrap());

    // It is the whole base: dpkg finds every file that it installed, and apt works on it.
    for release in base.releases() {
        assert_eq!(said(&root, &format!("dpkg --verify linux-image-{release} linux-headers-{release}")), "");
    }
    assert_eq!(said(&root, "find / -xdev -type c ! -path '/dev/*'"), "");
    let oldest = base.releases().first().unwrap();
    said(&root, &format!("apt-get remove --yes linux-image-{oldest} linux-headers-{oldest}"));
    assert!(!root.exists(format!("/boot/vmlinuz-{oldest}")).unwrap());

    let directory = PathBuf::from(root.entry().unwrap().last().unwrap());
    said(&root, "setsid sleep 600 >/dev/null 2>&1 &");
    drop(root);
    assert!(!directory.exists());
    assert!(!directory.with_extension("lock").exists());
}

#[test]
fn a_copy_of_a_killed_process_goes_when_the_next_is_made() {
    let (mut holder, told) = hold("copy");
    let left = PathBuf::from(told);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(left.is_dir());
    drop(Root::builder(&debian12()).copied().start().unwrap());
    assert!(!left.exists());
}

#[test]
fn a_base_is_shared_by_all_who_ask_at_once() {
    let asked: Vec<_> = (0..4).map(|_| std::thread::spawn(debian12)).collect();
    let inodes: Vec<u64> =
        asked.into_iter().map(|thread| fs::metadata(thread.join().unwrap().directory()).unwrap().ino()).collect();
    assert!(inodes.windows(2).all(|pair| pair.first() == pair.last()));
}
