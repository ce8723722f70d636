//! Texts: case, blanks, splitting, searching, patterns.

mod pattern;

use super::{Class, Verb};
use crate::convert::numeric::{Column, ints};
use crate::error::{QError, Result, domain_error, rank_error, type_error};
use crate::session::Session;
use formats::k::{Data, K, Scalar, Sym, Type, Vector};
use md5::{Digest, Md5};

/// Applies a function of bytes to texts and symbols within a value.
fn mapped(cx: &mut Session, x: &K, f: fn(&[u8]) -> Vec<u8>) -> Result {
    cx.charge(1 + x.len())?;
    match x {
        K::Atom(Type::Char, Scalar::U8(c)) => {
            let out = f(&[*c]);
            Ok(out.first().filter(|_| out.len() == 1).map_or_else(|| K::str(&out), |c| K::char(*c)))
        }
        K::Atom(Type::Symbol, Scalar::Sym(s)) => symbol(&f(s.as_bytes())),
        K::Vec(Vector { ty: Type::Char, data: Data::U8(v), .. }) => Ok(K::str(f(v))),
        K::Vec(v) if matches!(v.ty, Type::Symbol | Type::List) => {
            let items = v.iter().map(|i| cx.deeper(|cx| mapped(cx, &i, f)));
            let items = items.collect::<Result<Vec<_>>>()?;
            Ok(if items.is_empty() { x.clone() } else { K::collapse(items) })
        }
        K::Dict(d) => Ok(K::dict(d.keys.clone(), mapped(cx, &d.values, f)?)),
        K::Table(t) => {
            let columns = t.columns.iter().map(|c| mapped(cx, c, f)).collect::<Result<Vec<_>>>()?;
            Ok(K::table(t.names.to_vec(), columns)?)
        }
        _ => Err(type_error()),
    }
}

/// The symbol of a text of the data.
pub(crate) fn symbol(text: &[u8]) -> Result {
    Sym::intern(text).map(K::sym).ok_or_else(|| QError::limit("limit"))
}

pub(super) fn lower(cx: &mut Session, x: K) -> Result {
    mapped(cx, &x, <[u8]>::to_ascii_lowercase)
}

fn upper(cx: &mut Session, x: K) -> Result {
    mapped(cx, &x, <[u8]>::to_ascii_uppercase)
}

fn ltrimmed(text: &[u8]) -> Vec<u8> {
    let start = text.iter().position(|b| *b != b' ').unwrap_or(text.len());
    text.get(start..).unwrap_or_default().to_vec()
}

fn rtrimmed(text: &[u8]) -> Vec<u8> {
    let end = text.iter().rposition(|b| *b != b' ').map_or(0, |i| i + 1);
    text.get(..end).unwrap_or_default().to_vec()
}

fn ltrim(cx: &mut Session, x: K) -> Result {
    mapped(cx, &x, ltrimmed)
}

fn rtrim(cx: &mut Session, x: K) -> Result {
    mapped(cx, &x, rtrimmed)
}

fn trim(cx: &mut Session, x: K) -> Result {
    mapped(cx, &x, |t| rtrimmed(&ltrimmed(t)))
}

/// The text of each atom.
pub(crate) fn string(cx: &mut Session, x: K) -> Result {
    cx.charge(1 + x.len())?;
    match &x {
        K::Atom(..) | K::Func(_) | K::Null => Ok(K::str(crate::display::plain(&x, cx.digits))),
        K::Vec(_) => {
            let items = x.items().map(|i| cx.deeper(|cx| string(cx, i)));
            Ok(K::list(items.collect::<Result<Vec<_>>>()?))
        }
        K::Dict(d) => Ok(K::dict(d.keys.clone(), string(cx, d.values.clone())?)),
        K::Table(t) => {
            let columns = t.columns.iter().map(|c| string(cx, c.clone())).collect::<Result<_>>()?;
            Ok(K::table(t.names.to_vec(), columns)?)
        }
    }
}

