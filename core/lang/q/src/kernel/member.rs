//! Which items of a vector another one has.

use super::group::dense_max;
use super::hash::{NONE, WordTable, float_key};
use formats::k::Data;

/// As many items are compared with each.
const COMPARED_MAX: usize = 8;
/// Items that are compared with one and then with the next, while they are in the first cache.
const BLOCK: usize = 1 << 10;

/// Whether each item is in a list of the same layout; `None` for guids, general lists and different
/// layouts.
pub(super) fn flags(list: &Data, items: &Data) -> Option<Vec<u8>> {
    fn whole<T: Copy + Into<i64> + PartialEq>(list: &[T], items: &[T]) -> Vec<u8> {
        near(list, items, |x: T| x.into().cast_unsigned() ^ (1 << 63))
    }
    Some(match (list, items) {
        (Data::U8(v), Data::U8(w)) => whole(v, w),
        (Data::I16(v), Data::I16(w)) => whole(v, w),
        (Data::I32(v), Data::I32(w)) => whole(v, w),
        (Data::I64(v), Data::I64(w)) => whole(v, w),
        (Data::Sym(v), Data::Sym(w)) => near(v, w, |x| u64::from(x.id())),
        (Data::F32(v), Data::F32(w)) => far(v, w, |x| float_key(f64::from(x))),
        (Data::F64(v), Data::F64(w)) => far(v, w, float_key),
        _ => return None,
    })
}

/// Items that are equal when their words are: one by one where the list is short, and by a table of
/// all words between the least and the greatest where those are not far apart.
fn near<T: Copy + PartialEq>(list: &[T], items: &[T], word: impl Fn(T) -> u64) -> Vec<u8> {
    if list.len() <= COMPARED_MAX {
        return compared(list, items);
    }
    let words = || list.iter().map(|x| word(*x));
    let (low, high) = words().fold((u64::MAX, 0), |(low, high), x| (low.min(x), high.max(x)));
    let limit = dense_max(list.len()).saturating_add(items.len() as u64);
    let Some(outside) = high.checked_sub(low).filter(|far| *far < limit).map(|far| far + 1) else {
        return far(list, items, word);
    };
    // A bit for each word; what is outside finds the last one, which is not set.
    let mut table = vec![0u64; (outside / 64) as usize + 1];
    let bit = |place: u64| ((place / 64) as usize, place % 64);
    for word in words() {
        let (at, bit) = bit(word - low);
        if let Some(slot) = table.get_mut(at) {
            *slot |= 1 << bit;
        }
    }
    let flag = |x: &T| {
        let (at, bit) = bit(word(*x).wrapping_sub(low).min(outside));
        table.get(at).map_or(0, |slot| (slot >> bit & 1) as u8)
    };
    items.iter().map(flag).collect()
}

fn compared<T: Copy + PartialEq>(list: &[T], items: &[T]) -> Vec<u8> {
    let mut flags = vec![0u8; items.len()];
    for (flags, items) in flags.chunks_mut(BLOCK).zip(items.chunks(BLOCK)) {
        for one in list {
            flags.iter_mut().zip(items).for_each(|(flag, item)| *flag |= u8::from(item == one));
        }
    }
    flags
}

fn far<T: Copy>(list: &[T], items: &[T], word: impl Fn(T) -> u64) -> Vec<u8> {
    let mut known = WordTable::with_room(list.len());
    for x in list {
        known.get_or_insert(word(*x), 0);
    }
    items.iter().map(|x| u8::from(known.get(word(*x)) != NONE)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::find::is_in;
    use crate::kernel::tests::{TYPES, atom};
    use formats::k::{K, Type};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn items_are_members_as_their_atoms_are(
            list in prop::collection::vec(any::<i16>(), 0..40),
            others in prop::collection::vec(any::<i16>(), 0..9),
            spread in prop_oneof![Just(1i16), Just(3), Just(700)],
        ) {
            for ty in TYPES {
                let column = |seeds: &[i16]| {
                    let items = seeds.iter().map(|seed| atom(ty, seed / spread));
                    let items: Vec<K> = items.collect();
                    if items.is_empty() { K::empty(ty) } else { K::collapse(items) }
                };
                let known = column(&list);
                let items = column(&[&list[..list.len().min(5)], &others].concat());
                let got = is_in(&items, &known).unwrap();
                let want = items.items().map(|item| {
                    let one = known.items().any(|x| super::super::compare::matches(&x, &item));
                    u8::from(one)
                });
                // Those of floats are whole numbers, for which there is no tolerance.
                prop_assert_eq!(got, K::bools(want.collect()), "{:?}", ty);
            }
        }
    }

    #[test]
    fn numbers_far_apart_and_nulls_are_found() {
        let longs = |items: &[i64]| K::longs(items.to_vec());
        let many: Vec<i64> = (0..40).map(|n| n * (1 << 50)).chain([i64::MIN, i64::MAX]).collect();
        let got = is_in(&longs(&[0, 1, i64::MIN, i64::MAX, 1 << 50, -1]), &longs(&many)).unwrap();
        assert_eq!(got, K::bools(vec![1, 0, 1, 1, 1, 0]));
        let near: Vec<i64> = (5..30).collect();
        let got = is_in(&longs(&[4, 5, 29, 30, i64::MIN, i64::MAX]), &longs(&near)).unwrap();
        assert_eq!(got, K::bools(vec![0, 1, 1, 0, 0, 0]));
        let floats = K::floats(vec![0.0, f64::NAN, f64::INFINITY]);
        let got = is_in(&K::floats(vec![-0.0, f64::NAN, 1.0]), &floats).unwrap();
        assert_eq!(got, K::bools(vec![1, 1, 0]));
        assert_eq!(is_in(&longs(&[1]), &K::empty(Type::Long)).unwrap(), K::bools(vec![0]));
    }
}
