//! Comparison of two operands.

use super::{Class, Verb};
use crate::error::Result;
use crate::kernel::atomic::{dyad, monad};
use crate::kernel::compare::{Compare, compare, matches};
use crate::session::Session;
use formats::k::{Data, K, Scalar, Type, Vector};

macro_rules! verbs {
    ($($name:ident $op:ident),*) => {$(
        fn $name(cx: &mut Session, x: K, y: K) -> Result {
            dyad(cx, &x, &y, &|x, y| compare(Compare::$op, x, y))
        }
    )*};
}
verbs!(equal Equal, unequal NotEqual, less Less, greater Greater, up_to UpTo, at_least AtLeast);

fn same(_: &mut Session, x: K, y: K) -> Result {
    Ok(K::bool(matches(&x, &y)))
}

fn not(cx: &mut Session, x: K) -> Result {
    monad(cx, &x, &|k| compare(Compare::Equal, k, &K::bool(false)))
}

/// Whether each atom is its type's null.
pub(crate) fn is_null(cx: &mut Session, x: K) -> Result {
    if matches!(x, K::Null) {
        return Ok(K::bool(true));
    }
    monad(cx, &x, &|k| {
        let ty = k.ty().unwrap_or(Type::List);
        // These have no null; a blank is one of characters.
        if matches!(ty, Type::Bool | Type::Byte) {
            return Ok(match k {
                K::Vec(v) => K::bools(vec![0; v.data.len()]),
                _ => K::bool(false),
            });
        }
        let null = ty.null();
        Ok(match k {
            K::Atom(_, s) => K::bool(*s == null),
            K::Vec(v) => K::bools(flags(v, null)),
            _ => K::bool(false),
        })
    })
}

fn flags(v: &Vector, null: Scalar) -> Vec<u8> {
    match (&v.data, null) {
        (Data::I64(v), _) => v.iter().map(|x| u8::from(*x == i64::MIN)).collect(),
        (Data::I32(v), _) => v.iter().map(|x| u8::from(*x == i32::MIN)).collect(),
        (Data::F64(v), _) => v.iter().map(|x| u8::from(x.is_nan())).collect(),
        (data, null) => (0..data.len()).map(|i| u8::from(data.scalar(i) == Some(null))).collect(),
    }
}

pub(super) const VERBS: &[Verb] = &[
    Verb::infix(
        "=",
        Class::Atomic,
        equal,
        "Whether values are equal, whatever their types.",
        "q)1 2 3=1 5 3\n101b",
    ),
    Verb::infix("<>", Class::Atomic, unequal, "Whether values differ.", "q)1 2<>1 3\n01b"),
    Verb::infix("<", Class::Atomic, less, "Whether the left is less.", "q)1 2 3<2\n100b"),
    Verb::infix(">", Class::Atomic, greater, "Whether the left is greater.", "q)1 2 3>2\n001b"),
    Verb::infix("<=", Class::Atomic, up_to, "Whether the left is not greater.", "q)1 2 3<=2\n110b"),
    Verb::infix(">=", Class::Atomic, at_least, "Whether the left is not less.", "q)1 2 3>=2\n011b"),
    Verb::infix(
        "~",
        Class::Other,
        same,
        "Whether two values are the same in type and content.",
        "q)1 2~1 2\n1b\nq)1 2~1 2f\n0b",
    ),
    Verb::word("not", Class::Atomic, not, "Whether values are zero.", "q)not 0 1 2\n100b"),
    Verb::word("null", Class::Atomic, is_null, "Whether values are null.", "q)null 1 0N 3\n010b"),
];
