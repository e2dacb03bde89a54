// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was seen and said last, so that nothing is said twice and nothing is read in vain. Losing it
//! costs a repeated message or a longer look and nothing else: whatever is wrong with these files, there
//! simply is no memory.

mod record;
mod reported;
mod seen;
mod sound_trees;
mod spoken;
mod walked;

pub use record::Record;
pub use reported::Reported;
pub use seen::{Seen, SeenKernel};
pub use sound_trees::{SoundTree, SoundTrees};
pub use spoken::Spoken;
pub use walked::Walked;

use serde::Serialize;

use crate::error::Result;
use crate::sysroot::{RootPath, Sysroot};

/// The format of all files. A file of another format is as good as none.
const VERSION: u32 = 1;

/// Larger than what a thousand kernels need.
const LARGEST: usize = 1 << 22;

fn write(root: &Sysroot, path: &str, value: &impl Serialize) -> Result<()> {
    let path = RootPath::new(path);
    let bytes = serde_json::to_vec(value).map_err(|error| crate::error::Error::Io {
        operation: "write",
        path: path.clone(),
        source: error.into(),
    })?;
    root.replace(&path, &bytes)
}
