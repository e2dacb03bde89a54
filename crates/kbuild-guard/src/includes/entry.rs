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
    /// Directives that every module begins with: its own, and those of the text that modpost writes.
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

/// The directives that modpost writes into a module's second text. They stand in the program as they are printed, each
/// line with a zero behind it: what stands right behind an `#ifdef` hangs on it.
pub fn written_includes(program: &[u8]) -> Vec<String> {
    let text_around = |at: usize| -> Option<&str> {
        let start = memchr::memrchr(0, program.get(..at)?).map_or(0, |zero| zero + 1);
        let text = program.get(start..)?;
        std::str::from_utf8(text.get(..memchr::memchr(0, text)?)?).ok()
    };
    let mut texts: Vec<String> = Vec::new();
    for at in memmem::find_iter(program, b"#include <") {
        let (Some(text), before) = (text_around(at), at.checked_sub(2).and_then(text_around)) else { continue };
        let Some(line) = text.lines().find(|line| line.starts_with("#include <")) else { continue };
        let written = match before.map(str::trim_end).filter(|before| before.starts_with("#if")) {
            Some(condition) => format!("{condition}\n{line}\n#endif\n"),
            None => format!("{line}\n"),
        };
        if !texts.contains(&written) {
            texts.push(written);
        }
    }
    texts
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
        "__CHAR_BIT__ 8",
        "__SIZEOF_SHORT__ 2",
        "__SIZEOF_INT__ 4",
        "__SIZEOF_LONG_LONG__ 8",
        "__SIZEOF_WCHAR_T__ 4",
        "__INT_MAX__ 0x7fffffff",
        "__LONG_LONG_MAX__ 0x7fffffffffffffff",
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
        all(&["__LP64__ 1", "_LP64 1", "__LONG_MAX__ 0x7fffffffffffffff"]);
        all(&["__SIZEOF_LONG__ 8", "__SIZEOF_POINTER__ 8", "__SIZEOF_SIZE_T__ 8", "__SIZEOF_PTRDIFF_T__ 8"]);
    } else {
        all(&["__ILP32__ 1", "_ILP32 1", "__LONG_MAX__ 0x7fffffff"]);
        all(&["__SIZEOF_LONG__ 4", "__SIZEOF_POINTER__ 4", "__SIZEOF_SIZE_T__ 4", "__SIZEOF_PTRDIFF_T__ 4"]);
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
        let program = b"\x7fELF\0#include <linux/module.h>\n\0#ifdef CONFIG_X\n\0#include <asm/x.h>\n\0#endif\0#include <linux/module.h>\n\0#include <";
        let written = written_includes(program);
        assert_eq!(written, ["#include <linux/module.h>\n", "#ifdef CONFIG_X\n#include <asm/x.h>\n#endif\n"]);
    }
}
