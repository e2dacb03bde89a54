// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a person can do, in the words of dnf or zypper. A package that no cache tells of is named with that said.

use std::rc::Rc;

use kbuild_guard::kernels::Kernel;
use kbuild_guard::package_db::{Advisor, Need, PackageId, Remedy, WayBack};
use kbuild_guard::sysroot::{RootPath, Sysroot};
use kbuild_guard::transaction::{Transaction, Why};

use super::Database;
use super::cached::{FrontEnd, Offered, is_name};
use super::kernel_names::{are_headers_of, headers_of};
use super::owners::Installed;
use crate::plain_words::plain_words;

/// dnf or zypper as an adviser.
#[derive(Debug)]
pub struct Advice {
    root: Rc<Sysroot>,
    db: Rc<Database>,
    at_work: Option<FrontEnd>,
}

/// What would mend something.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Candidate {
    /// The headers of the kernel whose image this package has, and their name.
    Headers { name: String, image: Installed },
    /// An installed package whose files are gone.
    Again(Installed),
    /// Any version of a package.
    Any(String),
}

impl Candidate {
    fn name(&self) -> &str {
        match self {
            Candidate::Headers { name, .. } | Candidate::Any(name) => name,
            Candidate::Again(installed) => &installed.name,
        }
    }

    fn is(&self, offered: &Offered) -> bool {
        let same = |vr: &str| offered.vr == vr;
        offered.name == self.name()
            && match self {
                Candidate::Headers { image, .. } => are_headers_of(&offered.vr, image),
                Candidate::Again(of) => same(&format!("{}-{}", of.version, of.release)),
                Candidate::Any(_) => true,
            }
    }
}

impl Advice {
    /// For this root.
    pub fn new(root: Rc<Sysroot>, db: Rc<Database>) -> Self {
        Advice { root, db, at_work: None }
    }

    /// The same while a program is at work, which may be a front end.
    pub(super) fn during(self, program: &str) -> Self {
        let at_work = FrontEnd::of_program(&self.root, program);
        Advice { at_work, ..self }
    }

    fn front_end(&self) -> Option<FrontEnd> {
        self.at_work.or_else(|| FrontEnd::of(&self.root))
    }

    fn candidate(&self, need: &Need, kernel: &Kernel) -> Option<Candidate> {
        let owner = |path: &RootPath| {
            let owners = self.db.installed_owners(std::slice::from_ref(path)).ok()?;
            owners.first()?.first().cloned()
        };
        match need {
            Need::Headers => {
                let image = owner(&kernel.image)?;
                let vr = format!("{}-{}", image.version, image.release);
                let (name, of) = (headers_of(&image.name), format!("{vr}.{}", image.arch));
                let installed = self.db.named(&format!("{name}-{of}")).unwrap_or_default();
                Some(installed.into_iter().next().map_or(Candidate::Headers { name, image }, Candidate::Again))
            }
            Need::Path(path) => owner(path).map(Candidate::Again),
            Need::Program(program) => {
                // The program of another compiler's target is in that compiler's package.
                let own = program.rsplit_once("-linux-gnu-").map_or(program.as_str(), |(_, own)| own);
                let name = match own {
                    "as" | "ld" | "objcopy" | "nm" | "strip" => "binutils",
                    "pahole" => "dwarves",
                    other => other,
                };
                is_name(name).then(|| Candidate::Any(name.to_owned()))
            }
            Need::Advice => None,
        }
    }

    /// What brings a candidate, as far as it is proved.
    fn remedy(&self, front_end: FrontEnd, candidate: &Candidate, offered: Option<&[Offered]>) -> Option<Remedy> {
        let name = candidate.name();
        match (candidate, offered.and_then(|offered| offered.iter().find(|one| candidate.is(one)))) {
            (Candidate::Again(_), Some(offered)) => Some(Remedy::Command(again(front_end, offered))),
            // What rpm has is proved to exist, even where no repository has it now.
            (Candidate::Again(installed), None) => {
                Some(Remedy::Advice(format!("install the package {} again", installed.id())))
            }
            (Candidate::Headers { .. }, Some(offered)) => Some(Remedy::Command(exactly(front_end, &[offered]))),
            (Candidate::Headers { image, .. }, None) => {
                let package = match image.name.ends_with("-base") {
                    true => format!("the {name} of {}", image.id()),
                    false => format!("{name}-{}-{}", image.version, image.release),
                };
                Some(Remedy::Advice(if knows(offered, name) {
                    format!("install {package}; no repository seems to have it any more")
                } else {
                    format!("install {package}, if a repository has it: {} does not know", front_end.name())
                }))
            }
            (Candidate::Any(_), Some(_)) => Some(Remedy::Command(format!("{} install {name}", front_end.name()))),
            (Candidate::Any(_), None) => None,
        }
    }
}

