//! Pairs of narrow columns in the domains of kernels, block by block: what is widened stays in the
//! first cache.

use super::items::Item;
use crate::convert::numeric::to_int;
use crate::error::{Result, length_error};
use formats::k::{Data, K, Scalar, Type};
use std::ops::Range;
use std::sync::Arc;

/// Items that are widened at a time.
const BLOCK: usize = 1 << 10;

/// A domain in which kernels compute: `i64` or `f64`.
pub(crate) trait Domain: Copy {
    /// An atom of numbers.
    fn atom(scalar: Scalar) -> Option<Self>;
    /// The items of a column that has the layout of the domain.
    fn own(data: &Data) -> Option<&[Self]>;
    /// Appends some items of another column.
    fn widen(data: &Data, range: Range<usize>, to: &mut Vec<Self>);
}

macro_rules! domain {
    ($t:ty, $own:ident, $get:ident) => {
        impl Domain for $t {
            fn atom(scalar: Scalar) -> Option<Self> {
                Some(match scalar {
                    Scalar::U8(x) => x.$get(),
                    Scalar::I16(x) => x.$get(),
                    Scalar::I32(x) => x.$get(),
                    Scalar::I64(x) => x.$get(),
                    Scalar::F32(x) => x.$get(),
                    Scalar::F64(x) => x.$get(),
                    Scalar::Sym(_) | Scalar::Guid(_) => return None,
                })
            }

            fn own(data: &Data) -> Option<&[Self]> {
                if let Data::$own(v) = data { Some(v) } else { None }
            }

            fn widen(data: &Data, range: Range<usize>, to: &mut Vec<Self>) {
                fn all<T: Item>(v: &[T], range: Range<usize>, to: &mut Vec<$t>) {
                    to.extend(v.get(range).unwrap_or_default().iter().map(|x| x.$get()));
                }
                match data {
                    Data::U8(v) => all(v, range, to),
                    Data::I16(v) => all(v, range, to),
                    Data::I32(v) => all(v, range, to),
                    Data::I64(v) => all(v, range, to),
                    Data::F32(v) => all(v, range, to),
                    Data::F64(v) => all(v, range, to),
                    Data::Sym(_) | Data::Guid(_) | Data::List(_) => {}
                }
            }
        }
    };
}
domain!(i64, I64, int);
domain!(f64, F64, float);

/// An operand: an atom, or a column of any layout of numbers.
#[derive(Clone, Copy)]
pub(crate) enum Side<'a, T> {
    Atom(T),
    Items(&'a Data),
}

impl<'a, T: Domain> Side<'a, T> {
    /// The operand that a value is; `None` for what has no numbers.
    pub(crate) fn of(k: &'a K) -> Option<Self> {
        match k {
            K::Atom(_, scalar) => T::atom(*scalar).map(Self::Atom),
            K::Vec(v) if matches!(v.ty, Type::Symbol | Type::Guid | Type::List) => None,
            K::Vec(v) => Some(Self::Items(&v.data)),
            _ => None,
        }
    }

    /// Whether it is a column of another layout than the domain's.
    pub(crate) fn is_narrow(&self) -> bool {
        matches!(self, Self::Items(data) if T::own(data).is_none())
    }

    fn rows(&self) -> Option<usize> {
        match self {
            Self::Atom(_) => None,
            Self::Items(data) => Some(data.len()),
        }
    }

    /// Some of the items, perhaps by way of a buffer.
    fn block<'b>(&'b self, range: Range<usize>, buffer: &'b mut Vec<T>) -> &'b [T] {
        match self {
            Self::Atom(x) => {
                buffer.resize(range.len(), *x);
                buffer
            }
            Self::Items(data) => match T::own(data) {
                Some(items) => items.get(range).unwrap_or_default(),
                None => {
                    buffer.clear();
                    T::widen(data, range, buffer);
                    buffer
                }
            },
        }
    }
}

/// Gives `out` what `f` makes of the pairs of two operands, of which one at least is a column.
///
/// # Errors
/// `length` when both are columns of different length.
pub(crate) fn zip<T: Domain, U>(
    (a, b): (Side<'_, T>, Side<'_, T>),
    f: impl Fn(T, T) -> U,
    out: &mut dyn FnMut(&[U]),
) -> Result<()> {
    let len = match (a.rows(), b.rows()) {
        (Some(n), Some(m)) if n != m => return Err(length_error()),
        (Some(n), _) | (None, Some(n)) => n,
        (None, None) => 0,
    };
    let (mut x, mut y) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
    let mut done = Vec::with_capacity(BLOCK);
    for start in (0..len).step_by(BLOCK) {
        let range = start..len.min(start + BLOCK);
        let pairs = a.block(range.clone(), &mut x).iter().zip(b.block(range, &mut y));
        done.clear();
        done.extend(pairs.map(|(x, y)| f(*x, *y)));
        out(&done);
    }
    Ok(())
}

