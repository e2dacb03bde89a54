// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a person can do, in apt's words. Only packages that a repository offers are named.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use kbuild_guard::kernels::Kernel;
use kbuild_guard::package_db::{Advisor, Need, PackageDb, PackageId, Remedy, WayBack};
use kbuild_guard::sysroot::{RootPath, Sysroot};
use kbuild_guard::transaction::{Transaction, Why};

use super::offers::{is_name, offered};
use super::standing;
use crate::dpkg::Database;
use crate::plain_words::plain_words;

/// A program that an installed package may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Here {
    /// It has it, and it is where it belongs: what is missing is something else, and no package brings that.
    Yes,
    /// It has it, and somebody has deleted it: the package brings it back when it is installed again.
    Deleted,
    /// It does not have it, however often it is installed.
    Never,
}

/// apt as an adviser.
#[derive(Debug)]
pub struct Advice {
    root: Rc<Sysroot>,
    db: Rc<Database>,
}

impl Advice {
    /// For this root.
    pub fn new(root: Rc<Sysroot>, db: Rc<Database>) -> Self {
        Advice { root, db }
    }

    /// The command that brings the first of `candidates` that `offered` has, or brings it anew if dpkg has it
    /// and its files are gone.
    fn bring_first(&self, candidates: &[String], offered: &[String]) -> Option<Remedy> {
        let status = self.db.status().ok()?;
        let is_installed = |name: &str| status.find(&PackageId::new(name)).is_some();
        match candidates.iter().find(|name| offered.contains(name)) {
            Some(package) => {
                let again = if is_installed(package) { "--reinstall " } else { "" };
                Some(Remedy::Command(format!("apt-get install {again}{package}")))
            }
            // What dpkg has is proved to exist, even where no repository that apt knows of has it now.
            None => {
                let package = candidates.iter().find(|name| is_installed(name))?;
                Some(Remedy::Advice(format!("install the package {package} again")))
            }
        }
    }

    /// The packages that may bring what a kernel needs, the likeliest first. `owner` is of the path that
    /// [`place`] names.
    fn candidates(&self, need: &Need, kernel: &Kernel, owner: Option<&str>) -> Vec<String> {
        let mut candidates = Vec::new();
        match need {
            Need::Headers => {
                candidates.extend(header_packages(kernel.release.as_str(), owner));
                candidates.retain(|name| self.brings_link(name, kernel));
            }
            Need::Path(path) => match owner {
                Some(owner) => candidates.push(owner.to_owned()),
                None => {
                    candidates.extend(library_packages(&path.file_name().to_string_lossy()));
                    // A tree is named after the package that brings it, all over Debian and Ubuntu.
                    candidates.extend(
                        path.as_path()
                            .components()
                            .filter_map(|part| part.as_os_str().to_str())
                            .filter(|part| part.starts_with("linux-") || part.contains("-headers-"))
                            .map(str::to_owned),
                    );
                }
            },
            Need::Program(name) => {
                match name.rsplit_once("-linux-gnu-") {
                    None if matches!(name.as_str(), "as" | "ld") => candidates.push("binutils".to_owned()),
                    Some((triplet, "as" | "ld")) => {
                        candidates.push(format!("binutils-{}-linux-gnu", triplet.replace('_', "-")));
                    }
                    None => candidates.push(name.clone()),
                    // `x86_64-linux-gnu-gcc-14` is in gcc-14-x86-64-linux-gnu, which gcc-14 brings too.
                    Some((triplet, program)) => {
                        candidates.push(format!("{program}-{}-linux-gnu", triplet.replace('_', "-")));
                        candidates.push(program.to_owned());
                    }
                }
                // pahole is in dwarves before Debian 12.
                candidates.extend((name == "pahole").then(|| "dwarves".to_owned()));
                if candidates.iter().any(|package| self.program_of(package, name) == Some(Here::Yes)) {
                    return Vec::new();
                }
                candidates.retain(|package| self.program_of(package, name) != Some(Here::Never));
            }
            Need::Advice => {}
        }
        candidates.retain(|name| is_name(name));
        candidates
    }

