// SPDX-License-Identifier: MIT OR Apache-2.0
//! docs/*.schema.json and what the command really prints agree, on every layout of tests/layouts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "the support module serves several tests")]

mod support;

use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};
use support::{Layout, Run, System};

fn schema(name: &str) -> Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let schema: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// What is wrong with a document, by place.
fn faults(schema: &Validator, document: &Value) -> Vec<String> {
    schema.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path)).collect()
}

fn assert_valid(schema: &Validator, what: &str, run: &Run) -> Value {
    let document = run.json();
    let faults = faults(schema, &document);
    assert!(faults.is_empty(), "{what}: {faults:#?}\n{document:#}");
    document
}

/// The paths in the closures of usable kernels and the packages that own them, each with its kernel's
/// release.
fn usable_hops(check: &Value) -> Vec<(String, String)> {
    let kernels = check["kernels"].as_array().unwrap();
    kernels
        .iter()
        .filter(|kernel| ["ready", "degraded"].contains(&kernel["state"].as_str().unwrap()))
        .flat_map(|kernel| {
            let release = kernel["release"].as_str().unwrap();
            let hops = kernel["closure"].as_array().unwrap();
            let named = hops.iter().flat_map(|hop| [&hop["path"], &hop["owner"]]).filter_map(Value::as_str);
            named.map(move |named| (release.to_owned(), named.to_owned()))
        })
        .collect()
}

#[test]
fn check_and_status_are_as_the_schema_says() {
    let schema = schema("check.schema.json");
    for layout in Layout::all() {
        let system = layout.assemble();
        let check = assert_valid(&schema, &layout.name, &system.run(["check", "--json"]));
        assert_eq!(check, assert_valid(&schema, &layout.name, &system.run(["status", "--json"])));
        for kernel in check["kernels"].as_array().unwrap() {
            let release = kernel["release"].as_str().unwrap();
            let explained = assert_valid(&schema, &layout.name, &system.run(["explain", release, "--json"]));
            assert_eq!(explained["kernels"], json!([kernel]), "{}", layout.name);
        }
    }
}

/// What a probe may come to, as if it had been made: `check --probe` builds in the running system only.
#[test]
fn probes_are_as_the_schema_says() {
    use kbuild_guard::kernels::Stamp;
    use kbuild_guard::policy::Policy;
    use kbuild_guard::present::{Owners, json::Check};
    use kbuild_guard::probe::{Fit, Outcome, Probe};

    let schema = schema("check.schema.json");
    let layout = Layout::named("debian12").assemble();
    let root = std::rc::Rc::new(kbuild_guard::sysroot::Sysroot::open(&layout.root()).unwrap());
    let system = kbuild_guard::survey::System::new(
        root,
        std::rc::Rc::new(kbuild_guard::package_db::NoPackages),
        Box::new(kbuild_guard::package_db::NoPackages),
    );
    let stamp = |crc: u32| Stamp {
        module: None,
        vermagic: "6.1 SMP modversions ".to_owned(),
        versions: vec![("module_layout".to_owned(), crc)],
    };
    let why = || "because".to_owned();
    let document = |probe: &Probe| {
        let mut assessments = system.survey(|_| true, kbuild_guard::survey::Depth::Build).unwrap();
        for assessment in &mut assessments {
            probe.tell(assessment);
        }
        let owners = Owners::of(system.db.as_ref(), &assessments).unwrap();
        let probes = vec![probe.clone(); assessments.len()];
        serde_json::to_value(Check::of(&assessments, &owners, &Policy::default()).with_probes(&probes)).unwrap()
    };
    let by = |user: &str, outcome: Outcome| Probe { user: Some(user.to_owned()), outcome };
    let differs = by("nobody", Outcome::Built(Fit::of(&stamp(1), &[stamp(2)])));
    for (probe, state) in [
        (by("nobody", Outcome::Built(Fit::of(&stamp(1), &[stamp(1)]))), "ready"),
        (by("nobody", Outcome::Built(Fit::of(&stamp(1), &[]))), "ready"),
        (differs.clone(), "broken"),
        (by("felix", Outcome::Failed(why())), "broken"),
        (by("felix", Outcome::TimedOut(why())), "unknown"),
        (Probe::without_user(Outcome::Refused(why())), "unknown"),
        (Probe::without_user(Outcome::NotRun(why())), "unknown"),
        (Probe::without_user(Outcome::NoTree), "ready"),
    ] {
        let document = document(&probe);
        let faults = faults(&schema, &document);
        assert!(faults.is_empty(), "{probe:?}: {faults:#?}");
        assert_eq!(document["kernels"][0]["state"], state, "{probe:?}");
    }
    let right = document(&differs);
    for (pointer, value) in [
        ("/kernels/0/probe/outcome", json!("fine")),
        ("/kernels/0/probe/outcome", json!("failed")),
        ("/kernels/0/probe/outcome", json!("not-run")),
        ("/kernels/0/probe/user", json!(null)),
        ("/kernels/0/probe/reason", json!("")),
        ("/kernels/0/probe/loads", json!("no")),
        ("/kernels/0/probe/vermagic", Value::Null),
        ("/kernels/0/probe/disagreeing/0/kernel", json!(2)),
        ("/kernels/0/probe/disagreeing/0/symbol", json!("")),
        ("/kernels/0/probe/more", json!(1)),
        ("/kernels/0/findings", json!([])),
    ] {
        assert!(!faults(&schema, &changed(&right, pointer, value.clone())).is_empty(), "{pointer} = {value} passed");
    }
}

