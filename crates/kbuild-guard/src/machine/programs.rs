// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where programs are that a build runs by their names.

use crate::sysroot::{Kind, RootPath, Sysroot};

/// Where root's PATH looks on every distribution.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The executable file of this name; an absolute name is taken as it is.
pub fn find_program(root: &Sysroot, name: &str) -> Option<RootPath> {
    let is_program =
        |path: &RootPath| root.status(path).is_ok_and(|status| status.kind == Kind::File && status.is_executable());
    if name.starts_with('/') {
        return Some(RootPath::new(name)).filter(is_program);
    }
    PATH.iter().map(|dir| RootPath::new(dir).join(name)).find(is_program)
}
