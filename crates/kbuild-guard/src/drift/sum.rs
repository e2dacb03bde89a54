// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines summed up so that any change of one shows, in whatever order they stand.

use serde::{Deserialize, Serialize};

/// How many lines there are, and the sum of what each hashes to: the same for the same lines in another order.
///
/// It is written down and compared by later versions, so the hash is one that is defined once and for all (FNV-1a,
/// 64 bit). It tells an accident; nobody gains anything by making two texts with the same sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub lines: u64,
    /// The sum, modulo 2^64.
    pub hash: u64,
}

impl Sum {
    /// Of these lines.
    pub fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        lines.fold(Sum::default(), |sum, line| Sum {
            lines: sum.lines + 1,
            hash: sum.hash.wrapping_add(fnv1a(line.as_bytes())),
        })
    }
}

/// FNV-1a of some bytes.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_published_function() {
        // The test vectors of the FNV-1a specification.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_order_is_nothing_and_every_line_is_something() {
        let of = |text: &str| Sum::of(text.lines());
        assert_eq!(of("a\nb\n"), of("b\na\n"));
        for other in ["a\n", "a\nc\n", "a\nb\nb\n", ""] {
            assert_ne!(of("a\nb\n"), of(other));
        }
    }
}
