// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the compiler that a build would run is installed, and is like the one the kernel was built with.

use super::inspection::{Inspection, fault};
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::{Side, TOP};
use crate::machine::ElfMachine;
use crate::package_db::Need;
use crate::quote::{quoted, quoted_text};
use crate::sysroot::{RootPath, WalkEnd};

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
    if let Some((name, path)) =
        candidates.iter().find_map(|name| Some((*name, inspection.known.program(inspection.root, name)?)))
    {
        return another(inspection, name, &path);
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

/// Says so if the compiler that is here is not of the kind, or not of the major version, that the kernel
/// was built with. make itself only warns, and of every difference in the version's text, also where the
/// distribution has patched its compiler.
fn another(inspection: &mut Inspection<'_>, name: &str, path: &RootPath) {
    let config = &inspection.config;
    let built_with_clang = config.is_set("CONFIG_CC_IS_CLANG");
    let option = if built_with_clang { "CONFIG_CLANG_VERSION" } else { "CONFIG_GCC_VERSION" };
    // 120200 is 12.2.0 (scripts/cc-version.sh).
    let Some(built_with) = config.value(option).and_then(|value| value.parse::<u32>().ok()) else { return };
    let (kernels, kernels_major) = (if built_with_clang { "clang" } else { "gcc" }, built_with / 10_000);
    if kernels_major == 0 {
        return;
    }
    let is_clang = name.contains("clang");
    let (effect, cause) = match major(inspection, name, path) {
        _ if is_clang != built_with_clang => {
            let cause =
                format!("the kernel was built with {kernels} {kernels_major}, and only {} is here", quoted_text(name));
            // The configuration asks for options that gcc does not know, and gcc stops at those.
            (if built_with_clang { Effect::NoBuild } else { Effect::Risk }, cause)
        }
        // A newer one knows all options of the older, and is what every rolling distribution has for a while.
        Some(own) if own != kernels_major => {
            let cause =
                format!("the kernel was built with {kernels} {kernels_major}, and {} is version {own}", quoted(path));
            (if own < kernels_major { Effect::Risk } else { Effect::Note }, cause)
        }
        _ => return,
    };
    // Ubuntu's kernels from later releases bring the compiler they were built with beside the system's own,
    // and its dkms takes that one.
    let versioned = format!("{kernels}-{kernels_major}");
    let (effect, need) = match inspection.known.program(inspection.root, &versioned) {
        Some(_) => (Effect::Note, Need::Advice),
        None => (effect, Need::Program(versioned)),
    };
    let path = inspection.build.join("include/config/auto.conf");
    inspection.add(FindingId::OtherCompiler, effect, path, cause, need);
}

/// A compiler's major version, without running it: in the name that its links lead to (Debian's
/// `x86_64-linux-gnu-gcc-12`), or in the one directory of gcc's own programs, which is named after it.
fn major(inspection: &Inspection<'_>, name: &str, path: &RootPath) -> Option<u32> {
    let real = match inspection.root.walk(path).end {
        WalkEnd::Found { path, .. } => path,
        _ => path.clone(),
    };
    if let Some(major) = major_in_name(&real.file_name().to_string_lossy()) {
        return Some(major);
    }
    // LLVM's programs are kept apart by version: /usr/lib/llvm-14/bin/clang.
    let parts = || real.as_path().components().filter_map(|part| part.as_os_str().to_str());
    if let Some(major) = parts().find_map(|part| major_in_name(part.strip_prefix("llvm")?)) {
        return Some(major);
    }
    if !name.ends_with("gcc") {
        return None;
    }
    let root = inspection.root;
    let numbers: Vec<u32> = ["/usr/lib/gcc", "/usr/lib64/gcc", "/usr/libexec/gcc"]
        .iter()
        .map(RootPath::new)
        .flat_map(|dir| root.list(&dir, 32).unwrap_or_default().into_iter().map(move |entry| dir.join(entry.name)))
        // A cross compiler's programs are there too, below the name of its machine.
        .filter(|dir| inspection.machine.own.is_none_or(|own| is_of(&dir.file_name().to_string_lossy(), own)))
        .flat_map(|dir| root.list(&dir, 32).unwrap_or_default().into_iter().map(move |entry| dir.join(entry.name)))
        .filter(|dir| root.exists(&dir.join("cc1")))
        .filter_map(|dir| dir.file_name().to_string_lossy().split('.').next()?.parse().ok())
        .collect();
    match numbers.as_slice() {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => Some(*first),
        _ => None,
    }
}

fn is_of(triplet: &str, own: ElfMachine) -> bool {
    match own.uname() {
        Some("i686") => triplet.starts_with('i') && triplet.contains("86-"),
        Some(uname) => triplet.starts_with(uname),
        None => true,
    }
}

/// `12` of `x86_64-linux-gnu-gcc-12`, `14` of `-14`.
fn major_in_name(name: &str) -> Option<u32> {
    let (_, version) = name.rsplit_once('-')?;
    version.split('.').next()?.parse().ok()
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
    let prefix = if word.contains("$(CROSS_COMPILE)") { named_prefix(text) } else { "" };
    is_plain(name).then(|| format!("{prefix}{name}"))
}

/// What the tree puts before the names of its tools.
pub(super) fn prefix(inspection: &Inspection<'_>) -> String {
    named_prefix(&inspection.text(&inspection.build.join(".kernelvariables"))).to_owned()
}

fn named_prefix(text: &str) -> &str {
    assigned(text, "CROSS_COMPILE").filter(|value| is_plain(value)).unwrap_or_default()
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

    #[test]
    fn a_compilers_name_ends_in_its_version() {
        assert_eq!(major_in_name("x86_64-linux-gnu-gcc-12"), Some(12));
        assert_eq!(major_in_name("clang-16.0"), Some(16));
        assert_eq!(major_in_name("gcc"), None);
        assert_eq!(major_in_name("x86_64-redhat-linux-gcc"), None);
    }
}