    /// What an installed package has to do with a program of this name; `None` where the package is not installed.
    fn program_of(&self, package: &str, program: &str) -> Option<Here> {
        let package = PackageId::new(package);
        self.db.status().ok()?.find(&package)?;
        let list = self.db.files(&package).ok()?;
        let is_it = |path: &&Path| {
            let dir = path.parent().and_then(Path::file_name);
            path.file_name() == Some(OsStr::new(program))
                && (dir == Some("bin".as_ref()) || dir == Some("sbin".as_ref()))
        };
        let paths: Vec<&Path> = list.paths().map(|path| Path::new(OsStr::from_bytes(path))).filter(is_it).collect();
        Some(if paths.is_empty() {
            Here::Never
        } else if paths.iter().all(|path| self.root.link_status(&RootPath::new(path)).is_ok()) {
            Here::Yes
        } else {
            Here::Deleted
        })
    }

    /// The packages that none of the others depends on: who keeps or brings these has them all.
    fn without_dependencies(&self, packages: &[PackageId]) -> Vec<PackageId> {
        let Ok(status) = self.db.status() else { return packages.to_vec() };
        let needs = |other: &PackageId, name: &str| {
            status.find(other).is_some_and(|other| other.needed_names().any(|needed| needed == name))
        };
        let is_needed = |package: &PackageId| {
            let name = package.as_str().split(':').next().unwrap_or_default();
            packages.iter().any(|other| other != package && needs(other, name))
        };
        packages.iter().filter(|package| !is_needed(package)).cloned().collect()
    }

    /// Whether a package, installed anew, may bring a kernel's build link: one that is installed has to have
    /// it in its list (Raspberry Pi's headers are of the releases that were built that day).
    fn brings_link(&self, name: &str, kernel: &Kernel) -> bool {
        let package = PackageId::new(name);
        let is_installed = self.db.status().is_ok_and(|status| status.find(&package).is_some());
        let holds = || self.db.held_by(&[package], &[kernel.dir.join("build")]);
        !is_installed || holds().is_ok_and(|held| held.iter().any(|links| !links.is_empty()))
    }
}

/// The path whose owner tells which package is meant.
fn place<'p>(need: &'p Need, kernel: &'p Kernel) -> Option<&'p RootPath> {
    match need {
        Need::Headers => Some(&kernel.image),
        Need::Path(path) => Some(path),
        Need::Program(_) | Need::Advice => None,
    }
}

impl Advisor for Advice {
    fn provide(&self, asked: &[(&Need, &Kernel)]) -> Vec<Option<Remedy>> {
        let mut paths: Vec<RootPath> = asked.iter().filter_map(|(need, kernel)| place(need, kernel)).cloned().collect();
        paths.sort();
        paths.dedup();
        let owners = self.db.owners(&paths).unwrap_or_default();
        let owner = |path: &RootPath| owners.get(paths.binary_search(path).ok()?)?.first().map(PackageId::as_str);
        let candidates: Vec<Vec<String>> = asked
            .iter()
            .map(|(need, kernel)| self.candidates(need, kernel, place(need, kernel).and_then(owner)))
            .collect();
        let mut names: Vec<&str> = candidates.iter().flatten().map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let offered = offered(&self.root, &names).unwrap_or_default();
        candidates.iter().map(|candidates| self.bring_first(candidates, &offered)).collect()
    }

    fn keep(&self, packages: &[PackageId], transaction: &Transaction) -> Option<String> {
        let status = self.db.status().ok()?;
        // Marking helps only what is known to leave by itself: not what somebody asked for, by name or perhaps by a
        // pattern, and not what cannot stay without that.
        let is_auto = |package: &PackageId| {
            let mut elements = transaction.leaving.iter().filter(|element| element.package == *package).peekable();
            elements.peek().is_some() && elements.all(|element| element.why == Why::Auto)
        };
        if !packages.iter().all(is_auto) {
            return None;
        }
        let asked = transaction.leaving.iter().filter(|element| element.why == Why::Asked);
        let asked: Vec<PackageId> = asked.map(|element| element.package.clone()).collect();
        let dragged = if asked.is_empty() { Vec::new() } else { status.dragged_along(&asked) };
        if packages.iter().any(|package| dragged.contains(package)) {
            return None;
        }
        // It helps only what apt takes for no longer needed.
        let automatic = standing::automatic(&self.root).ok()?;
        let is_automatic = |package: &PackageId| {
            status.find(package).is_some_and(|found| automatic.contains(&(found.name.clone(), found.arch.clone())))
        };
        let packages: Vec<PackageId> =
            self.without_dependencies(packages).into_iter().filter(|package| is_automatic(package)).collect();
        (!packages.is_empty()).then(|| format!("apt-mark manual {}", joined(&packages)))
    }

