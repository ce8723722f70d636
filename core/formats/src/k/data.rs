//! Storage of vectors and atoms: eight physical layouts for the eighteen types.

use super::items::Items;
use super::sym::Sym;
use super::ty::{Attr, Guid, Type};
use super::value::K;
use crate::budget;
use std::sync::Arc;

/// The storage of an atom; which layout a type uses is what [`Type::null`] shows.
#[derive(Clone, Copy, Debug)]
pub enum Scalar {
    /// Booleans, bytes, characters.
    U8(u8),
    /// Shorts.
    I16(i16),
    /// Ints, months, dates, minutes, seconds, times.
    I32(i32),
    /// Longs, timestamps, timespans.
    I64(i64),
    /// Reals.
    F32(f32),
    /// Floats, datetimes.
    F64(f64),
    /// Symbols.
    Sym(Sym),
    /// Guids.
    Guid(Guid),
}

/// The storage of a vector or general list, shared until written.
#[derive(Clone, Debug)]
pub enum Data {
    /// Booleans, bytes, characters.
    U8(Arc<Vec<u8>>),
    /// Shorts.
    I16(Arc<Vec<i16>>),
    /// Ints, months, dates, minutes, seconds, times.
    I32(Arc<Vec<i32>>),
    /// Longs, timestamps, timespans.
    I64(Arc<Vec<i64>>),
    /// Reals.
    F32(Arc<Vec<f32>>),
    /// Floats, datetimes.
    F64(Arc<Vec<f64>>),
    /// Symbols.
    Sym(Arc<Vec<Sym>>),
    /// Guids.
    Guid(Arc<Vec<Guid>>),
    /// Any values.
    List(Arc<Items>),
}

/// A vector or a general list with its logical type.
#[derive(Clone, Debug)]
pub struct Vector {
    /// What the items are; [`Type::List`] exactly when the data is [`Data::List`].
    pub ty: Type,
    /// What is promised about them.
    pub attr: Attr,
    /// The items.
    pub data: Data,
}

/// Evaluates an expression with `$v` bound to the shared vector of whichever layout.
#[macro_export]
macro_rules! on_k_data {
    ($data:expr, $v:ident => $e:expr) => {
        match $data {
            $crate::k::Data::U8($v) => $e,
            $crate::k::Data::I16($v) => $e,
            $crate::k::Data::I32($v) => $e,
            $crate::k::Data::I64($v) => $e,
            $crate::k::Data::F32($v) => $e,
            $crate::k::Data::F64($v) => $e,
            $crate::k::Data::Sym($v) => $e,
            $crate::k::Data::Guid($v) => $e,
            $crate::k::Data::List($v) => $e,
        }
    };
}

macro_rules! layouts {
    ($($variant:ident $t:ty),*) => {$(
        impl From<Vec<$t>> for Data {
            #[inline]
            fn from(items: Vec<$t>) -> Self {
                budget::check();
                Self::$variant(Arc::new(items))
            }
        }
    )*};
}
layouts!(U8 u8, I16 i16, I32 i32, I64 i64, F32 f32, F64 f64, Sym Sym, Guid Guid);

impl From<Vec<K>> for Data {
    #[inline]
    fn from(items: Vec<K>) -> Self {
        budget::check();
        Self::List(Arc::new(Items(items)))
    }
}

impl Data {
    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        on_k_data!(self, v => v.len())
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `count` copies of an atom's storage.
    #[must_use]
    pub fn repeat(scalar: Scalar, count: usize) -> Self {
        fn copies<T: Clone>(x: T, count: usize) -> Vec<T> {
            budget::ask_for::<T>(count);
            vec![x; count]
        }
        match scalar {
            Scalar::U8(x) => copies(x, count).into(),
            Scalar::I16(x) => copies(x, count).into(),
            Scalar::I32(x) => copies(x, count).into(),
            Scalar::I64(x) => copies(x, count).into(),
            Scalar::F32(x) => copies(x, count).into(),
            Scalar::F64(x) => copies(x, count).into(),
            Scalar::Sym(x) => copies(x, count).into(),
            Scalar::Guid(x) => copies(x, count).into(),
        }
    }

