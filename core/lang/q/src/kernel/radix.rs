//! Sorting by keys of 64 bits, digit by digit from the lowest: each pass is stable, so the whole
//! is, and it costs as many passes as the keys differ in digits.

/// Fewer items are sorted by comparing.
const SMALL: usize = 256;
/// Bits of a digit: what is counted of one fits the first cache.
const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;

/// Sorts places by their keys, which are as many; equal ones stay as they come.
pub(crate) fn sort(keys: &[u64], places: &mut [i64]) {
    if keys.is_sorted() {
        return;
    }
    let low = keys.iter().copied().min().unwrap_or(0);
    let high = keys.iter().copied().max().unwrap_or(0);
    let width = 64 - (high - low).leading_zeros();
    let numbered = || keys.iter().map(move |key| key - low).zip(places.iter().copied());
    if keys.len() < SMALL {
        let mut pairs: Vec<(u64, i64)> = numbered().collect();
        pairs.sort_by_key(|(key, _)| *key);
        put(places, pairs.into_iter().map(|(_, place)| place));
    } else if width <= 32 && u32::try_from(keys.len()).is_ok() {
        // A key and the number of its place share 64 bits.
        let items = numbered().zip(0..).map(|((key, _), at): ((u64, i64), u64)| key << 32 | at);
        let items = passes(items.collect(), 32, width, |item| *item);
        let old = places.to_vec();
        let at = |item: u64| old.get((item & 0xffff_ffff) as usize).copied().unwrap_or(0);
        put(places, items.into_iter().map(at));
    } else {
        let pairs = passes(numbered().collect(), 0, width, |(key, _)| *key);
        put(places, pairs.into_iter().map(|(_, place)| place));
    }
}

fn put(places: &mut [i64], sorted: impl Iterator<Item = i64>) {
    for (place, sorted) in places.iter_mut().zip(sorted) {
        *place = sorted;
    }
}

/// Sorts items by `width` bits of their keys from bit `from` on.
fn passes<T: Copy>(mut items: Vec<T>, from: u32, width: u32, key: impl Fn(&T) -> u64) -> Vec<T> {
    let mut other = items.clone();
    for shift in (from..from + width).step_by(DIGIT_BITS as usize) {
        let digit = |item: &T| (key(item) >> shift) as usize & (DIGITS - 1);
        let mut counts = [0usize; DIGITS];
        for item in &items {
            if let Some(count) = counts.get_mut(digit(item)) {
                *count += 1;
            }
        }
        if counts.contains(&items.len()) {
            continue; // all are alike here
        }
        let mut next = 0;
        for count in &mut counts {
            next += std::mem::replace(count, next);
        }
        for item in &items {
            if let Some(at) = counts.get_mut(digit(item)) {
                if let Some(slot) = other.get_mut(*at) {
                    *slot = *item;
                }
                *at += 1;
            }
        }
        std::mem::swap(&mut items, &mut other);
    }
    items
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_sorted_as_a_stable_sort_does(
            seeds in prop::collection::vec(any::<u64>(), 0..700), bits in 0u32..=64, low in any::<u64>(),
        ) {
            // Keys of few bits have many equals, and those of many bits have none.
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            let keys: Vec<u64> =
                seeds.iter().map(|seed| (low & !mask) | (seed & mask)).collect();
            let mut places: Vec<i64> = (0..keys.len() as i64).map(|place| 7 * place).collect();
            let mut expected = places.clone();
            expected.sort_by_key(|place| keys[(*place / 7) as usize]);
            sort(&keys, &mut places);
            prop_assert_eq!(places, expected);
        }
    }
}
