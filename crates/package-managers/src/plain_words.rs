// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which typed commands are repeated on a terminal: those of plain words only, which mean to a shell what they say.

/// The command with its program's bare name; `None` if a word of it is more than letters, digits and what names, options
/// and patterns have, or if it is too long.
pub(crate) fn plain_words(line: &str) -> Option<String> {
    let is_plain = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+._:=/~@^*".contains(&b));
    let (program, rest) = line.split_once(' ')?;
    let program = program.rsplit('/').next()?;
    let plain = line.len() <= 200 && line.split(' ').all(is_plain);
    plain.then(|| format!("{program} {rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_plain_commands_only() {
        assert_eq!(plain_words("/usr/bin/apt-get -y autoremove").as_deref(), Some("apt-get -y autoremove"));
        assert_eq!(plain_words("dnf remove kernel-*").as_deref(), Some("dnf remove kernel-*"));
        for line in ["apt remove $(reboot)", "apt remove \x1b[0m", "apt", ""] {
            assert_eq!(plain_words(line), None, "{line}");
        }
    }
}
