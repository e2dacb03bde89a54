// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults of the structure of trees: those of the table of what a build needs, and those that people reported.

use crate::case::{Case, Claim, Family};
use crate::layout::Layout;
use crate::learn::Learnt;

/// All that apply to a subject.
pub(crate) fn cases(layout: &Layout, learnt: &Learnt) -> Vec<Case> {
    let mut cases = vec![Case { claim: Claim::Sound, ..Case::new(Family::Sound, "no fault", ":") }];
    cases.extend(of_the_link(layout));
    cases.extend(of_the_trees(layout));
    cases.extend(of_the_identity(layout, learnt));
    cases.extend(of_the_tools(layout, learnt));
    cases.extend(of_the_system(layout, learnt));
    cases.extend(of_what_is_spare(layout));
    cases
}

fn of_the_link(layout: &Layout) -> Vec<Case> {
    let Layout { link, build, source, others, .. } = layout;
    let to = |name: &str, target: &str| Case::new(Family::Link, name, format!("rm -r {link}; ln -s {target} {link}"));
    let mut cases = vec![
        Case::new(Family::Link, "link absent", format!("rm -r {link}")),
        to("link to a directory of another machine", "/home/jelle/git/staged-builder/linux"),
        to("link in a circle", "build"),
        Case::new(Family::Link, "link to an empty directory", format!("mkdir /srv/empty; ln -sfn /srv/empty {link}")),
        Case::new(Family::Link, "an empty directory in the place of the link", format!("rm -r {link}; mkdir {link}")),
        to("link to a file", "/etc/passwd"),
        to("link to the headers for programs", "/usr/include"),
        to("link by its whole name", build).harmless(),
        Case::new(Family::Link, "the tree moved", format!("mv {build} {build}.moved")),
        Case::new(Family::Link, "the tree gone", format!("rm -r {build}")),
        Case::new(Family::Link, "the tree emptied", format!("find {build} -mindepth 1 -delete")),
    ];
    if source != build {
        cases.push(to("link to the tree that this one includes", source));
    }
    for (release, tree) in others {
        cases.push(to(&format!("link to the tree of {release}"), tree));
    }
    cases
}

fn of_the_trees(layout: &Layout) -> Vec<Case> {
    let Layout { build, source, kbuild, .. } = layout;
    let case = |name: &str, script: String| Case::new(Family::Trees, name, script);
    let mut cases = vec![
        case("Makefile of the tree absent", format!("rm {build}/Makefile")),
        case("Makefile of the tree empty", format!(": >{build}/Makefile")),
        case("include of the tree gone", format!("rm -r {build}/include")),
        case("generated headers gone", format!("rm -r {build}/include/generated")),
        case("include/config gone", format!("rm -r {build}/include/config")),
        case("arch of the tree gone", format!("rm -r {build}/arch")),
        case("scripts of the tree gone", format!("rm -r {build}/scripts")),
        case("tools of the tree gone", format!("rm -r {build}/tools")),
        case("scripts/basic gone", format!("rm -r {build}/scripts/basic")),
        case("scripts/mod gone", format!("rm -r {build}/scripts/mod")),
        case("headers of the source gone", format!("rm -r {source}/include/linux")),
        case("arch of the source gone", format!("rm -r {source}/arch")),
    ];
    if source != build {
        cases.push(case("included tree gone", format!("rm -r {source}")));
        cases.push(case("included tree emptied", format!("find {source} -mindepth 1 -delete")));
    }
    if kbuild != build && kbuild != source {
        cases.push(case("tree of scripts gone", format!("rm -r {kbuild}")));
        cases.push(case("tree of scripts emptied", format!("find {kbuild} -mindepth 1 -delete")));
    }
    cases
}