/// Splits text at a separator.
fn split(text: &[u8], by: &[u8]) -> K {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, by).filter(|_| !by.is_empty()) {
        let (part, tail) = rest.split_at(at);
        parts.push(K::str(part));
        rest = tail.get(by.len()..).unwrap_or_default();
    }
    parts.push(K::str(rest));
    K::list(parts)
}

fn vs(cx: &mut Session, x: K, y: K) -> Result {
    cx.charge(1 + y.len())?;
    match (&x, &y) {
        (K::Atom(Type::Symbol, _), K::Atom(Type::Symbol, Scalar::Sym(s))) => {
            let text = s.as_bytes();
            if let (true, Some(at)) =
                (text.starts_with(b":"), text.iter().rposition(|b| *b == b'/'))
            {
                // A file: its directory and its name.
                let (folder, name) = text.split_at_checked(at).unwrap_or((text, &[]));
                let name = symbol(name.get(1..).unwrap_or_default())?;
                return Ok(K::collapse(vec![symbol(folder)?, name]));
            }
            let parts = text.split(|b| *b == b'.').map(Sym::intern);
            let parts: Option<Vec<Sym>> = parts.collect();
            Ok(K::syms(parts.ok_or_else(|| QError::limit("limit"))?))
        }
        (K::Atom(Type::Symbol, _), _) if y.as_text().is_some() => {
            let text = y.as_text().unwrap_or_default();
            let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|b| *b == b'\n');
            Ok(K::list(lines.map(|l| K::str(l.strip_suffix(b"\r").unwrap_or(l))).collect()))
        }
        _ if x.as_text().is_some() && y.as_text().is_some() => {
            Ok(split(y.as_text().unwrap_or_default(), x.as_text().unwrap_or_default()))
        }
        _ if x.as_text().is_some() && y.ty() == Some(Type::List) => {
            let items = y.items().map(|i| vs(cx, x.clone(), i)).collect::<Result<Vec<_>>>()?;
            Ok(K::list(items))
        }
        (K::Atom(Type::Bool, _), K::Atom(..)) => Ok(K::bools(bits(&y)?)),
        (K::Atom(Type::Byte, _), K::Atom(..)) => {
            let bits = bits(&y)?;
            let byte = |c: &[u8]| c.iter().fold(0u8, |b, bit| b << 1 | bit);
            Ok(K::vec(Type::Byte, bits.chunks(8).map(byte).collect::<Vec<u8>>()))
        }
        (_, K::Atom(..)) => digits(&x, &y),
        _ => Err(type_error()),
    }
}

/// The bits of a number, the highest first.
fn bits(k: &K) -> Result<Vec<u8>> {
    let K::Atom(_, scalar) = k else { return Err(type_error()) };
    let (bits, width) = match *scalar {
        Scalar::U8(x) => (u64::from(x), 8),
        Scalar::I16(x) => (x as u64, 16),
        Scalar::I32(x) => (x as u64, 32),
        Scalar::I64(x) => (x as u64, 64),
        Scalar::F32(x) => (u64::from(x.to_bits()), 32),
        Scalar::F64(x) => (x.to_bits(), 64),
        _ => return Err(type_error()),
    };
    Ok((0..width).rev().map(|i| (bits >> i & 1) as u8).collect())
}

/// The digits of a number to a base, or to several bases.
fn digits(base: &K, y: &K) -> Result {
    let mut rest = y.as_long().ok_or_else(type_error)?;
    let mut out = Vec::new();
    match ints(base).ok_or_else(type_error)? {
        Column::Atom(base) if base > 1 && rest >= 0 => {
            while rest > 0 || out.is_empty() {
                out.push(rest % base);
                rest /= base;
            }
        }
        Column::Vec(bases) if rest >= 0 => {
            for (i, base) in bases.iter().enumerate().rev() {
                if i == 0 || *base <= 0 {
                    out.push(rest);
                    break;
                }
                out.push(rest % base);
                rest /= base;
            }
        }
        _ => return Err(domain_error()),
    }
    out.reverse();
    Ok(K::longs(out))
}

