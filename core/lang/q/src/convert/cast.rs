//! `` `type$value ``: one type to another, and parts of times.

pub(crate) mod temporal;

use super::numeric::{self, Column, NULL, floats, from_floats, from_ints};
use super::tok::tok;
use crate::error::{QError, Result, domain_error, type_error};
use formats::k::{Data, K, Scalar, Sym, Type, Vector};

/// Converts every atom of a value to a type.
///
/// # Errors
/// `type` for types that have no meaning in the other, `limit` for too many symbols.
pub(crate) fn cast(to: Type, k: &K) -> Result {
    match k {
        _ if k.ty() == Some(to) && to != Type::List => Ok(k.clone()),
        K::Vec(Vector { data: Data::List(items), .. }) if items.is_empty() => Ok(K::empty(to)),
        K::Vec(Vector { data: Data::List(items), .. }) => {
            Ok(K::collapse(items.iter().map(|i| cast(to, i)).collect::<Result<Vec<_>>>()?))
        }
        K::Dict(d) => Ok(K::dict(d.keys.clone(), cast(to, &d.values)?)),
        K::Table(t) => {
            let columns = t.columns.iter().map(|c| cast(to, c)).collect::<Result<Vec<_>>>()?;
            Ok(K::table(t.names.to_vec(), columns)?)
        }
        K::Atom(..) | K::Vec(_) => simple(to, k),
        K::Func(_) | K::Null => Err(type_error()),
    }
}

fn simple(to: Type, k: &K) -> Result {
    let from = k.ty().ok_or_else(type_error)?;
    match (from, to) {
        (Type::Char, Type::Symbol) => symbol(k),
        (Type::Symbol, Type::Char) | (_, Type::Symbol | Type::Guid | Type::List) => {
            Err(type_error())
        }
        (Type::Symbol | Type::Guid, _) => Err(type_error()),
        (_, Type::Bool) => {
            let column = floats(k).ok_or_else(type_error)?;
            Ok(match column {
                Column::Atom(x) => K::bool(x != 0.0),
                Column::Vec(v) => K::bools(v.iter().map(|x| u8::from(*x != 0.0)).collect()),
            })
        }
        _ if from.is_floating() && !to.is_floating() => {
            if from == Type::Datetime && to.is_temporal() {
                return Ok(from_ints(to, numeric::ints_as(k, to).ok_or_else(type_error)?));
            }
            Ok(from_floats(to, floats(k).ok_or_else(type_error)?))
        }
        _ if to.is_floating() => {
            let column = numeric::floats_as(k, to).ok_or_else(type_error)?;
            Ok(from_floats(to, column))
        }
        _ => Ok(from_ints(to, numeric::ints_as(k, to).ok_or_else(type_error)?)),
    }
}

/// A text as one symbol, without blanks at its ends.
pub(crate) fn symbol(k: &K) -> Result {
    let text = k.as_text().ok_or_else(type_error)?;
    let sym = Sym::intern(text.trim_ascii()).ok_or_else(|| QError::limit("limit"))?;
    Ok(K::sym(sym))
}

/// Reads texts as atoms of a type: a string gives an atom, a list of strings a vector.
pub(crate) fn parse(to: Type, k: &K) -> Result {
    match k {
        _ if k.as_text().is_some() => {
            let text = k.as_text().unwrap_or_default();
            if to == Type::List {
                return Ok(k.clone());
            }
            if to == Type::Char {
                return Ok(if let [one] = text { K::char(*one) } else { K::null(Type::Char) });
            }
            let lossy = String::from_utf8_lossy(text);
            if to == Type::Symbol {
                return symbol(k);
            }
            Ok(K::Atom(to, tok(to, &lossy).unwrap_or_else(|| to.null())))
        }
        K::Vec(Vector { data: Data::List(items), .. }) => {
            if items.is_empty() {
                return Ok(K::empty(to));
            }
            Ok(K::collapse(items.iter().map(|i| parse(to, i)).collect::<Result<Vec<_>>>()?))
        }
        K::Dict(d) => Ok(K::dict(d.keys.clone(), parse(to, &d.values)?)),
        _ => Err(type_error()),
    }
}

/// The part of a time that a name such as `year` or `hh` stands for.
pub(crate) fn part(name: &str, k: &K) -> Option<Result> {
    let part = temporal::Part::named(name)?;
    let apply = |k: &K| -> Result {
        let from = k.ty().filter(|t| t.is_temporal()).ok_or_else(type_error)?;
        let unit = if from == Type::Datetime { Type::Timestamp } else { from };
        if !part.exists(unit) {
            return Err(type_error());
        }
        let of = |x: i64| if x == NULL { NULL } else { part.of(x, unit) };
        let to = if part == temporal::Part::Week { Type::Date } else { Type::Int };
        Ok(match numeric::ints_as(k, unit).ok_or_else(type_error)? {
            Column::Atom(x) => from_ints(to, Column::Atom(of(x))),
            Column::Vec(v) => {
                let items: Vec<i64> = v.iter().map(|x| of(*x)).collect();
                from_ints(to, Column::Vec(items.into()))
            }
        })
    };
    Some(over_lists(k, &apply))
}

/// Applies a function to the vectors and atoms within lists, dictionaries and tables.
pub(crate) fn over_lists(k: &K, f: &dyn Fn(&K) -> Result) -> Result {
    match k {
        K::Vec(Vector { data: Data::List(items), .. }) => {
            Ok(K::collapse(items.iter().map(|i| over_lists(i, f)).collect::<Result<Vec<_>>>()?))
        }
        K::Dict(d) => Ok(K::dict(d.keys.clone(), over_lists(&d.values, f)?)),
        K::Table(t) => {
            let columns = t.columns.iter().map(|c| over_lists(c, f)).collect::<Result<Vec<_>>>()?;
            Ok(K::table(t.names.to_vec(), columns)?)
        }
        _ => f(k),
    }
}

/// The type, and whether text is parsed, that the left side of `$` names.
pub(crate) enum Target {
    /// Convert to the type.
    Cast(Type),
    /// Read text as the type.
    Tok(Type),
    /// Take a part of a time.
    Part(&'static str),
}

/// What an atom on the left of `$` stands for.
pub(crate) fn target(k: &K) -> Result<Target> {
    match k {
        K::Atom(Type::Symbol, Scalar::Sym(s)) => {
            let name = s.as_str();
            if name.is_empty() {
                return Ok(Target::Tok(Type::Symbol));
            }
            if temporal::Part::named(name).is_some() {
                return Ok(Target::Part(name));
            }
            Type::from_name(name).map(Target::Cast).ok_or_else(domain_error)
        }
        K::Atom(Type::Char, Scalar::U8(c)) => {
            let ty = Type::from_letter(*c).ok_or_else(domain_error)?;
            if c.is_ascii_uppercase() || *c == b'*' {
                Ok(Target::Tok(ty))
            } else {
                Ok(Target::Cast(ty))
            }
        }
        K::Atom(Type::Short, Scalar::I16(n)) => {
            let code = i8::try_from(*n).map_err(|_| domain_error())?;
            let ty = Type::from_code(code.saturating_abs()).ok_or_else(domain_error)?;
            Ok(if code <= 0 { Target::Tok(ty) } else { Target::Cast(ty) })
        }
        _ => Err(type_error()),
    }
}
