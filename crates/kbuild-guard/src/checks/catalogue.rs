// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every finding, listed once. `explain`, docs/findings.md and the messages are made from this.

use std::fmt;

/// What a finding means for module builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Nothing today; worth knowing.
    Note,
    /// Works today, for a reason that may not last.
    Risk,
    /// Modules are built, and the kernel refuses them.
    NoLoad,
    /// No module can be built.
    NoBuild,
}

impl Effect {
    /// As it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Note => "note",
            Effect::Risk => "risk",
            Effect::NoLoad => "no-load",
            Effect::NoBuild => "no-build",
        }
    }
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $title:literal,
        consequence: $consequence:literal, advice: $advice:literal, story: $story:literal;)*) => {
        /// The stable identity of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FindingId {
            $($(#[$doc])* $variant,)*
        }

        impl FindingId {
            /// Its entry in the catalogue.
            pub const fn entry(self) -> &'static Entry {
                match self {
                    $(FindingId::$variant => &Entry {
                        id: FindingId::$variant,
                        code: $id,
                        title: $title,
                        consequence: $consequence,
                        advice: $advice,
                        story: $story,
                    },)*
                }
            }
        }

        /// Every finding there is, in order.
        pub const CATALOGUE: &[&Entry] = &[$(FindingId::$variant.entry(),)*];
    };
}

/// What is always true of a finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The finding.
    pub id: FindingId,
    /// `KBGnnn`.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What follows from it.
    pub consequence: &'static str,
    /// What to do where no package mends it.
    pub advice: &'static str,
    /// The whole story, for a tired admin.
    pub story: &'static str,
}

