// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which files of a kernel's trees external module builds need, by their paths alone.
//!
//! Upstream's `scripts/package/install-extmod-build`, which since Linux 6.8 makes the headers packages of `bindeb-pkg`,
//! `rpm-pkg` and `pacman-pkg`, and where distributions' packages bring more than it: Debian's linker script, Rust's
//! metadata, what modules of some machines are linked with, and the configuration, which dkms reads.

use std::path::{Path, PathBuf};

use crate::build_tree::TreeConfig;
use crate::build_tree::build_inputs::Side;

/// Directories of `scripts` that no module build enters.
const UNUSED_SCRIPTS: [&str; 4] = ["atomic", "dtc", "kconfig", "package"];

/// Programs of `scripts` that no module build runs.
const UNUSED_PROGRAMS: [&str; 2] = ["unifdef", "mk_elfconfig"];

/// Files at the top of the build tree. dkms asks `.config` for the compiler, Debian's makefile `.kernelvariables` for
/// the release and the compiler.
const TOP_OF_BUILD: [&str; 3] = ["Module.symvers", ".config", ".kernelvariables"];

/// Directories of one machine that files of another's include: arm64's `<asm/opcodes.h>` does arm's.
const BORROWED: [(&str, &str); 1] = [("arm64", "arch/arm/include/asm/opcodes")];

/// What is to be kept of the trees of one kernel.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    arch: &'a str,
    config: &'a TreeConfig,
    linked: Vec<PathBuf>,
}

impl<'a> Selection<'a> {
    /// For this architecture's directory and configuration; `makefile` is the architecture's own.
    pub(super) fn new(arch: &'a str, config: &'a TreeConfig, makefile: &str) -> Self {
        Selection { arch, config, linked: linked_objects(makefile) }
    }

    /// Whether the file or link at a path is kept.
    pub(super) fn keeps(&self, side: Side, path: &Path) -> bool {
        let Some(parts) = parts(path) else { return false };
        if self.linked.iter().any(|object| object == path) {
            return side == Side::Build;
        }
        let Some(name) = parts.last().copied() else { return false };
        if name.ends_with(".o") || (name.starts_with('.') && name.ends_with(".cmd")) {
            return false;
        }
        match (side, parts.as_slice()) {
            (Side::Source, ["Makefile"]) => true,
            (Side::Source, ["include", first, ..]) => !["config", "generated"].contains(first),
            (Side::Source, ["arch", arch, rest @ ..]) if *arch == self.arch => is_source_of_arch(rest),
            (Side::Source, ["arch", ..]) => self.borrows(path),
            (_, ["scripts", rest @ ..]) => is_script(rest),
            (Side::Build, [file]) => TOP_OF_BUILD.contains(file),
            (Side::Build, ["include", "config", file]) => ["auto.conf", "kernel.release"].contains(file),
            (Side::Build, ["include", "generated", _, ..]) => true,
            (Side::Build, ["arch", arch, "include", "generated", _, ..]) => *arch == self.arch,
            (Side::Build, ["arch", arch, "module.lds"]) => *arch == self.arch,
            // Debian's is a wrapper around one for each architecture.
            (Side::Build, ["tools", "objtool", file]) if *file == "objtool" || file.starts_with("objtool.real-") => {
                self.config.is_set("CONFIG_OBJTOOL") || self.config.is_set("CONFIG_STACK_VALIDATION")
            }
            (Side::Build, ["tools", "bpf", "resolve_btfids", "resolve_btfids"]) => {
                self.config.is_set("CONFIG_DEBUG_INFO_BTF_MODULES")
            }
            (Side::Build, ["rust", file]) => {
                self.config.is_set("CONFIG_RUST")
                    && [".rmeta", ".so", ".rlib"].iter().any(|ending| file.ends_with(ending))
            }
            // What Rust calls of C's inline functions, to be linked into every module before the machine's code is made.
            (Side::Build, ["rust", "helpers", "helpers_module.bc"]) => self.config.is_set("CONFIG_RUST_INLINE_HELPERS"),
            _ => false,
        }
    }

    /// Whether a build may miss a link that is not followed: a file that is kept, or all of Rust's metadata, which Ubuntu
    /// has in a package of its own.
    pub(super) fn may_miss(&self, side: Side, path: &Path) -> bool {
        let is_rust = side == Side::Build && path == Path::new("rust");
        self.keeps(side, path) || (is_rust && self.config.is_set("CONFIG_RUST"))
    }

