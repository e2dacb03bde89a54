// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a layer removed of those below it, as a list: overlay marks it with device nodes and attributes that only
//! a process with every right can read, and a copy of the layers must know it as well.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::root::Root;

/// Directories that are mounted over while a root runs, so that it cannot tell what it has in them.
const MOUNTED_OVER: [&str; 4] = ["dev", "proc", "run", "tmp"];

/// The paths below that the running root does not show any more, or shows as a directory where there was none or the
/// other way round; of a tree, only its top.
pub(crate) fn hidden(root: &Root, below: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let words = ["find", "/", "-xdev", "-mindepth", "1", "-printf", r"%y%P\0"];
    let listing = root.command(&words).split()?.success()?.stdout_bytes;
    let shown: HashMap<&Path, bool> = listing
        .split(|byte| *byte == 0)
        .filter_map(|line| line.split_first())
        .map(|(kind, path)| (Path::new(OsStr::from_bytes(path)), *kind == b'd'))
        .collect();
    let mut gone = Vec::new();
    for layer in below {
        compare(layer, Path::new(""), &shown, &mut gone)?;
    }
    Ok(gone)
}

fn compare(layer: &Path, inside: &Path, shown: &HashMap<&Path, bool>, gone: &mut Vec<PathBuf>) -> Result<()> {
    let directory = layer.join(inside);
    for entry in fs::read_dir(&directory).map_err(Error::io("list", &directory))? {
        let entry = entry.map_err(Error::io("list", &directory))?;
        let path = inside.join(entry.file_name());
        if MOUNTED_OVER.iter().any(|name| path == Path::new(name)) {
            continue;
        }
        let kind = entry.file_type().map_err(Error::io("look at", &directory))?;
        if shown.get(path.as_path()) != Some(&kind.is_dir()) {
            gone.push(path);
        } else if kind.is_dir() {
            compare(layer, &path, shown, gone)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::bases::{Base, Layer};
    use crate::root::assemble;
    use crate::root::namespace::Tree;

    #[test]
    #[ignore = "needs root, the right to mount and a base"]
    fn a_copy_of_layers_is_what_the_overlay_showed() {
        let base = Base::debian12(&mut |_| {}).unwrap();
        let stage = tempfile::tempdir_in(base.directory().parent().unwrap()).unwrap();
        for name in ["root", "work", "place", "copy"] {
            fs::create_dir(stage.path().join(name)).unwrap();
        }
        let tree = Tree::Layer { layers: base.directories(), stage: stage.path().to_owned() };
        let root = Root::for_building(&tree, &stage.path().join("place")).unwrap();
        let script = "rm /etc/debian_version; rm -r /usr/share/doc; rm -r /etc/apt/apt.conf.d; mkdir /etc/apt/apt.conf.d; \
                      echo x >/etc/apt/apt.conf.d/new; rm -r /var/log/apt; echo y >/var/log/apt; find /etc /var/log | sort";
        let shown = root.sh(script).unwrap().success().unwrap().output;
        let gone = hidden(&root, &base.directories()).unwrap();
        drop(root);
        for path in ["etc/debian_version", "usr/share/doc", "etc/apt/apt.conf.d/90test-roots"] {
            assert!(gone.contains(&PathBuf::from(path)), "{gone:?}");
        }

        let mut layers = vec![Layer { root: stage.path().join("root"), hidden: gone }];
        layers.extend(base.layers().iter().cloned());
        let copy = stage.path().join("copy");
        assemble(&layers, &copy).unwrap();
        let root = Root::for_building(&Tree::InPlace(copy.clone()), &stage.path().join("place")).unwrap();
        let copied = root.sh("find /etc /var/log | sort").unwrap().output;
        assert_eq!(copied, shown);
        assert!(!copy.join("usr/share/doc").exists());
        assert_eq!(fs::read(copy.join("var/log/apt")).unwrap(), b"y\n");
    }
}