fn of_the_identity(layout: &Layout, learnt: &Learnt) -> Vec<Case> {
    let Layout { build, others, .. } = layout;
    let case = |name: &str, script: String| Case::new(Family::Identity, name, script);
    let has = |end: &str| learnt.read.iter().any(|path| path.ends_with(end));
    let mut cases = Vec::new();
    for file in
        ["include/config/auto.conf", "include/generated/autoconf.h", "include/generated/utsrelease.h", "Module.symvers"]
    {
        cases.push(case(&format!("{file} absent"), format!("rm {build}/{file}")));
        cases.push(case(&format!("{file} empty"), format!(": >{build}/{file}")));
    }
    let symvers = format!("{build}/Module.symvers");
    cases.extend([
        case(
            "Module.symvers: another checksum of module_layout",
            format!("sed -i 's/^0x[0-9a-f]*\\(\\tmodule_layout\\t\\)/0x12345678\\1/' {symvers}"),
        ),
        case("Module.symvers: other checksums", format!("sed -i 's/^0x[0-9a-f]*/0x12345678/' {symvers}")),
        case("Module.symvers: without module_layout", format!("sed -i '/\\tmodule_layout\\t/d' {symvers}")),
        case("Module.symvers: cut in half", format!("truncate --size=$(($(stat -c %s {symvers}) / 2)) {symvers}")),
        case(
            "Module.symvers: another checksum of _printk",
            format!("sed -i 's/^0x[0-9a-f]*\\(\\t_printk\\t\\)/0x12345678\\1/' {symvers}"),
        ),
        case(
            "utsrelease.h: another release",
            format!("sed -i 's/^\\(#define UTS_RELEASE \"[^\"]*\\)/\\1-other/' {build}/include/generated/utsrelease.h"),
        ),
        case(
            "auto.conf: without CONFIG_MODULE_UNLOAD",
            format!("sed -i /^CONFIG_MODULE_UNLOAD=/d {build}/include/config/auto.conf"),
        ),
        case(
            "auto.conf: without CONFIG_MODVERSIONS",
            format!("sed -i /^CONFIG_MODVERSIONS=/d {build}/include/config/auto.conf"),
        ),
        case(
            "autoconf.h: without CONFIG_MODULE_UNLOAD",
            format!("sed -i '/define CONFIG_MODULE_UNLOAD /d' {build}/include/generated/autoconf.h"),
        ),
        case(
            "autoconf.h: without CONFIG_SMP",
            format!("sed -i '/define CONFIG_SMP /d' {build}/include/generated/autoconf.h"),
        ),
    ]);
    for (release, tree) in others {
        cases.push(case(&format!("Module.symvers of {release}"), format!("cp {tree}/Module.symvers {symvers}")));
        cases.push(case(
            &format!("include/generated of {release}"),
            format!("cp {tree}/include/generated/*.h {build}/include/generated/"),
        ));
    }
    if has("/.kernelvariables") {
        cases.push(case(".kernelvariables absent", format!("rm {build}/.kernelvariables")));
        cases.push(case(".kernelvariables empty", format!(": >{build}/.kernelvariables")));
    }
    cases
}

fn of_the_tools(layout: &Layout, learnt: &Learnt) -> Vec<Case> {
    let case = |name: String, script: String| Case::new(Family::HostTools, name, script);
    let mut cases = Vec::new();
    for tool in &learnt.executable {
        let short = short(layout, tool);
        cases.push(case(format!("{short} not executable"), format!("chmod a-x {tool}")));
        cases.push(case(format!("{short} absent"), format!("rm {tool}")));
        cases.push(case(format!("{short} an empty program"), format!(": >{tool}")));
    }
    for tool in &learnt.elf {
        let short = short(layout, tool);
        cases.push(case(format!("{short} for another machine"), other_machine(tool)));
        cases.push(case(
            format!("{short} needs a newer libc"),
            format!(
                "version=$(grep -ao 'GLIBC_2[.][0-9][0-9]' {tool} | sort | tail -n 1); [ -n \"$version\" ]; \
                 sed -i \"s/$version/GLIBC_2.99/g\" {tool}"
            ),
        ));
        cases.push(case(
            format!("{short} for another loader"),
            format!("sed -i s,/lib64/ld-linux,/lib64/ld-minux, {tool}"),
        ));
        cases.push(case(format!("{short} needs another library"), format!("sed -i s/libc.so.6/libc.so.7/ {tool}")));
        cases.push(case(format!("{short} cut short"), format!("truncate --size=9000 {tool}")));
        cases.push(case(format!("{short} cut within its headers"), format!("truncate --size=40 {tool}")));
    }
    if !learnt.elf.is_empty() {
        let all: Vec<String> = learnt.elf.iter().map(|tool| other_machine(tool)).collect();
        cases.push(case("all programs for another machine".to_owned(), all.join("; ")));
    }
    cases
}

