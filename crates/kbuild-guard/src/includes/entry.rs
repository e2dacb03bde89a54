// SPDX-License-Identifier: MIT OR Apache-2.0
//! What kbuild tells the compiler before it sees a module's own text.

use memchr::memmem;

use crate::build_tree::TreeConfig;
use crate::sysroot::RootPath;

/// Where a module build starts to read headers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Start {
    /// The tree that make runs in.
    pub build: RootPath,
    /// The tree with the kernel's own Makefile.
    pub source: RootPath,
    /// The name of the architecture's directory.
    pub arch: String,
    /// Headers that the compiler gets with `-include`, by their paths in the source tree, in order.
    pub forced: Vec<String>,
    /// Headers that every module includes: its own `<linux/module.h>`, and those of the text that modpost writes.
    pub included: Vec<String>,
    /// Further texts that are compiled into every module.
    pub compiled: Vec<RootPath>,
}

/// The directories that headers are searched in, in order (`LINUXINCLUDE` and `USERINCLUDE` of the top Makefile; the same
/// from Linux 4.x on, but for `./include`, which was not always there).
pub(super) fn search_path(start: &Start) -> Vec<RootPath> {
    let Start { build, source, arch, .. } = start;
    let mut path = vec![
        source.join(format!("arch/{arch}/include")),
        build.join(format!("arch/{arch}/include/generated")),
        source.join("include"),
        build.join("include"),
        source.join(format!("arch/{arch}/include/uapi")),
        build.join(format!("arch/{arch}/include/generated/uapi")),
        source.join("include/uapi"),
        build.join("include/generated/uapi"),
    ];
    path.dedup();
    path
}

/// The headers that a makefile gives the compiler with `-include $(srctree)/…`.
pub fn forced_includes(makefile: &str) -> impl Iterator<Item = &str> {
    makefile.split("-include $(srctree)/").skip(1).filter_map(|rest| {
        let path = rest.split([' ', '\t', '\n', '\\', ')']).next()?;
        path.ends_with(".h").then_some(path)
    })
}

/// The headers that modpost writes into a module's second text: they stand in the program as they are printed.
pub fn written_includes(program: &[u8]) -> Vec<String> {
    const BEFORE: &[u8] = b"#include <";
    let mut names: Vec<String> = Vec::new();
    for at in memmem::find_iter(program, BEFORE) {
        let rest = program.get(at + BEFORE.len()..).unwrap_or_default();
        let name: Option<&[u8]> = memchr::memchr(b'>', rest.get(..128).unwrap_or(rest)).and_then(|end| rest.get(..end));
        let name = name.and_then(|name| std::str::from_utf8(name).ok()).filter(|name| name.ends_with(".h"));
        if let Some(name) = name.filter(|name| !names.iter().any(|known| known == name)) {
            names.push(name.to_owned());
        }
    }
    names
}

/// Whether what the compiler itself defines for an architecture was ever held against what is reached.
pub fn is_tried(arch: &str) -> bool {
    matches!(arch, "x86" | "arm64")
}

/// What is defined before the first line: by kbuild (`KBUILD_CPPFLAGS`, `modkern_cflags`), and by the compiler for this
/// configuration, as far as headers ask for it. Later ones overrule earlier ones.
///
/// `None` for an architecture whose compiler's own macros were never tried.
pub(super) fn predefined(arch: &str, config: &TreeConfig) -> Option<Vec<String>> {
    let is_64 = config.is_set("CONFIG_64BIT");
    let mut macros: Vec<String> = [
        "__KERNEL__ 1",
        "MODULE 1",
        "KBUILD_BASENAME \"m\"",
        "KBUILD_MODNAME \"m\"",
        // Of the text that modpost writes.
        "INCLUDE_VERMAGIC 1",
        "__STDC__ 1",
        "__STDC_HOSTED__ 1",
        "__STDC_VERSION__ 201112L",
        "__OPTIMIZE__ 1",
        "__linux__ 1",
        "__ELF__ 1",
        "__ORDER_LITTLE_ENDIAN__ 1234",
        "__ORDER_BIG_ENDIAN__ 4321",
        "__has_attribute(x) __has_attribute_of_the_compiler(x)",
        "__has_builtin(x) __has_builtin_of_the_compiler(x)",
        "__has_include(x) __has_include_of_the_compiler(x)",
    ]
    .map(str::to_owned)
    .into();
    let mut all = |texts: &[&str]| macros.extend(texts.iter().map(|text| (*text).to_owned()));
    match arch {
        "x86" if is_64 => all(&["__x86_64__ 1", "__x86_64 1", "__amd64__ 1", "__SIZEOF_INT128__ 16"]),
        "x86" => all(&["__i386__ 1", "__i386 1", "i386 1", "__i686__ 1"]),
        "arm64" => all(&["__aarch64__ 1", "__SIZEOF_INT128__ 16", "__ARM_ARCH 8", "__ARM_64BIT_STATE 1"]),
        _ => return None,
    }
    if is_64 {
        all(&["__LP64__ 1", "_LP64 1", "__SIZEOF_LONG__ 8", "__SIZEOF_POINTER__ 8"]);
    } else {
        all(&["__ILP32__ 1", "_ILP32 1", "__SIZEOF_LONG__ 4", "__SIZEOF_POINTER__ 4"]);
    }
    if config.is_set("CONFIG_CPU_BIG_ENDIAN") {
        all(&["__AARCH64EB__ 1", "__BYTE_ORDER__ __ORDER_BIG_ENDIAN__"]);
    } else {
        all(&["__AARCH64EL__ 1", "__BYTE_ORDER__ __ORDER_LITTLE_ENDIAN__"]);
    }
    let number =
        |option| config.value(option).and_then(|value| value.parse::<u32>().ok()).filter(|version| *version > 0);
    // 120200 is 12.2.0 (scripts/cc-version.sh).
    let (gcc, clang) = (number("CONFIG_GCC_VERSION"), number("CONFIG_CLANG_VERSION"));
    if let Some(version) = clang {
        all(&["__clang__ 1"]);
        all(&[&format!("__clang_major__ {}", version / 10_000)]);
        all(&[&format!("__clang_minor__ {}", version / 100 % 100)]);
        all(&[&format!("__clang_patchlevel__ {}", version % 100)]);
    }
    // What clang says of itself when asked as gcc.
    let version = gcc.unwrap_or(40_201);
    all(&[&format!("__GNUC__ {}", version / 10_000)]);
    all(&[&format!("__GNUC_MINOR__ {}", version / 100 % 100)]);
    all(&[&format!("__GNUC_PATCHLEVEL__ {}", version % 100)]);
    Some(macros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_makefiles_and_modpost() {
        let text = "USERINCLUDE := \\\n\t-I$(x) \\\n -include $(srctree)/include/linux/compiler-version.h \\\n\
            \t\t-include $(srctree)/include/linux/kconfig.h\nc_flags = -include $(srctree)/include/linux/compiler_types.h)\n";
        let found: Vec<_> = forced_includes(text).collect();
        assert_eq!(
            found,
            ["include/linux/compiler-version.h", "include/linux/kconfig.h", "include/linux/compiler_types.h"]
        );
        let program =
            b"\x7fELF\0#include <linux/module.h>\n#include <linux/vermagic.h>\n\0#include <linux/module.h>\0#include <";
        assert_eq!(written_includes(program), ["linux/module.h", "linux/vermagic.h"]);
    }
}
