// SPDX-License-Identifier: MIT OR Apache-2.0
//! A moment as the day it was on.

/// `YYYY-MM-DD` of a moment in seconds since 1970, in UTC. The civil calendar by H. Hinnant's `civil_from_days`.
pub fn day(seconds: u64) -> String {
    // A clock that is wrong by more than any calendar reaches is no reason to overflow.
    let days = (seconds / 86_400).min(2_900_000) + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_what_date_says() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_709_164_800, "2024-02-29"),
            (1_795_392_000, "2026-11-23"),
            (4_102_444_799, "2099-12-31"),
        ] {
            assert_eq!(day(seconds), expected);
        }
        assert_eq!(day(u64::MAX).len(), 10);
    }
}
