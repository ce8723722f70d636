//! `.j.j` and `.j.k`: values as JSON texts.

use super::{Class, Verb};
use crate::display;
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use formats::k::{K, Scalar, Sym, Type, Vector};
use plan::serde_json::Value as Json;

fn write(cx: &mut Session, k: &K, out: &mut String) -> Result<()> {
    cx.deeper(|cx| {
        cx.charge(1)?;
        match k {
            K::Atom(ty, scalar) => atom(*ty, *scalar, cx.digits, out),
            K::Vec(Vector { ty: Type::Char, .. }) => quoted(k.as_text().unwrap_or_default(), out),
            K::Vec(_) => list(cx, k, out)?,
            K::Table(_) => list(cx, k, out)?,
            K::Dict(_) if k.keyed().is_some() => list(cx, &super::unkeyed(k)?, out)?,
            K::Dict(d) => {
                out.push('{');
                for (i, (key, value)) in d.keys.items().zip(d.values.items()).enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    match key.as_text() {
                        Some(text) => quoted(text, out),
                        None => quoted(display::plain(&key, cx.digits).as_bytes(), out),
                    }
                    out.push(':');
                    write(cx, &value, out)?;
                }
                out.push('}');
            }
            K::Null => out.push_str("null"),
            K::Func(_) => return Err(type_error()),
        }
        Ok(())
    })
}

fn list(cx: &mut Session, k: &K, out: &mut String) -> Result<()> {
    out.push('[');
    for (i, item) in k.items().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(cx, &item, out)?;
    }
    out.push(']');
    Ok(())
}

fn atom(ty: Type, scalar: Scalar, digits: usize, out: &mut String) {
    let k = K::Atom(ty, scalar);
    let null =
        !matches!(ty, Type::Bool | Type::Byte | Type::Char | Type::Symbol) && scalar == ty.null();
    let text = display::plain(&k, digits);
    match ty {
        _ if null => out.push_str("null"),
        Type::Bool => out.push_str(if text == "1" { "true" } else { "false" }),
        Type::Short | Type::Int | Type::Long => out.push_str(&text),
        Type::Real | Type::Float => match text.as_str() {
            "0w" => out.push_str("inf"),
            "-0w" => out.push_str("-inf"),
            _ => out.push_str(&text),
        },
        Type::Date | Type::Month => quoted(text.replace('.', "-").as_bytes(), out),
        Type::Timestamp | Type::Datetime => {
            let (date, time) = text.split_at(10.min(text.len()));
            let time = time.replacen('D', "T", 1);
            quoted(format!("{}{time}", date.replace('.', "-")).as_bytes(), out);
        }
        _ => quoted(text.as_bytes(), out),
    }
}

fn quoted(text: &[u8], out: &mut String) {
    let text = String::from_utf8_lossy(text);
    out.push_str(&Json::String(text.into_owned()).to_string());
}

fn encode(cx: &mut Session, x: K) -> Result {
    let mut out = String::new();
    write(cx, &x, &mut out)?;
    Ok(K::str(out))
}

/// The value of a JSON document: numbers are floats, objects are dictionaries.
pub(crate) fn value_of(json: Json) -> Result {
    Ok(match json {
        Json::Null => K::float(f64::NAN),
        Json::Bool(b) => K::bool(b),
        Json::Number(n) => K::float(n.as_f64().unwrap_or(f64::NAN)),
        Json::String(s) => K::str(s),
        Json::Array(items) => {
            let items = items.into_iter().map(value_of).collect::<Result<Vec<_>>>()?;
            K::collapse(items)
        }
        Json::Object(members) => {
            let mut names = Vec::with_capacity(members.len());
            let mut values = Vec::with_capacity(members.len());
            for (name, value) in members {
                let name = Sym::intern(name.as_bytes());
                names.push(name.ok_or_else(|| QError::limit("limit"))?);
                values.push(value_of(value)?);
            }
            K::dict(K::syms(names), K::collapse(values))
        }
    })
}

/// Bytes that a value of a document takes on its way to one of q, about.
const VALUE_BYTES: usize = 128;

/// Reads a JSON text.
pub(crate) fn decode(cx: &mut Session, x: K) -> Result {
    let text = match x.as_text() {
        Some(text) => text.to_vec(),
        // Lines of one document.
        None => {
            let lines: Option<Vec<Vec<u8>>> =
                x.items().map(|l| l.as_text().map(<[u8]>::to_vec)).collect();
            lines.ok_or_else(type_error)?.join(&b'\n')
        }
    };
    cx.room(text.len())?;
    let values = text.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    cx.bytes(values.saturating_mul(VALUE_BYTES))?;
    let json = plan::serde_json::from_slice(&text).map_err(|e| QError::new(e.to_string()))?;
    value_of(json)
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word(
        ".j.j",
        Class::Other,
        encode,
        "A value as JSON.",
        "q).j.j `a`b!1 2\n\"{\\\"a\\\":1,\\\"b\\\":2}\"",
    ),
    Verb::word(".j.k", Class::Other, decode, "The value of a JSON text.", "q).j.k \"[1,2]\"\n1 2f"),
];
