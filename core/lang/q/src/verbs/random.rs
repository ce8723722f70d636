//! Chance, from the generator that the session was given.

use super::{Class, Verb};
use crate::error::{Result, domain_error, length_error, type_error};
use crate::session::Session;
use formats::k::{K, Scalar, Type};

/// A number below `limit`.
fn below(cx: &mut Session, limit: u64) -> u64 {
    // The high half of a product is even enough for any limit below 2^32, and near it above.
    ((u128::from(cx.host.random()) * u128::from(limit)) >> 64) as u64
}

fn fraction(cx: &mut Session) -> f64 {
    (cx.host.random() >> 11) as f64 / (1u64 << 53) as f64
}

/// `n?y`: `n` random values below `y`, or items of `y`; different ones for a negative `n`.
pub(super) fn roll(cx: &mut Session, x: &K, y: &K) -> Result {
    let n = x.as_long().ok_or_else(type_error)?;
    let count = usize::try_from(n.unsigned_abs()).map_err(|_| domain_error())?;
    cx.room(count)?;
    if !y.is_atom() {
        let index =
            if n < 0 { deal(cx, count, y.len() as u64)? } else { places(cx, count, y.len())? };
        return Ok(y.gather(&index));
    }
    let K::Atom(ty, scalar) = *y else { return Err(type_error()) };
    if let (true, Type::Symbol, Scalar::Sym(shape)) = (n < 0, ty, scalar) {
        return distinct_names(cx, count, shape.as_str());
    }
    if n < 0 && ty != Type::Guid {
        let limit = y.as_long().and_then(|l| u64::try_from(l).ok()).ok_or_else(type_error)?;
        let values = deal(cx, count, limit)?;
        return crate::convert::cast::cast(ty, &K::longs(values));
    }
    match (ty, scalar) {
        (Type::Float, Scalar::F64(limit)) => {
            Ok(K::floats((0..count).map(|_| fraction(cx) * limit).collect()))
        }
        (Type::Real, Scalar::F32(limit)) => {
            let item = |_| (fraction(cx) * f64::from(limit)) as f32;
            Ok(K::vec(ty, (0..count).map(item).collect::<Vec<f32>>()))
        }
        (Type::Bool, _) => Ok(K::bools((0..count).map(|_| below(cx, 2) as u8).collect())),
        (Type::Char, _) => {
            Ok(K::str((0..count).map(|_| b'a' + below(cx, 26) as u8).collect::<Vec<u8>>()))
        }
        (Type::Symbol, Scalar::Sym(s)) => names(cx, count, s.as_str()),
        (Type::Guid, _) => {
            let item = |_| {
                let bits = u128::from(cx.host.random()) << 64 | u128::from(cx.host.random());
                bits.to_be_bytes()
            };
            Ok(K::vec(ty, (0..count).map(item).collect::<Vec<_>>()))
        }
        _ => {
            let limit = y.as_long().filter(|l| *l >= 0).ok_or_else(domain_error)?;
            let limit = if limit == 0 { u64::MAX } else { limit.unsigned_abs() };
            let values = (0..count).map(|_| below(cx, limit) as i64).collect();
            crate::convert::cast::cast(ty, &K::longs(values))
        }
    }
}

/// The numbers below a count, or the items of a list, in random order.
pub(super) fn permute(cx: &mut Session, y: &K) -> Result {
    let list = match y.as_long() {
        Some(n) => K::longs((0..n.clamp(0, 1 << 24)).collect()),
        None => y.clone(),
    };
    let count = list.len();
    let order = deal(cx, count, count as u64)?;
    Ok(list.gather(&order))
}

/// Random places in a list.
fn places(cx: &mut Session, count: usize, len: usize) -> Result<Vec<i64>> {
    if len == 0 && count > 0 {
        return Err(length_error());
    }
    Ok((0..count).map(|_| below(cx, len as u64) as i64).collect())
}

/// Different numbers below a limit.
fn deal(cx: &mut Session, count: usize, limit: u64) -> Result<Vec<i64>> {
    if count as u64 > limit {
        return Err(length_error());
    }
    cx.room(usize::try_from(limit).map_err(|_| domain_error())?)?;
    let mut all: Vec<i64> = (0..limit as i64).collect();
    for i in 0..count {
        let other = i + below(cx, limit - i as u64) as usize;
        all.swap(i, other);
    }
    all.truncate(count);
    Ok(all)
}

/// Random symbols of as many letters as the name's digit says.
fn names(cx: &mut Session, count: usize, shape: &str) -> Result {
    let letters: usize =
        shape.parse().ok().filter(|n| (1..=8).contains(n)).ok_or_else(type_error)?;
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        let name: Vec<u8> = (0..letters).map(|_| b'a' + below(cx, 16) as u8).collect();
        out.push(super::text::symbol(&name)?);
    }
    Ok(K::collapse(out))
}

/// The same, each another one.
fn distinct_names(cx: &mut Session, count: usize, shape: &str) -> Result {
    let letters: u32 = shape.parse().map_err(|_| type_error())?;
    // Enough must be left that another one is soon found.
    if count as u64 > 16_u64.saturating_pow(letters) / 2 {
        return Err(length_error());
    }
    let mut seen = std::collections::HashSet::new();
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        cx.charge(1)?;
        let name = names(cx, 1, shape)?.at(0);
        if let Some(symbol) = name.as_sym()
            && seen.insert(symbol)
        {
            out.push(name);
        }
    }
    Ok(K::collapse(out))
}

fn rand(cx: &mut Session, x: K) -> Result {
    Ok(roll(cx, &K::long(1), &x)?.at(0))
}

pub(super) const VERBS: &[Verb] = &[Verb::word(
    "rand",
    Class::Other,
    rand,
    "A random value below a number, or item of a list.",
    "q)(rand 10) within 0 9\n1b",
)];
