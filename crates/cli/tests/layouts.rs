// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every folder of tests/layouts is a system: what `check` says about it is in the folder too.
//!
//! `KBUILD_GUARD_BLESS=1` writes down what is said now, for `git diff` to judge. A folder with a bug.txt
//! expects what ought to be said and is not yet; see tests/layouts/README.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "the support module serves several tests")]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::LazyLock;

use kbuild_guard::assess::{State, advise};
use kbuild_guard::checks::CATALOGUE;
use kbuild_guard::error::Result;
use kbuild_guard::kernels::Kernel;
use kbuild_guard::package_db::{FileList, ImageStanding, NoPackages, PackageDb, PackageId};
use kbuild_guard::policy::Policy;
use kbuild_guard::present::{Owners, json, text};
use kbuild_guard::survey::{self, Depth};
use kbuild_guard::sysroot::{RootPath, Sysroot};
use support::{Layout, System};

/// The package database that an owners.tsv is.
struct Listed(Vec<(PackageId, RootPath)>);

impl Listed {
    fn of(rows: Vec<(String, String)>) -> Self {
        Listed(rows.into_iter().map(|(package, path)| (PackageId::new(&package), RootPath::new(path))).collect())
    }

    fn owner(&self, path: &RootPath) -> Vec<PackageId> {
        self.0.iter().filter(|(_, owned)| owned == path).map(|(package, _)| package.clone()).collect()
    }
}

impl PackageDb for Listed {
    fn owners(&self, paths: &[RootPath]) -> Result<Vec<Vec<PackageId>>> {
        Ok(paths.iter().map(|path| self.owner(path)).collect())
    }

    fn held_by(&self, packages: &[PackageId], paths: &[RootPath]) -> Result<Vec<Vec<usize>>> {
        let holds = |package: &PackageId, path: &RootPath| self.owner(path).contains(package);
        let held = |package| (0..paths.len()).filter(|index| holds(package, &paths[*index])).collect();
        Ok(packages.iter().map(held).collect())
    }

    fn files(&self, package: &PackageId) -> Result<FileList> {
        let mut list = Vec::new();
        for (_, path) in self.0.iter().filter(|(owner, _)| owner == package) {
            list.extend_from_slice(path.as_os_str().as_bytes());
            list.push(b'\n');
        }
        Ok(FileList::new(list, 0))
    }

    fn is_installed(&self, package: &PackageId) -> Result<bool> {
        Ok(self.0.iter().any(|(name, _)| name == package))
    }

    fn dragged_along(&self, _: &[PackageId]) -> Result<Vec<PackageId>> {
        Ok(Vec::new())
    }

    fn is_healthy(&self) -> Result<bool> {
        Ok(true)
    }

    fn image_standings(&self, kernels: &[Kernel], _: &[PackageId]) -> Result<Vec<ImageStanding>> {
        let standing = |kernel: &Kernel| ImageStanding {
            package: self.owner(&kernel.image).into_iter().next(),
            ..ImageStanding::default()
        };
        Ok(kernels.iter().map(standing).collect())
    }
}

/// What `check --json` prints, and what `check` prints with its exit status in the last line.
struct Said {
    json: String,
    text: String,
}

/// By the real command: no package manager, or dpkg.
fn said_by_the_command(system: &System) -> Said {
    let json = system.run(["check", "--json"]);
    let text = system.run(["check"]);
    assert_eq!(json.code, text.code);
    let mut said = text.stdout;
    for line in text.stderr.lines() {
        writeln!(said, "stderr: {line}").unwrap();
    }
    writeln!(said, "exit {}", text.code).unwrap();
    Said { json: json.stdout, text: said }
}

/// By the same library calls the command makes, with the packages of owners.tsv.
fn said_by_the_library(system: &System, rows: Vec<(String, String)>) -> Said {
    let root = Rc::new(Sysroot::open(&system.root()).unwrap());
    let system = survey::System::new(root, Rc::new(Listed::of(rows)), Box::new(NoPackages));
    let mut assessments = system.survey(|_| true, Depth::Whole).unwrap();
    let mut said = String::new();
    let mut code = 0;
    for assessment in assessments.iter_mut().filter(|assessment| assessment.is_at_fault()) {
        advise(std::iter::once(&mut *assessment), system.advisor.as_ref());
        said.push_str(&text::fault(assessment));
        code = 1;
    }
    let unknown = assessments.iter().any(|assessment| assessment.state() == State::Unknown);
    assert!(!unknown, "only the command can say on stderr what it could not determine");
    writeln!(said, "exit {code}").unwrap();
    let owners = Owners::of(system.db.as_ref(), &assessments).unwrap();
    let check = json::Check::of(&assessments, &owners, &Policy::default());
    Said { json: format!("{}\n", serde_json::to_string_pretty(&check).unwrap()), text: said }
}

