// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which packages the words of a typed command name, as rpm, dnf and zypper read them.

use kbuild_guard::transaction::Why;

/// Why a package leaves or arrives, as far as the typed command tells; nothing is typed where it is empty.
pub(super) fn why(command: &str, package: &Names<'_>) -> Why {
    if is_named(command, package) {
        Why::Asked
    } else if command.split_ascii_whitespace().any(|word| word == "autoremove") {
        Why::Auto
    } else {
        Why::Unknown
    }
}

/// Whether a typed command names a package by a word of its own: `name`, `name.arch`, `name-version`, …, with or without
/// stars, or a group of what zypper takes (`name=version`).
fn is_named(command: &str, package: &Names<'_>) -> bool {
    let spellings = package.spellings();
    let words = command.split_ascii_whitespace().skip(1).filter(|word| !word.starts_with('-'));
    let mut words = words.map(|word| word.split(['=', '<', '>']).next().unwrap_or_default());
    words.any(|word| spellings.iter().any(|spelling| matches_glob(word, spelling)))
}

/// What a package is called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'p> {
    pub(super) name: &'p str,
    /// `epoch:version-release`, the epoch only where there is one.
    pub(super) evr: &'p str,
    pub(super) arch: &'p str,
}

impl Names<'_> {
    /// dnf(8), "Specifying packages"; rpm(8) has the same but for the epoch.
    fn spellings(&self) -> Vec<String> {
        let Names { name, evr, arch } = self;
        let vr = evr.split_once(':').map_or(*evr, |(_, vr)| vr);
        let version = vr.rsplit_once('-').map_or(vr, |(version, _)| version);
        vec![
            (*name).to_owned(),
            format!("{name}.{arch}"),
            format!("{name}-{version}"),
            format!("{name}-{vr}"),
            format!("{name}-{vr}.{arch}"),
            format!("{name}-{evr}"),
            format!("{name}-{evr}.{arch}"),
        ]
    }
}

/// Whether a pattern of the shell's matches a whole text; sets of characters in brackets match none.
pub(super) fn matches_glob(pattern: &str, text: &str) -> bool {
    // The usual two pointers: where a star was last, and how much it has taken so far.
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || text.get(t) == Some(wanted) => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_packages() {
        let package = Names { name: "kernel-devel", evr: "6.8.5-301.fc40", arch: "x86_64" };
        for command in [
            "dnf remove kernel-devel",
            "dnf remove -y kernel-devel-6.8.5-301.fc40.x86_64",
            "rpm -e kernel-devel-6.8.5-301.fc40",
            "zypper rm kernel-devel=6.8.5",
            "dnf remove kernel-*",
        ] {
            assert!(is_named(command, &package), "{command}");
        }
        for command in ["dnf autoremove", "dnf remove kernel", "rpm -e --nodeps gcc", "kernel-devel"] {
            assert!(!is_named(command, &package), "{command}");
        }
    }

    #[test]
    fn stars_and_question_marks() {
        assert!(matches_glob("a*c*", "abcbc") && matches_glob("*", "") && matches_glob("a?c", "abc"));
        assert!(!matches_glob("a*d", "abc") && !matches_glob("a?", "a") && !matches_glob("", "a"));
    }
}
