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

/// Pairs of two different ones, none twice: at most `count`, and fewer only where there are few things.
///
/// Each of a pair is the first in an order of its own, so that one more thing changes few pairs.
pub(crate) fn pairs<T>(things: &[T], name: impl Fn(&T) -> &str, seed: u64, count: usize) -> Vec<(&T, &T)> {
    let hashes: Vec<u64> = things.iter().map(|thing| fnv1a(name(thing).as_bytes())).collect();
    let first =
        |order: u64| (0..hashes.len()).min_by_key(|place| hashes.get(*place).map(|hash| mix(hash ^ mix(order))));
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    // Some orders begin with the same thing, or repeat a pair.
    for number in 0..count as u64 * 4 {
        let order = mix(seed).wrapping_add(number * 2);
        let (Some(one), Some(other)) = (first(order), first(order.wrapping_add(1))) else { break };
        let pair = (one.min(other), one.max(other));
        if pair.0 != pair.1 && !pairs.contains(&pair) && pairs.len() < count {
            pairs.push(pair);
        }
    }
    pairs.into_iter().filter_map(|(one, other)| Some((things.get(one)?, things.get(other)?))).collect()
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

    fn two(things: usize, seed: u64, count: usize) -> Vec<(String, String)> {
        let names: Vec<String> = (0..things).map(|number| format!("file{number}")).collect();
        pairs(&names, |name| name, seed, count).into_iter().map(|(one, other)| (one.clone(), other.clone())).collect()
    }

    #[test]
    fn pairs_are_of_two_and_none_comes_twice() {
        let mut found = two(100, 7, 40);
        assert_eq!(found, two(100, 7, 40));
        assert_ne!(found, two(100, 8, 40));
        assert!(found.iter().all(|(one, other)| one != other));
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 40);
        assert!(two(3, 7, 40).len() <= 3);
        assert!(two(1, 7, 40).is_empty() && two(0, 7, 40).is_empty());
    }

    #[test]
    fn one_more_thing_changes_few_pairs() {
        let (before, after) = (two(400, 1, 40), two(401, 1, 40));
        assert!(before.iter().filter(|pair| !after.contains(pair)).count() <= 2);
    }
}
