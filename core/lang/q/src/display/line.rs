//! Values on one line, with the marks that tell their types.

use super::atom::bare;
use crate::func::Fun;
use formats::k::{Attr, Data, Function, K, Scalar, Type, Vector};

/// Levels that are written before dots stand for the rest.
const DEPTH_MAX: usize = 100;
/// Bytes after which a line is not continued.
const BYTES_MAX: usize = 1 << 20;

/// A value on one line, as `-3!` gives it.
pub(crate) fn text(k: &K) -> String {
    text_digits(k, 7)
}

/// The same with a number of digits.
pub(crate) fn text_digits(k: &K, digits: usize) -> String {
    let mut out = String::new();
    write(k, digits, DEPTH_MAX, &mut out);
    out
}

pub(super) fn write(k: &K, digits: usize, depth: usize, out: &mut String) {
    if depth == 0 || out.len() > BYTES_MAX {
        out.push_str("..");
        return;
    }
    match k {
        K::Atom(ty, scalar) => out.push_str(&atom(*ty, *scalar, digits)),
        K::Vec(v) => vector(v, digits, depth, out),
        K::Dict(d) => {
            operand(&d.keys, digits, depth, out);
            out.push('!');
            write(&d.values, digits, depth - 1, out);
        }
        K::Table(t) => {
            out.push('+');
            operand(&K::syms(t.names.to_vec()), digits, depth, out);
            out.push('!');
            write(&K::list(t.columns.clone()), digits, depth - 1, out);
        }
        K::Func(f) => function(k, f.as_ref(), digits, depth, out),
        K::Null => out.push_str("::"),
    }
}

/// A value to the left of an operator: in parentheses when it would not hold together.
fn operand(k: &K, digits: usize, depth: usize, out: &mut String) {
    let loose = matches!(k, K::Dict(_) | K::Table(_))
        || matches!(k, K::Vec(v) if match v.ty {
            Type::List => false,
            Type::Char => v.data.len() == 1,
            _ => v.data.len() < 2,
        });
    if loose {
        out.push('(');
    }
    write(k, digits, depth - 1, out);
    if loose {
        out.push(')');
    }
}

/// An atom with the mark of its type.
fn atom(ty: Type, scalar: Scalar, digits: usize) -> String {
    let text = bare(ty, scalar, digits);
    match ty {
        Type::Bool => text + "b",
        Type::Byte => format!("0x{text}"),
        Type::Char => quoted(
            match scalar {
                Scalar::U8(c) => vec![c],
                _ => Vec::new(),
            }
            .as_slice(),
        ),
        Type::Symbol => format!("`{text}"),
        Type::Float if looks_whole(&text) => text + "f",
        _ => text + mark(ty, scalar),
    }
}

fn looks_whole(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

/// The letter that follows a number; times show their type unless they are null.
fn mark(ty: Type, scalar: Scalar) -> &'static str {
    let null =
        scalar == ty.null() || matches!(bare(ty, scalar, 7).as_str(), "0W" | "-0W" | "0w" | "-0w");
    match ty {
        Type::Short => "h",
        Type::Int => "i",
        Type::Real => "e",
        Type::Month => "m",
        Type::Date if null => "d",
        Type::Datetime if null => "z",
        Type::Timestamp if null => "p",
        Type::Timespan if null => "n",
        Type::Minute if null => "u",
        Type::Second if null => "v",
        Type::Time if null => "t",
        _ => "",
    }
}

/// A text in quotes.
pub(super) fn quoted(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for byte in text {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    out.push('"');
    out
}

fn vector(v: &Vector, digits: usize, depth: usize, out: &mut String) {
    match v.attr {
        Attr::Domain(name) => out.push_str(&format!("`{name}$")),
        Attr::Linked(name) => out.push_str(&format!("`{name}!")),
        _ => {}
    }
    if let Some(letter) = v.attr.letter() {
        out.push('`');
        out.push(letter);
        out.push('#');
    }
    let count = v.data.len();
    match (&v.data, v.ty) {
        (Data::List(items), _) => return list(items, digits, depth, out),
        (Data::U8(text), Type::Char) => {
            if count == 1 {
                out.push(',');
            }
            let shown = text.get(..count.min(BYTES_MAX)).unwrap_or_default();
            out.push_str(&quoted(shown));
            return;
        }
        _ if count == 0 => {
            out.push('`');
            out.push_str(v.ty.name());
            out.push_str("$()");
            return;
        }
        _ => {}
    }
    if count == 1 {
        out.push(',');
    }
    match v.ty {
        Type::Symbol => joined(v, digits, "`", "`", out),
        Type::Bool => {
            joined(v, digits, "", "", out);
            out.push('b');
        }
        Type::Byte => {
            out.push_str("0x");
            joined(v, digits, "", "", out);
        }
        _ => {
            let start = out.len();
            joined(v, digits, "", " ", out);
            out.push_str(vector_mark(v, out.get(start..).unwrap_or_default()));
        }
    }
}

/// Items with a text before the first and between them.
fn joined(v: &Vector, digits: usize, first: &str, between: &str, out: &mut String) {
    for i in 0..v.data.len() {
        if out.len() > BYTES_MAX {
            return;
        }
        out.push_str(if i == 0 { first } else { between });
        let scalar = v.data.scalar(i).unwrap_or_else(|| v.ty.null());
        out.push_str(&bare(v.ty, scalar, digits));
    }
}

/// The letter after a vector of numbers, when nothing in it shows the type.
fn vector_mark(v: &Vector, text: &str) -> &'static str {
    match v.ty {
        Type::Short => "h",
        Type::Int => "i",
        Type::Real => "e",
        Type::Month => "m",
        Type::Float if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b' ')) => "f",
        ty if ty.is_temporal() => {
            let last = v.data.scalar(v.data.len().saturating_sub(1));
            let all = (0..v.data.len()).all(|i| v.data.scalar(i) == Some(ty.null()));
            if all { mark(ty, last.unwrap_or_else(|| ty.null())) } else { "" }
        }
        _ => "",
    }
}

fn list(items: &[K], digits: usize, depth: usize, out: &mut String) {
    if let [only] = items {
        out.push(',');
        return write(only, digits, depth - 1, out);
    }
    out.push('(');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(';');
        }
        if out.len() > BYTES_MAX {
            break;
        }
        write(item, digits, depth - 1, out);
    }
    out.push(')');
}

fn function(k: &K, f: &dyn Function, digits: usize, depth: usize, out: &mut String) {
    match Fun::of(k) {
        Some(Fun::Projection(inner, args)) => {
            write(inner, digits, depth - 1, out);
            out.push('[');
            for (i, arg) in args.iter().enumerate() {
                if i > 0 {
                    out.push(';');
                }
                if let Some(arg) = arg {
                    write(arg, digits, depth - 1, out);
                }
            }
            out.push(']');
        }
        Some(Fun::Composition(parts)) => {
            parts.iter().for_each(|p| write(p, digits, depth - 1, out));
        }
        Some(Fun::Derived(adverb, inner)) => {
            write(inner, digits, depth - 1, out);
            out.push_str(adverb.glyph());
        }
        Some(Fun::Verb(verb)) => {
            let (name, mark) = crate::verbs::shown(verb);
            out.push_str(name);
            out.push_str(mark);
        }
        _ => out.push_str(&String::from_utf8_lossy(&f.source())),
    }
}
