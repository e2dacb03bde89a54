// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a call of dpkg is about to remove. dpkg tells its pre-invoke hooks the action (`DPKG_HOOK_ACTION`) and no
//! package; those stand on its command line, read here as dpkg reads it (lib/dpkg/options.c, `dpkg_options_parse`),
//! or, with `--pending`, in the selections.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use kbuild_guard::package_db::PackageId;
use kbuild_guard::transaction::{Driver, Element, Files, Transaction, Why};

use super::status::{Package, State, Status, Want};

/// Long options that take a value, behind `=` or as the next word (dpkg 1.22, src/main/main.c, `cmdinfos`).
const LONG_WITH_VALUE: [&str; 15] = [
    "abort-after",
    "admindir",
    "command-fd",
    "debug",
    "ignore-depends",
    "instdir",
    "log",
    "path-exclude",
    "path-include",
    "post-invoke",
    "pre-invoke",
    "root",
    "status-fd",
    "status-logger",
    "verify-format",
];

/// Words of which any says that nothing is really done.
const DRY_RUNS: [&str; 3] = ["no-act", "dry-run", "simulate"];

/// What dpkg tells a hook in its environment (dpkg(1), "External environment").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// `DPKG_HOOK_ACTION`.
    pub action: String,
    /// `DPKG_ROOT`: the root, empty for the caller's own.
    pub root: String,
    /// `DPKG_ADMINDIR`: where the database is.
    pub admin_dir: String,
    /// `DPKG_FORCE`: what is forced, by options and by configuration files, separated by commas.
    pub force: String,
    /// Whether `DPKG_FRONTEND_LOCKED` is set: apt or another front end drives, and has asked its own hook.
    pub has_front_end: bool,
}

impl Environment {
    /// Whether this call is one that a hook has something to say about.
    pub fn is_of_interest(&self) -> bool {
        !self.has_front_end && matches!(self.action.as_str(), "remove" | "purge")
    }

    /// The root, if dpkg works on the database that belongs to it.
    pub fn root(&self) -> Option<PathBuf> {
        let root = if self.root.is_empty() { Path::new("/") } else { Path::new(&self.root) };
        let expected = root.join("var/lib/dpkg");
        (root.is_absolute() && (self.admin_dir.is_empty() || Path::new(&self.admin_dir) == expected))
            .then(|| root.to_owned())
    }

    fn forces(&self, what: &str) -> bool {
        self.force.split(',').any(|word| word.trim() == what)
    }
}

/// A call that removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The packages that are named; none with `--pending`.
    named: Vec<PackageId>,
    /// Whether the selections say which.
    pending: bool,
    /// Packages that may be left with a dependency unmet (`--ignore-depends`).
    ignored_dependers: Vec<String>,
    /// What was typed.
    line: String,
}

