//! Comparison of two operands.

use super::{Class, Verb};
use crate::error::Result;
use crate::kernel::atomic::{dyad, monad};
use crate::kernel::compare::{Compare, compare, matches, nulls};
use crate::session::Session;
use formats::k::{K, Type};

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
        Ok(match k {
            // These have no null; a blank is one of characters.
            K::Atom(Type::Bool | Type::Byte, _) => K::bool(false),
            K::Atom(_, s) => K::bool(*s == ty.null()),
            K::Vec(v) => K::bools(nulls(v)),
            _ => K::bool(false),
        })
    })
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
