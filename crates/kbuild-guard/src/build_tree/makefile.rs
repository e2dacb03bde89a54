// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which other tree a tree's Makefile includes.

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
        assert!(!is_kernel_makefile("include /x/Makefile\n"));
    }
}
