// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was true of a kernel's tree when the kernel was installed, or first seen: a file a kernel, for trees that no
//! package looks after.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{VERSION, write};
use crate::drift::{Identity, fnv1a};
use crate::error::Result;
use crate::kernels::Kernel;
use crate::release::Release;
use crate::sysroot::{RootPath, Sysroot, WalkEnd};

/// A file for each kernel is in here, called after its release.
const RECORDS: &str = "/var/lib/kbuild-guard/kernels";

/// The largest of them. What a record keeps of a configuration is bounded (64 KiB of names and values); JSON may need
/// six bytes for one.
const LARGEST_RECORD: usize = 1 << 19;

/// So many records are looked at when those of kernels that are gone are dropped.
const MOST_RECORDS: usize = 4096;

/// So much of an image tells it from any other build's: the boot header of x86 names the build and its date, and an
/// image that is packed differs from its first blocks on.
const START_OF_IMAGE: usize = 64 << 10;

/// What was true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    /// When it was written down: seconds since 1970.
    pub at: u64,
    /// Where the build link led, without any link.
    pub tree: String,
    /// Of the image: its size and a hash of its start. `None` where it could not be read.
    image: Option<(u64, u64)>,
    /// What the tree was.
    pub identity: Identity,
}

impl Record {
    /// What is true now of the kernel whose modules are built in `tree`.
    pub fn of(root: &Sysroot, kernel: &Kernel, tree: &RootPath) -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let identity = Identity::look(root, tree);
        Record { version: VERSION, at, tree: text(tree), image: image(root, &kernel.image), identity }
    }

    /// What was written down of this kernel, if anything was.
    pub fn load(root: &Sysroot, release: &Release) -> Option<Self> {
        let bytes = root.read(&place(release), LARGEST_RECORD).ok()?;
        serde_json::from_slice::<Record>(&bytes).ok().filter(|record| record.version == VERSION)
    }

    /// Writes it down.
    pub fn store(&self, root: &Sysroot, release: &Release) -> Result<()> {
        write(root, &text(&place(release)), self)
    }

    /// Forgets what was written down of this kernel.
    pub fn forget(root: &Sysroot, release: &Release) -> Result<()> {
        root.remove(&place(release))
    }

    /// Whether the image is the one of which this was written down. Another one was installed since, and nobody called
    /// us: what the tree is now is as good as what it was. An image that kernel-install has made of another cannot be
    /// compared; nor can one that we may not read.
    pub fn is_of(&self, root: &Sysroot, kernel: &Kernel) -> bool {
        let is_made = |path: &RootPath| path.as_path().extension().is_some_and(|extension| extension == "efi");
        match (self.image, image(root, &kernel.image)) {
            _ if is_made(&kernel.image) => true,
            (Some(was), Some(is)) => was == is,
            _ => true,
        }
    }

    /// Whether the build link led to this tree.
    pub fn is_at(&self, tree: &RootPath) -> bool {
        self.tree == text(tree)
    }

    /// After a move of ours the link leads elsewhere, and is meant to: to nowhere, too, where it is back at what is gone.
    pub fn moved(root: &Sysroot, kernel: &Kernel) -> Result<()> {
        let link = kernel.dir.join("build");
        let Some(record) = Self::load(root, &kernel.release).filter(|_| root.link_status(&link).is_ok()) else {
            return Ok(());
        };
        match root.walk(&link).end {
            WalkEnd::Found { path, .. } | WalkEnd::Missing { path, .. } if !record.is_at(&path) => {
                Record { tree: text(&path), ..record }.store(root, &kernel.release)
            }
            _ => Ok(()),
        }
    }

    /// Drops the records of kernels whose modules are gone.
    pub fn sweep(root: &Sysroot) -> Result<()> {
        let directory = RootPath::new(RECORDS);
        let records = match root.list(&directory, MOST_RECORDS) {
            Err(error) if error.is_not_found() => return Ok(()),
            answer => answer?,
        };
        for entry in records {
            let release = entry.name.to_str().and_then(|name| name.strip_suffix(".json")?.parse::<Release>().ok());
            let is_gone = |release: &Release| {
                // A directory that cannot be looked at is not gone, nor is all of them when none is mounted.
                let is_missing = |path: &RootPath| root.status(path).is_err_and(|error| error.is_not_found());
                let all = ["/usr/lib/modules", "/lib/modules"].map(RootPath::new);
                all.iter().any(|modules| root.exists(modules))
                    && all.iter().all(|modules| is_missing(&modules.join(release.as_str())))
            };
            if release.as_ref().is_some_and(is_gone) {
                root.remove(&directory.join(&entry.name))?;
            }
        }
        Ok(())
    }
}