    fn anyway(&self, transaction: &Transaction) -> String {
        let option = "-o KbuildGuard::Mode=warn";
        let typed = transaction.driver.command_line.as_deref().and_then(plain_words);
        let is_known = |program: &str| matches!(program, "apt" | "apt-get" | "aptitude" | "nala" | "dpkg");
        match typed.as_deref().and_then(|line| line.split_once(' ')).filter(|(program, _)| is_known(program)) {
            // dpkg has no options for its hooks; sudo drops what stands before it in the environment.
            Some(("dpkg", rest)) => format!("env KBUILD_GUARD_MODE=warn dpkg {rest}"),
            // nala takes options behind its verb only.
            Some(("nala", rest)) => {
                let (verb, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                format!("nala {verb} {option} {rest}").trim_end().to_owned()
            }
            Some((program, rest)) => format!("{program} {option} {rest}"),
            // Nothing was typed: somebody asks what would be.
            None if transaction.driver.command_line.is_none() && transaction.arriving.is_empty() => {
                let packages: Vec<PackageId> = transaction.gone();
                format!("apt-get {option} remove {}", joined(&packages))
            }
            None if transaction.driver.command_line.as_deref().is_some_and(|line| line.starts_with("dpkg ")) => {
                "the same command behind env KBUILD_GUARD_MODE=warn".to_owned()
            }
            None => format!("the same command with {option}"),
        }
    }

    fn bring_back(&self, packages: &[PackageId]) -> WayBack {
        let packages = self.without_dependencies(packages);
        let names: Vec<&str> = packages.iter().map(PackageId::as_str).collect();
        match offered(&self.root, &names) {
            None => WayBack::Unknown,
            Some(offered) if offered.is_empty() => WayBack::Gone,
            Some(offered) => WayBack::Command(format!("apt-get install {}", offered.join(" "))),
        }
    }
}

/// What the headers of a release may be called, the most likely first: the image's own name with
/// `headers` for `image` (Debian, Ubuntu) or for `kernel` (Proxmox), without what a signature adds, or
/// followed by it (Raspberry Pi).
fn header_packages(release: &str, image_package: Option<&str>) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(image) = image_package {
        let plain = image.strip_suffix("-signed").or(image.strip_suffix("-unsigned")).unwrap_or(image);
        for word in ["-image-unsigned-", "-image-", "-kernel-"] {
            if plain.contains(word) {
                names.push(plain.replacen(word, "-headers-", 1));
            }
        }
    }
    names.push(format!("linux-headers-{release}"));
    // Raspberry Pi OS 11: `raspberrypi-kernel` has every release of the day, and so have its headers.
    names.extend(image_package.filter(|image| image.ends_with("-kernel")).map(|image| format!("{image}-headers")));
    names.dedup();
    names
}

/// What the package of a library may be called: after its soname (Debian Policy 8.1), on some
/// architectures with what the change to 64-bit time added.
fn library_packages(soname: &str) -> Vec<String> {
    let Some((name, version)) = soname.split_once(".so.") else { return Vec::new() };
    let dash = if name.ends_with(|c: char| c.is_ascii_digit()) { "-" } else { "" };
    let package = format!("{name}{dash}{version}").to_lowercase();
    vec![package.clone(), format!("{package}t64")]
}

