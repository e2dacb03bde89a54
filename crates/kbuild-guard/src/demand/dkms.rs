// SPDX-License-Identifier: MIT OR Apache-2.0
//! Modules registered with dkms: built or installed for a kernel, or added with AUTOINSTALL and not
//! excluded for it. The layout of /var/lib/dkms is that of dkms 2.8 to 3.4 (dkms(8), "DKMS TREE").

use std::ffi::OsStr;

use super::dkms_conf::DkmsConf;
use super::out_of_tree::module_name;
use super::{Builder, Demand, shown};
use crate::build_tree::TreeConfig;
use crate::kernels::Kernel;
use crate::sysroot::{Kind, RootPath, Sysroot, WalkEnd};

const TREE: &str = "/var/lib/dkms";

/// dkms itself. Without it nothing is built for anybody.
const DKMS: &str = "/usr/sbin/dkms";

/// More modules or versions than anybody registers.
const MOST: usize = 1024;

/// A module added to dkms, in one version.
#[derive(Debug)]
pub(super) struct Added {
    name: String,
    version: String,
    dir: RootPath,
    conf: DkmsConf,
    anchors: Vec<RootPath>,
}

/// Everything added to dkms. What cannot be read is passed over.
pub(super) fn added(root: &Sysroot) -> Vec<Added> {
    let mut all = Vec::new();
    for name in directories(root, &RootPath::new(TREE)) {
        let module_dir = RootPath::new(TREE).join(&name);
        for version in directories(root, &module_dir) {
            // `kernel-R-ARCH` are links to what is installed, not versions; links are not directories here.
            let dir = module_dir.join(&version);
            let Ok(source) = root.link_status(&dir.join("source")) else { continue };
            if source.kind != Kind::Symlink && source.kind != Kind::Directory {
                continue;
            }
            let conf_path = dir.join("source/dkms.conf");
            // Where a link leads below an automount point that is not mounted, reading would mount it.
            let found = match root.walk(&conf_path).end {
                WalkEnd::Found { path, .. } => Some(path),
                _ => None,
            };
            let conf = DkmsConf::parse(&configuration(root, found.as_ref(), &name, &version));
            let anchors = found.into_iter().collect();
            all.push(Added { name: name.clone(), version, dir, conf, anchors });
        }
    }
    all
}

/// A module's dkms.conf with what the admin sets over it: dkms sources these after it (read_conf).
fn configuration(root: &Sysroot, path: Option<&RootPath>, name: &str, version: &str) -> String {
    let overrides = RootPath::new("/etc/dkms");
    let over = [format!("{name}.conf"), format!("{name}-{version}.conf")].map(|file| overrides.join(file));
    path.into_iter()
        .chain(&over)
        .map(|path| String::from_utf8_lossy(&root.read(path, 1 << 16).unwrap_or_default()).into_owned() + "\n")
        .collect()
}

impl Added {
    /// The names of the module files it installs for `kernel`: by its configuration, and, since a name
    /// may need a shell to be known, by what it has built.
    pub(super) fn module_names(&self, root: &Sysroot, kernel: &Kernel) -> Vec<String> {
        let mut names = self.conf.modules.clone();
        let built = self.dir.join(kernel.release.as_str());
        for arch in directories(root, &built) {
            let files = root.list(&built.join(arch).join("module"), MOST).unwrap_or_default();
            names.extend(files.iter().filter_map(|file| Some(module_name(file.name.to_str()?)?.to_owned())));
        }
        if names.is_empty() {
            names.push(self.name.clone());
        }
        names
    }

