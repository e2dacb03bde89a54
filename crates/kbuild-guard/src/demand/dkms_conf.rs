// SPDX-License-Identifier: MIT OR Apache-2.0
//! dkms.conf read as data. It is a shell script that dkms sources; it is never executed here, so what
//! only a shell could know is left unknown.

use crate::build_tree::TreeConfig;
use crate::release::Release;

/// The assignments of a dkms.conf that say whether a module wants a kernel (dkms(8)).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct DkmsConf {
    /// `AUTOINSTALL` says yes.
    pub(super) autoinstall: bool,
    /// `BUILD_EXCLUSIVE_KERNEL`: a regular expression that the release must match.
    pub(super) only_kernel: Option<String>,
    /// `BUILD_EXCLUSIVE_ARCH`: a regular expression that the machine's name must match.
    pub(super) only_arch: Option<String>,
    /// `BUILD_EXCLUSIVE_CONFIG`: options that the kernel must have, or with `!` must not have.
    pub(super) only_config: Option<String>,
    /// `BUILD_EXCLUSIVE_KERNEL_MIN`.
    pub(super) at_least: Option<String>,
    /// `BUILD_EXCLUSIVE_KERNEL_MAX`.
    pub(super) at_most: Option<String>,
    /// `BUILT_MODULE_NAME[n]`.
    pub(super) modules: Vec<String>,
}

impl DkmsConf {
    /// Reads the plain assignments; anything else is passed over. A later one wins.
    pub(super) fn parse(text: &str) -> Self {
        let mut conf = DkmsConf::default();
        for line in text.lines() {
            let Some((name, value)) = line.trim_start().split_once('=') else { continue };
            let Some(value) = plain_value(value) else { continue };
            let present = (!value.is_empty()).then(|| value.clone());
            // Newer versions of dkms exclude single modules of a package by index. That does not exclude
            // the package, so that only the plain name counts.
            match name.split_once('[').map_or((name, false), |(name, _)| (name, true)) {
                // Any value did up to dkms 3.0; later versions take yes.
                ("AUTOINSTALL", _) => conf.autoinstall = !value.is_empty() && !value.eq_ignore_ascii_case("no"),
                ("BUILD_EXCLUSIVE_KERNEL", false) => conf.only_kernel = present,
                ("BUILD_EXCLUSIVE_ARCH", false) => conf.only_arch = present,
                ("BUILD_EXCLUSIVE_CONFIG", false) => conf.only_config = present,
                ("BUILD_EXCLUSIVE_KERNEL_MIN", false) => conf.at_least = present,
                ("BUILD_EXCLUSIVE_KERNEL_MAX", false) => conf.at_most = present,
                ("BUILT_MODULE_NAME" | "DEST_MODULE_NAME", _) => conf.modules.extend(present),
                _ => {}
            }
        }
        conf
    }

    /// Whether the module is meant for this release. Doubt counts as yes: dkms would try.
    pub(super) fn wants(&self, release: &str) -> bool {
        let version = |text: &str| text.parse::<Release>().ok();
        let own = version(release);
        let holds = |bound: Option<&String>, holds: fn(&Release, &Release) -> bool| match (
            bound.and_then(|bound| version(bound)),
            &own,
        ) {
            (Some(bound), Some(own)) => holds(own, &bound),
            _ => true,
        };
        self.only_kernel.as_deref().is_none_or(|pattern| is_match(pattern, release))
            && holds(self.at_least.as_ref(), |own, bound| own >= bound)
            && holds(self.at_most.as_ref(), |own, bound| own <= bound)
    }
}

impl DkmsConf {
    /// Whether the module is meant for this machine, by the name `uname -m` has for it.
    pub(super) fn wants_machine(&self, machine: &str) -> bool {
        self.only_arch.as_deref().is_none_or(|pattern| is_match(pattern, machine))
    }

