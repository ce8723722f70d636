//! Places of what is true, how much is, and the items there.

use formats::k::{Data, K, Vector};

/// For each byte the places of the bits that it has, from the lowest on.
static PLACES: [[u8; 8]; 256] = places();
/// For each byte how many bits it has.
static COUNTS: [u8; 256] = counts();

const fn places() -> [[u8; 8]; 256] {
    let mut all = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut next) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                all[byte][next] = bit;
                next += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    all
}

const fn counts() -> [u8; 256] {
    let mut all = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        all[byte] = (byte as u32).count_ones() as u8;
        byte += 1;
    }
    all
}

/// How many flags are set. Few enough are added up at a time for a byte to count them.
pub(crate) fn count(flags: &[u8]) -> usize {
    let some = |some: &[u8]| some.iter().fold(0u8, |n, flag| n + u8::from(*flag != 0));
    flags.chunks(128).map(|part| usize::from(some(part))).sum()
}

/// Eight flags as the bits of a byte, and how many are set.
#[inline]
fn bits(eight: &[u8; 8]) -> (usize, usize) {
    let flags = u64::from_le_bytes(eight.map(|flag| u8::from(flag != 0)));
    // Each bit goes to its place among the highest eight.
    let bits = (flags.wrapping_mul(0x0102_0408_1020_4080) >> 56) as usize;
    (bits, usize::from(COUNTS.get(bits).copied().unwrap_or_default()))
}

/// What `item` makes of the places of the flags that are set, of which there are `count`: of the
/// number of an eight of flags, and a place in it. Eight are written at a time, and those that are
/// none are written over by the next.
fn each<T: Copy>(flags: &[u8], count: usize, none: T, item: impl Fn(usize, u8) -> T) -> Vec<T> {
    let mut out = vec![none; count + 8];
    let mut next = 0;
    let mut put = |number: usize, eight: &[u8; 8]| {
        let (bits, count) = bits(eight);
        let found = PLACES.get(bits).copied().unwrap_or_default();
        if let Some(slots) = out.get_mut(next..next + 8) {
            for (slot, place) in slots.iter_mut().zip(found) {
                *slot = item(number, place);
            }
        }
        next += count;
    };
    let (eights, rest) = flags.as_chunks::<8>();
    eights.iter().enumerate().for_each(|(number, eight)| put(number, eight));
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(slot, flag)| *slot = *flag);
    put(eights.len(), &last);
    out.truncate(count);
    out
}

/// The places of the flags that are set.
pub(crate) fn of(flags: &[u8]) -> Vec<i64> {
    let place = |number: usize, place: u8| (number * 8 + usize::from(place)) as i64;
    each(flags, count(flags), 0, place)
}

/// The items of a column where flags are set, of which there are `count` and as many as items.
pub(crate) fn taken(column: &K, flags: &[u8], count: usize) -> K {
    fn items<T: Copy>(v: &[T], flags: &[u8], count: usize, none: T) -> Vec<T> {
        let (eights, rest) = v.as_chunks::<8>();
        let mut last = [none; 8];
        last.iter_mut().zip(rest).for_each(|(slot, item)| *slot = *item);
        let item = |number: usize, place: u8| {
            let eight = eights.get(number).unwrap_or(&last);
            eight.get(usize::from(place & 7)).copied().unwrap_or(none)
        };
        each(flags, count, none, item)
    }
    let K::Vec(Vector { ty, data, .. }) = column else { return column.gather(&of(flags)) };
    let data: Data = match data {
        Data::U8(v) => items(v, flags, count, 0).into(),
        Data::I16(v) => items(v, flags, count, 0).into(),
        Data::I32(v) => items(v, flags, count, 0).into(),
        Data::I64(v) => items(v, flags, count, 0).into(),
        Data::F32(v) => items(v, flags, count, 0.0).into(),
        Data::F64(v) => items(v, flags, count, 0.0).into(),
        Data::Sym(v) => items(v, flags, count, Default::default()).into(),
        Data::Guid(v) => items(v, flags, count, [0; 16]).into(),
        Data::List(_) => return column.gather(&of(flags)),
    };
    K::vec(*ty, data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::{TYPES, atom};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_are_those_of_what_is_true(
            flags in prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..600),
        ) {
            let places = flags.iter().zip(0i64..).filter(|(flag, _)| **flag != 0);
            let want: Vec<i64> = places.map(|(_, place)| place).collect();
            prop_assert_eq!(count(&flags), want.len());
            prop_assert_eq!(of(&flags), want.clone());
            for ty in TYPES {
                let column = (0..flags.len()).map(|at| atom(ty, at as i16 - 3)).collect();
                let column = K::collapse(column);
                let got = taken(&column, &flags, want.len());
                let all = flags.is_empty() || got.ty() == Some(ty);
                prop_assert!(all && got == column.gather(&want), "{:?}", ty);
            }
        }
    }
}
