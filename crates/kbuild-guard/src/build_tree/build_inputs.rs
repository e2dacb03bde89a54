// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a module build reads from its trees, as one table.
//!
//! Learnt by deleting files one at a time under real builds (Debian's 6.1 and 6.12), and from kbuild
//! itself: `scripts/Makefile.build`, `Makefile.modpost` and `Makefile.modfinal`. What differs between
//! kernel versions is not decided by a version number, which distributions do not respect, but by
//! whether the tree's own makefiles mention the file.

/// Which of the two trees a file is read from. Where one tree is both, they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// kbuild's `objtree`: the directory make is run in.
    Build,
    /// kbuild's `srctree`: the directory of the kernel's own Makefile.
    Source,
}

/// When a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// By every module build.
    Always,
    /// When the option is set.
    Set(&'static str),
    /// When the option is not set.
    Unless(&'static str),
    /// When one of these makefiles of the source tree holds the word.
    Mentioned(&'static str, &'static [&'static str]),
    /// When modules get BTF: the option is set and the build tree holds a `vmlinux` to base it on
    /// (`cmd_btf_ko` of scripts/Makefile.modfinal skips it otherwise).
    Btf,
}

/// Which check speaks of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `make modules_prepare` or a configuration was never run, or its result is gone.
    Prepared,
    /// A generated header.
    Generated,
    /// A makefile, script or linker script of kbuild.
    Kbuild,
    /// A program that a build runs.
    HostTool,
    /// A header that every module includes.
    Header,
}

/// One file that a module build reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// The tree it is in.
    pub side: Side,
    /// Its path there; `$ARCH` stands for the architecture's directory name.
    pub path: &'static str,
    /// When it is read.
    pub when: When,
    /// Which check speaks of it.
    pub family: Family,
    /// Whether builds go on where it is there and empty: a script that does nothing succeeds, and a makefile that only
    /// adds flags or checks is not missed. Learnt by emptying files one at a time under real builds.
    pub passes_empty: bool,
    /// How it is run, where it is a script.
    pub run: Run,
}

/// How a file is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It is read, or is a host tool, which is looked at as a program anyway.
    No,
    /// By its name, so that it has to be executable.
    ByName,
    /// By `$(CONFIG_SHELL)`: its mode does not matter.
    ByShell,
}

const fn input(side: Side, path: &'static str, when: When, family: Family) -> Input {
    Input { side, path, when, family, passes_empty: false, run: Run::No }
}

impl Input {
    const fn passes_empty(self) -> Self {
        Input { passes_empty: true, ..self }
    }

    const fn run(self, run: Run) -> Self {
        Input { run, ..self }
    }
}

/// The kernel's top Makefile.
pub const TOP: &str = "Makefile";
const BUILD: &str = "scripts/Makefile.build";
const LIB: &str = "scripts/Makefile.lib";
const MODFINAL: &str = "scripts/Makefile.modfinal";
const MODPOST: &str = "scripts/Makefile.modpost";

/// Every file whose absence stops the build of any module, but for the parts of kbuild that the top Makefile includes
/// by lists of their names.
pub const INPUTS: &[Input] = {
    use Family::{Generated, Header, HostTool, Kbuild, Prepared};
    use Side::{Build, Source};
    use When::{Always, Btf, Mentioned, Set};
    &[
        input(Build, "include/config/auto.conf", Always, Prepared),
        input(Build, "include/generated/autoconf.h", Always, Prepared),
        input(Build, "include/generated/utsrelease.h", Always, Generated),
        input(Build, "include/generated/asm-offsets.h", Always, Generated),
        input(Build, "include/generated/bounds.h", Always, Generated),
        input(Build, "include/generated/timeconst.h", Always, Generated),
        input(Source, "arch/$ARCH/Makefile", Always, Kbuild),
        input(Source, "scripts/Kbuild.include", Always, Kbuild),
        input(Source, BUILD, Always, Kbuild),
        input(Source, LIB, Always, Kbuild),
        input(Source, MODPOST, Always, Kbuild),
        input(Source, MODFINAL, Always, Kbuild),
        input(Source, "scripts/subarch.include", Mentioned("scripts/subarch.include", &[TOP]), Kbuild).passes_empty(),
        input(Source, "scripts/Makefile.compiler", Mentioned("scripts/Makefile.compiler", &[TOP]), Kbuild),
        input(Source, "scripts/Makefile.extrawarn", Mentioned("scripts/Makefile.extrawarn", &[BUILD, LIB]), Kbuild)
            .passes_empty(),
        // The one script that the makefiles of 6.1 run by its name for every module.
        input(Source, "scripts/check-local-export", Mentioned("scripts/check-local-export", &[BUILD]), Kbuild)
            .passes_empty()
            .run(Run::ByName),
        // 5.10 runs it for the kernel's own modules only, and Debian 11 does not ship it.
        input(Source, "scripts/modules-check.sh", Mentioned("$(KBUILD_MODULES), modules_check)", &[TOP]), Kbuild)
            .passes_empty()
            .run(Run::ByShell),
        input(Source, "scripts/module-common.c", Mentioned("scripts/module-common", &[MODFINAL]), Kbuild)
            .passes_empty(),
        // What the types of a module are based on; without it none are made.
        input(Build, "vmlinux", Btf, Kbuild),
        input(Build, "scripts/basic/fixdep", Always, HostTool).passes_empty(),
        input(Build, "scripts/mod/modpost", Always, HostTool),
        input(Build, "tools/objtool/objtool", Set("CONFIG_OBJTOOL"), HostTool).passes_empty(),
        // What CONFIG_OBJTOOL was called before Linux 5.19 (commit 03f16cd020eb).
        input(Build, "tools/objtool/objtool", Set("CONFIG_STACK_VALIDATION"), HostTool).passes_empty(),
        input(Build, "tools/bpf/resolve_btfids/resolve_btfids", Btf, HostTool).passes_empty(),
        input(Source, "include/linux/module.h", Always, Header),
        input(Source, "include/linux/kconfig.h", Always, Header),
        input(Source, "include/linux/compiler_types.h", Always, Header),
    ]
};

/// A program of the system that a build runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// When it is run.
    pub when: When,
    /// What for.
    pub why: &'static str,
    /// Whether it comes along with any compiler (binutils).
    pub is_of_compiler: bool,
    /// Whether kbuild puts CROSS_COMPILE before the name. gcc asks for its assembler without.
    pub is_prefixed: bool,
}

/// All of them. The compiler is a question of its own.
pub const PROGRAMS: &[Program] = &[
    Program {
        name: "make",
        when: When::Always,
        why: "every build is run by it",
        is_of_compiler: false,
        is_prefixed: false,
    },
    Program {
        name: "as",
        when: When::Unless("CONFIG_AS_IS_LLVM"),
        why: "the compiler runs it",
        is_of_compiler: true,
        is_prefixed: false,
    },
    Program {
        name: "ld",
        when: When::Unless("CONFIG_LD_IS_LLD"),
        why: "modules are put together by it",
        is_of_compiler: true,
        is_prefixed: true,
    },
    Program {
        name: "pahole",
        when: When::Btf,
        why: "modules of this kernel get BTF (CONFIG_DEBUG_INFO_BTF_MODULES)",
        is_of_compiler: false,
        is_prefixed: false,
    },
];

/// Where the linker script for modules is: upstream's place, and Debian's. One of them is enough.
pub const LINKER_SCRIPTS: [&str; 2] = ["scripts/module.lds", "arch/$ARCH/module.lds"];
