//! Arithmetic of two operands.

use super::{Class, Verb};
use crate::error::Result;
use crate::kernel::arith::{Arith, arith};
use crate::kernel::atomic::dyad;
use crate::session::Session;
use formats::k::K;

macro_rules! verbs {
    ($($name:ident $op:ident),*) => {$(
        pub(crate) fn $name(cx: &mut Session, x: K, y: K) -> Result {
            dyad(cx, &x, &y, &|x, y| arith(Arith::$op, x, y))
        }
    )*};
}
verbs!(
    add Add, less Subtract, multiply Multiply, divide Divide, div Div, modulo Mod,
    lesser Lesser, greater Greater, xbar Xbar
);

/// `x-y`; what only a dictionary on the right has is taken from nothing.
pub(crate) fn subtract(cx: &mut Session, x: K, y: K) -> Result {
    if let (K::Dict(d), K::Dict(e)) = (&x, &y)
        && !crate::kernel::compare::matches(&d.keys, &e.keys)
    {
        let known = crate::kernel::find::find(&d.keys, &e.keys)?;
        let known = known.items().map(|place| place.as_long() < Some(d.keys.len() as i64));
        let values = known.zip(e.values.items()).map(|(known, value)| {
            if known { Ok(value) } else { cx.call1(&super::value("neg"), value) }
        });
        let values = K::collapse(values.collect::<Result<Vec<_>>>()?);
        let y = K::dict(e.keys.clone(), values);
        return less(cx, x, y);
    }
    less(cx, x, y)
}

/// `x^y`: `y` with its nulls replaced.
fn fill(cx: &mut Session, x: K, y: K) -> Result {
    if x.keyed().is_some() && y.keyed().is_some() {
        return super::upsert::coalesce(cx, x, y);
    }
    let kernel = |x: &K, y: &K| match (x.as_sym(), y) {
        (Some(_), _) | (None, K::Atom(formats::k::Type::Symbol, _)) => symbols(x, y),
        _ if y.ty() == Some(formats::k::Type::Symbol) => symbols(x, y),
        _ if y.ty() == Some(formats::k::Type::Char) => chars(x, y),
        _ => arith(Arith::Fill, x, y),
    };
    dyad(cx, &x, &y, &kernel)
}

/// Filling where nulls are values among others.
fn filled(x: &K, y: &K, null: &K) -> Result {
    if y.is_atom() {
        return Ok(if y == null { x.clone() } else { y.clone() });
    }
    if !x.is_atom() && x.len() != y.len() {
        return Err(crate::error::length_error());
    }
    let item = |(i, y): (usize, K)| match x.is_atom() {
        _ if y != *null => y,
        true => x.clone(),
        false => x.at(i),
    };
    Ok(K::collapse(y.items().enumerate().map(item).collect()))
}

fn symbols(x: &K, y: &K) -> Result {
    if x.ty() != y.ty() {
        return Err(crate::error::type_error());
    }
    filled(x, y, &K::sym(""))
}

fn chars(x: &K, y: &K) -> Result {
    if x.ty() != y.ty() {
        return Err(crate::error::type_error());
    }
    filled(x, y, &K::char(b' '))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::infix(
        "+",
        Class::Atomic,
        add,
        "Adds.",
        "q)1 2 3+10\n11 12 13\nq)2000.01.01+31\n2000.02.01",
    ),
    Verb::infix(
        "-",
        Class::Atomic,
        subtract,
        "Subtracts.",
        "q)5-1 2 3\n4 3 2\nq)2024.01.03-2024.01.01\n2i\n\
         q)(`a`b!1 2)-`b`c!10 20\na| 1\nb| -8\nc| -20",
    ),
    Verb::infix("*", Class::Atomic, multiply, "Multiplies.", "q)3*1 2 3\n3 6 9"),
    Verb::infix("%", Class::Atomic, divide, "Divides; always a float.", "q)1 2 3%2\n0.5 1 1.5"),
    Verb::infix("&", Class::Atomic, lesser, "The lesser of two.", "q)3&1 5\n1 3"),
    Verb::infix("|", Class::Atomic, greater, "The greater of two.", "q)3|1 5\n3 5"),
    Verb::infix("and", Class::Atomic, lesser, "Both, of booleans.", "q)101b and 110b\n100b"),
    Verb::infix("or", Class::Atomic, greater, "Either, of booleans.", "q)101b or 110b\n111b"),
    Verb::infix("^", Class::Atomic, fill, "Replaces nulls.", "q)0^1 0N 3\n1 0 3"),
    Verb::infix("div", Class::Atomic, div, "Divides and rounds down.", "q)-7 7 div 2\n-4 3"),
    Verb::infix(
        "mod",
        Class::Atomic,
        modulo,
        "The remainder, with the divisor's sign.",
        "q)-7 7 mod 3\n2 1",
    ),
    Verb::infix(
        "xbar",
        Class::Atomic,
        xbar,
        "Rounds down to a multiple.",
        "q)5 xbar 4 5 11\n0 5 10\nq)0D01 xbar 2024.01.01D10:20\n2024.01.01D10:00:00.000000000",
    ),
];
