// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system's own programs that a build runs, the compiler aside.

use super::compiler::prefix;
use super::inspection::Inspection;
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::PROGRAMS;
use crate::package_db::Need;
use crate::quote::quoted_text;
use crate::sysroot::{RootPath, WalkEnd};

/// One finding a program.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    let prefix = prefix(inspection);
    // Who installs a compiler gets what it needs along with it.
    let no_compiler = inspection.has(FindingId::CompilerMissing);
    for program in PROGRAMS {
        if (program.is_of_compiler && no_compiler) || !inspection.is_read_when(program.when) {
            continue;
        }
        let name = format!("{}{}", if program.is_prefixed { prefix.as_str() } else { "" }, program.name);
        if inspection.known.program(inspection.root, &name).is_none() {
            let cause = format!("there is no {} in PATH; {}", quoted_text(&name), program.why);
            let need = need(inspection, name);
            let path = inspection.build.clone();
            inspection.add(FindingId::ProgramMissing, Effect::NoBuild, path, cause, need);
        }
    }
}

/// What brings a program: where its name is still there, as a link, what that led to.
fn need(inspection: &Inspection<'_>, name: String) -> Need {
    match inspection.root.walk(&RootPath::new("/usr/bin").join(&name)).end {
        WalkEnd::Missing { path, .. } if path.file_name() != name.as_str() => Need::Path(path),
        _ => Need::Program(name),
    }
}