catalogue! {
    /// No headers are installed for the kernel.
    NoHeaders = "KBG001", "no headers are installed",
        consequence: "external modules cannot be built for this kernel",
        advice: "install the headers of exactly this release",
        story: "The kernel has no build link, or its package ships the link and another package, which is not \
                installed, ships the tree. That is no fault of its own: most machines never build a module. It \
                becomes one when dkms, akmods or a module built by hand needs this kernel's headers.";
    /// The build link leads to a path that does not exist.
    LinkDangling = "KBG002", "the build link leads nowhere",
        consequence: "no external module can be built for this kernel",
        advice: "install this kernel's headers, put the tree back, or look for a tree that fits with 'kbuild-guard repair'",
        story: "The link is there and the tree it names is not: it was moved, archived or deleted, it lies on \
                another machine (a build host's directory is in the link), or its package lost its files.";
    /// The build link leads to itself.
    LinkLoop = "KBG003", "the build link leads in a circle",
        consequence: "no external module can be built for this kernel",
        advice: "link to a tree of exactly this release ('kbuild-guard repair')",
        story: "Following the link comes back to the link, or takes more hops than the kernel follows (40).";
    /// What the build link leads to is no tree modules can be built in.
    NotATree = "KBG004", "the build link does not lead to a kernel build tree",
        consequence: "no external module can be built for this kernel",
        advice: "link to a prepared tree of exactly this release ('kbuild-guard repair')",
        story: "A build tree is a directory whose Makefile is the kernel's own or includes it. Here there is a \
                file, an empty directory, or a Makefile that leads to nothing of the kernel.";
    /// Something could not be looked at.
    Unclear = "KBG009", "it could not be determined",
        consequence: "nothing is said about builds for this kernel",
        advice: "run the command as root, or mount what is not mounted, and look again",
        story: "A permission, a deadline or a mount point that fstab names and that is not mounted stands in the \
                way. Missing and not visible are two things; kbuild-guard does not take one for the other.";
    /// No package looks after the tree.
    OutsideCare = "KBG010", "no package looks after the tree",
        consequence: "modules build today, until somebody moves, archives or deletes the tree",
        advice: "copy what builds need with 'kbuild-guard preserve', keep the tree where it is, or install a headers \
                 package built from it ('make bindeb-pkg', 'make rpm-pkg')",
        story: "The kernel was built by hand and its link leads to the directory it was built in. Nothing warns when \
                that directory goes, and weeks later DKMS, VMware and VirtualBox fail. In a home directory that is a \
                risk; anywhere else it is only worth knowing.";
    /// The tree is in a place that does not last.
    VolatilePlace = "KBG011", "the tree is in a place that does not last",
        consequence: "modules build today, and not after the next boot, clean-up, checkout or loss of the connection",
        advice: "copy what builds need to /usr/src with 'kbuild-guard preserve', or move the tree to a disk of this system \
                 and link to it there",
        story: "Directories like /tmp and /run are emptied at boot or by age; a tmpfs is gone at boot; a network \
                file system or a medium in a drive may not be there when a kernel update rebuilds modules at night. A git \
                work tree is worked in: the next checkout changes its headers, and 'git clean' takes what was built. In \
                /usr/src, where the system's own sources are kept, that is only worth knowing.";
    /// Somebody besides root can change what builds run.
    WritableByOthers = "KBG012", "somebody besides root can change the tree",
        consequence: "whoever can write there becomes root at the next module build",
        advice: "give the tree and every directory above it to root, or install a headers package built from it",
        story: "A module build runs the tree's makefiles and programs, and DKMS builds as root at every kernel \
                update. The path named is the topmost that an ordinary user can change or replace.";
    /// The tree is not what it was when the kernel was installed.
    Drift = "KBG013", "the tree has changed since its kernel was installed",
        consequence: "modules are built for what the tree is now, and the kernel is what the tree was then",
        advice: "install what the tree is now ('make modules_install install'), or bring the tree back to what it \
                 was",
        story: "When a kernel is installed whose tree no package looks after, kbuild-guard writes down what identifies \
                the tree: its release, its configuration as module builds read it, its symbols, its compiler, its \
                place. For a kernel that was there before kbuild-guard, that is what the first look saw. Times are \
                nothing to it. Another configuration is a risk, since structures in its headers may differ from \
                the kernel's and nothing compares them; where the tree was built again and its checksums still are \
                the kernel's, where another finding says that nothing loads, and in all other cases, it is only \
                worth knowing.";
    /// The tree is another release's.
    OtherRelease = "KBG020", "the tree belongs to another release",
        consequence: "modules built there carry another release than the kernel",
        advice: "link to the tree of exactly this release ('kbuild-guard repair')",
        story: "UTS_RELEASE in include/generated/utsrelease.h is what a module is stamped with. Without \
                CONFIG_MODVERSIONS the kernel refuses such a module; with it, the kernel compares the checksums of \
                every symbol the module uses, and takes it if they happen to agree.";
    /// The tree is of another build than the kernel.
    OtherBuild = "KBG021", "the tree is of another build than the kernel",
        consequence: "modules are built, and the kernel refuses those that use what differs",
        advice: "link to the tree this kernel was built in ('kbuild-guard repair' looks for it), or install kernel and \
                 headers of one build",
        story: "The release is the same and the build is not: the tree was configured or built again after the \
                kernel was installed. The kernel's own modules carry the checksums of the symbols it exports and its \
                version magic; the tree's Module.symvers and configuration say otherwise.";
    /// The tree was never configured or prepared.
    NotPrepared = "KBG022", "the tree is not prepared",
        consequence: "no external module can be built for this kernel",
        advice: "run 'make modules_prepare' there with the kernel's own configuration, or link to its headers",
        story: "A kernel source is no build tree yet: configuring and preparing it makes include/config/auto.conf, \
                include/generated and the host tools. make stops with 'Kernel configuration is invalid'. Debian's \
                -common tree is such a source too; the link has to lead to the flavour's own tree.";
    /// A generated header is missing or empty.
    GeneratedMissing = "KBG023", "a generated header is missing or empty",
        consequence: "no external module can be built for this kernel",
        advice: "prepare the tree again with the kernel's own configuration, or restore the file",
        story: "These headers are made when the tree is prepared and every module includes them.";
    /// A makefile or script of kbuild is missing or empty.
    KbuildMissing = "KBG024", "a file of the build system is missing or empty",
        consequence: "no external module can be built for this kernel",
        advice: "restore the file from the source this tree was made of",
        story: "kbuild, the kernel's build system, is makefiles, scripts and a linker script inside the tree. Which \
                of them a build reads is taken from the tree's own makefiles.";
    /// A header that every module includes is missing.
    HeaderMissing = "KBG025", "a header that every module includes is missing or empty",
        consequence: "no external module can be built for this kernel",
        advice: "restore the file from the source this tree was made of",
        story: "The compiler is told to include this header for every module, or <linux/module.h> reaches it, under this \
                tree's configuration and in the order in which kbuild searches.";
    /// A header that some modules include is missing.
    SomeHeaderMissing = "KBG026", "a header that some modules include is missing or empty",
        consequence: "modules that include it cannot be built",
        advice: "prepare the tree again with the kernel's own configuration, or restore the file",
        story: "The tree's own Kbuild lists say that this header is generated, and it is not there: a trivial module \
                builds without it, and yours may not. Or whether every module asks for it hangs on the compiler.";
    /// A file of the build system is empty, and builds go on without what it says.
    KbuildEmpty = "KBG027", "a file of the build system is empty",
        consequence: "modules are built without the flags and checks it should hold",
        advice: "restore the file from the source this tree was made of",
        story: "A script that is empty succeeds without having done anything (to dash a directory is one too), and an empty makefile or linker script adds \
                nothing: the build goes on, with other flags than the kernel's own. Empty files are what a full disk, or \
                a crash before they were on the disk, leaves.";
    /// A host tool is missing.
    ToolMissing = "KBG030", "a host tool is missing",
        consequence: "no external module can be built for this kernel",
        advice: "prepare the tree again ('make modules_prepare'), or restore the tool",
        story: "A module build runs a few programs that were built together with the tree: fixdep, modpost, and \
                objtool where the configuration asks for it.";
    /// A host tool, or a script that make runs by its name, may not be executed.
    ToolNotExecutable = "KBG031", "a tool or script is not executable",
        consequence: "no external module can be built for this kernel",
        advice: "restore its mode: chmod 755 on that file",
        story: "The file is there, without permission to execute it: typically copied through a file system or an \
                archive that knows no modes.";
    /// A host tool is made for another machine.
    ToolOtherMachine = "KBG032", "a host tool is made for another machine",
        consequence: "no external module can be built here for this kernel ('Exec format error')",
        advice: "install a headers package that was built for this architecture, or prepare the tree on this machine",
        story: "The tree was made on another architecture and its programs came along: common on ARM boards whose \
                kernels are built on x86-64.";
    /// A host tool is an empty file.
    ToolEmpty = "KBG033", "a host tool is an empty file",
        consequence: "builds pass without the step this tool does, until one needs it",
        advice: "restore the tool",
        story: "The shell runs an empty executable file as a success, so that a build goes on without what the tool \
                ought to have done.";
    /// A host tool needs a newer library than there is.
    ToolNewerLibrary = "KBG034", "a host tool needs a newer library",
        consequence: "no external module can be built for this kernel ('version GLIBC_... not found')",
        advice: "install headers built for this distribution, or prepare the tree again on this machine",
        story: "The tree's programs were built on a newer distribution. What they ask of the C library is in \
                their version needs, and the library here does not define it.";
    /// A host tool needs a library that is not here.
    ToolLibraryMissing = "KBG035", "a host tool needs a library that is not installed",
        consequence: "no external module can be built for this kernel",
        advice: "install the library, or prepare the tree again on this machine",
        story: "A program of the tree is linked with a library, or asks for a dynamic loader, that this system \
                does not have: objtool needs libelf, and a tree from a glibc system needs glibc's loader.";
    /// Module.symvers is missing.
    SymversMissing = "KBG036", "Module.symvers is missing",
        consequence: "modules cannot be built, or only without symbol versions",
        advice: "restore Module.symvers from the build this kernel came from",
        story: "Module.symvers holds the checksum of every symbol the kernel exports. With CONFIG_MODVERSIONS a \
                module built without it does not load ('no symbol version for module_layout'). make warns and builds \
                one on Linux 6.1, and stops ('\"module_layout\" undefined') on 6.12.";
    /// Module.symvers is empty.
    SymversEmpty = "KBG037", "Module.symvers is empty",
        consequence: "no external module can be built for this kernel",
        advice: "restore Module.symvers from the build this kernel came from",
        story: "modpost finds none of the symbols that a module uses.";
    /// A host tool is cut short.
    ToolDamaged = "KBG038", "a host tool is damaged",
        consequence: "no external module can be built for this kernel",
        advice: "prepare the tree again ('make modules_prepare'), or restore the tool",
        story: "The file is shorter than its own headers say: a copy that was cut short, a disk that was full.";
    /// Module.symvers is cut short, or lacks what every module uses.
    SymversDamaged = "KBG039", "Module.symvers is damaged",
        consequence: "no external module can be built for this kernel",
        advice: "restore Module.symvers from the build this kernel came from",
        story: "modpost stops at a line that ends before its columns do ('parse error in symbol dump file'). With \
                CONFIG_MODVERSIONS it also looks for the checksum of module_layout on behalf of every module, and stops \
                where there is none ('\"module_layout\" undefined').";
    /// A further tree is missing.
    CompanionMissing = "KBG040", "a further tree that this one needs is missing",
        consequence: "no external module can be built for this kernel",
        advice: "put that tree back where it is asked for",
        story: "Many header trees are only half of one: a Makefile that includes another tree's, links into a \
                shared directory of scripts. The other half is in a package of its own, or in the source that a \
                build with O= was made from.";
    /// Files of the packages that brought the tree are missing.
    FilesMissing = "KBG041", "files of the tree's packages are missing",
        consequence: "modules that need these files cannot be built",
        advice: "install the package again",
        story: "The package manager's list of the packages that own this tree names files that are not there. The \
                simplest module may still build.";
    /// The compiler is missing.
    CompilerMissing = "KBG050", "the compiler is not installed",
        consequence: "no external module can be built for this kernel",
        advice: "install the compiler this tree asks for",
        story: "The tree names the compiler it wants (Debian in .kernelvariables); without a name kbuild takes gcc, \
                or clang where the kernel was built with it. It was looked for in the usual directories.";
    /// The file that names the compiler is missing.
    CompilerNotNamed = "KBG051", "the file that names the compiler is missing or empty",
        consequence: "modules are built with whatever gcc is, not with the kernel's compiler",
        advice: "restore .kernelvariables",
        story: "Debian's kernels are built with one version of gcc, which .kernelvariables in the flavour's tree names. \
                The Makefile goes on without the file and takes plain gcc: today that may build, and with another \
                major version it may not load.";
    /// The compiler is not the one the kernel was built with.
    OtherCompiler = "KBG052", "the compiler is not the one the kernel was built with",
        consequence: "make warns, and may fail over options that only the other compiler knows",
        advice: "install the compiler the kernel was built with, and build with it ('make CC=...')",
        story: "The kernel's configuration records its compiler. Where that was clang, gcc stops at options it does not \
                know. Where it was gcc, clang builds most modules, and so does another major version of either; gcc \
                plugins, new warnings and options of the other compiler are what fails. A newer version of the same kind \
                is only worth knowing; versions that differ less are not spoken of.";
    /// A program that builds run is missing.
    ProgramMissing = "KBG053", "a program that builds run is not installed",
        consequence: "no external module can be built for this kernel",
        advice: "install the package that has this program",
        story: "Besides the compiler a build runs make, the assembler and the linker (package binutils), and pahole \
                (package dwarves) where the kernel's modules get type information and the tree ships the vmlinux to base \
                it on.";
    /// Modules cannot be signed where that is asked for.
    CannotSign = "KBG060", "modules cannot be signed here",
        consequence: "modules are built unsigned, and the kernel refuses them",
        advice: "restore scripts/sign-file, or sign the modules by other means",
        story: "Secure Boot, lockdown or the kernel's configuration asks for signed modules. Module builders sign \
                with the tree's scripts/sign-file and only mention it when it is not there.";
    /// A probe failed to build a module.
    ProbeFailed = "KBG070", "a trivial module could not be built",
        consequence: "no external module can be built for this kernel",
        advice: "mend what make says",
        story: "'kbuild-guard check --probe' has really built a module of twenty lines against this tree, as an ordinary \
                user and without a network, and make failed. Its first telling line is the cause. Where no other \
                finding explains it, the tree has a fault that looking does not show.";
    /// What a probe built does not fit the kernel.
    ProbeNotLoadable = "KBG071", "the module that a probe built would not load",
        consequence: "modules are built, and the kernel refuses them",
        advice: "link to the tree this kernel was built in, or install kernel and headers of one build",
        story: "'kbuild-guard check --probe' has built a trivial module and compared it with modules that came with the \
                kernel: their version magic, and the checksums of the symbols that both use. The kernel compares the \
                same when it loads a module. Nothing was loaded.";
    /// A probe could not be made, or came to no end.
    ProbeOpen = "KBG072", "a probe came to no answer",
        consequence: "whether a module really builds is not known",
        advice: "take away what stands in the way, and probe again",
        story: "'kbuild-guard check --probe' builds only where nobody is put at risk: without a network, in namespaces of \
                its own, never as root, and for an ordinary user only in trees that nobody else can change. Where the \
                system does not allow that, nothing is built. A build that does not end in time is no answer either.";
}

