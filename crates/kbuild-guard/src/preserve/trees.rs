// SPDX-License-Identifier: MIT OR Apache-2.0
//! The trees of one kernel as they are to be copied: which directories, which side of a build each is, for which machine.

use super::Refusal;
use super::scan::Tree;
use crate::build_tree::build_inputs::Side;
use crate::build_tree::{Closure, Role, TreeConfig};
use crate::error::{Error, Result};
use crate::root_path::RootPath;
use crate::sysroot::Sysroot;

/// The largest text that is read: an `auto.conf` is 250 kB.
const LARGEST_TEXT: usize = 4 << 20;

/// More architectures than there are.
const MOST_ARCHITECTURES: usize = 256;

/// Options that an architecture is known by, where its directory has another name.
const OPTIONS: [(&str, &str); 4] =
    [("powerpc", "CONFIG_PPC"), ("sh", "CONFIG_SUPERH"), ("um", "CONFIG_UML"), ("x86", "CONFIG_X86")];

/// The trees that modules of a kernel are built from.
#[derive(Debug)]
pub(super) struct Trees {
    /// The tree that make runs in.
    pub(super) build: RootPath,
    /// The tree with the kernel's Makefile; the same, but for `make O=`.
    pub(super) source: RootPath,
    /// The source, the build tree, and what else their links lead to.
    pub(super) all: Vec<Tree>,
    /// Who owns the build tree.
    pub(super) owner: u32,
    /// The name of the architecture's directory.
    pub(super) arch: String,
    /// The architecture's own Makefile.
    pub(super) makefile: String,
    /// The configuration.
    pub(super) config: TreeConfig,
}

impl Trees {
    /// Opens the trees of a closure that is complete.
    pub(super) fn open(root: &Sysroot, closure: &Closure) -> Result<Self> {
        let unusable = |cause: &str| {
            let path = closure.build_tree().unwrap_or(&closure.link.path).clone();
            Error::from(Refusal::Unusable { path, cause: cause.to_owned() })
        };
        let build = closure.build_tree().ok_or_else(|| unusable("the link leads nowhere"))?.clone();
        let source = closure.source.clone().ok_or_else(|| unusable("it has no kernel's Makefile"))?;
        let held = |path: &RootPath, sides: &[Side]| -> Result<Tree> { Ok(Tree::new(root.hold(path)?, sides)) };
        let mut all = match build == source {
            true => vec![held(&build, &[Side::Source, Side::Build])?],
            false => vec![held(&source, &[Side::Source])?, held(&build, &[Side::Build])?],
        };
        let others = closure.hops.iter().filter(|hop| hop.role != Role::BuildLink);
        for hop in others.filter(|hop| hop.path != build && hop.path != source) {
            all.push(held(&hop.path, &[])?);
        }
        let owner = root.hold(&build)?.own_status()?.uid;
        let text = |path: &RootPath| -> Result<String> {
            Ok(String::from_utf8_lossy(&root.read(path, LARGEST_TEXT)?).into_owned())
        };
        let config = TreeConfig::new(text(&build.join("include/config/auto.conf"))?);
        let arch = find_arch(root, &build, &config).ok_or_else(|| unusable("it shows no architecture"))?;
        let makefile = text(&source.join("arch").join(&arch).join("Makefile"))?;
        Ok(Trees { build, source, all, owner, arch, makefile, config })
    }

    /// Refuses a tree below a directory that is closed to its owner: somebody else's, who let nobody in.
    pub(super) fn refuse_secluded(&self, root: &Sysroot) -> Result<()> {
        let above = self.all.iter().flat_map(|tree| tree.held().path().as_path().ancestors().skip(1));
        for path in above.map(RootPath::new) {
            let status = root.link_status(&path)?;
            if self.owner != 0 && status.uid != self.owner && status.mode & 0o001 == 0 {
                return Err(Refusal::ForeignSecret { path }.into());
            }
        }
        Ok(())
    }

    /// Files that a build tree has and a copy does not, that somebody may miss.
    pub(super) fn missed(&self, root: &Sysroot) -> Vec<(RootPath, &'static str)> {
        let has_btf = self.config.is_set("CONFIG_DEBUG_INFO_BTF_MODULES");
        let is_signed = self.config.is_set("CONFIG_MODULE_SIG");
        [
            ("vmlinux", has_btf, "as large as a hundred copies; modules built from the copy have no BTF"),
            (
                "certs/signing_key.pem",
                is_signed,
                "the kernel's private key; keep it yourself where modules must be signed with it",
            ),
        ]
        .into_iter()
        .filter(|(_, is_used, _)| *is_used)
        .map(|(path, _, why)| (self.build.join(path), why))
        .filter(|(path, _)| root.link_status(path).is_ok())
        .collect()
    }
}

/// The architecture that a tree was built for. A tree may have been built for several, one after the other.
fn find_arch(root: &Sysroot, build: &RootPath, config: &TreeConfig) -> Option<String> {
    let arch = build.join("arch");
    let mut built: Vec<String> = root
        .list(&arch, MOST_ARCHITECTURES)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|entry| entry.name.into_string().ok())
        .filter(|name| root.exists(&arch.join(name).join("include/generated")))
        .collect();
    let is_configured = |name: &String| {
        let other = OPTIONS.iter().find(|(arch, _)| arch == name).map(|(_, option)| (*option).to_owned());
        config.is_set(&other.unwrap_or_else(|| format!("CONFIG_{}", name.to_ascii_uppercase())))
    };
    match built.as_slice() {
        [only] => Some(only.clone()),
        _ => built.iter().position(is_configured).map(|index| built.swap_remove(index)),
    }
}