    /// Whether a directory may hold anything that is kept.
    pub(super) fn enters(&self, side: Side, path: &Path) -> bool {
        let Some(parts) = parts(path) else { return false };
        match (side, parts.as_slice()) {
            (_, []) => true,
            (Side::Source, ["include", rest @ ..]) => !matches!(rest, ["config" | "generated", ..]),
            (Side::Source, ["arch"]) => true,
            (Side::Source, ["arch", arch, rest @ ..]) if *arch == self.arch => !rest.contains(&"generated"),
            (Side::Source, ["arch", ..]) => self.borrows(path),
            (_, ["scripts", rest @ ..]) => !rest.iter().any(|part| UNUSED_SCRIPTS.contains(part)),
            (Side::Build, ["include" | "arch" | "tools" | "rust"]) => true,
            (Side::Build, ["include", "config"] | ["include", "generated", ..]) => true,
            (Side::Build, ["arch", arch]) => *arch == self.arch,
            (Side::Build, ["arch", arch, "include", rest @ ..]) if *arch == self.arch => {
                matches!(rest, [] | ["generated", ..])
            }
            (Side::Build, ["tools", "objtool" | "bpf"] | ["tools", "bpf", "resolve_btfids"]) => true,
            (Side::Build, ["rust", "helpers"]) => true,
            (Side::Build, _) => self.linked.iter().any(|object| object.starts_with(path)),
            _ => false,
        }
    }

    /// Whether a path is, or leads to, what this machine's headers include of another's.
    fn borrows(&self, path: &Path) -> bool {
        let Some(path) = path.to_str() else { return false };
        let is_below = |borrowed: &str| path.starts_with(borrowed) || borrowed.starts_with(&format!("{path}/"));
        BORROWED.iter().any(|(arch, borrowed)| *arch == self.arch && is_below(borrowed))
    }
}

/// A path's parts as text. What is kept because of its name has a name that is text; what lies below `include` may have
/// any, and no two names become one by this.
fn parts(path: &Path) -> Option<Vec<&str>> {
    path.iter().map(|part| Some(part.to_str().unwrap_or("\u{fffd}"))).collect()
}

fn is_source_of_arch(below: &[&str]) -> bool {
    match below {
        [name] => name.starts_with("Makefile") || ["Kbuild.platforms", "Platform"].contains(name),
        ["scripts", _, ..] => true,
        ["tools", script] => script.ends_with(".sh"),
        [directories @ .., name] => {
            ["Kbuild.platforms", "Platform"].contains(name)
                || (directories.contains(&"include") && !directories.contains(&"generated"))
        }
        [] => false,
    }
}

fn is_script(below: &[&str]) -> bool {
    let Some((name, directories)) = below.split_last() else { return false };
    !directories.iter().any(|part| UNUSED_SCRIPTS.contains(part)) && !UNUSED_PROGRAMS.contains(name)
}