fn place(release: &Release) -> RootPath {
    RootPath::new(RECORDS).join(format!("{release}.json"))
}

/// Only ever compared with itself.
fn text(path: &RootPath) -> String {
    path.as_path().to_string_lossy().into_owned()
}

fn image(root: &Sysroot, path: &RootPath) -> Option<(u64, u64)> {
    let start = root.read_start(path, START_OF_IMAGE).ok()?;
    Some((root.status(path).ok()?.size, fnv1a(&start)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn system() -> (tempfile::TempDir, Sysroot, Kernel) {
        let dir = tempfile::tempdir().unwrap();
        for path in ["lib/modules/6.1.0-felix", "home/felix/linux", "usr/src/copy", "boot"] {
            fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        fs::write(dir.path().join("boot/vmlinuz-6.1.0-felix"), "one").unwrap();
        symlink("/home/felix/linux", dir.path().join("lib/modules/6.1.0-felix/build")).unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let kernel = Kernel {
            release: "6.1.0-felix".parse().unwrap(),
            dir: RootPath::new("/lib/modules/6.1.0-felix"),
            image: RootPath::new("/boot/vmlinuz-6.1.0-felix"),
            running: false,
            kept: None,
        };
        (dir, root, kernel)
    }

    fn store(root: &Sysroot, kernel: &Kernel) -> Record {
        let record = Record::of(root, kernel, &RootPath::new("/home/felix/linux"));
        record.store(root, &kernel.release).unwrap();
        record
    }

    #[test]
    fn is_remembered_as_it_was() {
        let (_dir, root, kernel) = system();
        assert_eq!(Record::load(&root, &kernel.release), None);
        let record = store(&root, &kernel);
        assert_eq!(Record::load(&root, &kernel.release), Some(record));
        for bytes in [&b"{"[..], b"{\"version\":9}", b"\xff"] {
            root.replace(&place(&kernel.release), bytes).unwrap();
            assert_eq!(Record::load(&root, &kernel.release), None);
        }
        Record::forget(&root, &kernel.release).unwrap();
        Record::forget(&root, &kernel.release).unwrap();
    }

    #[test]
    fn another_image_is_another_kernel() {
        let (dir, root, kernel) = system();
        let record = store(&root, &kernel);
        assert!(record.is_of(&root, &kernel));
        fs::write(dir.path().join("boot/vmlinuz-6.1.0-felix"), "two").unwrap();
        assert!(!record.is_of(&root, &kernel));
        let unread = Kernel { image: RootPath::new("/boot/none"), ..kernel.clone() };
        let made = Kernel { image: RootPath::new("/boot/vmlinuz-6.1.0-felix.efi"), ..kernel };
        assert!(record.is_of(&root, &unread) && record.is_of(&root, &made));
    }

    #[test]
    fn follows_a_move_of_ours() {
        let (dir, root, kernel) = system();
        let record = store(&root, &kernel);
        let link = dir.path().join("lib/modules/6.1.0-felix/build");
        fs::remove_file(&link).unwrap();
        Record::moved(&root, &kernel).unwrap();
        assert_eq!(Record::load(&root, &kernel.release), Some(record.clone()));
        symlink("/usr/src/copy", &link).unwrap();
        Record::moved(&root, &kernel).unwrap();
        let moved = Record::load(&root, &kernel.release).unwrap();
        assert!(moved.is_at(&RootPath::new("/usr/src/copy")) && moved.identity == record.identity);
        fs::remove_file(&link).unwrap();
        symlink("/home/felix/gone", &link).unwrap();
        Record::moved(&root, &kernel).unwrap();
        assert!(Record::load(&root, &kernel.release).unwrap().is_at(&RootPath::new("/home/felix/gone")));
    }

    #[test]
    fn goes_with_the_kernel_and_not_with_a_mount() {
        let (dir, root, kernel) = system();
        store(&root, &kernel);
        Record::sweep(&root).unwrap();
        assert!(Record::load(&root, &kernel.release).is_some());
        fs::rename(dir.path().join("lib/modules"), dir.path().join("away")).unwrap();
        Record::sweep(&root).unwrap();
        assert!(Record::load(&root, &kernel.release).is_some(), "no modules at all: something is not mounted");
        fs::create_dir(dir.path().join("lib/modules")).unwrap();
        Record::sweep(&root).unwrap();
        assert!(Record::load(&root, &kernel.release).is_none());
    }
}
