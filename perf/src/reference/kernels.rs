//! The plain reference of QKERNELS: the columns that every program makes itself, and what must
//! come out, each result as one number that depends on every row and its place.

use std::collections::HashMap;

/// Columns are made of these by multiplication modulo 2^64.
const A: i64 = 6_364_136_223_846_793_005;
const B: i64 = 1_442_695_040_888_963_407;
/// What is left of a product once its low bits, which are not random, are gone.
const CUT: i64 = 1 << 33;
/// The values that are summed, and places, are taken modulo these.
const VALUES: i64 = 9973;
const PLACES: i64 = 97;
/// Trades are looked for among quotes as if their syms were those so many rows later.
const SHIFT: i64 = 7919;

/// A number for a row that looks random; may be negative.
fn hash(row: i64) -> i64 {
    let square = row.wrapping_mul(row.wrapping_mul(A));
    square.wrapping_add(row.wrapping_mul(B)).div_euclid(CUT)
}

/// A number for a row that no other row has.
fn distinct(row: i64) -> i64 {
    A.wrapping_mul(row.wrapping_mul(row.wrapping_mul(2).wrapping_add(1)))
}

fn of_group(key: i64) -> i64 {
    1 + key % PLACES
}

/// `select sum v by k`: twice the sum of all sums, each times a number of its group.
pub(crate) fn sums(rows: i64, groups: i64) -> i64 {
    (0..rows).map(|row| 2 * of_group(hash(row).rem_euclid(groups)) * (row % VALUES)).sum()
}

/// `select med v by k`, likewise.
pub(crate) fn medians(rows: i64, groups: i64) -> i64 {
    let mut values: HashMap<i64, Vec<i64>> = HashMap::new();
    for row in 0..rows {
        values.entry(hash(row).rem_euclid(groups)).or_default().push(row % VALUES);
    }
    let twice = |values: &mut Vec<i64>| {
        values.sort_unstable();
        let at = |place: usize| values.get(place).copied().unwrap_or_default();
        at(values.len() / 2) + at((values.len() - 1) / 2)
    };
    values.iter_mut().map(|(key, values)| of_group(*key) * twice(values)).sum()
}

/// `iasc x`: the sum of all rows, each times a number of the place that it gets.
pub(crate) fn order(rows: i64) -> i64 {
    sorted(rows, distinct)
}

/// `` `a`b xasc t ``, likewise.
pub(crate) fn sorted_table(rows: i64) -> i64 {
    sorted(rows, |row| (hash(row).rem_euclid(100), distinct(row)))
}

fn sorted<T: Ord>(rows: i64, of: impl Fn(i64) -> T) -> i64 {
    let mut all: Vec<(T, i64)> = (0..rows).map(|row| (of(row), row)).collect();
    all.sort_unstable();
    (0..).zip(all).map(|(place, (_, row)): (i64, _)| row * (place % PLACES)).sum()
}

/// `` aj[`sym`time;t;q] ``: twice the sum of what was bid before each trade, times a number of the
/// trade's row.
pub(crate) fn as_of(rows: i64) -> i64 {
    let mut bids = vec![0; 100];
    let mut total = 0;
    for row in 0..rows {
        if let Some(bid) = bids.get_mut(hash(row).rem_euclid(100) as usize) {
            *bid = row % VALUES;
        }
        let bid = bids.get(hash(row + SHIFT).rem_euclid(100) as usize).copied();
        total += 2 * bid.unwrap_or_default() * (row % PLACES);
    }
    total
}

/// `t lj u`, likewise with what is found for a row; a tenth more keys are asked for than are there.
pub(crate) fn left(rows: i64) -> i64 {
    let keys = rows / 10;
    let key = |place| SHIFT * place % keys;
    let found: HashMap<i64, i64> = (0..keys).map(|n| (key(n), n % VALUES)).collect();
    let of = |row: i64| found.get(&hash(row).rem_euclid(keys + keys / 10)).copied();
    (0..rows).map(|row| 2 * of(row).unwrap_or_default() * (row % PLACES)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_numbers() {
        let n = 100_000;
        assert_eq!(sums(n, 100), 47_247_887_440);
        assert_eq!(medians(n, 100), 47_308_294);
        assert_eq!(order(n), 240_310_659_135);
        assert_eq!(sorted_table(n), 240_214_872_122);
        assert_eq!(as_of(n), 47_695_736_810);
        assert_eq!(left(n), 43_621_953_092);
    }

    #[test]
    fn medians_of_even_numbers_are_between_two() {
        // One group with the values 0, 1, 2 and 3: twice its median is 3.
        assert_eq!((medians(4, 1), medians(3, 1)), (3, 2));
    }
}