/// A column of a type that grows by blocks of a domain.
pub(crate) struct Output {
    ty: Type,
    data: Data,
}

impl Output {
    /// An empty column with room for the rows of two operands.
    pub(crate) fn new<T: Domain>(ty: Type, (a, b): (Side<'_, T>, Side<'_, T>)) -> Self {
        let rows = a.rows().max(b.rows()).unwrap_or(0);
        let data = match ty.null() {
            Scalar::U8(_) => Vec::<u8>::with_capacity(rows).into(),
            Scalar::I16(_) => Vec::<i16>::with_capacity(rows).into(),
            Scalar::I32(_) => Vec::<i32>::with_capacity(rows).into(),
            Scalar::F32(_) => Vec::<f32>::with_capacity(rows).into(),
            Scalar::F64(_) => Vec::<f64>::with_capacity(rows).into(),
            _ => Vec::<i64>::with_capacity(rows).into(),
        };
        Self { ty, data }
    }

    /// Appends integers.
    pub(crate) fn ints(&mut self, block: &[i64]) {
        let narrow16 = |x: &i64| if *x == i64::MIN { i16::MIN } else { *x as i16 };
        let narrow32 = |x: &i64| if *x == i64::MIN { i32::MIN } else { *x as i32 };
        match &mut self.data {
            Data::U8(v) => Arc::make_mut(v).extend(block.iter().map(|x| *x as u8)),
            Data::I16(v) => Arc::make_mut(v).extend(block.iter().map(narrow16)),
            Data::I32(v) => Arc::make_mut(v).extend(block.iter().map(narrow32)),
            Data::I64(v) => Arc::make_mut(v).extend_from_slice(block),
            Data::F32(v) => Arc::make_mut(v).extend(block.iter().map(|x| x.float() as f32)),
            Data::F64(v) => Arc::make_mut(v).extend(block.iter().map(|x| x.float())),
            Data::Sym(_) | Data::Guid(_) | Data::List(_) => {}
        }
    }

    /// Appends floats; a type of integers gets the nearest.
    pub(crate) fn floats(&mut self, block: &[f64]) {
        match &mut self.data {
            Data::F32(v) => Arc::make_mut(v).extend(block.iter().map(|x| *x as f32)),
            Data::F64(v) => Arc::make_mut(v).extend_from_slice(block),
            _ => self.ints(&block.iter().map(|x| to_int(*x)).collect::<Vec<_>>()),
        }
    }

    /// The column.
    pub(crate) fn done(self) -> K {
        K::vec(self.ty, self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::super::arith::{Arith, arith};
    use super::super::compare::{Compare, compare};
    use super::*;
    use crate::kernel::tests::{TYPES, atom};

    /// Items of a type, more than a block, with nulls among them.
    fn column(ty: Type, step: i16) -> K {
        let seed = |n: i16| (n.wrapping_mul(step)) % 7;
        K::collapse((0..2500).map(|n| atom(ty, seed(n))).collect())
    }

    #[test]
    fn long_columns_are_computed_as_their_parts() {
        for a in TYPES {
            for b in TYPES {
                let (x, y) = (column(a, 3), column(b, 5));
                let parts = |f: &dyn Fn(&K, &K) -> Result| {
                    let part = |at: usize| f(&x.slice(at, at + 500), &y.slice(at, at + 500));
                    (0..2500).step_by(500).map(part).collect::<Result<Vec<_>>>()
                };
                for op in [Arith::Add, Arith::Multiply, Arith::Lesser, Arith::Fill, Arith::Divide] {
                    let Ok(whole) = arith(op, &x, &y) else { continue };
                    for (n, part) in parts(&|x, y| arith(op, x, y)).unwrap().iter().enumerate() {
                        assert_eq!(
                            &whole.slice(n * 500, n * 500 + 500),
                            part,
                            "{a:?} {op:?} {b:?}"
                        );
                    }
                }
                for op in [Compare::Equal, Compare::Less, Compare::AtLeast] {
                    let Ok(whole) = compare(op, &x, &y) else { continue };
                    for (n, part) in parts(&|x, y| compare(op, x, y)).unwrap().iter().enumerate() {
                        assert_eq!(
                            &whole.slice(n * 500, n * 500 + 500),
                            part,
                            "{a:?} {op:?} {b:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn columns_of_different_length_do_not_go_together() {
        let (x, y) = (column(Type::Int, 3), column(Type::Short, 5).slice(0, 7));
        assert_eq!(arith(Arith::Add, &x, &y).unwrap_err().text, "length");
        assert_eq!(compare(Compare::Less, &x, &y).unwrap_err().text, "length");
    }
}