/// The objects that every module is linked with: `KBUILD_LDFLAGS_MODULE += arch/powerpc/lib/crtsavres.o`.
fn linked_objects(makefile: &str) -> Vec<PathBuf> {
    let is_plain = |word: &&str| word.ends_with(".o") && !word.contains(['$', '=']) && !word.contains("..");
    makefile
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("KBUILD_LDFLAGS_MODULE")?.split_once('='))
        .flat_map(|(_, words)| words.split_ascii_whitespace())
        .map(|word| word.trim_start_matches("$(objtree)/"))
        .filter(|word| is_plain(word) && word.starts_with("arch/"))
        .map(PathBuf::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Side; 2] = [Side::Source, Side::Build];

    fn is_kept(selection: &Selection<'_>, path: &str) -> bool {
        let path = Path::new(path);
        let kept = BOTH.iter().any(|side| selection.keeps(*side, path));
        // What is kept is found.
        for side in BOTH.into_iter().filter(|side| selection.keeps(*side, path)) {
            for above in path.ancestors().skip(1) {
                assert!(selection.enters(side, above), "{side:?}: {} in {}", path.display(), above.display());
            }
        }
        kept
    }

    #[test]
    fn what_upstream_keeps() {
        let config = TreeConfig::new("CONFIG_OBJTOOL=y\n");
        let selection = Selection::new("x86", &config, "");
        for (path, kept) in [
            ("Makefile", true),
            ("Kconfig", false),
            ("README", false),
            (".config", true),
            (".config.old", false),
            (".kernelvariables", true),
            ("Module.symvers", true),
            ("System.map", false),
            ("vmlinux", false),
            ("arch/x86/Makefile", true),
            ("arch/x86/Makefile_32.cpu", true),
            ("arch/x86/Kconfig", false),
            ("arch/x86/module.lds", true),
            ("arch/x86/boot/bzImage", false),
            ("arch/x86/include/asm/atomic.h", true),
            ("arch/x86/include/generated/asm/ioctl.h", true),
            ("arch/x86/kvm/mmu.h", false),
            ("arch/x86/um/shared/include/x.h", true),
            ("arch/x86/tools/relocs.c", false),
            ("arch/x86/tools/relocs", false),
            ("arch/arm/Makefile", false),
            ("arch/arm/include/asm/opcodes.h", false),
            ("arch/mips/alchemy/Platform", false),
            ("include/linux/module.h", true),
            ("include/dt-bindings/input/linux-event-codes.h", true),
            ("include/config/auto.conf", true),
            ("include/config/auto.conf.cmd", false),
            ("include/config/64BIT", false),
            ("include/config/kernel.release", true),
            ("include/generated/autoconf.h", true),
            ("include/generated/uapi/linux/version.h", true),
            ("scripts/Makefile.build", true),
            ("scripts/module.lds", true),
            ("scripts/basic/fixdep", true),
            ("scripts/basic/.fixdep.cmd", false),
            ("scripts/mod/modpost", true),
            ("scripts/mod/modpost.o", false),
            ("scripts/mod/mk_elfconfig", false),
            ("scripts/gcc-plugins/latent_entropy_plugin.so", true),
            ("scripts/sign-file", true),
            ("scripts/target.json", true),
            ("scripts/unifdef", false),
            ("scripts/dtc/dtc", false),
            ("scripts/kconfig/conf", false),
            ("scripts/package/builddeb", false),
            ("scripts/atomic/kerneldoc/add", false),
            ("tools/objtool/objtool", true),
            ("tools/objtool/objtool.real-x86", true),
            ("tools/objtool/check.c", false),
            ("tools/bpf/resolve_btfids/resolve_btfids", false),
            ("rust/core.o", false),
            ("rust/libcore.rmeta", false),
            ("rust/helpers/helpers_module.bc", false),
            ("drivers/net/tun.c", false),
            ("certs/signing_key.pem", false),
            ("Documentation/Changes", false),
        ] {
            assert_eq!(is_kept(&selection, path), kept, "{path}");
        }
        let generated = Path::new("include/generated/autoconf.h");
        assert!(!selection.keeps(Side::Source, generated) && selection.keeps(Side::Build, generated));
        assert!(!selection.keeps(Side::Build, Path::new("Makefile")), "an O= tree's own leads to the source");
    }

    #[test]
    fn what_hangs_on_options_and_machines() {
        let config = TreeConfig::new(
            "CONFIG_RUST=y\nCONFIG_RUST_INLINE_HELPERS=y\nCONFIG_DEBUG_INFO_BTF_MODULES=y\nCONFIG_STACK_VALIDATION=y\n",
        );
        let makefile = "KBUILD_LDFLAGS_MODULE += arch/powerpc/lib/crtsavres.o $(x)/y.o ../../etc/z.o\n\
                        KBUILD_LDFLAGS_MODULE\t+= --gc-sections\n";
        let power = Selection::new("powerpc", &config, makefile);
        for path in [
            "arch/powerpc/lib/crtsavres.o",
            "rust/libcore.rmeta",
            "rust/libmacros.so",
            "rust/helpers/helpers_module.bc",
            "tools/objtool/objtool",
            "tools/bpf/resolve_btfids/resolve_btfids",
            "arch/powerpc/tools/ftrace-gen-ool-stubs.sh",
        ] {
            assert!(is_kept(&power, path), "{path}");
        }
        assert!(!is_kept(&power, "arch/powerpc/lib/other.o") && !is_kept(&power, "rust/core.o"));
        assert!(!is_kept(&power, "rust/helpers/helpers.bc") && !is_kept(&power, "rust/helpers/helpers.c"));
        let arm = Selection::new("arm64", &config, "");
        assert!(is_kept(&arm, "arch/arm/include/asm/opcodes.h"));
        assert!(is_kept(&arm, "arch/arm/include/asm/opcodes-virt.h"));
        assert!(!is_kept(&arm, "arch/arm/include/asm/atomic.h"));
        let mips = Selection::new("mips", &config, "");
        assert!(is_kept(&mips, "arch/mips/alchemy/Platform") && is_kept(&mips, "arch/mips/Kbuild.platforms"));
        assert!(is_kept(&mips, "arch/mips/include/asm/mach-ar7/irq.h"));
    }

    #[test]
    fn names_that_are_no_text_are_names() {
        use std::os::unix::ffi::OsStrExt;
        let config = TreeConfig::default();
        let selection = Selection::new("x86", &config, "");
        let path = Path::new("include").join(std::ffi::OsStr::from_bytes(b"\xff.h"));
        assert!(selection.keeps(Side::Source, &path));
        assert!(!selection.keeps(Side::Source, Path::new("")));
    }
}