    /// The demand this module makes on `kernel`, if it does: it is built for it, or dkms would build it.
    pub(super) fn demand(&self, root: &Sysroot, machine: Option<&str>, kernel: &Kernel) -> Option<Demand> {
        let built = root.exists(&self.dir.join(kernel.release.as_str()));
        if !built && !self.would_be_built(root, machine, kernel) {
            return None;
        }
        let mut anchors = self.anchors.clone();
        if !built {
            // What is only to be built goes with the one who would build it.
            anchors.push(RootPath::new(DKMS));
        }
        Some(Demand { builder: Builder::Dkms, module: shown(&self.name), version: Some(shown(&self.version)), anchors })
    }

    fn would_be_built(&self, root: &Sysroot, machine: Option<&str>, kernel: &Kernel) -> bool {
        let config = || {
            let path = RootPath::new("/boot").join(format!("config-{}", kernel.release));
            root.read(&path, 1 << 20).map(|bytes| TreeConfig::new(String::from_utf8_lossy(&bytes)))
        };
        self.conf.autoinstall
            && root.exists(&RootPath::new(DKMS))
            && self.conf.wants(kernel.release.as_str())
            && machine.is_none_or(|machine| self.conf.wants_machine(machine))
            && (self.conf.only_config.is_none() || config().is_ok_and(|config| self.conf.wants_config(&config)))
    }
}

fn directories(root: &Sysroot, dir: &RootPath) -> Vec<String> {
    let entries = root.list(dir, MOST).unwrap_or_default();
    let is_directory =
        |name: &OsStr| root.link_status(&dir.join(name)).is_ok_and(|status| status.kind == Kind::Directory);
    entries
        .into_iter()
        .filter(|entry| entry.kind.map_or_else(|| is_directory(&entry.name), |kind| kind == Kind::Directory))
        .filter_map(|entry| entry.name.into_string().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn kernel(release: &str) -> Kernel {
        Kernel {
            release: release.parse().unwrap(),
            dir: RootPath::new("/lib/modules").join(release),
            image: RootPath::new("/boot/x"),
            running: false,
            kept: None,
        }
    }

    #[test]
    fn built_installed_or_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("usr/src/nvidia-535")).unwrap();
        fs::write(at("usr/src/nvidia-535/dkms.conf"), "AUTOINSTALL=yes\nBUILD_EXCLUSIVE_KERNEL=\"^6\"\n").unwrap();
        fs::create_dir_all(at("var/lib/dkms/nvidia/535")).unwrap();
        fs::create_dir_all(at("usr/sbin")).unwrap();
        fs::write(at("usr/sbin/dkms"), "").unwrap();
        symlink("/usr/src/nvidia-535", at("var/lib/dkms/nvidia/535/source")).unwrap();
        fs::create_dir_all(at("var/lib/dkms/old/1/5.10.0-1-amd64/x86_64")).unwrap();
        symlink("/usr/src/gone", at("var/lib/dkms/old/1/source")).unwrap();
        symlink("1/5.10.0-1-amd64/x86_64", at("var/lib/dkms/old/kernel-5.10.0-1-amd64-x86_64")).unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let all = added(&root);
        let of = |release: &str| -> Vec<String> {
            all.iter()
                .filter_map(|one| one.demand(&root, Some("x86_64"), &kernel(release)))
                .map(|d| d.to_string())
                .collect()
        };
        assert_eq!(of("6.1.0-56-amd64"), ["nvidia 535"]);
        assert_eq!(of("5.10.0-1-amd64"), ["old 1"]);
        assert!(of("5.10.0-2-amd64").is_empty());
        fs::remove_file(at("usr/sbin/dkms")).unwrap();
        assert!(of("6.1.0-56-amd64").is_empty(), "nobody is there to build it");
        assert_eq!(of("5.10.0-1-amd64"), ["old 1"], "what is built needs headers all the same");
        assert!(all[0].anchors.contains(&RootPath::new("/usr/src/nvidia-535/dkms.conf")));
    }

    #[test]
    fn no_dkms_no_demand() {
        let dir = tempfile::tempdir().unwrap();
        assert!(added(&Sysroot::open(dir.path()).unwrap()).is_empty());
    }
}