/// Every layout with what is said about it.
static ALL: LazyLock<Vec<(Layout, Said)>> = LazyLock::new(|| {
    let say = |layout: Layout| {
        let system = layout.assemble();
        let before = system.listing();
        let said = match layout.owners() {
            Some(rows) => said_by_the_library(&system, rows),
            None => said_by_the_command(&system),
        };
        assert_eq!(before, system.listing(), "{}: looking has changed something", layout.name);
        assert!(!said.text.contains(&*system.root().to_string_lossy()), "{}: {}", layout.name, said.text);
        (layout, said)
    };
    Layout::all().into_iter().map(say).collect()
});

/// Compares with what the folder expects, or writes it there.
fn compare(layout: &Layout, said: &Said) -> String {
    let is_bug = layout.dir.join("bug.txt").exists();
    let mut differences = String::new();
    for (file, said) in [("expected.json", &said.json), ("expected.txt", &said.text)] {
        let path = layout.dir.join(file);
        if std::env::var_os("KBUILD_GUARD_BLESS").is_some() && !is_bug {
            fs::write(&path, said).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected != *said {
            let (expected, said) = (snapbox::Data::text(expected), snapbox::Data::text(said));
            let name = format!("tests/layouts/{}/{file}", layout.name);
            let plain = snapbox::report::Palette::plain();
            snapbox::report::write_diff(&mut differences, &expected, &said, Some(&name), Some(&"said now"), plain)
                .unwrap();
            differences.push('\n');
        }
    }
    match (is_bug, differences.is_empty()) {
        (true, true) => format!("{}: what bug.txt tells of is mended: remove it\n", layout.name),
        (true, false) => String::new(),
        (false, _) => differences,
    }
}

#[test]
fn every_layout_is_said_to_be_what_it_is() {
    assert!(!ALL.is_empty(), "no layout in tests/layouts");
    let failures: String = ALL.iter().map(|(layout, said)| compare(layout, said)).collect();
    assert!(failures.is_empty(), "\n{failures}\nKBUILD_GUARD_BLESS=1 writes down what is said now.");
    println!("{} layouts", ALL.len());
}

/// Findings of what git cannot keep (owners, modes), or of a real build, and the test that has them.
const ELSEWHERE: [(&str, &str); 4] = [
    ("KBG012", "a_tree_that_others_can_change_is_a_risk"),
    ("KBG070", "a_header_that_no_list_knows_of_is_named_by_make"),
    ("KBG071", "a_siblings_tree_fits_as_far_as_the_checksums_do"),
    ("KBG072", "what_several_can_change_is_built_by_nobody_or_not"),
];

#[test]
fn every_finding_has_a_layout() {
    let tests = [include_str!("command.rs"), include_str!("../../../tests/end-to-end/tests/debian12_probe.rs")];
    let is_elsewhere = |code: &str| {
        let test = ELSEWHERE.iter().find(|(other, _)| *other == code);
        let has = |(_, test): &(&str, &str)| {
            tests.iter().any(|text| text.contains(&format!("fn {test}()")) && text.contains(code))
        };
        test.is_some_and(has)
    };
    let has = |code: &str| is_elsewhere(code) || ALL.iter().any(|(_, said)| said.json.contains(&format!("\"{code}\"")));
    let without: Vec<&str> = CATALOGUE.iter().map(|entry| entry.code).filter(|code| !has(code)).collect();
    assert!(without.is_empty(), "no layout in tests/layouts has {without:?}");
}

#[test]
fn messages_are_short() {
    let mut failures = String::new();
    for (layout, said) in ALL.iter() {
        let messages = said.text.lines().filter(|line| !line.starts_with("exit") && !line.starts_with("stderr"));
        let mut length = 0;
        for line in messages {
            length = if line.starts_with(' ') { length + 1 } else { 1 };
            if length == 9 {
                writeln!(failures, "{}: more than eight lines", layout.name).unwrap();
            }
            // A path is never broken; everything else fits.
            if line.len() > 80 && line.trim_start().contains(' ') {
                writeln!(failures, "{}: wider than 80 columns: {line}", layout.name).unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn layouts_have_only_files_we_know() {
    const KNOWN: [&str; 8] =
        ["about.txt", "bug.txt", "base", "remove.txt", "owners.tsv", "expected.json", "expected.txt", "root"];
    for layout in Layout::all() {
        let about = fs::read_to_string(layout.dir.join("about.txt")).unwrap_or_default();
        assert!(!about.trim().is_empty(), "{}: about.txt says what this is and whence the fact", layout.name);
        for entry in fs::read_dir(&layout.dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            assert!(KNOWN.contains(&name), "{}: what is {name}?", layout.name);
        }
        let has_something = |name: &str| Path::new(&layout.dir).join(name).exists();
        assert!(has_something("root") || has_something("base"), "{}: neither root/ nor base", layout.name);
    }
}
