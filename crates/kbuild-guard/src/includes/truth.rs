// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be known of a condition without the compiler: yes, no, or neither.

/// Ordered by certainty that it is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Truth {
    #[default]
    No,
    /// It hangs on something only the compiler knows.
    Maybe,
    Yes,
}

impl Truth {
    pub(super) fn not(self) -> Self {
        match self {
            Truth::No => Truth::Yes,
            Truth::Maybe => Truth::Maybe,
            Truth::Yes => Truth::No,
        }
    }
}

impl From<bool> for Truth {
    fn from(is: bool) -> Self {
        if is { Truth::Yes } else { Truth::No }
    }
}