/// 64-bit ARM, in the ELF header.
fn other_machine(tool: &str) -> String {
    format!("printf '\\267' | dd of={tool} bs=1 seek=18 conv=notrunc 2>/dev/null")
}

fn of_the_system(layout: &Layout, learnt: &Learnt) -> Vec<Case> {
    let case = |name: String, script: String| Case::new(Family::System, name, script);
    let mut cases = Vec::new();
    let base_name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let is_wanted = |name: &str| {
        let ends = ["gcc", "ld", "as", "make", "pahole", "cc1", "ld.bfd"];
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
        ends.iter().any(|end| name == *end || name.ends_with(&format!("-{end}")))
    };
    for program in learnt.programs.iter().filter(|program| is_wanted(&base_name(program))) {
        // The link that a build goes by, and what is behind it.
        cases.push(case(format!("{program} gone"), format!("rm {program}")));
        cases.push(case(
            format!("{program} gone, with what it leads to"),
            format!("real=$(readlink -f {program}); rm -f {program} \"$real\""),
        ));
    }
    cases.push(case("every compiler gone".to_owned(), "rm -f /usr/bin/*gcc* /usr/bin/cc /usr/bin/*cpp*".to_owned()));
    let auto_conf = format!("{}/include/config/auto.conf", layout.build);
    cases.extend([
        case(
            "auto.conf: a newer compiler".to_owned(),
            format!("sed -i 's/^CONFIG_GCC_VERSION=.*/CONFIG_GCC_VERSION=990100/' {auto_conf}"),
        ),
        case(
            "auto.conf: an older compiler".to_owned(),
            format!("sed -i 's/^CONFIG_GCC_VERSION=.*/CONFIG_GCC_VERSION=90100/' {auto_conf}"),
        ),
        case(
            "auto.conf: another compiler by its words".to_owned(),
            format!("sed -i '{}' {auto_conf}", version_text("gcc (Other) 1.2.3")),
        ),
        case(
            "auto.conf: built by clang".to_owned(),
            format!(
                "sed -i 's/^CONFIG_CC_IS_GCC=y/CONFIG_CC_IS_CLANG=y/; s/^CONFIG_GCC_VERSION=.*/CONFIG_GCC_VERSION=0/; \
                 s/^CONFIG_CLANG_VERSION=.*/CONFIG_CLANG_VERSION=140006/; {}' {auto_conf}",
                version_text("Debian clang version 14.0.6")
            ),
        ),
    ]);
    cases
}

/// For sed; the value is in quotes before Linux 5.18 and without after.
fn version_text(text: &str) -> String {
    format!("s/^\\(CONFIG_CC_VERSION_TEXT=\"\\{{0,1\\}}\\)[^\"]*/\\1{text}/")
}

fn of_what_is_spare(layout: &Layout) -> Vec<Case> {
    let Layout { link, build, kbuild, .. } = layout;
    let source_link = link.strip_suffix("build").map(|directory| format!("{directory}source")).unwrap_or_default();
    [
        (".config absent", format!("rm -f {build}/.config")),
        ("include/config/kernel.release absent", format!("rm -f {build}/include/config/kernel.release")),
        (
            "include/config/kernel.release of another release",
            format!("mkdir -p {build}/include/config; echo 6.1.999 >{build}/include/config/kernel.release"),
        ),
        ("include/generated/compile.h absent", format!("rm -f {build}/include/generated/compile.h")),
        ("vmlinux absent", format!("rm -f {build}/vmlinux")),
        ("scripts/sign-file absent", format!("rm -f {kbuild}/scripts/sign-file")),
        ("the link 'source' absent", format!("rm -f {source_link}")),
        ("the link 'source' leads nowhere", format!("ln -sfn /nowhere {source_link}")),
        ("a file of somebody's in the tree", format!("echo x >{build}/notes.txt")),
    ]
    .into_iter()
    .map(|(name, script)| Case::new(Family::Spare, name, script).harmless())
    .collect()
}

/// A path below the trees as people write it.
pub(crate) fn short(layout: &Layout, path: &str) -> String {
    let trees = [(&layout.build, ""), (&layout.source, "source:"), (&layout.kbuild, "kbuild:")];
    let inside =
        |(tree, word): (&String, &str)| Some(format!("{word}{}", path.strip_prefix(tree.as_str())?.strip_prefix('/')?));
    trees.into_iter().find_map(inside).unwrap_or_else(|| path.to_owned())
}
