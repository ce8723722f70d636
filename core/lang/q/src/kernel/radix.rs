//! Sorting by keys of 64 bits, digit by digit from the lowest: each pass is stable, so the whole
//! is, and it costs as many passes as the keys differ in digits. A key shares its 64 bits with the
//! number of its place; where it does not fit, its lowest bits are left out, and what is alike but
//! for them is put in order afterwards.

/// Fewer items are sorted by comparing.
const SMALL: usize = 256;
/// Bits of a digit at most: what is counted of one fits the first cache.
const DIGIT_BITS: u32 = 11;

/// Sorts places by their keys, which are as many; equal ones stay as they come.
pub(crate) fn sort(keys: &[u64], places: &mut [i64]) {
    if keys.is_sorted() {
        return;
    }
    let low = keys.iter().copied().min().unwrap_or(0);
    let high = keys.iter().copied().max().unwrap_or(0);
    if keys.len() < SMALL {
        let mut pairs: Vec<(u64, i64)> = keys.iter().copied().zip(places.iter().copied()).collect();
        pairs.sort_by_key(|(key, _)| *key);
        put(places, pairs.into_iter().map(|(_, place)| place));
        return;
    }
    let width = u64::BITS - (high - low).leading_zeros();
    let number_bits = usize::BITS - keys.len().leading_zeros();
    let room = u64::BITS - number_bits;
    let left_out = width.saturating_sub(room);
    let item = |(key, at): (&u64, u64)| (key - low) >> left_out << number_bits | at;
    let items = keys.iter().zip(0..).map(item).collect();
    let mut items = passes(items, number_bits, width - left_out);
    let number = |item: u64| (item & ((1 << number_bits) - 1)) as usize;
    if left_out > 0 {
        let key = |item: &u64| keys.get(number(*item)).copied().unwrap_or(0);
        for alike in items.chunk_by_mut(|a, b| a >> number_bits == b >> number_bits) {
            if alike.len() > 1 {
                alike.sort_by_key(key);
            }
        }
    }
    let own = (0i64..).zip(places.iter()).all(|(at, place)| at == *place);
    if own {
        put(places, items.into_iter().map(|item| number(item) as i64));
    } else {
        let old = places.to_vec();
        let at = |item: u64| old.get(number(item)).copied().unwrap_or(0);
        put(places, items.into_iter().map(at));
    }
}

/// Sorts words.
pub(crate) fn sort_words(mut words: Vec<u64>) -> Vec<u64> {
    if words.len() < SMALL || words.is_sorted() {
        words.sort_unstable();
        return words;
    }
    let (low, high) =
        words.iter().fold((u64::MAX, 0), |(low, high), word| (low.min(*word), high.max(*word)));
    let width = u64::BITS - (high - low).leading_zeros();
    words.iter_mut().for_each(|word| *word -= low);
    if width <= 2 * DIGIT_BITS {
        words = passes(words, 0, width);
    } else {
        let mut spare = vec![0; words.len()];
        from_top::<{ 1 << DIGIT_BITS }>(&mut words, &mut spare, width);
    }
    words.iter_mut().for_each(|word| *word += low);
    words
}

/// Words that are as many are sorted by comparing, once what is above their lowest bits is alike.
const FEW: usize = 384;
/// Digits after the first one: that many counts are looked at for each group of words.
const NEXT: usize = 1 << 8;

/// Sorts words that differ in their lowest `width` bits, by the highest of these first, of which
/// there are `DIGITS` kinds: after a pass or two through memory what is alike so far fits into a
/// cache. `spare` is as long.
fn from_top<const DIGITS: usize>(words: &mut [u64], spare: &mut [u64], width: u32) {
    if words.len() <= FEW {
        return words.sort_unstable();
    }
    if words.is_sorted() {
        return; // also when all are alike
    }
    let shift = width.saturating_sub(DIGITS.trailing_zeros());
    let digit = |word: u64| (word >> shift) as usize & (DIGITS - 1);
    let mut counts = [0usize; DIGITS];
    for word in words.iter() {
        if let Some(count) = counts.get_mut(digit(*word)) {
            *count += 1;
        }
    }
    if !counts.contains(&words.len()) {
        let mut next = 0;
        for count in counts.iter_mut() {
            next += std::mem::replace(count, next);
        }
        for word in words.iter() {
            if let Some(at) = counts.get_mut(digit(*word)) {
                if let Some(slot) = spare.get_mut(*at) {
                    *slot = *word;
                }
                *at += 1;
            }
        }
    } else {
        // All are alike here: they are one group.
        spare.copy_from_slice(words);
        counts.fill(words.len());
    }
    // Each start has moved to the end of its group.
    let mut start = 0;
    for end in &counts {
        let (Some(words), Some(spare)) = (words.get_mut(start..*end), spare.get_mut(start..*end))
        else {
            continue;
        };
        start = *end;
        if !words.is_empty() {
            words.copy_from_slice(spare);
            from_top::<NEXT>(words, spare, shift);
        }
    }
}

fn put(places: &mut [i64], sorted: impl Iterator<Item = i64>) {
    for (place, sorted) in places.iter_mut().zip(sorted) {
        *place = sorted;
    }
}

/// Sorts items by their `width` bits from bit `from` on.
fn passes(mut items: Vec<u64>, from: u32, width: u32) -> Vec<u64> {
    let digits = width.div_ceil(DIGIT_BITS).max(1);
    let bits = width.div_ceil(digits);
    let digit = |item: u64, n: u32| (item >> (from + n * bits)) as usize & ((1 << bits) - 1);
    // All digits are counted at once; how often each occurs does not change with the order.
    let mut counts = vec![0usize; (digits as usize) << bits];
    for item in &items {
        for n in 0..digits {
            if let Some(count) = counts.get_mut((n as usize) << bits | digit(*item, n)) {
                *count += 1;
            }
        }
    }
    let mut other = vec![0; items.len()];
    for (counts, n) in counts.chunks_mut(1 << bits).zip(0..) {
        if counts.contains(&items.len()) {
            continue; // all are alike here
        }
        let mut next = 0;
        for count in counts.iter_mut() {
            next += std::mem::replace(count, next);
        }
        for item in &items {
            if let Some(at) = counts.get_mut(digit(*item, n)) {
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
        fn words_are_sorted_whatever_their_digits(
            seeds in prop::collection::vec(any::<u64>(), 0..3000),
            bits in 0u32..=64,
            alike in 0u32..=64,
            low in any::<u64>(),
        ) {
            // Some bits in the middle are alike, and so are the highest ones.
            let mask = |bits: u32| if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            let mask = mask(bits) & !(mask(alike) & !mask(alike / 2));
            let words: Vec<u64> =
                seeds.iter().map(|seed| (low & !mask) | (seed & mask)).collect();
            let mut expected = words.clone();
            expected.sort_unstable();
            prop_assert_eq!(sort_words(words), expected);
        }

        #[test]
        fn places_are_sorted_as_a_stable_sort_does(
            seeds in prop::collection::vec(any::<u64>(), 0..700),
            bits in 0u32..=64,
            low in any::<u64>(),
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
