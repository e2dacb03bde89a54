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

    /// What kernels of one line share whatever their version: `cloud-amd` for
    /// `6.1.0-56-cloud-amd64` and `6.12.100+deb12-cloud-amd64`. A key for comparing, not for showing.
    ///
    /// Debian, Ubuntu and Proxmox put the flavour last, Fedora the distribution and machine; what
    /// changes from one version to the next is digits and what hangs on a `+`, so those are dropped.
    pub fn flavour(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        for part in self.0.split('-').skip(1) {
            let part = part.split('+').next().unwrap_or_default();
            let letters: String = part.chars().filter(|c| c.is_ascii_alphabetic() || *c == '_').collect();
            // `rc3` is a version's tail, not a flavour.
            if !letters.is_empty() && letters != "rc" {
                words.push(letters);
            }
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
        ] {
            assert_eq!(release(one).flavour(), release(other).flavour(), "{one} {other}");
        }
        assert_ne!(release("6.1.0-56-amd64").flavour(), release("6.1.0-56-rt-amd64").flavour());
        assert_ne!(release("6.1.0-56-amd64").flavour(), release("6.1.0-56-cloud-amd64").flavour());
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