    /// Whether the module is meant for a kernel of this configuration (a `config-R` file's text).
    pub(super) fn wants_config(&self, config: &TreeConfig) -> bool {
        self.only_config.as_deref().unwrap_or_default().split_ascii_whitespace().all(|word| {
            let has = |option: &str| matches!(config.value(option), Some("y" | "m"));
            match word.strip_prefix('!') {
                Some(option) => !has(option),
                None => has(word),
            }
        })
    }
}

/// A pattern nobody can read excludes nothing.
fn is_match(pattern: &str, text: &str) -> bool {
    let pattern = regex_lite::RegexBuilder::new(pattern).size_limit(1 << 16).build();
    pattern.map_or(true, |pattern| pattern.is_match(text))
}

/// The value of an assignment that needs no shell: quoted or bare, without expansions.
fn plain_value(text: &str) -> Option<String> {
    let text = text.trim();
    let value = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text.get(1..)?.split(quote).next()?,
        _ => text.split(|c: char| c.is_whitespace() || c == ';' || c == '#').next()?,
    };
    // A regular expression ends in `$`; an expansion has a name or a brace after it.
    let expands = value.contains('`')
        || value.match_indices('$').any(|(at, _)| {
            value
                .get(at + 1..)
                .and_then(|rest| rest.chars().next())
                .is_some_and(|c| c.is_alphanumeric() || "{(_".contains(c))
        });
    (!expands).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_needs_no_shell() {
        let conf = DkmsConf::parse(
            "PACKAGE_NAME=\"x\"\nAUTOINSTALL=\"yes\"\nBUILT_MODULE_NAME[0]=\"acpi_call\"\n\
             BUILD_EXCLUSIVE_KERNEL='^6\\.(1|6)\\..*'\nif true; then\n  BUILT_MODULE_NAME[1]=$(uname -r)\nfi\n",
        );
        assert!(conf.autoinstall);
        assert_eq!(conf.modules, ["acpi_call"]);
        assert!(conf.wants("6.1.0-56-amd64"));
        assert!(!conf.wants("5.10.0-30-amd64"));
    }

    #[test]
    fn bounds_compare_versions() {
        let conf = DkmsConf::parse("BUILD_EXCLUSIVE_KERNEL_MIN=5.15\nBUILD_EXCLUSIVE_KERNEL_MAX=6.8\n");
        assert!(!conf.wants("5.4.0-1-amd64"));
        assert!(conf.wants("5.15.0-1-amd64"));
        assert!(!conf.wants("6.12.0-1-amd64"));
        assert!(!conf.wants("6.8-1-amd64"), "dkms compares the whole release");
        assert!(!conf.autoinstall);
        assert!(DkmsConf::parse("BUILD_EXCLUSIVE_KERNEL[1]=^5\n").wants("6.1.0"), "one module of several");
        assert!(!DkmsConf::parse("AUTOINSTALL=yes\nAUTOINSTALL=\"\"\n").autoinstall, "the admin's file comes later");
    }

    #[test]
    fn machines_and_configurations_are_excluded() {
        let conf = DkmsConf::parse(
            "BUILD_EXCLUSIVE_ARCH=\"^(aarch64|arm.*)$\"\nBUILD_EXCLUSIVE_CONFIG=\"CONFIG_A !CONFIG_B\"\n",
        );
        assert!(conf.wants_machine("aarch64") && !conf.wants_machine("x86_64"));
        assert!(conf.wants_config(&TreeConfig::new("CONFIG_A=m\n")));
        assert!(!conf.wants_config(&TreeConfig::new("CONFIG_A=y\nCONFIG_B=y\n")));
        assert!(!conf.wants_config(&TreeConfig::new("# CONFIG_A is not set\n")));
    }

    #[test]
    fn an_unreadable_pattern_excludes_nothing() {
        assert!(DkmsConf::parse("BUILD_EXCLUSIVE_KERNEL=\"(((\"\n").wants("6.1.0"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*", release in "[0-9.a-z-]{1,12}") {
            DkmsConf::parse(&text).wants(&release);
        }
    }
}