/// Also the guard's first duty: whatever a usable kernel's closure needs is missed when it goes.
#[test]
fn what_if_is_as_the_schema_says_and_misses_no_hop() {
    let (check, what_if) = (schema("check.schema.json"), schema("what-if.schema.json"));
    let mut asked = 0;
    for layout in Layout::all() {
        let system = layout.assemble();
        let now = assert_valid(&check, &layout.name, &system.run(["check", "--json"]));
        for (release, hop) in usable_hops(&now) {
            let what = format!("{}: {hop}", layout.name);
            for live in [&[] as &[&str], &["--as-live"]] {
                let run = system.run(["what-if", "remove", hop.as_str(), "--json"].iter().chain(live));
                let answer = assert_valid(&what_if, &what, &run);
                let orphans = answer["orphans"].as_array().unwrap();
                assert!(orphans.iter().any(|orphan| orphan["release"] == *release), "{what}: {answer:#}");
                assert_eq!(run.code, 1, "{what}");
            }
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
}

#[test]
fn config_hooks_and_explain_are_as_their_schemas_say() {
    let [config, hooks, explain] = ["config", "hooks", "explain"].map(|name| schema(&format!("{name}.schema.json")));
    for layout in Layout::all() {
        let system = layout.assemble();
        let document = assert_valid(&hooks, &layout.name, &system.run(["hooks", "--json"]));
        // Those of package managers that are not here are left out.
        let names: Vec<&str> =
            document["hooks"].as_array().unwrap().iter().filter_map(|hook| hook["name"].as_str()).collect();
        for name in ["kernel", "kernel-install", "timer"] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert_valid(&config, &layout.name, &system.run(["config", "--json"]));
    }
    for entry in kbuild_guard::checks::CATALOGUE {
        assert_valid(&explain, entry.code, &System::empty().run(["explain", entry.code, "--json"]));
    }
    let system = System::empty();
    system.write("usr/lib/kbuild-guard/a.toml", "mode = \"warn\"\nignore = [{ finding = \"KBG001\" }]\n");
    system.write("etc/kbuild-guard/config.toml", "mode = \"off\"\ncolour = 1\nignore = [{ finding = \"KBG020\" }]\n");
    system.write("etc/kbuild-guard/conf.d/a.toml", "= =\n");
    system.write("etc/kbuild-guard/conf.d/b.txt", "");
    let run = Run::of(system.command(["config", "--json"]).env("KBUILD_GUARD_MODE", "loud"));
    let document = assert_valid(&config, "everything", &run);
    assert_eq!(document["warnings"].as_array().unwrap().len(), 3, "{document:#}");
    for (pointer, value) in [
        ("/schema", json!(2)),
        ("/mode/value", json!("loud")),
        ("/mode/source/path", json!(null)),
        ("/mode/source/kind", json!("default")),
        ("/mode/overridden", Value::Null),
        ("/ignore/value/0/finding", json!("KBG1")),
        ("/ignore/value/0/source/line", json!("one")),
        ("/report/notice/value", json!("yes")),
        ("/report/metrics_dir/value", json!("relative")),
        ("/report/metrics_dir/source/kind", json!("file")),
        ("/report/more", json!(1)),
        ("/files/0/fate", json!("eaten")),
        ("/warnings/0/advice", json!("")),
        ("/warnings/0/source/kind", json!("default")),
        ("/more", json!(1)),
    ] {
        assert!(!faults(&config, &changed(&document, pointer, value.clone())).is_empty(), "{pointer} = {value} passed");
    }
    // Broken by a line in dpkg's own configuration.
    system.write("etc/dpkg/dpkg.cfg", "pre-invoke=/usr/lib/kbuild-guard/gone\n");
    let document = assert_valid(&hooks, "broken", &system.run(["hooks", "--json"]));
    assert_eq!((document["hooks"][2]["state"].as_str(), document["mode"].as_str()), (Some("broken"), Some("off")));
    for (pointer, value) in [
        ("/hooks/2/state", json!("live")),
        ("/hooks/2/state", json!("dead")),
        ("/hooks/2/because", json!("")),
        ("/hooks/2/program", json!("gone")),
        ("/hooks/2/opt_in", json!("yes")),
        ("/managers", json!([])),
        ("/managers/0/here", Value::Null),
        ("/mode", json!("quiet")),
    ] {
        assert!(!faults(&hooks, &changed(&document, pointer, value.clone())).is_empty(), "{pointer} = {value} passed");
    }
}

/// The status is what `check` prints, and when: the two schemas have the same definitions.
#[test]
fn the_status_is_as_its_schema_says() {
    let status = schema("status.schema.json");
    let read = |name: &str| -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    assert_eq!(read("status.schema.json")["$defs"], read("check.schema.json")["$defs"]);
    for name in ["debian12", "debian12-two-kernels", "headers-not-installed", "home-not-mounted", "alpine"] {
        let system = Layout::named(name).assemble();
        let printed = assert_valid(&status, name, &system.run(["report", "--wait", "0", "--json"]));
        let written = std::fs::read(system.at("/run/kbuild-guard/status.json")).unwrap();
        assert_eq!(printed, serde_json::from_slice::<Value>(&written).unwrap(), "{name}");
        for (pointer, value) in [("/at", json!("now")), ("/at", json!(-1)), ("/schema", json!(2)), ("/more", json!(1))]
        {
            assert!(
                !faults(&status, &changed(&printed, pointer, value.clone())).is_empty(),
                "{pointer} = {value} passed"
            );
        }
    }
}

#[test]
fn preserve_is_as_its_schema_says() {
    let schema = schema("preserve.schema.json");
    let system = Layout::named("o-equals").assemble();
    let run = |words: &[&str]| {
        let run = system.run(["preserve", "6.8.0-felix", "--json"].iter().chain(words));
        assert_valid(&schema, "preserve", &run)
    };
    assert_eq!(run(&["--dry-run"])["outcome"], "would-preserve");
    let done = run(&[]);
    assert_eq!(done["outcome"], "preserved");
    assert_eq!(run(&[])["outcome"], "unchanged");
    std::fs::remove_file(system.at("/lib/modules/6.8.0-felix/source")).unwrap();
    std::os::unix::fs::symlink("/home/felix/linux-6.8", system.at("/lib/modules/6.8.0-felix/source")).unwrap();
    assert_eq!(run(&["--dry-run"])["outcome"], "would-relink");
    assert_eq!(run(&[])["outcome"], "relinked");
    for (pointer, value) in [
        ("/schema", json!(2)),
        ("/release", json!("a/b")),
        ("/outcome", json!("done")),
        ("/outcome", json!("would-preserve")),
        ("/outcome", json!("relinked")),
        ("/from", Value::Null),
        ("/from", json!("home")),
        ("/files", json!(0)),
        ("/links/0/new", json!("")),
        ("/left_out", json!([{ "path": "/x" }])),
        ("/state_before", json!("fine")),
        ("/state_after", json!("fine")),
        ("/still_needed", Value::Null),
        ("/more", json!(1)),
    ] {
        assert!(!faults(&schema, &changed(&done, pointer, value.clone())).is_empty(), "{pointer} = {value} passed");
    }
}

#[test]
fn repair_is_as_its_schema_says() {
    let schema = schema("repair.schema.json");
    let run = |system: &System, words: &[&str]| {
        let run = system.run(["repair", "--json"].iter().chain(words));
        assert_valid(&schema, "repair", &run)["kernels"].clone()
    };
    for layout in Layout::all() {
        run(&layout.assemble(), &["--all", "--search", "/", "--dry-run"]);
    }
    let system = Layout::named("modules-install").assemble();
    std::fs::rename(system.at("/home/felix/linux-6.8"), system.at("/home/felix/moved")).unwrap();
    assert_eq!(run(&system, &[])[0]["outcome"], "refused");
    assert_eq!(run(&system, &["--search", "/home", "-n"])[0]["outcome"], "would-relink");
    let done = system.run(["repair", "--json", "--search", "/home"]).json();
    assert_eq!(done["kernels"][0]["outcome"], "relinked");
    assert_eq!(run(&system, &["6.8.0-felix"])[0]["outcome"], "unchanged");
    assert_eq!(run(&system, &["--undo", "-n"])[0]["outcome"], "would-undo");
    assert_eq!(run(&system, &["--undo"])[0]["outcome"], "undone");
    assert_eq!(run(&system, &["--undo", "6.8.0-felix"])[0]["outcome"], "unchanged");
    assert_eq!(run(&system, &["--undo"]), json!([]));
    for (pointer, value) in [
        ("/schema", json!(2)),
        ("/remarks", Value::Null),
        ("/kernels/0/release", json!("a/b")),
        ("/kernels/0/outcome", json!("done")),
        ("/kernels/0/outcome", json!("refused")),
        ("/kernels/0/outcome", json!("unchanged")),
        ("/kernels/0/outcome", json!("would-relink")),
        ("/kernels/0/tree", json!("home")),
        ("/kernels/0/links", json!([])),
        ("/kernels/0/links/0/old", json!(1)),
        ("/kernels/0/trees/0/found", json!("luck")),
        ("/kernels/0/trees/0/fits", json!(false)),
        ("/kernels/0/trees/0/reason", json!("because")),
        ("/kernels/0/state_after", json!("fine")),
        ("/kernels/0/state_after", json!(null)),
        ("/kernels/0/reason", json!("because")),
        ("/kernels/0/more", json!(1)),
    ] {
        assert!(!faults(&schema, &changed(&done, pointer, value.clone())).is_empty(), "{pointer} = {value} passed");
    }
}

fn remove_headers(system: &System) -> Value {
    system.run(["what-if", "remove", "linux-headers-6.1.0-56-cloud-amd64", "--as-live", "--json"]).json()
}

/// Sets the value at a JSON pointer, or takes it away where `value` is null.
fn changed(document: &Value, pointer: &str, value: Value) -> Value {
    let mut document = document.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(map), Value::Null) => drop(map.remove(name).unwrap()),
        (Value::Object(map), value) => drop(map.insert(name.to_owned(), value)),
        (parent, _) => panic!("{pointer} is in {parent}"),
    }
    document
}

