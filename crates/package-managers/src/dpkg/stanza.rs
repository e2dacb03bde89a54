// SPDX-License-Identifier: MIT OR Apache-2.0
//! The paragraphs of Debian control files (deb822(5)), as dpkg and apt write them.

/// One paragraph.
#[derive(Debug, Clone, Copy)]
pub struct Stanza<'text>(&'text str);

impl<'text> Stanza<'text> {
    /// The first line of a field's value, without blanks around it. Names match in any case.
    pub fn field(self, name: &str) -> Option<&'text str> {
        self.0.lines().find_map(|line| {
            let (have, value) = line.split_once(':')?;
            have.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// The paragraphs of a text. A line that is neither a field nor a continuation belongs to its
/// paragraph and matches no name: whatever is broken in one stanza stays in it.
pub fn stanzas(text: &str) -> impl Iterator<Item = Stanza<'_>> {
    text.split("\n\n").map(|stanza| stanza.trim_start_matches('\n')).filter(|stanza| !stanza.is_empty()).map(Stanza)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_stanza_spoils_no_other() {
        let text =
            "Package: a\nDescription: x\n Package: no\n\ngarbage without colon\n: :\n\n\nPackage: b\nversion:  2 \n";
        let all: Vec<Stanza<'_>> = stanzas(text).collect();
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].field("Package"), Some("a"));
        assert_eq!(all[1].field("Package"), None);
        assert_eq!(all[2].field("Version"), Some("2"));
    }
}
