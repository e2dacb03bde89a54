// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the compiler that a build would run is installed.

use super::inspection::Inspection;
use super::{Effect, FindingId};
use crate::package_db::Need;
use crate::present::quote::quoted_text;
use crate::sysroot::{Kind, RootPath};

/// Where root's PATH looks on every distribution.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The compiler by name where the tree asks for one, else kbuild's own choice.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    let variables = inspection.build.join(".kernelvariables");
    let text = inspection.text(&variables);
    let wanted = named_compiler(&text);
    let candidates: Vec<&str> = match wanted {
        Some(name) => vec![name],
        None if inspection.config.is_set("CONFIG_CC_IS_CLANG") => vec!["clang", "gcc"],
        None => vec!["gcc"],
    };
    if candidates.iter().any(|name| is_installed(inspection, name)) {
        return;
    }
    let Some(first) = candidates.first() else { return };
    let cause = match wanted {
        Some(name) => format!("the tree asks for {}, which is not in PATH", quoted_text(name)),
        None => format!("there is no {first} in PATH"),
    };
    let need = Need::Program((*first).to_owned());
    let path = if wanted.is_some() { variables } else { inspection.build.clone() };
    inspection.add(FindingId::CompilerMissing, Effect::NoBuild, path, cause, need);
}

/// The program in Debian's `CC = $(if …) $(CROSS_COMPILE)gcc-12`. A cross compiler is asked for by its
/// plain name: the prefix is empty when the tree is used on its own machine.
fn named_compiler(text: &str) -> Option<&str> {
    let value = text.lines().find_map(|line| {
        let line = line.strip_prefix("override ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        (name.trim_end_matches([':', '?', '+', ' ', '\t']) == "CC").then_some(value)
    })?;
    let word = value.split_ascii_whitespace().next_back()?;
    let name = word.rsplit(')').next().unwrap_or(word);
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+/".contains(&b));
    plain.then_some(name)
}

fn is_installed(inspection: &Inspection<'_>, name: &str) -> bool {
    let is_program = |path: RootPath| {
        inspection.root.status(&path).is_ok_and(|status| status.kind == Kind::File && status.is_executable())
    };
    if name.starts_with('/') {
        return is_program(RootPath::new(name));
    }
    PATH.iter().any(|dir| is_program(RootPath::new(dir).join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_debians_variables() {
        let text = "override ARCH = x86\nCCACHE = ccache\n\
                    CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-12\n";
        assert_eq!(named_compiler(text), Some("gcc-12"));
        assert_eq!(named_compiler("CC := clang-16\n"), Some("clang-16"));
        assert_eq!(named_compiler("CC = $(X)\n"), None);
        assert_eq!(named_compiler(""), None);
    }
}
