// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who needs a kernel's headers.

mod akmods;
mod dkms;
mod dkms_conf;
mod out_of_tree;

use std::fmt;

use crate::error::Result;
use crate::kernels::Kernel;
use crate::machine::{ElfMachine, Machine};
use crate::package_db::PackageDb;
use crate::quote::quoted_text;
use crate::sysroot::{RootPath, Sysroot};

/// What rebuilds, or would have to rebuild, a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Builder {
    /// dkms.
    Dkms,
    /// akmods.
    Akmods,
    /// A person: the module lies in `updates/` or `extra/` and no package owns it.
    Hand,
    /// Nobody yet: the kernel this one succeeds had headers. At install time only.
    Predecessor,
}

impl Builder {
    /// The name as it stands in messages.
    pub fn name(self) -> &'static str {
        match self {
            Builder::Dkms => "DKMS",
            Builder::Akmods => "akmods",
            Builder::Hand => "hand-built",
            Builder::Predecessor => "the headers of its predecessor",
        }
    }
}

/// One module that needs a kernel's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// Who builds it.
    pub builder: Builder,
    /// The module, made fit for a terminal.
    pub module: String,
    /// Its version, where there is one, made fit for a terminal.
    pub version: Option<String>,
    /// If a package that owns one of these leaves, the demand goes with it.
    pub anchors: Vec<RootPath>,
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{} {version}", self.module),
            None => f.write_str(&self.module),
        }
    }
}

/// What is registered with the builders of a root, read once for all its kernels.
#[derive(Debug, Default)]
pub struct Register {
    dkms: Vec<dkms::Added>,
    machine: Option<&'static str>,
    akmods: Vec<Demand>,
}

impl Register {
    /// Reads what is registered. What cannot be read needs nothing: a demand only ever makes us louder.
    pub fn read(root: &Sysroot, machine: &Machine) -> Self {
        let machine = machine.own.and_then(ElfMachine::uname);
        Register { dkms: dkms::added(root), machine, akmods: akmods::registered(root) }
    }

    /// Who needs the headers of `kernel`.
    pub fn of(&self, root: &Sysroot, db: &dyn PackageDb, kernel: &Kernel) -> Result<Vec<Demand>> {
        let mut demand: Vec<Demand> =
            self.dkms.iter().filter_map(|added| added.demand(root, self.machine, kernel)).collect();
        demand.extend(self.akmods.iter().cloned());
        let known = || self.dkms.iter().flat_map(|added| added.module_names(root, kernel)).collect();
        demand.extend(out_of_tree::modules(root, db, kernel, known)?);
        Ok(demand)
    }
}

fn shown(text: &str) -> String {
    quoted_text(text)
}
