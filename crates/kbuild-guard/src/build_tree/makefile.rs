// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a tree's Makefile includes: another tree's, and parts of kbuild by configuration.

/// The paths of the Makefiles that `text` includes by a plain path.
///
/// Debian's header trees are one line, `include /usr/src/…-common/Makefile`; openSUSE's and those of
/// `make O=` (scripts/mkmakefile, since 6.0 the top Makefile's `outputmakefile`) are a few. The
/// kernel's own Makefile includes by variables, which name no other tree, and is passed over.
pub(super) fn included_makefiles(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("include")?.strip_prefix([' ', '\t']))
        .flat_map(|rest| rest.split('#').next().unwrap_or_default().split_ascii_whitespace())
        .filter(|path| !path.contains('$') && (*path == "Makefile" || path.ends_with("/Makefile")))
        .collect()
}

/// The parts of kbuild that the kernel's own Makefile includes by lists of names, each with the option that it hangs
/// on, if any: `include-$(CONFIG_DEBUG_INFO_BTF) += scripts/Makefile.btf`. Which parts there are, and what they are
/// called, differs from version to version.
pub(crate) fn parts_of_kbuild(text: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    text.lines()
        .filter_map(|line| {
            let list = line.strip_prefix("include-")?;
            match list.strip_prefix('y') {
                Some(rest) => Some((None, rest)),
                None => list.strip_prefix("$(")?.split_once(')').map(|(option, rest)| (Some(option), rest)),
            }
        })
        .filter_map(|(option, rest)| {
            Some((option, rest.trim_start().trim_start_matches(['+', ':']).strip_prefix('=')?))
        })
        .flat_map(|(option, paths)| {
            let paths = paths.split('#').next().unwrap_or_default().split_ascii_whitespace();
            paths.filter(|path| !path.contains('$')).map(move |path| (option, path))
        })
}

/// Whether a text is the kernel's own top Makefile: it begins with the version it is of.
pub(super) fn is_kernel_makefile(text: &str) -> bool {
    let has = |name: &str| {
        text.lines()
            .take(200)
            .any(|line| line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('=')))
    };
    has("VERSION") && has("PATCHLEVEL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_other_tree_and_only_that() {
        assert_eq!(included_makefiles("include /usr/src/x-common/Makefile\n"), ["/usr/src/x-common/Makefile"]);
        assert_eq!(
            included_makefiles("# x\ninclude ../../../linux-6.4/Makefile # y\n"),
            ["../../../linux-6.4/Makefile"]
        );
        let kernel = "VERSION = 6\nPATCHLEVEL = 1\ninclude $(srctree)/scripts/Kbuild.include\n\
                      include include/config/auto.conf\n-include x/Makefile\n\tinclude y/Makefile\n";
        assert!(included_makefiles(kernel).is_empty());
        assert!(is_kernel_makefile(kernel));
        let text = "include-y := scripts/Makefile.extrawarn\ninclude-$(CONFIG_DEBUG_INFO_BTF)+= scripts/Makefile.btf\n\
                    include-$(CONFIG_KCOV)\t\t+= scripts/Makefile.kcov # x\ninclude-$(X) += $(Y)\n";
        let parts: Vec<_> = parts_of_kbuild(text).collect();
        let expected = [
            (None, "scripts/Makefile.extrawarn"),
            (Some("CONFIG_DEBUG_INFO_BTF"), "scripts/Makefile.btf"),
            (Some("CONFIG_KCOV"), "scripts/Makefile.kcov"),
        ];
        assert_eq!(parts, expected);
    }
}
