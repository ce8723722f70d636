//! Texts: case, blanks, splitting, searching, patterns.

mod pattern;
mod split;

use super::{Class, Verb};
use crate::error::{QError, Result, length_error, rank_error, type_error};
use crate::session::Session;
use formats::k::{Data, K, Scalar, Sym, Type, Vector};
use md5::{Digest, Md5};
use sha1::Sha1;

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

/// A vector without the nulls at its ends; `None` for texts and lists.
fn without_nulls(x: &K, left: bool, right: bool) -> Option<K> {
    match x {
        K::Vec(v) if v.ty.is_numeric() => {
            let shown = |at: &usize| v.data.scalar(*at) != Some(v.ty.null());
            let count = v.data.len();
            let start = if left { (0..count).find(shown).unwrap_or(count) } else { 0 };
            let end = if right {
                (start..count).rev().find(shown).map_or(start, |i| i + 1)
            } else {
                count
            };
            Some(x.slice(start, end))
        }
        K::Atom(ty, _) if ty.is_numeric() => Some(x.clone()),
        _ => None,
    }
}

fn ltrim(cx: &mut Session, x: K) -> Result {
    without_nulls(&x, true, false).map_or_else(|| mapped(cx, &x, ltrimmed), Ok)
}

fn rtrim(cx: &mut Session, x: K) -> Result {
    without_nulls(&x, false, true).map_or_else(|| mapped(cx, &x, rtrimmed), Ok)
}

fn trim(cx: &mut Session, x: K) -> Result {
    let both = |t: &[u8]| rtrimmed(&ltrimmed(t));
    without_nulls(&x, true, true).map_or_else(|| mapped(cx, &x, both), Ok)
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

fn ss(cx: &mut Session, x: K, y: K) -> Result {
    let text = x.as_text().ok_or_else(type_error)?;
    let pattern = y.as_text().ok_or_else(type_error)?;
    if pattern.is_empty() || pattern.contains(&b'*') {
        // What has no length cannot be searched for.
        return Err(length_error());
    }
    let pattern = pattern::Pattern::plain(pattern);
    cx.charge(1 + text.len())?;
    let found = pattern.find_all(text);
    Ok(K::longs(found.into_iter().map(|at| at as i64).collect()))
}

fn ssr(cx: &mut Session, args: Vec<K>) -> Result {
    let [x, y, z] = args.as_slice() else { return Err(rank_error()) };
    if x.is_atom() {
        return Err(type_error());
    }
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
        // Of lists only those of texts; symbols stand alone or in a vector.
        K::Vec(Vector { data: Data::List(v), .. }) if v.iter().any(|i| i.as_text().is_none()) => {
            Err(type_error())
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

/// The SHA-1 digest of a text.
pub(super) fn sha1(cx: &mut Session, x: K) -> Result {
    let text = x.as_text().ok_or_else(type_error)?;
    cx.charge(1 + text.len())?;
    Ok(K::vec(Type::Byte, Sha1::digest(text).to_vec()))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word("lower", Class::Other, lower, "Small letters.", "q)lower `ABC\n`abc"),
    Verb::word("upper", Class::Other, upper, "Capital letters.", "q)upper \"abc\"\n\"ABC\""),
    Verb::word(
        "trim",
        Class::Other,
        trim,
        "Takes blanks off both ends.",
        "q)trim \"  ab \"\n\"ab\"\nq)trim 0N 1 0N 2 0N\n1 0N 2\nq)trim 5\n5",
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
        split::vs,
        "Splits a text, or a number into digits.",
        "q)\",\" vs \"ab,cd\"\n\"ab\"\n\"cd\"\nq)10 vs 123\n1 2 3",
    ),
    Verb::infix(
        "sv",
        Class::Other,
        split::sv,
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
    Verb::word(
        ".Q.sha1",
        Class::Other,
        sha1,
        "The SHA-1 digest of a text, 20 bytes.",
        "q).Q.sha1 \"abc\"\n0xa9993e364706816aba3e25717850c26c9cd0d89d\n\
         q)(-33!\"abc\")~.Q.sha1\"abc\"\n1b",
    ),
    Verb::infix(
        "like",
        Class::Other,
        like,
        "Whether texts match a pattern.",
        "q)`abc`b like \"a*\"\n10b\nq)(\"ab\";\"b\")like\"a*\"\n10b\n\
         q)(`a;`b`c)like\"a*\"\n'type",
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
