//! `vs` and `sv`: texts and bytes to parts and back, numbers to digits and back.

use super::symbol;
use crate::convert::numeric::{Column, ints};
use crate::error::{QError, Result, domain_error, length_error, type_error};
use crate::session::Session;
use formats::budget;
use formats::k::{Data, K, Scalar, Sym, Type, Vector};

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

pub(super) fn vs(cx: &mut Session, x: K, y: K) -> Result {
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
        (_, K::Vec(Vector { ty: Type::Byte, data: Data::U8(bytes), .. })) => split_bytes(&x, bytes),
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
        (_, K::Vec(v)) if v.ty.is_numeric() => columns_of_digits(&x, &y),
        _ => Err(type_error()),
    }
}

/// Bytes split at bytes, or as text at text or lines.
fn split_bytes(x: &K, bytes: &[u8]) -> Result {
    match x {
        K::Atom(Type::Symbol, _) => {
            let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|b| *b == b'\n');
            Ok(K::list(lines.map(K::str).collect()))
        }
        K::Atom(Type::Byte, Scalar::U8(by)) => Ok(as_bytes(split(bytes, &[*by]))),
        K::Vec(Vector { ty: Type::Byte, data: Data::U8(by), .. }) => Ok(as_bytes(split(bytes, by))),
        _ => Ok(split(bytes, x.as_text().ok_or_else(type_error)?)),
    }
}

/// Texts as vectors of bytes.
fn as_bytes(texts: K) -> K {
    let bytes = |k: K| K::vec(Type::Byte, k.as_text().unwrap_or_default().to_vec());
    K::list(texts.items().map(bytes).collect())
}