impl FindingId {
    /// `KBGnnn`.
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// Whether this is what the loss of a package leaves behind.
    pub fn is_a_loss(self) -> bool {
        matches!(
            self,
            FindingId::NoHeaders | FindingId::LinkDangling | FindingId::NotATree | FindingId::CompanionMissing
        )
    }

    /// Whether this is about the system's own programs and settings, not about the tree: one package more
    /// mends it, and the tree is as good as ever.
    pub fn is_of_the_system(self) -> bool {
        use FindingId::{CannotSign, CompilerMissing, OtherCompiler, ProgramMissing};
        matches!(self, CompilerMissing | OtherCompiler | ProgramMissing | CannotSign)
    }

    /// Whether this says that something is not known.
    pub fn is_open(self) -> bool {
        matches!(self, FindingId::Unclear | FindingId::ProbeOpen)
    }

    /// The finding with this code, letters in any case.
    pub fn from_code(code: &str) -> Option<Self> {
        CATALOGUE.iter().find(|entry| entry.code.eq_ignore_ascii_case(code)).map(|entry| entry.id)
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        for pair in CATALOGUE.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} {}", pair[0].code, pair[1].code);
        }
        for entry in CATALOGUE {
            assert_eq!(FindingId::from_code(&entry.code.to_lowercase()), Some(entry.id));
            assert_eq!(entry.id.entry(), *entry);
        }
    }
}