fn joined(packages: &[PackageId]) -> String {
    packages.iter().map(PackageId::as_str).collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_named_after_the_image() {
        assert_eq!(header_packages("6.1.0-56-amd64", None), ["linux-headers-6.1.0-56-amd64"]);
        assert_eq!(
            header_packages("6.8.4-2-pve", Some("proxmox-kernel-6.8.4-2-pve-signed")),
            ["proxmox-headers-6.8.4-2-pve", "linux-headers-6.8.4-2-pve"]
        );
        assert_eq!(
            header_packages("6.8.0-40-generic", Some("linux-image-unsigned-6.8.0-40-generic"))
                .first()
                .map(String::as_str),
            Some("linux-headers-6.8.0-40-generic")
        );
        assert_eq!(
            header_packages("6.1.21-v8+", Some("raspberrypi-kernel")),
            ["linux-headers-6.1.21-v8+", "raspberrypi-kernel-headers"]
        );
    }

    #[test]
    fn libraries_are_packaged_by_their_sonames() {
        assert_eq!(library_packages("libelf.so.1"), ["libelf1", "libelf1t64"]);
        assert_eq!(library_packages("libglib-2.0.so.0"), ["libglib-2.0-0", "libglib-2.0-0t64"]);
        assert!(library_packages("fixdep").is_empty());
    }

    #[test]
    fn a_package_is_installed_again_only_for_a_program_it_has_lost() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let mut status = String::new();
        for package in ["gcc-12", "gcc-13", "gcc-14"] {
            status.push_str(&format!("Package: {package}\nStatus: install ok installed\nArchitecture: amd64\n\n"));
            write(&format!("var/lib/dpkg/info/{package}.list"), &format!("/usr/bin\n/usr/bin/{package}\n"));
        }
        write("var/lib/dpkg/status", &status);
        write("var/lib/dpkg/info/gcc-14.list", "/usr/share/doc/gcc-14\n");
        write("usr/bin/gcc-12", "");
        let root = Rc::new(Sysroot::open(dir.path()).unwrap());
        let advice = Advice::new(Rc::clone(&root), Rc::new(Database::new(root, crate::Told::default())));
        let kernel = Kernel {
            release: "6.1".parse().unwrap(),
            dir: RootPath::new("/lib/modules/6.1"),
            image: RootPath::new("/boot/vmlinuz-6.1"),
            running: false,
            kept: None,
        };
        let candidates = |program: &str| advice.candidates(&Need::Program(program.to_owned()), &kernel, None);
        assert!(candidates("gcc-12").is_empty(), "it is there");
        assert!(candidates("x86_64-linux-gnu-gcc-14").iter().all(|package| package != "gcc-14"), "it never has it");
        assert_eq!(candidates("gcc-13"), ["gcc-13"], "it was deleted");
        assert_eq!(candidates("gcc-11"), ["gcc-11"], "it is not installed");
        assert_eq!(candidates("as"), ["binutils"], "what is named after another package");
        assert_eq!(candidates("x86_64-linux-gnu-ld"), ["binutils-x86-64-linux-gnu"]);
    }

    #[test]
    fn only_what_leaves_by_itself_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("var/lib/dpkg/status", "Package: h\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n");
        write("var/lib/apt/extended_states", "Package: h\nArchitecture: amd64\nAuto-Installed: 1\n");
        let root = Rc::new(Sysroot::open(dir.path()).unwrap());
        let advice = Advice::new(Rc::clone(&root), Rc::new(Database::new(root, crate::Told::default())));
        let keep = |why: Why| {
            let package = PackageId::new("h");
            let element = kbuild_guard::transaction::Element {
                package: package.clone(),
                version: "1".to_owned(),
                files: kbuild_guard::transaction::Files::InDatabase,
                why,
            };
            let transaction = Transaction { leaving: vec![element], ..Transaction::default() };
            advice.keep(&[package], &transaction)
        };
        assert_eq!(keep(Why::Auto).as_deref(), Some("apt-mark manual h"));
        assert_eq!(keep(Why::Unknown), None);
        assert_eq!(keep(Why::Asked), None);
    }

    #[test]
    fn anyway_in_the_words_of_whoever_was_called() {
        let dir = tempfile::tempdir().unwrap();
        let root = Rc::new(Sysroot::open(dir.path()).unwrap());
        let advice = Advice::new(Rc::clone(&root), Rc::new(Database::new(root, crate::Told::default())));
        let anyway = |line: &str| {
            let mut transaction = Transaction::default();
            transaction.driver.command_line = Some(line.to_owned());
            advice.anyway(&transaction)
        };
        assert_eq!(anyway("apt-get -y autoremove"), "apt-get -o KbuildGuard::Mode=warn -y autoremove");
        assert_eq!(anyway("aptitude remove x"), "aptitude -o KbuildGuard::Mode=warn remove x");
        assert_eq!(anyway("nala remove -y x"), "nala remove -o KbuildGuard::Mode=warn -y x");
        assert_eq!(anyway("nala autoremove"), "nala autoremove -o KbuildGuard::Mode=warn");
        assert_eq!(anyway("dpkg -P x"), "env KBUILD_GUARD_MODE=warn dpkg -P x");
        assert_eq!(anyway("dpkg -P $x"), "the same command behind env KBUILD_GUARD_MODE=warn");
        assert_eq!(anyway("apt remove $x"), "the same command with -o KbuildGuard::Mode=warn");
    }
}
