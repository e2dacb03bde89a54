// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the compiler that a build would run is installed.

use super::inspection::{Inspection, fault};
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::{Side, TOP};
use crate::package_db::Need;
use crate::quote::{quoted, quoted_text};
use crate::sysroot::{Kind, RootPath};

/// Where root's PATH looks on every distribution.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The compiler by name where the tree asks for one, else kbuild's own choice.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    let variables = inspection.build.join(".kernelvariables");
    let text = inspection.text(&variables);
    let named = named_compiler(&text);
    if named.is_none() {
        not_named(inspection, &variables);
    }
    let wanted = named.as_deref();
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

/// A tree whose top Makefile reads the compiler's name from a file that is not there. It goes on without
/// (`-include .kernelvariables`), with kbuild's own choice.
fn not_named(inspection: &mut Inspection<'_>, variables: &RootPath) {
    let Some(makefile) = inspection.path(Side::Source, TOP) else { return };
    if !inspection.text(&makefile).contains(".kernelvariables") || !is_named_elsewhere(inspection) {
        return;
    }
    if let Some(what) = fault(&inspection.find(variables)) {
        let cause = format!("{} {what}", quoted(variables));
        let need = Need::Path(variables.clone());
        inspection.add(FindingId::CompilerNotNamed, Effect::Risk, variables.clone(), cause, need);
    }
}

/// Whether this tree was made to be told its compiler. Debian's flavour trees are: each includes a common tree, which
/// has no code. Debian's kernel source has the same Makefile; who configures that, in place or with O=, or packs
/// headers of it with `make bindeb-pkg`, uses the compiler there is, and no such file was ever there.
fn is_named_elsewhere(inspection: &Inspection<'_>) -> bool {
    let source = inspection.closure.source.as_ref().unwrap_or(&inspection.build);
    *source != inspection.build && !inspection.root.exists(&source.join("init/main.c"))
}

/// The program in Debian's `CC = $(if …) $(CROSS_COMPILE)gcc-12`, with the prefix where it is a plain one:
/// Debian 13 sets it also for its own machine, Debian 12 only below a condition, by other variables.
fn named_compiler(text: &str) -> Option<String> {
    let word = assigned(text, "CC")?.split_ascii_whitespace().next_back()?;
    let name = word.rsplit(')').next().unwrap_or(word);
    let prefix = match word.contains("$(CROSS_COMPILE)") {
        true => assigned(text, "CROSS_COMPILE").filter(|value| is_plain(value)).unwrap_or_default(),
        false => "",
    };
    is_plain(name).then(|| format!("{prefix}{name}"))
}

/// The last value that a makefile gives a variable outside of any condition.
fn assigned<'text>(text: &'text str, variable: &str) -> Option<&'text str> {
    let mut depth = 0_usize;
    let mut found = None;
    for line in text.lines() {
        if line.starts_with("if") {
            depth += 1;
        } else if line.starts_with("endif") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 {
            let line = line.strip_prefix("override ").unwrap_or(line);
            let Some((name, value)) = line.split_once('=') else { continue };
            if name.trim_end_matches([':', '?', '+', ' ', '\t']) == variable {
                found = Some(value.trim());
            }
        }
    }
    found
}

/// Whether a word is a program's name or path as it stands.
fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+/".contains(&b))
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
        assert_eq!(named_compiler(text).as_deref(), Some("gcc-12"));
        let conditional = format!("{text}ifneq ($(X),$(Y))\noverride CROSS_COMPILE = aarch64-linux-gnu-\nendif\n");
        assert_eq!(named_compiler(&conditional).as_deref(), Some("gcc-12"));
        let plain = format!("override CROSS_COMPILE = x86_64-linux-gnu-\n{text}");
        assert_eq!(named_compiler(&plain).as_deref(), Some("x86_64-linux-gnu-gcc-12"));
        assert_eq!(named_compiler("CC := clang-16\n").as_deref(), Some("clang-16"));
        assert_eq!(named_compiler("CC = $(X)\n"), None);
        assert_eq!(named_compiler(""), None);
    }
}