fn sv(cx: &mut Session, x: K, y: K) -> Result {
    cx.charge(1 + y.len())?;
    if let Some(by) = x.as_text() {
        return joined(&y, by);
    }
    match (&x, &y) {
        (K::Atom(Type::Symbol, _), K::Vec(Vector { data: Data::Sym(names), .. })) => {
            let file = names.first().is_some_and(|n| n.as_bytes().starts_with(b":"));
            let parts: Vec<&[u8]> = names.iter().map(|n| n.as_bytes()).collect();
            symbol(&parts.join(if file { &b"/"[..] } else { b"." }))
        }
        (K::Atom(Type::Symbol, _), _) => {
            let mut out = Vec::new();
            for item in y.items() {
                out.extend_from_slice(item.as_text().ok_or_else(type_error)?);
                out.push(b'\n');
            }
            Ok(K::str(out))
        }
        (K::Atom(Type::Byte, _), K::Vec(Vector { ty: Type::Byte, data: Data::U8(v), .. })) => {
            let whole = v.iter().fold(0i64, |n, b| n << 8 | i64::from(*b));
            match v.len() {
                2 => Ok(K::Atom(Type::Short, Scalar::I16(whole as i16))),
                4 => Ok(K::int(whole as i32)),
                8 => Ok(K::long(whole)),
                _ => Err(crate::error::length_error()),
            }
        }
        (K::Atom(Type::Bool, _), K::Vec(Vector { ty: Type::Bool, data: Data::U8(v), .. })) => {
            let whole = v.iter().fold(0i64, |n, b| n << 1 | i64::from(*b));
            match v.len() {
                8 => Ok(K::Atom(Type::Byte, Scalar::U8(whole as u8))),
                16 => Ok(K::Atom(Type::Short, Scalar::I16(whole as i16))),
                32 => Ok(K::int(whole as i32)),
                64 => Ok(K::long(whole)),
                _ => Err(crate::error::length_error()),
            }
        }
        _ => based(&x, &y),
    }
}

fn joined(y: &K, by: &[u8]) -> Result {
    let mut out = Vec::new();
    for (i, item) in y.items().enumerate() {
        if i > 0 {
            out.extend_from_slice(by);
        }
        out.extend_from_slice(item.as_text().ok_or_else(type_error)?);
    }
    Ok(K::str(out))
}

/// The number of digits to a base.
fn based(x: &K, y: &K) -> Result {
    let Some(Column::Vec(items)) = ints(y) else { return Err(type_error()) };
    let base = ints(x).ok_or_else(type_error)?;
    let mut whole = 0i64;
    for (i, digit) in items.iter().enumerate() {
        let base = match &base {
            Column::Atom(base) => *base,
            Column::Vec(bases) => bases.get(i).copied().unwrap_or(0),
        };
        whole = whole.wrapping_mul(base).wrapping_add(*digit);
    }
    Ok(K::long(whole))
}

fn ss(cx: &mut Session, x: K, y: K) -> Result {
    let text = x.as_text().ok_or_else(type_error)?;
    let pattern = pattern::Pattern::plain(y.as_text().ok_or_else(type_error)?);
    cx.charge(1 + text.len())?;
    let found = pattern.find_all(text);
    Ok(K::longs(found.into_iter().map(|at| at as i64).collect()))
}

