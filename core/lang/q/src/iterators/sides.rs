//! `f/:` and `f\:`: one whole argument against the items of the other.

use crate::error::{Result, rank_error};
use crate::session::Session;
use formats::k::K;

fn two(args: Vec<K>) -> Result<(K, K)> {
    let mut args = args.into_iter();
    match (args.next(), args.next(), args.next()) {
        (Some(x), Some(y), None) => Ok((x, y)),
        _ => Err(rank_error()),
    }
}

fn items(cx: &mut Session, list: &K, mut f: impl FnMut(&mut Session, K) -> Result) -> Result {
    if list.is_atom() {
        return f(cx, list.clone());
    }
    if let K::Dict(d) = list {
        let values = items(cx, &d.values, f)?;
        return Ok(K::dict(d.keys.clone(), values));
    }
    let mut out = Vec::with_capacity(list.len().min(1 << 16));
    for item in list.items() {
        cx.charge(1)?;
        out.push(f(cx, item)?);
    }
    Ok(K::collapse(out))
}

/// `x f/: y`: the left argument with each item of the right; of a value that is no function, with
/// one argument, `sv`.
pub(crate) fn right(cx: &mut Session, f: &K, mut args: Vec<K>) -> Result {
    if let (K::Atom(..) | K::Vec(_), [_]) = (f, args.as_slice()) {
        return cx.call2(&crate::verbs::value("sv"), f.clone(), args.remove(0));
    }
    let (x, y) = two(args)?;
    items(cx, &y, |cx, y| cx.call2(f, x.clone(), y))
}

/// `x f\: y`: each item of the left argument with the right; of a value that is no function, with
/// one argument, `vs`.
pub(crate) fn left(cx: &mut Session, f: &K, mut args: Vec<K>) -> Result {
    if let (K::Atom(..) | K::Vec(_), [_]) = (f, args.as_slice()) {
        return cx.call2(&crate::verbs::value("vs"), f.clone(), args.remove(0));
    }
    let (x, y) = two(args)?;
    items(cx, &x, |cx, x| cx.call2(f, x, y.clone()))
}
