// SPDX-License-Identifier: MIT OR Apache-2.0
//! A kernel release: the string `uname -r` prints, the name of a directory under `/lib/modules`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// Longest release we believe: the kernel's `__NEW_UTS_LEN` (include/uapi/linux/utsname.h).
const LONGEST: usize = 64;

/// A validated kernel release.
///
/// Holds only printable ASCII without spaces and slashes, is never `.` or `..` and never longer than
/// the kernel's own limit, so it is safe to print and safe as one path component.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Release(String);

impl Release {
    /// The release as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kernels of one line share whatever their version: `cloud-amd64` for `6.1.0-56-cloud-amd64`
    /// and `6.12.100+deb12-cloud-amd64`. A key for comparing, not for showing.
    ///
    /// Debian, Ubuntu, Proxmox and Raspberry Pi put the flavour last (`rpi-v8`, `rpi-2712`, `686-pae`),
    /// Fedora the distribution and machine, Arch a name with a count (`arch1-1`). What changes from one
    /// version to the next is the first number, a count, and what hangs on a `+`.
    pub fn flavour(&self) -> String {
        let parts: Vec<&str> =
            self.0.split('-').skip(1).map(|part| part.split('+').next().unwrap_or_default()).collect();
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let mut words: Vec<String> = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let is_counted = parts.get(index + 1).is_some_and(|next| is_number(next) && next.len() < 3);
            let stem = part.trim_end_matches(|c: char| c.is_ascii_digit());
            let word = if is_number(part) {
                // An ABI number comes first; later, `2712` or `686` is a machine, `1` a count.
                if index > 0 && part.len() >= 3 { (*part).to_owned() } else { continue }
            } else if stem == "rc" {
                continue;
            } else if part.starts_with(|c: char| c.is_ascii_digit()) {
                part.chars().filter(|c| !c.is_ascii_digit()).collect()
            } else if is_counted {
                stem.to_owned()
            } else {
                (*part).to_owned()
            };
            words.push(word);
        }
        words.join("-")
    }
}

impl FromStr for Release {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let reason = if text.is_empty() {
            "it is empty"
        } else if text.len() > LONGEST {
            "it is longer than 64 bytes"
        } else if text == "." || text == ".." {
            "it names a directory above"
        } else if text.contains('/') {
            "it holds a slash"
        } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
            "it holds a space, a control character or a letter outside ASCII"
        } else {
            return Ok(Release(text.to_owned()));
        };
        Err(Error::BadRelease { text: text.to_owned(), reason })
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Ord for Release {
    /// By version: runs of digits compare as numbers, everything else as text; `-rcN` comes before
    /// the release it leads to.
    fn cmp(&self, other: &Self) -> Ordering {
        by_version(&self.0, &other.0).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Release {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn by_version(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        let (left_word, left_rest) = split(left, |c| !c.is_ascii_digit());
        let (right_word, right_rest) = split(right, |c| !c.is_ascii_digit());
        let words = word_rank(left_word).cmp(&word_rank(right_word)).then_with(|| left_word.cmp(right_word));
        let (left_number, left_rest) = split(left_rest, |c| c.is_ascii_digit());
        let (right_number, right_rest) = split(right_rest, |c| c.is_ascii_digit());
        let order = words.then_with(|| number(left_number).cmp(&number(right_number)));
        if order != Ordering::Equal {
            return order;
        }
        if left_rest.is_empty() && right_rest.is_empty() {
            return Ordering::Equal;
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// `-rc` sorts before the end of the text, and the end before anything else.
fn word_rank(word: &str) -> u8 {
    match word {
        "-rc" => 0,
        "" => 1,
        _ => 2,
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// A run of digits as a number; absent counts as zero, and what no `u128` holds as the largest.
fn number(digits: &str) -> u128 {
    if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u128::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn release(text: &str) -> Release {
        text.parse().unwrap()
    }

    #[test]
    fn newest_is_by_number_not_by_letter() {
        for (older, newer) in [
            ("6.1.0-9-amd64", "6.1.0-10-amd64"),
            ("6.1.0-56-cloud-amd64", "6.12.100+deb12-cloud-amd64"),
            ("6.8.0-rc3", "6.8.0"),
            ("6.8.0-rc3", "6.8.0-rc10"),
            ("6.8.5-301.fc40.x86_64", "6.8.11-300.fc40.x86_64"),
        ] {
            assert!(release(older) < release(newer), "{older} < {newer}");
        }
    }

    #[test]
    fn a_flavour_outlives_the_version() {
        for (one, other) in [
            ("6.1.0-56-cloud-amd64", "6.12.100+deb12-cloud-amd64"),
            ("6.8.0-40-generic", "6.11.0-29-generic"),
            ("6.8.5-301.fc40.x86_64", "6.9.1-200.fc40.x86_64"),
            ("6.10.3-arch1-1", "6.11.0-arch2-1"),
            ("6.9.0-rc3", "6.9.0"),
            ("6.9.1-zen1-1-zen", "6.10.2-zen3-1-zen"),
            ("6.6.31+rpt-rpi-v8", "6.6.51+rpt-rpi-v8"),
        ] {
            assert_eq!(release(one).flavour(), release(other).flavour(), "{one} {other}");
        }
        for (one, other) in [
            ("6.1.0-56-amd64", "6.1.0-56-rt-amd64"),
            ("6.1.0-56-amd64", "6.1.0-56-cloud-amd64"),
            ("6.1.0-56-686", "6.1.0-56-686-pae"),
            ("6.6.31+rpt-rpi-v7", "6.6.31+rpt-rpi-v8"),
            ("6.6.31+rpt-rpi-v8", "6.6.31+rpt-rpi-2712"),
        ] {
            assert_ne!(release(one).flavour(), release(other).flavour(), "{one} {other}");
        }
    }

    #[test]
    fn what_could_leave_the_directory_or_the_terminal_is_no_release() {
        for text in ["", ".", "..", "a/b", "../6.1", "6.1 x", "6.1\n", "6.1\x1b[0m", "é", &"6".repeat(65)] {
            assert!(text.parse::<Release>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn order_is_total(a in "[0-9a-c.+-]{1,8}", b in "[0-9a-c.+-]{1,8}", c in "[0-9a-c.+-]{1,8}") {
            let (Ok(a), Ok(b), Ok(c)) = (a.parse::<Release>(), b.parse::<Release>(), c.parse::<Release>()) else {
                return Ok(());
            };
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
        }

        #[test]
        fn parsing_never_panics(text in "\\PC*") {
            let _ = text.parse::<Release>().map(|release| release.flavour());
        }
    }
}
