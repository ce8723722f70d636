//! `f':`: a function of each item and the one before.

use crate::error::{Result, rank_error};
use crate::func::Fun;
use crate::kernel::arith::Arith;
use crate::kernel::running::neighbours;
use crate::kernel::segments::Ids;
use crate::session::Session;
use formats::k::{K, Type};

/// Applies a function of two arguments to each item and its predecessor; the first item meets
/// the left argument, or a value that leaves it as it is.
///
/// # Errors
/// What the function signals.
pub(crate) fn prior(cx: &mut Session, f: &K, args: Vec<K>) -> Result {
    let mut args = args.into_iter();
    let (first, list) = match (args.next(), args.next(), args.next()) {
        (Some(x), None, None) => (None, x),
        (Some(x), Some(y), None) => (Some(x), y),
        _ => return Err(rank_error()),
    };
    if Fun::rank(f) == 1 && first.is_none() {
        // Each in parallel: the same as each.
        return super::each(cx, f, vec![list]);
    }
    let (keys, list) = match list {
        K::Dict(d) => (Some(d.keys.clone()), d.values.clone()),
        list => (None, list),
    };
    if list.is_atom() {
        return Ok(list);
    }
    let kernel = match Fun::verb(f).map(|v| v.name) {
        Some("-") => Some(Arith::Subtract),
        Some("%") => Some(Arith::Divide),
        _ => None,
    };
    if let (None, Some(op)) = (&first, kernel)
        && let Some(out) = neighbours(op, &list, Ids::One)?
    {
        cx.charge(1 + list.len() / 8)?;
        return Ok(keys.map_or(out.clone(), |k| K::dict(k, out)));
    }
    let own = first.is_none() && Fun::verb(f).is_some_and(|v| v.name == ",");
    let mut before = first.unwrap_or_else(|| identity(f, &list));
    let mut out = Vec::with_capacity(list.len().min(1 << 16));
    for item in list.items() {
        cx.charge(1)?;
        out.push(if own && out.is_empty() {
            item.clone()
        } else {
            cx.call2(f, item.clone(), before)?
        });
        before = item;
    }
    let out = if out.is_empty() { list } else { K::collapse(out) };
    Ok(keys.map_or(out.clone(), |k| K::dict(k, out)))
}

/// What stands before the first item: 0 for sums, 1 for products, else a null.
fn identity(f: &K, list: &K) -> K {
    let name = Fun::verb(f).map_or("", |v| v.name);
    let first = list.at(0);
    let number = |x: i64| match first.ty() {
        Some(ty) if ty.is_numeric() => K::Atom(ty, crate::convert::numeric::scalar_of(ty, x)),
        _ => K::long(x),
    };
    match name {
        "+" | "-" => match first.ty() {
            Some(ty) if ty.is_temporal() => first_zero(ty),
            _ => number(0),
        },
        "*" | "%" => number(1),
        "," => K::list(Vec::new()),
        "&" | "|" => first,
        _ if first.is_atom() => first.null_like(),
        _ => K::list(Vec::new()),
    }
}

/// The zero that can be taken from a time without changing its type.
fn first_zero(ty: Type) -> K {
    match ty {
        Type::Timestamp => K::Atom(Type::Timespan, formats::k::Scalar::I64(0)),
        Type::Month | Type::Date => K::int(0),
        ty => K::Atom(ty, crate::convert::numeric::scalar_of(ty, 0)),
    }
}
