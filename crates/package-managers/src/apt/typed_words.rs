// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which packages the words of a typed command name, as apt reads them (apt-get(8)).

/// Whether a typed command tells of each package of `names`, with their architectures, whether somebody asked for it.
/// It does not where packages are chosen on a screen (aptitude without a verb) or by selections, nor where a word may be
/// a regular expression, a task or a pattern (apt-get(8), apt-patterns(7), aptitude's search terms) that matches others.
pub(super) fn says_all(command: &str, names: &[(&str, &str)]) -> bool {
    let mut words = command.split_ascii_whitespace().skip(1);
    let mut has_verb = false;
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            // The value of a short option may be a word of its own.
            if matches!(word, "-o" | "-c" | "-t") {
                words.next();
            }
            continue;
        }
        has_verb = true;
        // What of a word is no version or suite, and may be more than a name; names have `.` and `+` too.
        let stem = word.split(['=', '/']).next().unwrap_or_default();
        let may_match = stem.contains(|c: char| ".+*?^$|[](){}\\~!".contains(c)) || word == "dselect-upgrade";
        if may_match && !names.iter().any(|(name, arch)| names_it(word, name, arch)) {
            return false;
        }
    }
    has_verb
}

/// Whether a typed command names a package: `name`, `name:arch`, `name=version`, `name/suite`, `na*`, and each with
/// the sign behind it that turns an installation into a removal (apt-get(8)).
pub(super) fn is_named(command: &str, name: &str, arch: &str) -> bool {
    command.split_ascii_whitespace().skip(1).any(|word| names_it(word, name, arch))
}

fn names_it(word: &str, name: &str, arch: &str) -> bool {
    let is_it = |word: &str| {
        let word = word.split(['=', '/']).next().unwrap_or_default();
        let (word, word_arch) = word.split_once(':').map_or((word, None), |(word, arch)| (word, Some(arch)));
        let is_arch = word_arch.is_none_or(|word| word == arch || matches!(word, "any" | "native") || arch == "all");
        is_arch && (word == name || (word.contains('*') && matches_star(word, name)))
    };
    // A name may end in the sign itself (`g++`).
    is_it(word) || word.strip_suffix(['-', '+']).is_some_and(is_it)
}

/// Whether a word with stars, as apt takes them, names a package.
fn matches_star(word: &str, name: &str) -> bool {
    let mut rest = name;
    let mut parts = word.split('*').peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match rest.find(part) {
            Some(at) if !first || at == 0 => rest = rest.get(at + part.len()..).unwrap_or_default(),
            _ => return false,
        }
        if last {
            return part.is_empty() || name.ends_with(part);
        }
        first = false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_as_apt_takes_them() {
        assert!(matches_star("linux-headers-*", "linux-headers-6.1"));
        assert!(matches_star("*-amd64", "linux-headers-6.1-amd64"));
        assert!(!matches_star("linux-*-rt", "linux-headers-amd64"));
        assert!(!matches_star("image-*", "linux-image-1"));
    }
}
