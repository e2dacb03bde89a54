// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who one is in a user namespace one has just made.

use std::fs::OpenOptions;
use std::io::Write;

use crate::error::{Doing, Result};

/// Maps the user and group `inside` to what they are outside. The kernel lets an ordinary user map
/// themselves alone, and only after giving up setgroups (user_namespaces(7)).
pub(super) fn map(inside: (u32, u32), outside: (u32, u32)) -> Result<()> {
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("{} {} 1", inside.0, outside.0))?;
    write("/proc/self/gid_map", &format!("{} {} 1", inside.1, outside.1))
}

fn write(path: &str, text: &str) -> Result<()> {
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).doing("map users")
}
