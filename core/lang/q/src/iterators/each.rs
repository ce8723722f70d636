//! `f'`: a function applied to the items of its arguments.

use crate::error::{Result, length_error};
use crate::func::Fun;
use crate::session::Session;
use crate::verbs::Class;
use formats::k::K;

/// Applies `f` to the first items, the second items, and so on; atoms go with every item.
///
/// # Errors
/// `length` for lists of different length, and what the function signals.
pub(crate) fn each(cx: &mut Session, f: &K, args: Vec<K>) -> Result {
    // What is atomic anyway needs no loop.
    if let Some(verb) = Fun::verb(f)
        && verb.class == Class::Atomic
        && !args.is_empty()
        && args.len() == verb.rank()
        && args.iter().all(|a| a.ty().is_some_and(|t| t != formats::k::Type::List) && !a.is_empty())
    {
        return cx.call(f, args);
    }
    if args.len() > 1
        && let K::Vec(v) = f
        && matches!(v.ty, formats::k::Type::Int | formats::k::Type::Long)
    {
        return case(f, &args);
    }
    let mut rows = None;
    for arg in args.iter().filter(|a| !a.is_atom()) {
        if rows.is_some_and(|n| n != arg.len()) {
            return Err(length_error());
        }
        rows = Some(arg.len());
    }
    let Some(rows) = rows else { return cx.call(f, args) };
    if args.len() == 1
        && let Some(K::Dict(d)) = args.first()
    {
        let values = d.values.clone();
        let out = each(cx, f, vec![values])?;
        return Ok(K::dict(d.keys.clone(), out));
    }
    let keys = args.iter().find_map(|a| match a {
        K::Dict(d) => Some(d.keys.clone()),
        _ => None,
    });
    let mut out = Vec::with_capacity(rows.min(1 << 16));
    for row in 0..rows {
        cx.charge(1)?;
        let items = args.iter().map(|a| if a.is_atom() { a.clone() } else { a.at(row) }).collect();
        out.push(cx.call(f, items)?);
    }
    let out = if rows == 0 { empty(f, &args) } else { K::collapse(out) };
    Ok(keys.map_or(out.clone(), |k| K::dict(k, out)))
}

/// Numbers in the place of a function: which argument each item is taken from.
fn case(choices: &K, args: &[K]) -> Result {
    // All arguments have to fit, whether one is chosen or not.
    let mut keys: Option<&K> = None;
    for arg in args.iter().filter(|a| !a.is_atom()) {
        if arg.len() != choices.len() {
            return Err(length_error());
        }
        if let K::Dict(d) = arg
            && !crate::kernel::compare::matches(keys.get_or_insert(&d.keys), &d.keys)
        {
            return Err(crate::error::domain_error());
        }
    }
    let mut out = Vec::with_capacity(choices.len());
    for (i, choice) in choices.items().enumerate() {
        let from = choice.as_long().and_then(|c| usize::try_from(c).ok());
        let arg = from.and_then(|c| args.get(c)).ok_or_else(crate::error::domain_error)?;
        out.push(if arg.is_atom() { arg.clone() } else { arg.at(i) });
    }
    Ok(K::collapse(out))
}

/// What a function of no items gives.
fn empty(_f: &K, _args: &[K]) -> K {
    K::list(Vec::new())
}
