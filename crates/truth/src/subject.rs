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
    /// How the release ends; the newest such is taken.
    flavour: &'static str,
    /// What is done in a root before anything else; $R is the release.
    setup: &'static str,
}

/// Every subject there is.
pub const SUBJECTS: &[Subject] = &[
    Subject { name: "debian12-6.1-cloud", base: Base::debian12_kernels, flavour: "-cloud-amd64", setup: ":" },
    Subject { name: "debian13-6.12-cloud", base: Base::debian13_kernels, flavour: "-cloud-amd64", setup: ":" },
];

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
        let release = base.releases().iter().rev().find(|release| release.ends_with(self.flavour)).cloned();
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
        if self.subject.setup != ":" {
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
