// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packages made up inside a root, for what Debian 12 does not have: the layouts of other distributions, other
//! architectures, versions to upgrade to.

use test_roots::{Outcome, Result, Root};

/// A package to be.
#[derive(Debug, Clone)]
pub struct MadeUp {
    name: String,
    version: String,
    arch: String,
    fields: String,
    files: String,
}

impl MadeUp {
    /// Of the architecture `amd64`, without files.
    pub fn new(name: &str, version: &str) -> Self {
        MadeUp {
            name: name.to_owned(),
            version: version.to_owned(),
            arch: "amd64".to_owned(),
            fields: String::new(),
            files: String::new(),
        }
    }

    /// Of another architecture.
    pub fn arch(mut self, arch: &str) -> Self {
        arch.clone_into(&mut self.arch);
        self
    }

    /// A field of its control file, for instance `Depends: x`.
    pub fn field(mut self, line: &str) -> Self {
        self.fields.push_str(line);
        self.fields.push('\n');
        self
    }

    /// A shell command that puts files into its directory, where it runs.
    pub fn files(mut self, command: &str) -> Self {
        self.files.push_str(command);
        self.files.push('\n');
        self
    }

    /// Builds it in the root; returns where it is.
    pub fn build(&self, root: &Root) -> Result<String> {
        let Self { name, version, arch, fields, files } = self;
        let deb = format!("/made-up/{name}_{version}_{arch}.deb");
        let script = format!(
            "set -eu\nrm -rf /made-up/x; mkdir -p /made-up/x/DEBIAN; cd /made-up/x\n{files}\ncat >DEBIAN/control <<'END'\n\
             Package: {name}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: Nobody <nobody@example.org>\n\
             {fields}Description: made up\nEND\ndpkg-deb --root-owner-group -Znone --build /made-up/x '{deb}'\n"
        );
        root.sh(&script)?.success()?;
        Ok(deb)
    }
}

/// Runs apt-get with these words. What it installs lies in its cache or is named by its path.
pub fn apt(root: &Root, words: &str) -> Result<Outcome> {
    root.sh(&format!("apt-get -y {words}"))
}