    /// The storage of one item; `None` beyond the end and in general lists.
    #[must_use]
    pub fn scalar(&self, at: usize) -> Option<Scalar> {
        Some(match self {
            Self::U8(v) => Scalar::U8(*v.get(at)?),
            Self::I16(v) => Scalar::I16(*v.get(at)?),
            Self::I32(v) => Scalar::I32(*v.get(at)?),
            Self::I64(v) => Scalar::I64(*v.get(at)?),
            Self::F32(v) => Scalar::F32(*v.get(at)?),
            Self::F64(v) => Scalar::F64(*v.get(at)?),
            Self::Sym(v) => Scalar::Sym(*v.get(at)?),
            Self::Guid(v) => Scalar::Guid(*v.get(at)?),
            Self::List(_) => return None,
        })
    }

    /// The items at `start..end`, which must lie within; out of bounds is cut.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let end = end.min(self.len());
        let start = start.min(end);
        if start == 0 && end == self.len() {
            return self.clone();
        }
        on_k_data!(self, v => copied(v.get(start..end).unwrap_or_default()).into())
    }

    /// The items at the places of `index`; places outside give `fill`.
    #[must_use]
    pub fn gather(&self, index: &[i64], fill: &K) -> Self {
        fn pick<T: Clone>(v: &[T], index: &[i64], fill: &T) -> Vec<T> {
            budget::ask_for::<T>(index.len());
            // What is negative is beyond every vector, too.
            index.iter().map(|i| v.get(*i as usize).unwrap_or(fill).clone()).collect()
        }
        let scalar = if let K::Atom(_, s) = fill { *s } else { Scalar::I64(i64::MIN) };
        match (self, scalar) {
            (Self::U8(v), Scalar::U8(f)) => pick(v, index, &f).into(),
            (Self::I16(v), Scalar::I16(f)) => pick(v, index, &f).into(),
            (Self::I32(v), Scalar::I32(f)) => pick(v, index, &f).into(),
            (Self::I64(v), Scalar::I64(f)) => pick(v, index, &f).into(),
            (Self::F32(v), Scalar::F32(f)) => pick(v, index, &f).into(),
            (Self::F64(v), Scalar::F64(f)) => pick(v, index, &f).into(),
            (Self::Sym(v), Scalar::Sym(f)) => pick(v, index, &f).into(),
            (Self::Guid(v), Scalar::Guid(f)) => pick(v, index, &f).into(),
            (Self::List(v), _) => pick(v, index, fill).into(),
            // The filling does not fit the layout: callers pass the null of the type.
            _ => self.clone(),
        }
    }

    /// The items of several, each copied once; `None` when there are none, or layouts differ.
    #[must_use]
    pub fn concat(all: &[&Self]) -> Option<Self> {
        fn joined<T: Clone>(parts: &[Option<&Arc<Vec<T>>>]) -> Option<Vec<T>> {
            let count = parts.iter().flatten().map(|part| part.len()).sum();
            budget::ask_for::<T>(count);
            let mut out = Vec::with_capacity(count);
            for part in parts {
                out.extend_from_slice((*part)?);
            }
            Some(out)
        }
        macro_rules! joined {
            ($variant:ident) => {{
                let parts = all.iter().map(|data| match data {
                    Self::$variant(v) => Some(v),
                    _ => None,
                });
                joined(&parts.collect::<Vec<_>>())?.into()
            }};
        }
        Some(match all.first()? {
            Self::U8(_) => joined!(U8),
            Self::I16(_) => joined!(I16),
            Self::I32(_) => joined!(I32),
            Self::I64(_) => joined!(I64),
            Self::F32(_) => joined!(F32),
            Self::F64(_) => joined!(F64),
            Self::Sym(_) => joined!(Sym),
            Self::Guid(_) => joined!(Guid),
            Self::List(first) => {
                budget::ask_for::<K>(all.iter().map(|data| data.len()).sum());
                let mut out = Items::clone(first);
                for data in all.iter().skip(1) {
                    let Self::List(items) = data else { return None };
                    out.extend_from_slice(items);
                }
                Self::List(Arc::new(out))
            }
        })
    }

    /// Appends the items of the same layout; false, and nothing done, when layouts differ.
    #[must_use]
    pub fn append(&mut self, other: &Self) -> bool {
        fn push<T: Clone>(to: &mut Arc<Vec<T>>, from: &[T]) {
            if Arc::strong_count(to) == 1 {
                return Arc::make_mut(to).extend_from_slice(from);
            }
            // Others keep theirs: both parts are copied, each once.
            budget::ask_for::<T>(to.len() + from.len());
            let mut all = Vec::with_capacity(to.len() + from.len());
            all.extend_from_slice(to);
            all.extend_from_slice(from);
            *to = Arc::new(all);
        }
        match (self, other) {
            (Self::U8(a), Self::U8(b)) => push(a, b),
            (Self::I16(a), Self::I16(b)) => push(a, b),
            (Self::I32(a), Self::I32(b)) => push(a, b),
            (Self::I64(a), Self::I64(b)) => push(a, b),
            (Self::F32(a), Self::F32(b)) => push(a, b),
            (Self::F64(a), Self::F64(b)) => push(a, b),
            (Self::Sym(a), Self::Sym(b)) => push(a, b),
            (Self::Guid(a), Self::Guid(b)) => push(a, b),
            (Self::List(a), Self::List(b)) => Arc::make_mut(a).extend_from_slice(b),
            _ => return false,
        }
        true
    }

    /// Appends one item of the same layout; false, and nothing done, when it does not fit.
    #[must_use]
    pub fn push(&mut self, scalar: Scalar) -> bool {
        match (self, scalar) {
            (Self::U8(v), Scalar::U8(x)) => Arc::make_mut(v).push(x),
            (Self::I16(v), Scalar::I16(x)) => Arc::make_mut(v).push(x),
            (Self::I32(v), Scalar::I32(x)) => Arc::make_mut(v).push(x),
            (Self::I64(v), Scalar::I64(x)) => Arc::make_mut(v).push(x),
            (Self::F32(v), Scalar::F32(x)) => Arc::make_mut(v).push(x),
            (Self::F64(v), Scalar::F64(x)) => Arc::make_mut(v).push(x),
            (Self::Sym(v), Scalar::Sym(x)) => Arc::make_mut(v).push(x),
            (Self::Guid(v), Scalar::Guid(x)) => Arc::make_mut(v).push(x),
            _ => return false,
        }
        true
    }

    /// Writes one item of the same layout; false, and nothing done, when it does not fit.
    #[must_use]
    pub fn set(&mut self, at: usize, scalar: Scalar) -> bool {
        fn put<T: Clone>(to: &mut Arc<Vec<T>>, at: usize, item: T) -> bool {
            if at >= to.len() {
                return false;
            }
            if let Some(slot) = Arc::make_mut(to).get_mut(at) {
                *slot = item;
            }
            true
        }
        match (self, scalar) {
            (Self::U8(v), Scalar::U8(x)) => put(v, at, x),
            (Self::I16(v), Scalar::I16(x)) => put(v, at, x),
            (Self::I32(v), Scalar::I32(x)) => put(v, at, x),
            (Self::I64(v), Scalar::I64(x)) => put(v, at, x),
            (Self::F32(v), Scalar::F32(x)) => put(v, at, x),
            (Self::F64(v), Scalar::F64(x)) => put(v, at, x),
            (Self::Sym(v), Scalar::Sym(x)) => put(v, at, x),
            (Self::Guid(v), Scalar::Guid(x)) => put(v, at, x),
            _ => false,
        }
    }

    /// The items in reverse.
    #[must_use]
    pub fn reversed(&self) -> Self {
        on_k_data!(self, v => {
            let mut items = copied(v.as_slice());
            items.reverse();
            items.into()
        })
    }
}

/// Items in a vector of their own.
fn copied<T: Clone>(items: &[T]) -> Vec<T> {
    budget::ask_for::<T>(items.len());
    items.to_vec()
}