impl Advisor for Advice {
    fn provide(&self, asked: &[(&Need, &Kernel)]) -> Vec<Option<Remedy>> {
        let Some(front_end) = self.front_end() else { return vec![None; asked.len()] };
        let candidates: Vec<Option<Candidate>> =
            asked.iter().map(|(need, kernel)| self.candidate(need, kernel)).collect();
        let mut names: Vec<&str> = candidates.iter().flatten().map(Candidate::name).collect();
        names.sort_unstable();
        names.dedup();
        let offered = front_end.offered(&self.root, &names);
        let remedy = |candidate: &Candidate| self.remedy(front_end, candidate, offered.as_deref());
        candidates.iter().map(|candidate| candidate.as_ref().and_then(remedy)).collect()
    }

    fn keep(&self, packages: &[PackageId], transaction: &Transaction) -> Option<String> {
        let is_auto = |package: &&PackageId| {
            transaction.leaving.iter().any(|element| element.package == **package && element.why == Why::Auto)
        };
        let names = packages.iter().all(|package| is_auto(&package)).then(|| joined(packages))?;
        // zypper has no word for it.
        match self.front_end()? {
            FrontEnd::Dnf5 => Some(format!("dnf mark user {names}")),
            FrontEnd::Dnf4 => Some(format!("dnf mark install {names}")),
            FrontEnd::Zypper => None,
        }
    }

    /// rpm's library has no options for plugins; what stands before the program in the environment reaches them.
    fn anyway(&self, transaction: &Transaction) -> String {
        let variable = "env KBUILD_GUARD_MODE=warn";
        let typed = transaction.driver.command_line.as_deref();
        match typed.and_then(plain_words) {
            Some(line) => format!("{variable} {line}"),
            None if typed.is_none() && transaction.arriving.is_empty() => {
                let program = self.front_end().map_or("rpm -e", |front_end| match front_end {
                    FrontEnd::Dnf5 | FrontEnd::Dnf4 => "dnf remove",
                    FrontEnd::Zypper => "zypper remove",
                });
                format!("{variable} {program} {}", joined(&transaction.gone()))
            }
            None => format!("the same command behind {variable}"),
        }
    }

    fn bring_back(&self, packages: &[PackageId]) -> WayBack {
        let Some(front_end) = self.front_end() else { return WayBack::Unknown };
        // Where several versions are installed it is the very one that leaves.
        let wanted: Vec<(&str, &str)> = packages.iter().filter_map(|package| parts(package.as_str())).collect();
        let names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
        let Some(offered) = front_end.offered(&self.root, &names) else { return WayBack::Unknown };
        let is_wanted = |one: &&Offered| {
            let vra = format!("{}.{}", one.vr, one.arch);
            wanted.iter().any(|(name, of)| one.name == *name && vra == *of)
        };
        let found: Vec<&Offered> = offered.iter().filter(is_wanted).collect();
        match found.as_slice() {
            [] if names.iter().all(|name| !knows(Some(&offered), name)) => WayBack::Unknown,
            [] => WayBack::Gone,
            found => WayBack::Command(exactly(front_end, found)),
        }
    }
}

/// Whether any version of a name is offered. If none is, the front end may have no cache to know it from.
fn knows(offered: Option<&[Offered]>, name: &str) -> bool {
    offered.is_some_and(|offered| offered.iter().any(|one| one.name == name))
}

/// The command that installs these versions.
fn exactly(front_end: FrontEnd, packages: &[&Offered]) -> String {
    let words = packages.iter().map(|Offered { name, vr, arch }| match front_end {
        FrontEnd::Dnf5 | FrontEnd::Dnf4 => format!("{name}-{vr}.{arch}"),
        FrontEnd::Zypper => format!("{name}={vr}"),
    });
    format!("{} install {}", front_end.name(), words.collect::<Vec<String>>().join(" "))
}

/// The command that installs what rpm takes for installed.
fn again(front_end: FrontEnd, Offered { name, vr, arch }: &Offered) -> String {
    match front_end {
        FrontEnd::Dnf5 | FrontEnd::Dnf4 => format!("dnf reinstall {name}-{vr}.{arch}"),
        FrontEnd::Zypper => format!("zypper install --force {name}={vr}"),
    }
}

/// Name and `version-release.arch`.
fn parts(id: &str) -> Option<(&str, &str)> {
    let release = id.rfind('-')?;
    let version = id.get(..release)?.rfind('-')?;
    Some((id.get(..version)?, id.get(version + 1..)?))
}

fn joined(packages: &[PackageId]) -> String {
    packages.iter().map(PackageId::as_str).collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_name_versions_as_each_front_end_does() {
        assert_eq!(parts("kernel-devel-6.8.5-301.fc40.x86_64"), Some(("kernel-devel", "6.8.5-301.fc40.x86_64")));
        assert_eq!(parts("kernel-devel"), None);
        let package = Offered { name: "k-devel".to_owned(), vr: "1-2".to_owned(), arch: "x86_64".to_owned() };
        assert_eq!(exactly(FrontEnd::Dnf5, &[&package]), "dnf install k-devel-1-2.x86_64");
        assert_eq!(exactly(FrontEnd::Zypper, &[&package]), "zypper install k-devel=1-2");
        assert_eq!(again(FrontEnd::Zypper, &package), "zypper install --force k-devel=1-2");
    }
}
