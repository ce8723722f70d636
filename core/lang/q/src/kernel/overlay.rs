//! Columns of which some items come from another.

use formats::k::{Data, K};

/// The items of another column at places, and those of the own column where a place is outside.
pub(crate) fn overlay(own: &K, other: &K, places: &[i64]) -> K {
    fn pick<T: Copy>(own: &[T], other: &[T], places: &[i64]) -> Vec<T> {
        let at = |place: &i64| usize::try_from(*place).ok().and_then(|place| other.get(place));
        own.iter().zip(places).map(|(own, place)| *at(place).unwrap_or(own)).collect()
    }
    if let (K::Vec(v), K::Vec(w)) = (own, other)
        && v.ty == w.ty
    {
        let data: Option<Data> = match (&v.data, &w.data) {
            (Data::U8(x), Data::U8(y)) => Some(pick(x, y, places).into()),
            (Data::I16(x), Data::I16(y)) => Some(pick(x, y, places).into()),
            (Data::I32(x), Data::I32(y)) => Some(pick(x, y, places).into()),
            (Data::I64(x), Data::I64(y)) => Some(pick(x, y, places).into()),
            (Data::F32(x), Data::F32(y)) => Some(pick(x, y, places).into()),
            (Data::F64(x), Data::F64(y)) => Some(pick(x, y, places).into()),
            (Data::Sym(x), Data::Sym(y)) => Some(pick(x, y, places).into()),
            (Data::Guid(x), Data::Guid(y)) => Some(pick(x, y, places).into()),
            _ => None,
        };
        if let Some(data) = data {
            return K::vec(v.ty, data);
        }
    }
    let item = |(row, place): (usize, &i64)| match usize::try_from(*place) {
        Ok(place) if place < other.len() => other.at(place),
        _ => own.at(row),
    };
    let items: Vec<K> = places.iter().enumerate().map(item).collect();
    if items.is_empty() { own.clone() } else { K::collapse(items) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::{TYPES, atom};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn columns_are_laid_over_as_their_items(
            rows in prop::collection::vec((any::<i16>(), -2i64..6), 1..8),
            others in prop::collection::vec(any::<i16>(), 0..5),
        ) {
            for ty in TYPES {
                let column = |seeds: &[i16]| {
                    let items: Vec<K> = seeds.iter().map(|seed| atom(ty, *seed)).collect();
                    if items.is_empty() { K::empty(ty) } else { K::collapse(items) }
                };
                let own = column(&rows.iter().map(|(seed, _)| *seed).collect::<Vec<_>>());
                let other = column(&others);
                let places: Vec<i64> = rows.iter().map(|(_, place)| *place).collect();
                let out = overlay(&own, &other, &places);
                for (row, place) in places.iter().enumerate() {
                    let want = match usize::try_from(*place) {
                        Ok(place) if place < other.len() => other.at(place),
                        _ => own.at(row),
                    };
                    prop_assert_eq!(out.at(row), want);
                }
            }
        }
    }
}
