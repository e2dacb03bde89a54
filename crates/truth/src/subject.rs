// SPDX-License-Identifier: MIT OR Apache-2.0
//! The systems that are measured: a base, one of its kernels, and how its trees got there. One more is one more row.

use test_roots::{Base, Root};

use crate::error::{Error, Result};

/// Obtains a base.
type Obtain = fn(&mut dyn FnMut(&str)) -> test_roots::Result<Base>;

/// A kind of trees, in a system.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// Its name, on the command line, in results and reports.
    pub name: &'static str,
    base: Obtain,
    /// How the release begins.
    series: &'static str,
    /// How it ends; the newest such is taken.
    flavour: &'static str,
    /// What is done in a root before anything else; $R is the release.
    setup: &'static str,
}

/// The endings of Debian's releases, the longer ones first: each is the end of the next.
const FLAVOURS: [&str; 3] = ["-cloud-amd64", "-rt-amd64", "-amd64"];

/// Every subject there is.
pub const SUBJECTS: &[Subject] = &[
    packaged("debian12-6.1-cloud", Base::debian12_kernels, "6.1.", "-cloud-amd64"),
    packaged("debian13-6.12-cloud", Base::debian13_kernels, "6.12.", "-cloud-amd64"),
    // The same trees where no list of a package's files tells what is gone.
    packaged("debian12-6.1-cloud-unowned", Base::debian12_unowned, "6.1.", "-cloud-amd64"),
    packaged("debian13-6.12-cloud-unowned", Base::debian13_unowned, "6.12.", "-cloud-amd64"),
    packaged("debian12-6.1-amd64", Base::debian12_flavours, "6.1.", "-amd64"),
    packaged("debian12-6.1-rt", Base::debian12_flavours, "6.1.", "-rt-amd64"),
    packaged("debian12-6.12-amd64", Base::debian12_flavours, "6.12.", "-amd64"),
    packaged("debian13-6.12-amd64", Base::debian13_flavours, "6.12.", "-amd64"),
    self_built("self-built-full", "ln -sfn /usr/src/felix-full /lib/modules/$R/build"),
    self_built(
        "self-built-o",
        "ln -sfn /usr/src/felix-o /lib/modules/$R/build; ln -sfn /usr/src/felix-source /lib/modules/$R/source",
    ),
    self_built(
        "self-built-prepared",
        "ln -sfn /usr/src/felix-prepared /lib/modules/$R/build; ln -sfn /usr/src/felix-source /lib/modules/$R/source",
    ),
    self_built("self-built-package", "ln -sfn /usr/src/felix-package /lib/modules/$R/build; rm /lib/modules/$R/source"),
];

/// One whose trees are where its base has them.
const fn packaged(name: &'static str, base: Obtain, series: &'static str, flavour: &'static str) -> Subject {
    Subject { name, base, series, flavour, setup: "" }
}

/// One of the trees of a kernel of somebody's own.
const fn self_built(name: &'static str, setup: &'static str) -> Subject {
    Subject { name, base: Base::debian12_self_built_trees, series: "6.1.", flavour: "-felix", setup }
}

/// The flavour of a release, as its end.
fn flavour(release: &str) -> &str {
    let known = FLAVOURS.iter().copied().find(|flavour| release.ends_with(flavour));
    known.unwrap_or_else(|| release.rfind('-').and_then(|dash| release.get(dash..)).unwrap_or_default())
}

/// A subject whose base is there.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) subject: &'static Subject,
    pub(crate) base: Base,
    pub(crate) release: String,
}

impl Subject {
    /// Those with these names; all if none is named.
    pub fn named(names: &[String]) -> Result<Vec<&'static Self>> {
        if names.is_empty() {
            return Ok(SUBJECTS.iter().collect());
        }
        let find = |name: &String| {
            SUBJECTS.iter().find(|subject| subject.name == name).ok_or_else(|| {
                let known: Vec<&str> = SUBJECTS.iter().map(|subject| subject.name).collect();
                Error::NoSubject { asked: name.clone(), known: known.join(", ") }
            })
        };
        names.iter().map(find).collect()
    }

    /// Obtains the base and chooses the kernel.
    pub(crate) fn stage(&'static self, say: &mut dyn FnMut(&str)) -> Result<Stage> {
        let base = (self.base)(say)?;
        let fits = |release: &&String| release.starts_with(self.series) && flavour(release) == self.flavour;
        let release = base.releases().iter().rev().find(fits).cloned();
        let Some(release) = release else {
            return Err(Error::NoKernel { subject: self.name, found: base.releases().to_vec() });
        };
        Ok(Stage { subject: self, base, release })
    }
}

impl Stage {
    /// A fresh root without any fault, that runs the subject's kernel as far as /proc tells.
    pub(crate) fn root(&self) -> Result<Root> {
        let root = Root::builder(&self.base).running(&self.release).offline().start()?;
        if !self.subject.setup.is_empty() {
            root.command(&["sh", "-ec", self.subject.setup]).env("R", &self.release).run()?.success()?;
        }
        Ok(root)
    }

    /// What results hold for: they do as long as this stays.
    pub(crate) fn key(&self) -> String {
        let setup = test_roots::fnv1a(self.subject.setup.as_bytes());
        format!("{} {} {setup:016x}", self.base.identity(), self.release)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flavours_are_told_apart() {
        assert_eq!(flavour("6.1.0-56-amd64"), "-amd64");
        assert_eq!(flavour("6.1.0-56-cloud-amd64"), "-cloud-amd64");
        assert_eq!(flavour("6.12.117+deb13-rt-amd64"), "-rt-amd64");
        assert_eq!(flavour("6.1.192-felix"), "-felix");
        assert_eq!(flavour("6.1"), "");
    }

    #[test]
    fn an_unknown_subject_is_told_with_those_there_are() {
        let error = Subject::named(&["x".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("no subject x") && error.contains("debian13-6.12-cloud"), "{error}");
        assert_eq!(Subject::named(&[]).unwrap().len(), SUBJECTS.len());
    }
}
