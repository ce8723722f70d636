//! Operands as columns of `i64` or `f64`: the two domains in which kernels compute.
//!
//! Nulls of narrower types become the null of the domain and back; a column that already has the
//! layout of the domain is borrowed.

use super::cast::temporal;
use formats::k::{Data, K, Scalar, Type, Vector};
use std::borrow::Cow;

/// The null of the integer domain.
pub(crate) const NULL: i64 = i64::MIN;

/// An operand: one value for all rows, or one a row.
#[derive(Clone, Debug)]
pub(crate) enum Column<'a, T: Clone> {
    Atom(T),
    Vec(Cow<'a, [T]>),
}

/// An operand of integers.
pub(crate) type Ints<'a> = Column<'a, i64>;
/// An operand of floats.
pub(crate) type Floats<'a> = Column<'a, f64>;

impl<T: Copy> Column<'_, T> {
    /// Number of rows; `None` for an atom, which fits any.
    pub(crate) fn rows(&self) -> Option<usize> {
        match self {
            Self::Atom(_) => None,
            Self::Vec(v) => Some(v.len()),
        }
    }

    fn map<U: Copy>(&self, f: impl Fn(T) -> U) -> Column<'static, U> {
        match self {
            Self::Atom(x) => Column::Atom(f(*x)),
            Self::Vec(v) => Column::Vec(Cow::Owned(v.iter().map(|x| f(*x)).collect())),
        }
    }
}

pub(crate) fn widen16(x: i16) -> i64 {
    if x == i16::MIN { NULL } else { i64::from(x) }
}

pub(crate) fn widen32(x: i32) -> i64 {
    if x == i32::MIN { NULL } else { i64::from(x) }
}

pub(crate) fn to_float(x: i64) -> f64 {
    if x == NULL { f64::NAN } else { x as f64 }
}

/// Nearest integer; what is none becomes null, what is too large the greatest.
pub(crate) fn to_int(x: f64) -> i64 {
    if x.is_nan() { NULL } else { ((x + 0.5).floor() as i64).max(-i64::MAX) }
}

/// The items as integers in their own unit; `None` for floats, symbols, guids and lists.
pub(crate) fn ints(k: &K) -> Option<Ints<'_>> {
    Some(match k {
        K::Atom(_, s) => Column::Atom(match *s {
            Scalar::U8(x) => i64::from(x),
            Scalar::I16(x) => widen16(x),
            Scalar::I32(x) => widen32(x),
            Scalar::I64(x) => x,
            _ => return None,
        }),
        K::Vec(v) => Column::Vec(match &v.data {
            Data::U8(v) => Cow::Owned(v.iter().map(|x| i64::from(*x)).collect()),
            Data::I16(v) => Cow::Owned(v.iter().map(|x| widen16(*x)).collect()),
            Data::I32(v) => Cow::Owned(v.iter().map(|x| widen32(*x)).collect()),
            Data::I64(v) => Cow::Borrowed(v),
            _ => return None,
        }),
        _ => return None,
    })
}

/// The items as floats in their own unit; `None` for symbols, guids and lists.
pub(crate) fn floats(k: &K) -> Option<Floats<'_>> {
    match k {
        K::Atom(_, Scalar::F64(x)) => Some(Column::Atom(*x)),
        K::Atom(_, Scalar::F32(x)) => Some(Column::Atom(f64::from(*x))),
        K::Vec(Vector { data: Data::F64(v), .. }) => Some(Column::Vec(Cow::Borrowed(v))),
        K::Vec(Vector { data: Data::F32(v), .. }) => {
            Some(Column::Vec(Cow::Owned(v.iter().map(|x| f64::from(*x)).collect())))
        }
        K::Vec(Vector { data: Data::I32(v), .. }) => {
            let float = |x: &i32| if *x == i32::MIN { f64::NAN } else { f64::from(*x) };
            Some(Column::Vec(Cow::Owned(v.iter().map(float).collect())))
        }
        _ => Some(ints(k)?.map(to_float)),
    }
}

/// The items as integers in the unit of `to`, when both are times; else in their own.
pub(crate) fn ints_as(k: &K, to: Type) -> Option<Ints<'_>> {
    let from = k.ty()?;
    if from.is_temporal() && to.is_temporal() && from != to {
        if from == Type::Datetime {
            let convert = |x: f64| temporal::from_days(x, to);
            return Some(floats(k)?.map(convert));
        }
        return Some(ints(k)?.map(|x| temporal::convert(x, from, to)));
    }
    if from.is_floating() { Some(floats(k)?.map(to_int)) } else { ints(k) }
}

/// The items as floats in the unit of `to`, when both are times; else in their own.
pub(crate) fn floats_as(k: &K, to: Type) -> Option<Floats<'_>> {
    let from = k.ty()?;
    if to == Type::Datetime && from.is_temporal() && from != to {
        return Some(ints(k)?.map(|x| temporal::to_days(x, from)));
    }
    floats(k)
}

fn narrow16(x: i64) -> i16 {
    if x == NULL { i16::MIN } else { x as i16 }
}

fn narrow32(x: i64) -> i32 {
    if x == NULL { i32::MIN } else { x as i32 }
}

/// A value of a type from a column of integers.
pub(crate) fn from_ints(ty: Type, column: Ints<'_>) -> K {
    match column {
        Column::Atom(x) => K::Atom(ty, scalar_of(ty, x)),
        Column::Vec(v) => K::vec(
            ty,
            match ty.null() {
                Scalar::U8(_) => Data::from(v.iter().map(|x| *x as u8).collect::<Vec<_>>()),
                Scalar::I16(_) => v.iter().map(|x| narrow16(*x)).collect::<Vec<_>>().into(),
                Scalar::I32(_) => v.iter().map(|x| narrow32(*x)).collect::<Vec<_>>().into(),
                Scalar::F32(_) => v.iter().map(|x| to_float(*x) as f32).collect::<Vec<_>>().into(),
                Scalar::F64(_) => v.iter().map(|x| to_float(*x)).collect::<Vec<_>>().into(),
                _ => v.into_owned().into(),
            },
        ),
    }
}

/// The storage of an integer in a type.
pub(crate) fn scalar_of(ty: Type, x: i64) -> Scalar {
    match ty.null() {
        Scalar::U8(_) => Scalar::U8(x as u8),
        Scalar::I16(_) => Scalar::I16(narrow16(x)),
        Scalar::I32(_) => Scalar::I32(narrow32(x)),
        Scalar::F32(_) => Scalar::F32(to_float(x) as f32),
        Scalar::F64(_) => Scalar::F64(to_float(x)),
        _ => Scalar::I64(x),
    }
}

/// A value of a type from a column of floats.
pub(crate) fn from_floats(ty: Type, column: Floats<'_>) -> K {
    match (ty, column) {
        (Type::Real, Column::Atom(x)) => K::Atom(ty, Scalar::F32(x as f32)),
        (Type::Real, Column::Vec(v)) => {
            K::vec(ty, v.iter().map(|x| *x as f32).collect::<Vec<f32>>())
        }
        (Type::Float | Type::Datetime, Column::Atom(x)) => K::Atom(ty, Scalar::F64(x)),
        (Type::Float | Type::Datetime, Column::Vec(v)) => K::vec(ty, v.into_owned()),
        (_, column) => from_ints(ty, column.map(to_int)),
    }
}
