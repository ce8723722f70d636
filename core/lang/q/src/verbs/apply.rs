//! `@` and `.`: application, indexing, amending and traps; `?` and its many meanings.

use super::Verb;
use crate::error::{QError, Result, rank_error, type_error};
use crate::eval::Change;
use crate::kernel::find;
use crate::session::Session;
use formats::k::{K, Type};

fn four(args: Vec<K>) -> (K, K, Option<K>, Option<K>) {
    let mut args = args.into_iter();
    let mut next = || args.next();
    (next().unwrap_or_default(), next().unwrap_or_default(), next(), next())
}

/// Whether a value is a function, so that three arguments mean a trap.
fn is_function(k: &K) -> bool {
    matches!(k, K::Func(_))
}

/// The value of `work`, or of the handler applied to the text of the error.
fn trap(cx: &mut Session, handler: &K, work: impl FnOnce(&mut Session) -> Result) -> Result {
    let depth = cx.depth;
    match work(cx) {
        Err(error) if !error.fatal => {
            cx.depth = depth;
            if is_function(handler) {
                cx.call1(handler, K::str(&error.text))
            } else {
                Ok(handler.clone())
            }
        }
        other => other,
    }
}

/// The amended value, or the name of the variable that was amended.
fn amended(cx: &mut Session, target: K, path: &[K], change: Change<'_>) -> Result {
    match target.as_sym() {
        Some(name) => {
            cx.amend_variable(name, path, change)?;
            Ok(target)
        }
        None => {
            let mut value = target;
            cx.amend(&mut value, path, change)?;
            Ok(value)
        }
    }
}

fn at(cx: &mut Session, args: Vec<K>) -> Result {
    let (x, i, f, y) = four(args);
    match (f, y) {
        (None, _) => cx.call1(&x, i),
        (Some(handler), None) if is_function(&x) => trap(cx, &handler, |cx| cx.call1(&x, i)),
        (Some(f), y) => amended(cx, x, &[i], Change { through: Some(&f), value: y }),
    }
}

fn dot(cx: &mut Session, args: Vec<K>) -> Result {
    let (x, i, f, y) = four(args);
    let path = |i: &K| -> Result<Vec<K>> {
        match i {
            K::Vec(_) => Ok(i.items().collect()),
            K::Null => Ok(Vec::new()),
            K::Dict(d) => Ok(d.values.items().collect()),
            _ => Err(type_error()),
        }
    };
    match (f, y) {
        (None, _) => {
            let args = path(&i)?;
            if args.is_empty() && !is_function(&x) {
                return Ok(x);
            }
            let args = if args.is_empty() { vec![K::Null] } else { args };
            cx.call(&x, args)
        }
        (Some(handler), None) if is_function(&x) => {
            let args = path(&i)?;
            let args = if args.is_empty() { vec![K::Null] } else { args };
            trap(cx, &handler, |cx| cx.call(&x, args))
        }
        (Some(f), y) => {
            let path = path(&i)?;
            amended(cx, x, &path, Change { through: Some(&f), value: y })
        }
    }
}

fn query(cx: &mut Session, args: Vec<K>) -> Result {
    if args.len() > 3 {
        return super::functional::select(cx, args);
    }
    let (x, y, z, _) = four(args);
    match z {
        Some(z) => choose(cx, &x, &y, &z),
        None => {
            if let K::Dict(d) = &x {
                // The key of a value.
                let places = find::find(&d.values, &y)?;
                return crate::eval::at(&d.keys, &places);
            }
            if x.is_atom() {
                if let Some(name) = x.as_sym() {
                    return super::enums::extend(cx, name, &y);
                }
                if super::aggregate::is_null_long(&x) {
                    return super::random::permute(cx, &y);
                }
                return super::random::roll(cx, &x, &y);
            }
            cx.charge(1 + x.len() + y.len())?;
            find::find(&x, &y)
        }
    }
}

/// `?[flags;x;y]`: items of `x` where the flags hold, of `y` elsewhere.
fn choose(cx: &mut Session, flags: &K, x: &K, y: &K) -> Result {
    if matches!(flags, K::Table(_)) {
        // A table, rows and an expression.
        let rows = flags.gather(x.as_longs().ok_or_else(type_error)?);
        let none = K::list(Vec::new());
        return super::functional::select(cx, vec![rows, none.clone(), none, y.clone()]);
    }
    cx.charge(1 + flags.len())?;
    if flags.ty() != Some(Type::Bool) {
        return Err(type_error());
    }
    if let Some(flag) = flags.as_long() {
        return Ok(if flag == 1 { x.clone() } else { y.clone() });
    }
    let fits = |k: &K| k.is_atom() || k.len() == flags.len();
    if !fits(x) || !fits(y) {
        return Err(crate::error::length_error());
    }
    if let (Some(tx), Some(ty)) = (x.ty(), y.ty())
        && tx != ty
        && tx != Type::List
        && ty != Type::List
    {
        return Err(type_error());
    }
    let item = |k: &K, i: usize| if k.is_atom() { k.clone() } else { k.at(i) };
    let pick = |(i, flag): (usize, K)| {
        if flag.as_long() == Some(1) { item(x, i) } else { item(y, i) }
    };
    let items: Vec<K> = flags.items().enumerate().map(pick).collect();
    Ok(if items.is_empty() { x.slice(0, 0) } else { K::collapse(items) })
}

/// A part of a value by name, as `a.b` means it: a column, a key, or a part of a time.
fn named_part(cx: &mut Session, x: K, name: K) -> Result {
    let text = name.as_sym().map_or("", |n| n.as_str());
    match &x {
        K::Table(_) | K::Dict(_) => cx.index(&x, std::slice::from_ref(&name)),
        K::Vec(v) if v.attr.domain().is_some() => {
            super::enums::follow(cx, &x, &name).unwrap_or_else(|| Err(type_error()))
        }
        _ => match crate::convert::cast::part(text, &x) {
            Some(out) => out,
            None => {
                let ty = Type::from_name(text).filter(|t| t.is_temporal());
                let ty = ty.ok_or_else(|| QError::new(text))?;
                if x.ty().is_some_and(|t| t.is_temporal()) {
                    return crate::convert::cast::cast(ty, &x);
                }
                Err(if x.ty().is_some() { type_error() } else { rank_error() })
            }
        },
    }
}

pub(super) const VERBS: &[Verb] = &[
    Verb::operator(
        "@",
        4,
        at,
        "Applies, indexes, amends or traps with one argument.",
        "q)@[1 2 3;0 2;+;10]\n11 2 13\nq)@[{1+x};`a;{x}]\n\"type\"",
    ),
    Verb::operator(
        ".",
        4,
        dot,
        "Applies, indexes, amends or traps with several arguments.",
        "q).[+;1 2]\n3\nq).[{x+y};(1;`a);`err]\n`err",
    ),
    Verb::operator(
        "?",
        6,
        query,
        "Finds, chooses, rolls, or selects.",
        "q)10 20 30?20\n1\nq)?[101b;1 2 3;4 5 6]\n1 5 3",
    ),
    Verb::infix(
        ".part",
        super::Class::Other,
        named_part,
        "The part that a dot names.",
        "q)t:([]a:1 2)\nq)t.a\n1 2",
    ),
];
