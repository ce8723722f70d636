//! The value itself: atoms, vectors, dictionaries, tables, functions.

use super::data::{Data, Scalar, Vector};
use super::func::Function;
use super::sym::Sym;
use super::table::{Dict, Table};
use super::ty::{Attr, Type};
use std::sync::Arc;

/// A value of q.
#[derive(Clone, Debug, Default)]
pub enum K {
    /// One item of a type; the storage is the one of [`Type::null`].
    Atom(Type, Scalar),
    /// A vector or a general list.
    Vec(Vector),
    /// A dictionary or keyed table.
    Dict(Arc<Dict>),
    /// A table.
    Table(Arc<Table>),
    /// A function.
    Func(Arc<dyn Function>),
    /// The generic null `::`, which is also the identity function.
    #[default]
    Null,
}

/// Why values do not make a table or dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeError {
    /// Lengths differ.
    Length,
    /// Something is not of the type it must be.
    Type,
}

impl K {
    /// A boolean.
    #[must_use]
    pub fn bool(x: bool) -> Self {
        Self::Atom(Type::Bool, Scalar::U8(u8::from(x)))
    }

    /// A 32-bit integer.
    #[must_use]
    pub fn int(x: i32) -> Self {
        Self::Atom(Type::Int, Scalar::I32(x))
    }

    /// A 64-bit integer.
    #[must_use]
    pub fn long(x: i64) -> Self {
        Self::Atom(Type::Long, Scalar::I64(x))
    }

    /// A double.
    #[must_use]
    pub fn float(x: f64) -> Self {
        Self::Atom(Type::Float, Scalar::F64(x))
    }

    /// A character.
    #[must_use]
    pub fn char(x: u8) -> Self {
        Self::Atom(Type::Char, Scalar::U8(x))
    }

    /// A symbol.
    #[must_use]
    pub fn sym(x: impl Into<Sym>) -> Self {
        Self::Atom(Type::Symbol, Scalar::Sym(x.into()))
    }

    /// A timestamp, nanoseconds since 2000-01-01.
    #[must_use]
    pub fn timestamp(nanos: i64) -> Self {
        Self::Atom(Type::Timestamp, Scalar::I64(nanos))
    }

    /// A text: a vector of characters.
    #[must_use]
    pub fn str(text: impl AsRef<[u8]>) -> Self {
        Self::vec(Type::Char, text.as_ref().to_vec())
    }

    /// A vector of a type whose layout the items have.
    #[must_use]
    pub fn vec(ty: Type, items: impl Into<Data>) -> Self {
        Self::Vec(Vector { ty, attr: Attr::None, data: items.into() })
    }

    /// A vector of booleans, each 0 or 1.
    #[must_use]
    pub fn bools(items: Vec<u8>) -> Self {
        Self::vec(Type::Bool, items)
    }

    /// A vector of longs.
    #[must_use]
    pub fn longs(items: Vec<i64>) -> Self {
        Self::vec(Type::Long, items)
    }

    /// A vector of floats.
    #[must_use]
    pub fn floats(items: Vec<f64>) -> Self {
        Self::vec(Type::Float, items)
    }

    /// A vector of symbols.
    #[must_use]
    pub fn syms(items: Vec<Sym>) -> Self {
        Self::vec(Type::Symbol, items)
    }

    /// A general list, even if the items are alike.
    #[must_use]
    pub fn list(items: Vec<K>) -> Self {
        Self::vec(Type::List, items)
    }

    /// The null atom of a type; the empty list for the general list.
    #[must_use]
    pub fn null(ty: Type) -> Self {
        if ty == Type::List { Self::list(Vec::new()) } else { Self::Atom(ty, ty.null()) }
    }

    /// The empty vector of a type.
    #[must_use]
    pub fn empty(ty: Type) -> Self {
        Self::repeat(ty, ty.null(), 0)
    }

    /// A vector of `count` equal items.
    #[must_use]
    pub fn repeat(ty: Type, scalar: Scalar, count: usize) -> Self {
        if ty == Type::List {
            return Self::list(Vec::new());
        }
        Self::vec(ty, Data::repeat(scalar, count))
    }

    /// The type code: negative for atoms, 98 table, 99 dictionary, 100 and above functions,
    /// 127 sorted dictionary.
    #[must_use]
    pub fn code(&self) -> i8 {
        match self {
            Self::Atom(ty, _) => -ty.code(),
            Self::Vec(v) => v.ty.code(),
            Self::Table(_) => 98,
            Self::Dict(d) if d.sorted => 127,
            Self::Dict(_) => 99,
            Self::Func(f) => f.code(),
            Self::Null => 101,
        }
    }

    /// The type of an atom or of a vector's items.
    #[inline]
    #[must_use]
    pub fn ty(&self) -> Option<Type> {
        match self {
            Self::Atom(ty, _) => Some(*ty),
            Self::Vec(v) => Some(v.ty),
            _ => None,
        }
    }

    /// Number of items: rows of a table, keys of a dictionary, 1 for atoms and functions.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Atom(..) | Self::Func(_) | Self::Null => 1,
            Self::Vec(v) => v.data.len(),
            Self::Dict(d) => d.keys.len(),
            Self::Table(t) => t.rows(),
        }
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is an atom; functions and the generic null count as atoms.
    #[inline]
    #[must_use]
    pub fn is_atom(&self) -> bool {
        matches!(self, Self::Atom(..) | Self::Func(_) | Self::Null)
    }

    /// A whole number of any integral, boolean or temporal type; nulls and floats are none.
    #[must_use]
    pub fn as_long(&self) -> Option<i64> {
        let Self::Atom(ty, scalar) = self else { return None };
        match *scalar {
            Scalar::U8(x) if *ty != Type::Char => Some(i64::from(x)),
            Scalar::I16(x) if x != i16::MIN => Some(i64::from(x)),
            Scalar::I32(x) if x != i32::MIN => Some(i64::from(x)),
            Scalar::I64(x) if x != i64::MIN => Some(x),
            _ => None,
        }
    }

    /// The symbol of a symbol atom.
    #[must_use]
    pub fn as_sym(&self) -> Option<Sym> {
        match self {
            Self::Atom(_, Scalar::Sym(s)) => Some(*s),
            _ => None,
        }
    }

    /// The bytes of a text: a vector of characters or a single one.
    #[must_use]
    pub fn as_text(&self) -> Option<&[u8]> {
        match self {
            Self::Vec(Vector { ty: Type::Char, data: Data::U8(v), .. }) => Some(v),
            Self::Atom(Type::Char, Scalar::U8(c)) => Some(std::slice::from_ref(c)),
            _ => None,
        }
    }

    /// The items of a vector of symbols.
    #[must_use]
    pub fn as_syms(&self) -> Option<&[Sym]> {
        match self {
            Self::Vec(Vector { data: Data::Sym(v), .. }) => Some(v),
            _ => None,
        }
    }

    /// The items of a vector of longs, timestamps or timespans.
    #[must_use]
    pub fn as_longs(&self) -> Option<&[i64]> {
        match self {
            Self::Vec(Vector { data: Data::I64(v), .. }) => Some(v),
            _ => None,
        }
    }

    /// The items of a general list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[K]> {
        match self {
            Self::Vec(Vector { data: Data::List(v), .. }) => Some(v),
            _ => None,
        }
    }
}
