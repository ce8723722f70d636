//! Functions of one number, and powers.

use super::{Class, Verb};
use crate::convert::numeric::{Column, NULL, floats, from_floats, from_ints, ints};
use crate::error::{Result, type_error};
use crate::kernel::arith::floor as tolerant_floor;
use crate::kernel::atomic::{dyad, monad};
use crate::kernel::zip::zip;
use crate::session::Session;
use formats::k::{K, Type};

fn map<T: Copy, U: Copy>(column: Column<'_, T>, f: impl Fn(T) -> U) -> Column<'static, U> {
    match column {
        Column::Atom(x) => Column::Atom(f(x)),
        Column::Vec(v) => Column::Vec(v.iter().map(|x| f(*x)).collect::<Vec<U>>().into()),
    }
}

/// A function of floats that gives floats.
fn real(cx: &mut Session, x: &K, f: fn(f64) -> f64) -> Result {
    monad(cx, x, &|k| {
        if matches!(k.ty(), Some(Type::Symbol | Type::Guid)) {
            return Err(type_error());
        }
        Ok(from_floats(Type::Float, map(floats(k).ok_or_else(type_error)?, f)))
    })
}

macro_rules! reals {
    ($($name:ident $f:expr),*) => {$(
        fn $name(cx: &mut Session, x: K) -> Result {
            real(cx, &x, $f)
        }
    )*};
}
reals!(
    sqrt |x| if x < 0.0 { f64::NAN } else { x.sqrt() },
    exp f64::exp, log |x| if x < 0.0 { f64::NAN } else { x.ln() },
    sin f64::sin, cos f64::cos, tan f64::tan, asin f64::asin, acos f64::acos, atan f64::atan,
    reciprocal |x| 1.0 / x
);

/// A function that keeps the type of its argument, booleans and bytes becoming ints.
fn keeping(cx: &mut Session, x: &K, i: fn(i64) -> i64, f: fn(f64) -> f64) -> Result {
    monad(cx, x, &|k| {
        let ty = k.ty().filter(|t| !matches!(t, Type::Symbol | Type::Guid | Type::Char));
        let ty = ty.ok_or_else(type_error)?;
        if ty.is_floating() {
            return Ok(from_floats(ty, map(floats(k).ok_or_else(type_error)?, f)));
        }
        let to = if matches!(ty, Type::Bool | Type::Byte) { Type::Int } else { ty };
        Ok(from_ints(to, map(ints(k).ok_or_else(type_error)?, i)))
    })
}

pub(super) fn neg(cx: &mut Session, x: K) -> Result {
    keeping(cx, &x, |x| if x == NULL { x } else { -x }, |x| -x)
}

fn abs(cx: &mut Session, x: K) -> Result {
    keeping(cx, &x, |x| if x == NULL { x } else { x.abs() }, f64::abs)
}

/// Rounds floats to longs; whole numbers stay as they are.
fn round(cx: &mut Session, x: &K, f: fn(f64) -> f64) -> Result {
    monad(cx, x, &|k| match k.ty() {
        Some(Type::Symbol | Type::Guid) | None => Err(type_error()),
        Some(Type::Real | Type::Float) => {
            let whole = |x: f64| if x.is_nan() { NULL } else { (f(x) as i64).max(-i64::MAX) };
            Ok(from_ints(Type::Long, map(floats(k).ok_or_else(type_error)?, whole)))
        }
        Some(Type::Bool | Type::Byte) => crate::convert::cast::cast(Type::Int, k),
        Some(_) => Ok(k.clone()),
    })
}

fn floor(cx: &mut Session, x: K) -> Result {
    if x.ty() == Some(Type::Char) {
        return super::text::lower(cx, x);
    }
    round(cx, &x, tolerant_floor)
}

fn ceiling(cx: &mut Session, x: K) -> Result {
    round(cx, &x, |x| -tolerant_floor(-x))
}

fn signum(cx: &mut Session, x: K) -> Result {
    monad(cx, &x, &|k| {
        if matches!(k.ty(), Some(Type::Symbol | Type::Guid | Type::Char)) {
            return Err(type_error());
        }
        let sign = |x: f64| if x.is_nan() || x < 0.0 { -1 } else { i64::from(x > 0.0) };
        Ok(from_ints(Type::Int, map(floats(k).ok_or_else(type_error)?, sign)))
    })
}

fn floats2(cx: &mut Session, x: &K, y: &K, f: fn(f64, f64) -> f64) -> Result {
    dyad(cx, x, y, &|x, y| {
        let bad = |k: &K| matches!(k.ty(), Some(Type::Symbol | Type::Guid | Type::Char));
        if bad(x) || bad(y) {
            return Err(type_error());
        }
        let (x, y) = (floats(x).ok_or_else(type_error)?, floats(y).ok_or_else(type_error)?);
        Ok(from_floats(Type::Float, zip(&x, &y, f)?))
    })
}

fn power(cx: &mut Session, x: K, y: K) -> Result {
    floats2(cx, &x, &y, |x, y| if x.is_nan() || y.is_nan() { f64::NAN } else { x.powf(y) })
}

fn logarithm(cx: &mut Session, x: K, y: K) -> Result {
    // Characters count as their codes here.
    let coded = |k: K| match k.ty() {
        Some(Type::Char) => crate::convert::cast::cast(Type::Long, &k),
        _ => Ok(k),
    };
    let (x, y) = (coded(x)?, coded(y)?);
    floats2(cx, &x, &y, |x, y| if y < 0.0 { f64::NAN } else { y.ln() / x.ln() })
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word("neg", Class::Atomic, neg, "Changes the sign.", "q)neg 1 -2 3\n-1 2 -3"),
    Verb::word("abs", Class::Atomic, abs, "Takes the sign away.", "q)abs -3 2\n3 2"),
    Verb::word("floor", Class::Atomic, floor, "Rounds down.", "q)floor 2.7 -2.5\n2 -3"),
    Verb::word("ceiling", Class::Atomic, ceiling, "Rounds up.", "q)ceiling 2.1 -2.5\n3 -2"),
    Verb::word(
        "signum",
        Class::Atomic,
        signum,
        "The sign: -1, 0 or 1.",
        "q)signum -2 0 3\n-1 0 1i",
    ),
    Verb::word("sqrt", Class::Atomic, sqrt, "The square root.", "q)sqrt 2\n1.414214"),
    Verb::word("exp", Class::Atomic, exp, "The power of e.", "q)exp 0\n1f"),
    Verb::word("log", Class::Atomic, log, "The natural logarithm.", "q)log 1\n0f"),
    Verb::word("sin", Class::Atomic, sin, "The sine.", "q)sin 0\n0f"),
    Verb::word("cos", Class::Atomic, cos, "The cosine.", "q)cos 0\n1f"),
    Verb::word("tan", Class::Atomic, tan, "The tangent.", "q)tan 0\n0f"),
    Verb::word("asin", Class::Atomic, asin, "The arcsine.", "q)asin 0\n0f"),
    Verb::word("acos", Class::Atomic, acos, "The arccosine.", "q)acos 1\n0f"),
    Verb::word("atan", Class::Atomic, atan, "The arctangent.", "q)atan 0\n0f"),
    Verb::word(
        "reciprocal",
        Class::Atomic,
        reciprocal,
        "One divided by the value.",
        "q)reciprocal 4\n0.25",
    ),
    Verb::infix("xexp", Class::Atomic, power, "Raises to a power.", "q)2 xexp 10\n1024f"),
    Verb::infix("xlog", Class::Atomic, logarithm, "The logarithm to a base.", "q)2 xlog 8\n3f"),
];
