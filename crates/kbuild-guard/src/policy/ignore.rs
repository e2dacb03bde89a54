// SPDX-License-Identifier: MIT OR Apache-2.0
//! Silencing a known finding.

use crate::checks::FindingId;
use crate::release::Release;

/// One line of the ignore list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignore {
    /// The finding.
    pub finding: FindingId,
    /// On which releases, `*` and `?` as in the shell.
    pub release: String,
}

impl Ignore {
    /// Whether this line speaks of that finding on that kernel.
    pub fn matches(&self, finding: FindingId, release: &Release) -> bool {
        self.finding == finding && glob(self.release.as_bytes(), release.as_str().as_bytes())
    }
}

/// `*` any text, `?` any one byte. Linear in the product of the lengths, both of which are short.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut pos) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while pos < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, pos));
                at += 1;
            }
            Some(byte) if *byte == b'?' || text.get(pos) == Some(byte) => {
                at += 1;
                pos += 1;
            }
            _ => match star {
                Some((star_at, star_pos)) => {
                    star = Some((star_at, star_pos + 1));
                    at = star_at + 1;
                    pos = star_pos + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*-felix", "6.1.0-felix", true),
            ("*", "", true),
            ("6.?.*", "6.1.0", true),
            ("6.?.*", "6.12.0", false),
            ("6.1", "6.1.0", false),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbx", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