impl Invocation {
    /// From dpkg's own command line, the program first. `None` for what is no removal, does nothing (`--no-act`), or cannot
    /// be told (`--command-fd` reads its commands from somewhere else).
    pub fn parse(words: &[String]) -> Option<Self> {
        let (program, rest) = words.split_first()?;
        if program.rsplit('/').next() != Some("dpkg") {
            return None;
        }
        let mut invocation =
            Invocation { named: Vec::new(), pending: false, ignored_dependers: Vec::new(), line: String::new() };
        let mut removes = false;
        let mut rest = rest.iter();
        let mut operands: Vec<&String> = Vec::new();
        while let Some(word) = rest.next() {
            if word == "--" {
                break;
            }
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let takes_value = LONG_WITH_VALUE.contains(&name);
                let value = match value {
                    None if takes_value => Some(rest.next()?.as_str()),
                    value => value,
                };
                match name {
                    "remove" | "purge" => removes = true,
                    "pending" => invocation.pending = true,
                    "command-fd" => return None,
                    "ignore-depends" => {
                        invocation.ignored_dependers.extend(value?.split(',').map(|name| name.trim().to_owned()));
                    }
                    name if DRY_RUNS.contains(&name) => return None,
                    _ => {}
                }
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                for (index, letter) in letters.char_indices() {
                    match letter {
                        'r' | 'P' => removes = true,
                        'a' => invocation.pending = true,
                        // The rest of the word is its value, or the next one.
                        'D' => {
                            if index + 1 == letters.len() {
                                rest.next()?;
                            }
                            break;
                        }
                        _ => {}
                    }
                }
            } else {
                operands.push(word);
                break;
            }
        }
        // dpkg reads no options behind the first package.
        operands.extend(rest);
        if !removes || (operands.is_empty() && !invocation.pending) {
            return None;
        }
        invocation.named = operands.into_iter().map(|name| PackageId::new(name)).collect();
        invocation.line =
            ["dpkg"].into_iter().chain(words.iter().skip(1).map(String::as_str)).collect::<Vec<_>>().join(" ");
        Some(invocation)
    }

    /// What it takes away. dpkg leaves in place what something that stays depends on, unless it is forced: that is
    /// no removal.
    pub fn transaction(&self, environment: &Environment, status: &Status) -> Transaction {
        let mut leaving: Vec<&Package> = Vec::new();
        let named = self.named.iter().filter_map(|id| status.find(id));
        let selected = |package: &&Package| matches!(package.want, Want::Deinstall | Want::Purge);
        let pending = status.present().filter(selected).filter(|_| self.pending);
        for package in named.chain(pending) {
            if package.state != State::NotInstalled && !leaving.iter().any(|other| std::ptr::eq(*other, package)) {
                leaving.push(package);
            }
        }
        if !environment.forces("depends") && !environment.forces("all") {
            self.drop_needed(&mut leaving, status);
        }
        let why = if self.pending { Why::Unknown } else { Why::Asked };
        let element = |package: &&Package| Element {
            package: package.id(status.native()),
            version: package.version.clone(),
            files: Files::InDatabase,
            why,
        };
        Transaction {
            leaving: leaving.iter().map(element).collect(),
            arriving: Vec::new(),
            driver: Driver { attended: true, command_line: Some(self.line.clone()), ..Driver::default() },
        }
    }

    /// Takes out what dpkg will refuse to remove, until nothing more is refused: a package that stays may be needed
    /// by nobody but need others itself.
    fn drop_needed(&self, leaving: &mut Vec<&Package>, status: &Status) {
        loop {
            let before = leaving.len();
            let ids: Vec<PackageId> = leaving.iter().map(|package| package.id(status.native())).collect();
            // Once for all of them: each of these looks at every package there is.
            let dragged: HashSet<PackageId> = status.dragged_along(&ids).into_iter().collect();
            let is_heeded = |package: &&Package| {
                dragged.contains(&package.id(status.native())) && !self.ignored_dependers.contains(&package.name)
            };
            let needed: HashSet<&str> = status.present().filter(is_heeded).flat_map(Package::depended_names).collect();
            let is_needed = |package: &&Package| {
                package.provided_names().chain([package.name.as_str()]).any(|name| needed.contains(name))
            };
            leaving.retain(|package| !is_needed(package));
            if leaving.len() == before {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str) -> Option<Invocation> {
        Invocation::parse(&line.split(' ').map(str::to_owned).collect::<Vec<String>>())
    }

    fn status() -> Status {
        let package = |name: &str, arch: &str, want: &str, fields: &str| {
            format!("Package: {name}\nStatus: {want} ok installed\nArchitecture: {arch}\nVersion: 1\n{fields}\n")
        };
        Status::parse(
            &(package("dpkg", "amd64", "install", "")
                + &package("kbuild", "amd64", "install", "")
                + &package("headers", "amd64", "install", "Depends: kbuild (>= 1)\n")
                + &package("meta", "amd64", "purge", "Depends: headers\n")
                + &package("same", "amd64", "install", "")
                + &package("same", "i386", "deinstall", "")),
        )
    }

    /// What leaves by this line, under what is forced.
    fn leaves(line: &str, force: &str) -> Vec<String> {
        let environment = Environment { force: force.to_owned(), ..Environment::default() };
        let Some(invocation) = parse(line) else { return vec!["nothing is known".to_owned()] };
        let transaction = invocation.transaction(&environment, &status());
        transaction.leaving.iter().map(|element| element.package.to_string()).collect()
    }

    #[test]
    fn packages_stand_behind_the_options() {
        for (line, expected) in [
            ("dpkg -r meta", &["meta"][..]),
            ("/usr/bin/dpkg --remove meta headers", &["meta", "headers"]),
            ("dpkg -P meta -- headers", &["meta", "headers"]),
            ("dpkg --purge -- meta", &["meta"]),
            ("dpkg -D 77 -r meta", &["meta"]),
            ("dpkg -D77 -r meta", &["meta"]),
            ("dpkg -BrD=77 meta", &["meta"]),
            ("dpkg --admindir /x --status-fd=4 --log /l -r meta", &["meta"]),
            ("dpkg --force-depends --no-triggers --abort-after=1 --remove meta:amd64", &["meta"]),
            ("dpkg -r same", &["same"]),
            ("dpkg -r same:i386", &["same:i386"]),
            ("dpkg -r same meta meta nobody", &["same", "meta"]),
            ("dpkg -r meta --no-act", &["meta"]),
        ] {
            assert_eq!(leaves(line, ""), expected, "{line}");
        }
        for line in [
            "dpkg -i x.deb",
            "dpkg --configure -a",
            "dpkg -r",
            "dpkg --no-act -r meta",
            "dpkg -r --simulate meta",
            "dpkg --dry-run -P meta",
            "dpkg --command-fd 3",
            "dpkg --command-fd=3 -r meta",
            "dpkg --root",
            "dpkg",
            "apt -r meta",
            "-r meta",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn what_dpkg_refuses_does_not_leave() {
        assert!(leaves("dpkg -r kbuild", "").is_empty());
        assert!(leaves("dpkg -r kbuild headers", "").is_empty(), "meta needs headers, and headers kbuild");
        assert_eq!(leaves("dpkg -r kbuild headers meta", ""), ["kbuild", "headers", "meta"]);
        assert_eq!(leaves("dpkg -r kbuild", "security-mac,depends"), ["kbuild"]);
        assert_eq!(leaves("dpkg -r kbuild", "all"), ["kbuild"]);
        assert_eq!(leaves("dpkg --ignore-depends=x,headers -r kbuild", ""), ["kbuild"]);
        assert!(leaves("dpkg --ignore-depends=meta -r kbuild", "").is_empty());
    }

    /// A thousand old packages are removed from a system of some thousands.
    #[test]
    fn many_at_once_are_quick() {
        let mut text = String::from("Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\n\n");
        let mut line = String::from("dpkg -r");
        for number in 0..2000 {
            let want = "Status: install ok installed\nArchitecture: amd64\nVersion: 1\n";
            text.push_str(&format!("Package: p{number}\n{want}Depends: dpkg, q{number}\n\n"));
            text.push_str(&format!("Package: q{number}\n{want}\n"));
            if number < 1000 {
                line.push_str(&format!(" q{number}"));
            }
        }
        let status = Status::parse(&text);
        let started = std::time::Instant::now();
        let leaving = parse(&line).unwrap().transaction(&Environment::default(), &status).leaving;
        assert!(leaving.is_empty(), "each is needed by one that stays");
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
    }

    #[test]
    fn pending_is_what_the_selections_say() {
        assert_eq!(leaves("dpkg --remove --pending", ""), ["meta", "same:i386"]);
        assert_eq!(leaves("dpkg -Pa", ""), ["meta", "same:i386"]);
        assert_eq!(parse("dpkg -P -a").unwrap().line, "dpkg -P -a");
    }

    #[test]
    fn the_root_and_its_database_belong_together() {
        let root = |root: &str, admin_dir: &str| {
            let text = |text: &str| text.to_owned();
            Environment { root: text(root), admin_dir: text(admin_dir), ..Environment::default() }.root()
        };
        assert_eq!(root("", "/var/lib/dpkg"), Some(PathBuf::from("/")));
        assert_eq!(root("/", "/var/lib/dpkg"), Some(PathBuf::from("/")));
        assert_eq!(root("/alt", "/alt/var/lib/dpkg"), Some(PathBuf::from("/alt")));
        assert_eq!(root("/alt", "/var/lib/dpkg"), None);
        assert_eq!(root("", "/alt/var/lib/dpkg"), None);
        assert_eq!(root("alt", ""), None);
    }

    proptest! {
        #[test]
        fn any_words_give_an_answer(words in proptest::collection::vec("(-[rPaBD=x]*|--(remove|purge|root|pending|no-act|force-all)(=x)?|[a-z:]{0,4})", 0..8)) {
            let words: Vec<String> = [vec!["dpkg".to_owned()], words].concat();
            if let Some(invocation) = Invocation::parse(&words) {
                let leaving = invocation.transaction(&Environment::default(), &status()).leaving;
                prop_assert!(leaving.len() <= 6);
            }
        }
    }
}