fn ssr(cx: &mut Session, args: Vec<K>) -> Result {
    let [x, y, z] = args.as_slice() else { return Err(rank_error()) };
    let text = x.as_text().ok_or_else(type_error)?;
    let pattern = pattern::Pattern::plain(y.as_text().ok_or_else(type_error)?);
    cx.charge(1 + text.len())?;
    let mut out = Vec::new();
    let mut from = 0;
    for at in pattern.find_all(text) {
        let before = out.len();
        out.extend_from_slice(text.get(from..at).unwrap_or_default());
        let found = text.get(at..at + pattern.len()).unwrap_or_default();
        match z.as_text() {
            Some(new) => out.extend_from_slice(new),
            None => {
                let new = cx.call1(z, K::str(found))?;
                out.extend_from_slice(new.as_text().ok_or_else(type_error)?);
            }
        }
        cx.more(before, out.len() - before)?;
        from = at + pattern.len();
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    Ok(K::str(out))
}

fn like(cx: &mut Session, x: K, y: K) -> Result {
    let pattern = pattern::Pattern::new(y.as_text().ok_or_else(type_error)?);
    matching(cx, &x, &pattern)
}

fn matching(cx: &mut Session, x: &K, pattern: &pattern::Pattern) -> Result {
    cx.charge(1 + x.len())?;
    if let Some(text) = x.as_text() {
        return Ok(K::bool(pattern.matches(text)));
    }
    match x {
        K::Atom(Type::Symbol, Scalar::Sym(s)) => Ok(K::bool(pattern.matches(s.as_bytes()))),
        K::Vec(Vector { data: Data::Sym(v), .. }) => {
            Ok(K::bools(v.iter().map(|s| u8::from(pattern.matches(s.as_bytes()))).collect()))
        }
        K::Vec(Vector { data: Data::List(v), .. }) => {
            let items = v.iter().map(|i| cx.deeper(|cx| matching(cx, i, pattern)));
            let items = items.collect::<Result<Vec<_>>>()?;
            Ok(if items.is_empty() { K::bools(Vec::new()) } else { K::collapse(items) })
        }
        K::Dict(d) => Ok(K::dict(d.keys.clone(), matching(cx, &d.values, pattern)?)),
        _ => Err(type_error()),
    }
}

fn md5(_: &mut Session, x: K) -> Result {
    let text = x.as_text().ok_or_else(type_error)?;
    Ok(K::vec(Type::Byte, Md5::digest(text).to_vec()))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word("lower", Class::Other, lower, "Small letters.", "q)lower `ABC\n`abc"),
    Verb::word("upper", Class::Other, upper, "Capital letters.", "q)upper \"abc\"\n\"ABC\""),
    Verb::word(
        "trim",
        Class::Other,
        trim,
        "Takes blanks off both ends.",
        "q)trim \"  ab \"\n\"ab\"",
    ),
    Verb::word(
        "ltrim",
        Class::Other,
        ltrim,
        "Takes blanks off the front.",
        "q)ltrim \"  ab\"\n\"ab\"",
    ),
    Verb::word(
        "rtrim",
        Class::Other,
        rtrim,
        "Takes blanks off the end.",
        "q)rtrim \"ab  \"\n\"ab\"",
    ),
    Verb::word(
        "string",
        Class::Other,
        string,
        "The text of each atom.",
        "q)string 42\n\"42\"\nq)string `a`bc\n,\"a\"\n\"bc\"",
    ),
    Verb::infix(
        "vs",
        Class::Other,
        vs,
        "Splits a text, or a number into digits.",
        "q)\",\" vs \"ab,cd\"\n\"ab\"\n\"cd\"\nq)10 vs 123\n1 2 3",
    ),
    Verb::infix(
        "sv",
        Class::Other,
        sv,
        "Joins texts, or digits to a number.",
        "q)\",\" sv (\"ab\";\"cd\")\n\"ab,cd\"\nq)10 sv 1 2 3\n123",
    ),
    Verb::infix(
        "ss",
        Class::Other,
        ss,
        "The places of a pattern in a text.",
        "q)\"abcabc\" ss \"bc\"\n1 4",
    ),
    Verb::function(
        "ssr",
        (3, 3),
        ssr,
        "Replaces a pattern in a text.",
        "q)ssr[\"hello\";\"l\";\"L\"]\n\"heLLo\"",
    ),
    Verb::word(
        "md5",
        Class::Other,
        md5,
        "The MD5 digest of a text, 16 bytes.",
        "q)md5 \"abc\"\n0x900150983cd24fb0d6963f7d28e17f72",
    ),
    Verb::infix(
        "like",
        Class::Other,
        like,
        "Whether texts match a pattern.",
        "q)`abc`b like \"a*\"\n10b",
    ),
];

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    #[test]
    fn long_texts_may_have_many_replacements() {
        check("q)count ssr[200000#\"&\";\"&\";\"&amp;\"]\n1000000").unwrap();
    }
}
