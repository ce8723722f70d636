//! Questions about values, and evaluation of values.

use super::{Class, Verb};
use crate::error::{Result, type_error};
use crate::session::Session;
use formats::k::{K, Scalar, Sym, Type};

/// The type of enumerations and links.
const ENUMERATED: i16 = 20;

fn type_of(_: &mut Session, x: K) -> Result {
    let code = match &x {
        K::Vec(v) if v.attr.domain().is_some() => ENUMERATED,
        _ => i16::from(x.code()),
    };
    Ok(K::Atom(Type::Short, Scalar::I16(code)))
}

fn attr(_: &mut Session, x: K) -> Result {
    let vector = match &x {
        K::Dict(d) => d.keys.clone(),
        _ => x,
    };
    let letter = match &vector {
        K::Vec(v) => v.attr.letter(),
        _ => None,
    };
    Ok(K::sym(letter.map_or(Sym::default(), |l| Sym::new(&l.to_string()))))
}

fn eval(cx: &mut Session, x: K) -> Result {
    super::functional::eval(cx, &x)
}

fn count_type(_: &mut Session, x: K) -> Result {
    Ok(K::char(super::table::letter(&x)))
}

fn hsym(_: &mut Session, x: K) -> Result {
    let one = |s: Sym| {
        let text = s.as_bytes();
        let with = if text.starts_with(b":") { text.to_vec() } else { [b":", text].concat() };
        super::text::symbol(&with)
    };
    match (x.as_sym(), x.as_syms()) {
        (Some(s), _) => one(s),
        (_, Some(v)) => Ok(K::collapse(v.iter().map(|s| one(*s)).collect::<Result<Vec<_>>>()?)),
        _ => Err(type_error()),
    }
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word(
        "type",
        Class::Other,
        type_of,
        "The number of a value's type.",
        "q)type 1\n-7h\nq)type 1 2\n7h",
    ),
    Verb::word("attr", Class::Other, attr, "The attribute of a list.", "q)attr asc 2 1\n`s"),
    Verb::word("eval", Class::Other, eval, "Evaluates a parse tree.", "q)eval (+;1;2)\n3"),
    Verb::word("hsym", Class::Other, hsym, "A symbol as a file or host.", "q)hsym `a\n`:a"),
    Verb::word(
        ".Q.ty",
        Class::Other,
        count_type,
        "The letter of a list's type.",
        "q).Q.ty 1 2\n\"j\"",
    ),
];
