// SPDX-License-Identifier: MIT OR Apache-2.0
//! A choice that a number decides: the same on every machine, and nearly the same when the list grows.

use test_roots::fnv1a;

/// At most `most` of these, by their names and `seed`, in their order.
pub(crate) fn choose<T>(all: Vec<T>, name: impl Fn(&T) -> String, seed: u64, most: Option<usize>) -> Vec<T> {
    let Some(most) = most.filter(|most| *most < all.len()) else { return all };
    let mut ranked: Vec<(u64, usize, T)> =
        all.into_iter().enumerate().map(|(place, one)| (rank(&name(&one), seed), place, one)).collect();
    ranked.sort_by_key(|(rank, place, _)| (*rank, *place));
    ranked.truncate(most);
    ranked.sort_by_key(|(_, place, _)| *place);
    ranked.into_iter().map(|(_, _, one)| one).collect()
}

/// Pairs of `count` things, each of two different ones, none twice.
pub(crate) fn pairs(things: usize, seed: u64, count: usize) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let all = things.saturating_mul(things.saturating_sub(1)) / 2;
    let mut number = seed;
    while pairs.len() < count.min(all) {
        let mut next = || {
            number = mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15));
            usize::try_from(number % things.max(1) as u64).unwrap_or_default()
        };
        let (one, other) = (next(), next());
        let pair = (one.min(other), one.max(other));
        if pair.0 != pair.1 && !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    pairs
}

fn rank(name: &str, seed: u64) -> u64 {
    mix(fnv1a(name.as_bytes()) ^ mix(seed))
}

/// The last step of splitmix64: every bit of the answer depends on every bit of the question.
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: usize, seed: u64, most: usize) -> Vec<String> {
        choose((0..count).map(|number| format!("file{number}")).collect(), String::clone, seed, Some(most))
    }

    #[test]
    fn the_seed_decides_and_the_order_stays() {
        let chosen = some(400, 1, 20);
        assert_eq!(chosen.len(), 20);
        assert_eq!(chosen, some(400, 1, 20));
        assert_ne!(chosen, some(400, 2, 20));
        let place = |name: &String| name.trim_start_matches("file").parse::<usize>().unwrap();
        assert!(chosen.windows(2).all(|two| place(&two[0]) < place(&two[1])));
    }

    #[test]
    fn one_more_file_changes_at_most_one_choice() {
        let (before, after) = (some(400, 1, 20), some(401, 1, 20));
        assert!(before.iter().filter(|name| !after.contains(name)).count() <= 1);
    }

    #[test]
    fn all_are_chosen_where_there_are_few() {
        assert_eq!(some(3, 1, 20).len(), 3);
        assert_eq!(choose(vec![1, 2], ToString::to_string, 1, None), [1, 2]);
    }

    #[test]
    fn pairs_are_of_two_and_none_comes_twice() {
        let mut found = pairs(10, 7, 40);
        assert_eq!(found, pairs(10, 7, 40));
        assert!(found.iter().all(|(one, other)| one < other && *other < 10));
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 40);
        assert_eq!(pairs(3, 7, 40).len(), 3);
        assert!(pairs(1, 7, 40).is_empty() && pairs(0, 7, 40).is_empty());
    }
}
