//! Lists to lists of the same length, of whole lists or of the groups of a column: running totals,
//! and what each item is to the one before it.

use super::arith::{Arith, arith};
use super::compare::{Compare, compare, nulls};
use super::items::{Item, on_numbers};
use super::segments::Ids;
use crate::convert::numeric::{Column, NULL, from_floats, from_ints, scalar_of};
use crate::error::{Result, type_error};
use formats::k::{Data, K, Scalar, Type, Vector};

/// What a running total does with items that are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    Sum,
    Product,
    Least,
    Greatest,
}

impl Total {
    pub(crate) fn int(self, s: i64, x: i64) -> i64 {
        match self {
            Self::Sum => s.wrapping_add(x),
            Self::Product => s.wrapping_mul(x),
            Self::Least => s.min(x),
            Self::Greatest => s.max(x),
        }
    }

    pub(crate) fn float(self, s: f64, x: f64) -> f64 {
        match self {
            Self::Sum => s + x,
            Self::Product => s * x,
            Self::Least => s.min(x),
            Self::Greatest => s.max(x),
        }
    }

    /// What stands for nothing: no least or greatest item yet.
    fn nothing(self, ty: Type) -> i64 {
        let most = match ty.null() {
            Scalar::I16(_) => i64::from(i16::MAX),
            Scalar::I32(_) => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        match self {
            Self::Sum | Self::Product => NULL,
            Self::Least => most,
            Self::Greatest => -most,
        }
    }

    /// The type of the totals.
    pub(crate) fn result(self, ty: Type) -> Option<Type> {
        let sums = matches!(self, Self::Sum | Self::Product);
        match ty {
            Type::List | Type::Guid | Type::Symbol => None,
            Type::Char if sums => None,
            Type::Bool | Type::Byte | Type::Short if sums => Some(Type::Int),
            _ => Some(ty),
        }
    }
}

/// What is computed along a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Running {
    /// Totals, to which nulls add nothing.
    Total(Total),
    Means,
    Deltas,
    Ratios,
    Previous,
    Next,
    Differ,
    Fills,
}

/// The list that a running function makes of the items of each group; `None` for items without a
/// kernel.
///
/// # Errors
/// `type` for what is no list of such items.
pub(crate) fn running(op: Running, k: &K, ids: Ids<'_>) -> Result<Option<K>> {
    let K::Vec(v @ Vector { ty, data, .. }) = k else { return Ok(None) };
    if *ty == Type::List {
        return Ok(None);
    }
    match op {
        Running::Total(total) => totals(total, *ty, data, ids).map(Some),
        Running::Means => {
            let out = on_numbers!(data, v => means(v, ids), _ => return Err(type_error()));
            Ok(Some(K::floats(out)))
        }
        Running::Deltas => neighbours(Arith::Subtract, k, ids),
        Running::Ratios => neighbours(Arith::Divide, k, ids),
        Running::Previous => Ok(Some(k.gather(&ids.before(k.len())))),
        Running::Next => Ok(Some(k.gather(&after(&ids.before(k.len()))))),
        Running::Differ => differ(k, ids).map(Some),
        Running::Fills => Ok(Some(fills(v, ids))),
    }
}

fn totals(total: Total, ty: Type, data: &Data, ids: Ids<'_>) -> Result {
    let to = total.result(ty).ok_or_else(type_error)?;
    on_numbers!(data, v => Ok(if ty.is_floating() {
        let out = ids.scan(v.iter(), f64::NAN, |state, x| {
            let x = x.float();
            *state = match (state.is_nan(), x.is_nan()) {
                (true, _) => x,
                (_, true) => *state,
                _ => total.float(*state, x),
            };
            *state
        });
        from_floats(to, Column::Vec(out.into()))
    } else {
        let out = ids.scan(v.iter(), None, |state: &mut Option<i64>, x| {
            let next = match (*state, x.int()) {
                (None, NULL) => total.nothing(to),
                (None | Some(NULL), x) => x,
                (Some(s), NULL) => s,
                (Some(s), x) => total.int(s, x),
            };
            *state = Some(next);
            next
        });
        from_ints(to, Column::Vec(out.into()))
    }), _ => Err(type_error()))
}

fn means<T: Item>(v: &[T], ids: Ids<'_>) -> Vec<f64> {
    ids.scan(v.iter(), (0.0, 0.0), |(sum, n), x| {
        let x = x.float();
        if !x.is_nan() {
            *sum += x;
            *n += 1.0;
        }
        *sum / *n
    })
}

/// The place after each item, from the place before each.
fn after(before: &[i64]) -> Vec<i64> {
    let mut after = vec![-1i64; before.len()];
    for (row, before) in (0..).zip(before) {
        if let Some(slot) = usize::try_from(*before).ok().and_then(|b| after.get_mut(b)) {
            *slot = row;
        }
    }
    after
}

/// Differences or ratios of neighbours; the first item is as it is. `None` where the first would
/// be of another type than the others.
pub(crate) fn neighbours(op: Arith, k: &K, ids: Ids<'_>) -> Result<Option<K>> {
    let K::Vec(Vector { ty, data, .. }) = k else { return Ok(None) };
    let points = matches!(ty, Type::Timestamp | Type::Month | Type::Date);
    if !ty.is_numeric() || points || ty.is_temporal() && op != Arith::Subtract {
        return Ok(None);
    }
    if data.is_empty() {
        return Ok(None);
    }
    let own = i64::from(op != Arith::Subtract);
    let before = data.gather(&ids.before(data.len()), &K::Atom(*ty, scalar_of(*ty, own)));
    arith(op, k, &K::vec(*ty, before)).map(Some)
}

/// Whether each item differs from the one before; the first does.
fn differ(k: &K, ids: Ids<'_>) -> Result {
    let before = ids.before(k.len());
    let flags = compare(Compare::NotEqual, k, &k.gather(&before))?;
    let K::Vec(Vector { data: Data::U8(flags), .. }) = flags else { return Err(type_error()) };
    let first = |(flag, before): (&u8, &i64)| u8::from(*before < 0) | *flag;
    Ok(K::bools(flags.iter().zip(&before).map(first).collect()))
}

/// Each null replaced by the item before it that is none.
fn fills(v: &Vector, ids: Ids<'_>) -> K {
    let index = ids.scan(nulls(v).iter().zip(0i64..), -1, |last: &mut i64, (null, row)| {
        if *null == 0 {
            *last = row;
        }
        if *last < 0 { row } else { *last }
    });
    K::Vec(v.clone()).gather(&index)
}
