//! `$`: casts, reading of text, padding.

use super::Verb;
use crate::convert::cast::{Target, cast, parse, part, target};
use crate::error::{QError, Result, domain_error, length_error, type_error};
use crate::session::Session;
use formats::k::{K, Type};

fn dollar(cx: &mut Session, args: Vec<K>) -> Result {
    let mut args = args.into_iter();
    let (x, y) = (args.next().unwrap_or_default(), args.next().unwrap_or_default());
    cx.charge(1 + y.len() / 4)?;
    convert(cx, &x, &y)
}

fn convert(cx: &mut Session, x: &K, y: &K) -> Result {
    if matches!(x, K::Atom(Type::Int | Type::Long, _)) {
        return padded(cx, x, y);
    }
    if let Some(name) = x.as_sym()
        && let Err(error) = target(x)
    {
        let known = cx.globals.contains_key(&name);
        return if known { super::enums::enumerate(cx, name, y) } else { Err(error) };
    }
    match x {
        K::Atom(..) => match target(x)? {
            Target::Cast(ty @ (Type::Short | Type::Int | Type::Long)) => {
                let numbers = super::enums::numbers(cx, y);
                cast(ty, &numbers.unwrap_or_else(|| Ok(y.clone()))?)
            }
            Target::Tok(ty) => tok(ty, y),
            Target::Cast(Type::Symbol) => symbols(y),
            Target::Cast(ty) => cast(ty, y),
            Target::Part(name) => part(name, y).unwrap_or_else(|| Err(domain_error())),
        },
        K::Vec(_) if super::matrix::is_matrix(x) => super::matrix::product(cx, x, y),
        K::Vec(v) if matches!(v.ty, Type::Char | Type::Symbol | Type::Short | Type::List) => {
            match y {
                K::Dict(d) => Ok(K::dict(d.keys.clone(), pairs(cx, x, &d.values)?)),
                K::Table(t) => {
                    let columns = pairs(cx, x, &K::list(t.columns.clone()))?;
                    Ok(K::table(t.names.to_vec(), columns.items().collect())?)
                }
                _ if y.is_atom() => {
                    let items = x.items().map(|x| convert(cx, &x, y));
                    Ok(K::collapse(items.collect::<Result<Vec<_>>>()?))
                }
                _ if v.ty == Type::Char && y.as_text().is_some() && x.len() == 1 => {
                    let one = convert(cx, &x.at(0), y)?;
                    Ok(one.enlist())
                }
                _ => pairs(cx, x, y),
            }
        }
        K::Vec(v) if v.ty == Type::Float => super::matrix::product(cx, x, y),
        // Widths for as many texts.
        K::Vec(v) if v.ty.is_numeric() && y.ty() == Some(Type::List) => pairs(cx, x, y),
        K::Vec(v) if v.ty.is_numeric() => {
            let product = super::arith::multiply(cx, x.clone(), y.clone())?;
            cx.call1(&super::value("sum"), product)
        }
        _ => Err(type_error()),
    }
}

/// Converts each item by the one of as many at the same place.
fn pairs(cx: &mut Session, x: &K, y: &K) -> Result {
    if x.len() != y.len() {
        return Err(length_error());
    }
    let items = x.items().zip(y.items()).map(|(x, y)| convert(cx, &x, &y));
    Ok(K::collapse(items.collect::<Result<Vec<_>>>()?))
}

/// Reads text; what is no text but a symbol is read as its text.
fn tok(ty: Type, y: &K) -> Result {
    match y {
        // `*` leaves what it is given.
        _ if ty == Type::List => Ok(y.clone()),
        K::Atom(Type::Symbol, formats::k::Scalar::Sym(s)) => parse(ty, &K::str(s.as_bytes())),
        K::Vec(v) if v.ty == Type::Symbol && ty == Type::Symbol => Ok(y.clone()),
        _ => parse(ty, y),
    }
}

fn symbols(y: &K) -> Result {
    match y {
        K::Vec(v) if v.ty == Type::List => {
            let items = v.iter().map(|i| symbols(&i)).collect::<Result<Vec<_>>>()?;
            Ok(if items.is_empty() { K::syms(Vec::new()) } else { K::collapse(items) })
        }
        _ if y.ty() == Some(Type::Symbol) => Ok(y.clone()),
        _ if y.as_text().is_some() => crate::convert::cast::symbol(y),
        K::Dict(d) => Ok(K::dict(d.keys.clone(), symbols(&d.values)?)),
        _ => Err(type_error()),
    }
}

/// Text cut or filled with blanks to a width; a negative width fills on the left.
fn padded(cx: &mut Session, x: &K, y: &K) -> Result {
    let width = x.as_long().ok_or_else(type_error)?;
    let size = usize::try_from(width.unsigned_abs()).map_err(|_| QError::new("limit"))?;
    cx.room(size)?;
    if let Some(text) = y.as_text() {
        let mut out = text.to_vec();
        if width >= 0 {
            out.resize(size, b' ');
        } else if out.len() >= size {
            out.drain(..out.len() - size);
        } else {
            out.splice(0..0, std::iter::repeat_n(b' ', size - text.len()));
        }
        return Ok(K::str(out));
    }
    match y {
        K::Vec(v) if v.ty == Type::List => {
            let items = v.iter().map(|i| padded(cx, x, &i)).collect::<Result<Vec<_>>>()?;
            Ok(K::list(items))
        }
        K::Dict(d) => Ok(K::dict(d.keys.clone(), padded(cx, x, &d.values)?)),
        K::Table(t) => {
            let columns = t.columns.iter().map(|c| padded(cx, x, c)).collect::<Result<_>>()?;
            Ok(K::table(t.names.to_vec(), columns)?)
        }
        _ => Err(type_error()),
    }
}

pub(super) const VERBS: &[Verb] = &[Verb::operator(
    "$",
    2,
    dollar,
    "Converts to a type, reads text as a type, or pads text.",
    "q)`int$6.6\n7i\nq)\"J\"$\"12\"\n12\nq)5$\"ab\"\n\"ab   \"\nq)(\"*\";0h)$1\n1 1",
)];