/// The digits of several numbers: a row for each place, the longest filled with zeros in front.
fn columns_of_digits(x: &K, y: &K) -> Result {
    let numbers = y.items().map(|n| digits(x, &n)).collect::<Result<Vec<_>>>()?;
    let width = numbers.iter().map(K::len).max().unwrap_or(0);
    let digit = |number: &K, row: usize| {
        let at = (row + number.len()).checked_sub(width);
        at.and_then(|at| number.at(at).as_long()).unwrap_or(0)
    };
    let row = |row: usize| K::longs(numbers.iter().map(|n| digit(n, row)).collect());
    Ok(K::list((0..width).map(row).collect()))
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

pub(super) fn sv(cx: &mut Session, x: K, y: K) -> Result {
    cx.charge(1 + y.len())?;
    if let Some(by) = x.as_text() {
        return joined(&y, by);
    }
    match (&x, &y) {
        (K::Atom(Type::Symbol, _), K::Vec(Vector { data: Data::Sym(names), .. })) => {
            let file = names.first().is_some_and(|n| n.as_bytes().starts_with(b":"));
            let parts: Vec<&[u8]> = names.iter().map(|n| n.as_bytes()).collect();
            cx.bytes(parts.iter().map(|part| part.len() + 1).sum())?;
            symbol(&parts.join(if file { &b"/"[..] } else { b"." }))
        }
        (K::Atom(Type::Symbol, _), _) => {
            let mut out = Vec::new();
            for item in y.items() {
                let text = item.as_text().ok_or_else(type_error)?;
                cx.bytes(out.len() + text.len())?;
                out.extend_from_slice(text);
                out.push(b'\n');
            }
            Ok(K::str(out))
        }
        (K::Atom(Type::Byte, _) | K::Vec(Vector { ty: Type::Byte, .. }), _)
            if y.ty() == Some(Type::List) =>
        {
            joined_bytes(&x, &y)
        }
        (K::Atom(Type::Bool | Type::Byte, _), K::Vec(Vector { data: Data::U8(v), .. }))
            if v.len() == if x.ty() == Some(Type::Bool) { 128 } else { 16 } =>
        {
            let mut guid = [0; 16];
            for (at, part) in guid.iter_mut().zip(v.chunks(v.len() / 16)) {
                *at = match part {
                    [byte] => *byte,
                    bits => bits.iter().fold(0, |byte, bit| byte << 1 | bit),
                };
            }
            Ok(K::Atom(Type::Guid, Scalar::Guid(guid)))
        }
        (K::Atom(Type::Byte, _), K::Vec(Vector { ty: Type::Byte, data: Data::U8(v), .. })) => {
            let whole = v.iter().fold(0i64, |n, b| n << 8 | i64::from(*b));
            match v.len() {
                2 => Ok(K::Atom(Type::Short, Scalar::I16(whole as i16))),
                4 => Ok(K::int(whole as i32)),
                8 => Ok(K::long(whole)),
                _ => Err(length_error()),
            }
        }
        (K::Atom(Type::Bool, _), K::Vec(Vector { ty: Type::Bool, data: Data::U8(v), .. })) => {
            let whole = v.iter().fold(0i64, |n, b| n << 1 | i64::from(*b));
            match v.len() {
                8 => Ok(K::Atom(Type::Byte, Scalar::U8(whole as u8))),
                16 => Ok(K::Atom(Type::Short, Scalar::I16(whole as i16))),
                32 => Ok(K::int(whole as i32)),
                64 => Ok(K::long(whole)),
                _ => Err(length_error()),
            }
        }
        (_, K::Vec(v)) if v.ty == Type::List => based_rows(cx, &x, &y),
        _ => based(&x, &y),
    }
}

/// Lists of bytes with bytes between them.
fn joined_bytes(x: &K, y: &K) -> Result {
    let bytes = |k: &K| match k {
        K::Atom(Type::Byte, Scalar::U8(b)) => Ok(vec![*b]),
        K::Vec(Vector { ty: Type::Byte, data: Data::U8(v), .. }) => {
            // The copy, and its part of the whole.
            budget::ask(2 * v.len());
            Ok(v.to_vec())
        }
        _ => Err(type_error()),
    };
    let parts = y.items().map(|k| bytes(&k)).collect::<Result<Vec<_>>>()?;
    Ok(K::vec(Type::Byte, parts.join(bytes(x)?.as_slice())))
}

/// Several numbers of rows of digits.
fn based_rows(cx: &mut Session, x: &K, y: &K) -> Result {
    let mut whole: Option<K> = None;
    for (at, row) in y.items().enumerate() {
        whole = Some(match whole {
            None => row,
            Some(whole) => {
                let base = if x.is_atom() { x.clone() } else { x.at(at) };
                let more = crate::verbs::arith::multiply(cx, whole, base)?;
                crate::verbs::arith::add(cx, more, row)?
            }
        });
    }
    whole.ok_or_else(type_error)
}

fn joined(y: &K, by: &[u8]) -> Result {
    let mut out = Vec::new();
    for (i, item) in y.items().enumerate() {
        if i > 0 {
            out.extend_from_slice(by);
        }
        let text = item.as_text().ok_or_else(type_error)?;
        budget::ask(out.len() + text.len());
        out.extend_from_slice(text);
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

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    #[test]
    fn numbers_have_a_column_of_digits_each() {
        check(
            "q)10 vs 1995 7\n1 0\n9 0\n9 0\n5 7\nq)10 sv 10 vs 1995 7\n1995 7\n\
             q)24 60 60 vs 3661 59\n1 0\n1 0\n1 59\nq)24 60 60 sv 24 60 60 vs 3661 59\n3661 59",
        )
        .unwrap();
    }

    #[test]
    fn bytes_are_split_and_joined() {
        check(
            "q)0x02 vs 0x0102010201\n,0x01\n,0x01\n,0x01\nq)0x0203 vs 0x000102030405\n0x0001\n\
             0x0405\nq)0x03 sv 0x02 vs 0x0102010201\n0x0103010301\n\
             q)\" \" vs \"x\"$\"a b\"\n,\"a\"\n,\"b\"\nq)` vs \"x\"$\"ab\\ncd\"\n\"ab\"\n\"cd\"\n\
             q)0x0 sv 0x00112233445566778899aabbccddeeff\n00112233-4455-6677-8899-aabbccddeeff\n\
             q)(0b sv 128#10b)~0x0 sv 16#0xaa\n1b",
        )
        .unwrap();
    }
}