#[test]
fn wrong_documents_are_not_as_the_schemas_say() {
    let check = schema("check.schema.json");
    let right = Layout::named("symvers-missing").assemble().run(["check", "--json"]).json();
    assert!(check.is_valid(&right));
    let finding = right.pointer("/kernels/0/findings/0").unwrap().clone();
    let risk = changed(&json!([finding]), "/0/effect", json!("risk"));
    for (pointer, value) in [
        ("/schema", json!(2)),
        ("/schema", Value::Null),
        ("/more", json!(true)),
        ("/kernels", json!({})),
        ("/kernels/0/release", json!("../etc")),
        ("/kernels/0/release", json!("..")),
        ("/kernels/0/release", json!("")),
        ("/kernels/0/release", json!("6.1\u{1b}[0m")),
        ("/kernels/0/running", json!("yes")),
        ("/kernels/0/state", json!("fine")),
        ("/kernels/0/state", json!("ready")),
        ("/kernels/0/state", json!("degraded")),
        ("/kernels/0/state", json!("absent")),
        ("/kernels/0/state", json!("unknown")),
        ("/kernels/0/findings", json!([])),
        ("/kernels/0/findings", risk),
        ("/kernels/0/needed", json!(false)),
        ("/kernels/0/needed_by", json!([])),
        ("/kernels/0/needed_by", Value::Null),
        ("/kernels/0/more", json!(1)),
        ("/kernels/0/build_link/path", json!("lib/modules")),
        ("/kernels/0/build_link/target", Value::Null),
        ("/kernels/0/closure/0/owner", json!("")),
        ("/kernels/0/closure/0/owner", Value::Null),
        ("/kernels/0/findings/0/id", json!("KBG36")),
        ("/kernels/0/findings/0/effect", json!("NoLoad")),
        ("/kernels/0/findings/0/fix", json!("")),
        ("/kernels/0/findings/0/ignored", Value::Null),
    ] {
        let wrong = changed(&right, pointer, value.clone());
        assert!(!faults(&check, &wrong).is_empty(), "{pointer} = {value} passed");
    }

    let what_if = schema("what-if.schema.json");
    let right = remove_headers(&Layout::named("debian12").assemble());
    assert!(what_if.is_valid(&right), "{right:#}");
    for (pointer, value) in [
        ("/schema", json!("1")),
        ("/decision", json!("deny")),
        ("/decision", json!("allow")),
        ("/decision", json!("warn")),
        ("/orphans", json!([])),
        ("/orphans", Value::Null),
        ("/orphans/0/decision", json!("allow")),
        ("/orphans/0/decision", json!("warn")),
        ("/orphans/0/lost", json!([])),
        ("/orphans/0/lost", json!(["usr/src"])),
        ("/orphans/0/by", json!([])),
        ("/orphans/0/by", json!(["x", "x"])),
        ("/orphans/0/needed_by", Value::Null),
        ("/orphans/0/release", json!("a/b")),
        ("/orphans/0/more", json!({})),
    ] {
        let wrong = changed(&right, pointer, value.clone());
        assert!(!faults(&what_if, &wrong).is_empty(), "{pointer} = {value} passed");
    }
}
