// SPDX-License-Identifier: MIT OR Apache-2.0
//! rpm's plugin in real transactions of rpm, dnf and zypper, with a stand-in for the program that it asks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use end_to_end::rpm_system::{DEBIAN12, DEBIAN13, FrontEnd, Kind, MACRO, PROGRAM, RPM, SID, System, messages};

const BLOCK: &str = "printf 'kbuild-guard: blocked: it stays\\n  remove  devel\\n'; exit 10";
const WARN: &str = "printf 'kbuild-guard: warning: it stays\\n  remove  devel\\n' >&2";

/// Each of these on every system.
macro_rules! on_each_system {
    ($($test:ident)*) => {
        mod rpm_4_18 { $(#[test] fn $test() { super::$test(&super::DEBIAN12); })* }
        mod rpm_4_20 { $(#[test] fn $test() { super::$test(&super::DEBIAN13); })* }
        mod rpm_6 { $(#[test] fn $test() { super::$test(&super::SID); })* }
    };
}

on_each_system! {
    a_block_changes_nothing_and_is_told_once
    a_warning_is_told_once_and_silence_not_at_all
    a_broken_program_stops_nobody
    half_of_an_installation_stops_nobody
    ways_around_it
    a_test_is_told_as_one
    what_the_program_is_told
    nobody_reads_what_is_said
    the_file_asks_nothing_of_the_loader
    a_librpm_that_is_not_known_is_left_alone
}

/// What a front end is to remove. Of those that make a transaction of each package, it is the one that counts.
fn removed(front_end: &FrontEnd) -> &'static [&'static str] {
    if front_end.one_by_one { &["devel"] } else { &["devel", "bystander"] }
}

fn a_block_changes_nothing_and_is_told_once(kind: &Kind) {
    let system = System::start(kind);
    system.answer(BLOCK);
    let before = system.state();
    assert!(before.contains("devel-1-1") && before.contains("bystander-1-1"), "{before}");
    for front_end in system.front_ends {
        let (outcome, told) = system.run(&front_end.remove(removed(front_end)));
        assert_ne!(outcome.code, 0, "{outcome:?}");
        assert_eq!(messages(&outcome), 1, "{outcome:?}");
        assert!(outcome.output.contains("kbuild-guard: blocked: it stays\n  remove  devel\n"), "{outcome:?}");
        assert_eq!(system.state(), before, "{outcome:?}");
        assert_eq!(told.len(), 1, "{outcome:?}");
        for name in removed(front_end) {
            assert!(told[0].says(&format!("leaving={name}")), "{told:?}");
        }
    }
    // With no reason given, one is made up.
    system.answer("printf '\\377'; exit 10");
    let (outcome, _) = system.run(&RPM.remove(&["devel"]));
    assert_ne!(outcome.code, 0, "{outcome:?}");
    assert!(
        outcome.output.contains(&format!("kbuild-guard: blocked by {PROGRAM}, which does not say why\n")),
        "{outcome:?}"
    );
    assert_eq!(system.state(), before, "{outcome:?}");
}

fn a_warning_is_told_once_and_silence_not_at_all(kind: &Kind) {
    let system = System::start(kind);
    for (answer, count) in [(WARN, 1), ("exit 0", 0)] {
        system.answer(answer);
        for front_end in system.front_ends {
            system.fill();
            let (outcome, told) = system.run(&front_end.remove(removed(front_end)));
            assert_eq!(outcome.code, 0, "{outcome:?}");
            assert_eq!(messages(&outcome), count, "{outcome:?}");
            assert_eq!(outcome.output.contains("warning: it stays\n  remove  devel\n"), count == 1, "{outcome:?}");
            assert!(!system.has("devel"), "{outcome:?}");
            assert_eq!(system.has("bystander"), front_end.one_by_one, "{outcome:?}");
            assert_eq!(told.len(), front_end.transactions, "{outcome:?}");
        }
    }
    // A terminal is told nothing but text.
    system.answer("printf 'kbuild-guard: \\033[31mred\\r\\n'");
    system.fill();
    let (outcome, _) = system.run(&RPM.remove(&["devel"]));
    assert!(outcome.output.contains("kbuild-guard: ?[31mred?\n"), "{outcome:?}");
}

fn a_broken_program_stops_nobody(kind: &Kind) {
    let system = System::start(kind);
    for (what, answer, complaint) in [
        ("crashes", "kill -SEGV $$", "was ended by signal 11"),
        ("is killed", "echo kbuild-guard: half a; kill -KILL $$", "was ended by signal 9"),
        ("fails", "echo kbuild-guard: x; exit 1", "ended with status 1"),
        ("has another status", "exit 2", "ended with status 2"),
        ("babbles", "head -c 9000000 /dev/urandom; exit 0", "said what cannot be shown"),
        ("has no message of ours", "echo hello; exit 0", "said what cannot be shown"),
    ] {
        system.answer(answer);
        for front_end in system.front_ends {
            broken(&system, front_end, what, Some(complaint));
        }
    }
    for (what, answer) in [
        ("hangs", "sleep 100000"),
        ("stops itself", "kill -STOP $$"),
        ("ignores every signal", "trap '' HUP INT TERM ALRM; sleep 100000 & wait; sleep 100000"),
    ] {
        system.answer(answer);
        broken(&system, &RPM, what, Some("no answer from /usr/lib/kbuild-guard/rpm-hook within 5 s"));
    }
    // Whoever ignores the ends of its children is not told how they end.
    system.answer(BLOCK);
    system.fill();
    let (outcome, told) = system.run("env --ignore-signal=CHLD rpm --erase devel");
    assert_eq!((outcome.code, told.len(), messages(&outcome)), (0, 1, 1), "{outcome:?}");
    assert!(outcome.output.contains("is not known"), "{outcome:?}");
    assert_ne!(system.root.sh("pgrep -x sleep || ps | grep '[s]leep 100000'").unwrap().code, 0);
    for (what, script, complaint) in [
        ("is no program", "echo garbage >PROGRAM", Some("does not start")),
        ("is not executable", "chmod -x PROGRAM", Some("does not start")),
        ("is a directory", "rm PROGRAM; mkdir PROGRAM", Some("does not start")),
        ("is not there", "rm -r PROGRAM", None),
        ("is a link that leads nowhere", "ln -s /nowhere PROGRAM", None),
        ("has no interpreter", "rm PROGRAM; printf '#!/nowhere\\n' >PROGRAM; chmod +x PROGRAM", None),
        ("has no directory", "rm -r /usr/lib/kbuild-guard", None),
    ] {
        system.root.sh(&script.replace("PROGRAM", PROGRAM)).unwrap().success().unwrap();
        for front_end in system.front_ends {
            broken(&system, front_end, what, complaint);
        }
    }
}

/// Removes with what is broken: it works, and one line says what is wrong, or none.
fn broken(system: &System, front_end: &FrontEnd, what: &str, complaint: Option<&str>) {
    system.fill();
    let (outcome, _) = system.run(&front_end.remove(&["devel"]));
    assert_eq!(outcome.code, 0, "{what}: {outcome:?}");
    assert!(!system.has("devel"), "{what}: {outcome:?}");
    match complaint {
        Some(complaint) => {
            assert_eq!(messages(&outcome), 1, "{what}: {outcome:?}");
            let line = outcome.output.lines().find(|line| line.contains("kbuild-guard: rpm plugin:")).unwrap();
            assert!(line.contains(complaint) && line.ends_with("; nothing is checked"), "{what}: {outcome:?}");
        }
        None => assert!(!outcome.output.contains("kbuild-guard"), "{what}: {outcome:?}"),
    }
}

fn half_of_an_installation_stops_nobody(kind: &Kind) {
    let system = System::start(kind);
    system.answer(BLOCK);
    for (what, broken, restored) in [
        ("no macro", format!("mv {MACRO} /away"), format!("mv /away {MACRO}")),
        ("no file", format!("mv {} /away", system.plugin), format!("mv /away {}", system.plugin)),
        // As docs/rpm.md says how to switch it off.
        (
            "switched off",
            "echo '%__transaction_kbuild_guard %{nil}' >/etc/rpm/macros.kbuild-guard".to_owned(),
            "rm /etc/rpm/macros.kbuild-guard".to_owned(),
        ),
    ] {
        system.root.sh(&broken).unwrap().success().unwrap();
        for front_end in system.front_ends {
            system.fill();
            let (outcome, told) = system.run(&front_end.remove(removed(front_end)));
            assert_eq!((outcome.code, told), (0, vec![]), "{what}: {outcome:?}");
            assert!(!system.has("devel"), "{what}: {outcome:?}");
            // rpm may have a line on a file that is missing; we have none.
            assert_eq!(messages(&outcome), 0, "{what}: {outcome:?}");
        }
        system.root.sh(&restored).unwrap().success().unwrap();
    }
    system.fill();
    assert_ne!(system.run(&RPM.remove(&["devel"])).0.code, 0, "it is back");
}

fn ways_around_it(kind: &Kind) {
    let system = System::start(kind);
    system.answer(BLOCK);
    for around in ["--noplugins", "--undefine __transaction_kbuild_guard"] {
        system.fill();
        let (outcome, told) = system.run(&format!("rpm --erase {around} devel"));
        assert_eq!((outcome.code, told), (0, vec![]), "{outcome:?}");
        assert!(!system.has("devel"));
    }
    // No file leaves: there is nothing to ask.
    system.fill();
    let (outcome, told) = system.run("rpm --erase --justdb devel");
    assert_eq!((outcome.code, told), (0, vec![]), "{outcome:?}");
    assert!(system.root.exists("/usr/src/kernels/6.1/Makefile").unwrap());
    // These leave out other things.
    system.fill();
    for other in ["--noscripts", "--notriggers", "--nodeps"] {
        let (outcome, told) = system.run(&format!("rpm --erase {other} devel"));
        assert_ne!((outcome.code, told.len()), (0, 1), "{outcome:?}");
        assert!(system.has("devel"));
    }
}

fn a_test_is_told_as_one(kind: &Kind) {
    let system = System::start(kind);
    system.answer(BLOCK);
    let before = system.state();
    let (outcome, told) = system.run("rpm --erase --test devel");
    assert_ne!(outcome.code, 0, "{outcome:?}");
    assert!(told.len() == 1 && told[0].says("test=1"), "{told:?}");
    system.answer(WARN);
    let (outcome, told) = system.run("rpm --erase --test devel");
    assert_eq!((outcome.code, messages(&outcome)), (0, 1), "{outcome:?}");
    assert!(told.len() == 1 && told[0].says("test=1"), "{told:?}");
    assert_eq!(system.state(), before);
    for front_end in system.front_ends {
        system.fill();
        let (outcome, told) = system.run(&front_end.remove(&["devel"]));
        let tests: Vec<bool> = told.iter().map(|told| told.says("test=1")).collect();
        let expected: &[bool] = if front_end.transactions == 2 { &[true, false] } else { &[false] };
        assert_eq!(tests, expected, "{outcome:?}");
    }
}

fn what_the_program_is_told(kind: &Kind) {
    let system = System::start(kind);
    // Where it works, and with what; everything else may be the caller's.
    system
        .answer("{ pwd; echo $*; grep SigBlk: /proc/self/status; ls /proc/self/fd | wc -l; echo $MARK; } >/run/where");
    let devel = ["leaving=devel", "evr=1-1", "nevra=devel-1-1.noarch"].as_slice();
    let its_files = [
        "file=/usr/src/kernels",
        "file=/usr/src/kernels/6.1",
        "file=/usr/src/kernels/6.1/Makefile",
        "file=/usr/src/kernels/6.1/include",
        "file=/usr/src/kernels/6.1/include/a.h",
    ];
    let head = |root| ["kbuild-guard-rpm=1", root, "test=0"];
    let (outcome, told) = system.run("MARK=seen rpm --erase devel");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, [&head("root=/"), devel, &its_files, &["end="]].concat());
    // ls has the directory open that it lists.
    let place = system.root.read_to_string("/run/where").unwrap();
    assert_eq!(place, "/\ntransaction\nSigBlk:\t0000000000000000\n4\nseen\n");

    // Nothing leaves: nobody is asked.
    let (outcome, told) = system.run("rpm --install /srv/repository/devel-1-1.noarch.rpm");
    assert_eq!((outcome.code, told), (0, vec![]), "{outcome:?}");

    // An upgrade: what arrives, and what of it may take a lost file's place.
    let (outcome, told) = system.run(
        "rpm --upgrade /srv/repository/devel-1-2-1.noarch.rpm || rpm --upgrade /srv/repository/devel-2-1.noarch.rpm",
    );
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let arriving = ["arriving=devel", "evr=1:2-1", "nevra=devel-1:2-1.noarch"];
    let again = [
        "file=/usr/src/kernels",
        "file=/usr/src/kernels/6.1",
        "file=/usr/src/kernels/6.1/include",
        "file=/usr/src/kernels/6.1/include/a.h",
    ];
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, [&head("root=/"), devel, &its_files, &arriving, &again, &["end="]].concat());

    // Another root is told, and the program still runs in this one.
    system
        .root
        .sh("mkdir -p /newroot && rpm --root /newroot --initdb && rpm --root /newroot --install /srv/repository/devel-1-1.noarch.rpm")
        .unwrap()
        .success()
        .unwrap();
    let (outcome, told) = system.run("rpm --root /newroot --erase devel");
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(told.len(), 1);
    let root = told[0].0.get(1).unwrap();
    assert_eq!(root.trim_end_matches('/'), "root=/newroot");
    assert_eq!(told[0].0, [&head(root.as_str()), devel, &its_files, &["end="]].concat());
}

fn nobody_reads_what_is_said(kind: &Kind) {
    let system = System::start(kind);
    let long = "printf 'kbuild-guard: warning: long\\n'; for i in $(seq 700); do printf '%080d\\n' $i; done";
    system.answer(long);
    for (what, command) in [
        ("closed", "rpm --erase devel 2>&-"),
        ("all closed", "rpm --erase devel <&- >&- 2>&-"),
        ("full", "rpm --erase devel 2>/dev/full"),
        (
            "nobody reads",
            "mkfifo /run/pipe; exec 9<>/run/pipe; head -c 60000 /dev/zero >&9; timeout --signal=KILL 120 rpm --erase devel 2>/run/pipe; code=$?; rm /run/pipe; exit $code",
        ),
        // Debian 12's rpm has a warning of its own for this pipe, unless it is told to be silent.
        (
            "nobody can read",
            "mkfifo /run/pipe; exec 9<>/run/pipe 8>/run/pipe 9<&-; rpm $(rpm --help | grep -o -e --force-debian) --erase devel 2>&8; code=$?; rm /run/pipe; exit $code",
        ),
    ] {
        system.fill();
        let (outcome, told) = system.run(command);
        assert_eq!((outcome.code, told.len()), (0, 1), "{what}: {outcome:?}");
        assert!(!system.has("devel"), "{what}: {outcome:?}");
    }
    // Where somebody does, all of it comes.
    system.fill();
    let (outcome, _) = system.run("rpm --erase devel");
    assert!(outcome.output.contains(&format!("\n{:080}\n", 700)), "{outcome:?}");
}

fn the_file_asks_nothing_of_the_loader(kind: &Kind) {
    let system = System::start(kind);
    let symbols = |which: &str| {
        let listed = system.root.run(&["nm", "--dynamic", which, &system.plugin]).unwrap().success().unwrap().output;
        listed.lines().filter_map(|line| line.split_whitespace().last().map(str::to_owned)).collect::<Vec<String>>()
    };
    let undefined = symbols("--undefined-only");
    assert!(undefined.iter().any(|symbol| symbol.starts_with("dlsym")), "{undefined:?}");
    assert!(!undefined.iter().any(|symbol| symbol.starts_with("rpm")), "{undefined:?}");
    assert_eq!(symbols("--defined-only"), ["kbuild_guard_hooks"]);
    // Python, as dnf 4 runs in, can load it.
    let load = format!("import ctypes; ctypes.CDLL('{}')", system.plugin);
    system.root.run(&["python3", "-c", &load]).unwrap().success().unwrap();
}

fn a_librpm_that_is_not_known_is_left_alone(kind: &Kind) {
    let system = System::start(kind);
    system.answer(BLOCK);
    // Called as rpm would: without any librpm in the program, with one that has no functions, and without a transaction.
    let call = format!(
        "import ctypes, sys\n\
         if len(sys.argv) > 1: ctypes.CDLL(sys.argv[1])\n\
         hooks = (ctypes.c_void_p * 12).in_dll(ctypes.CDLL('{}'), 'kbuild_guard_hooks')\n\
         assert [place for place, hook in enumerate(hooks) if hook] == [2]\n\
         tsm_pre = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(hooks[2])\n\
         print(tsm_pre(None, None if sys.argv[-1].startswith('librpm') else 1))\n",
        system.plugin
    );
    let other = "gcc -nostdlib -shared -Wl,-soname,librpm.so.10 -o /srv/other.so -x c /dev/null";
    system.root.sh(other).unwrap().success().unwrap();
    let real = system.root.sh("cd /usr/lib/*-linux-gnu* && ls -d librpm.so.*").unwrap().success().unwrap().output;
    let real = real.lines().find(|name| ["librpm.so.9", "librpm.so.10"].contains(name)).unwrap();
    for librpm in [None, Some("/srv/other.so"), Some(real)] {
        let command = ["python3", "-c", call.as_str()].into_iter().chain(librpm).collect::<Vec<&str>>();
        let called = system.root.run(&command).unwrap();
        assert_eq!((called.code, called.output.as_str()), (0, "0\n"), "{librpm:?}");
    }
    assert!(!system.root.exists("/run/asked").unwrap());
}
