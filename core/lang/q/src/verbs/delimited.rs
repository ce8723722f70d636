//! `0:`: tables to delimited lines, and lines to columns. Files are not reached.

use super::Verb;
use crate::convert::cast::parse;
use crate::display;
use crate::error::{QError, Result, domain_error, length_error, type_error};
use crate::session::Session;
use formats::budget;
use formats::k::{Data, K, Type, Vector};

fn text(cx: &mut Session, args: Vec<K>) -> Result {
    let [x, y] = args.as_slice() else { return Err(crate::error::rank_error()) };
    cx.charge(1 + y.len())?;
    let file = |k: &K| k.as_sym().is_some() || matches!(k, K::Vec(v) if v.ty == Type::Symbol);
    if file(x) || file(y) || y.as_list().is_some_and(|l| l.first().is_some_and(file)) && pairs(x) {
        return Err(QError::nyi("0: of a file"));
    }
    match x {
        K::Atom(Type::Char, _) => prepared(cx, x.as_text().unwrap_or_default(), y),
        K::Vec(Vector { ty: Type::Char, .. }) => key_values(x.as_text().unwrap_or_default(), y),
        K::Vec(Vector { data: Data::List(items), .. }) => loaded(cx, items, y),
        _ => Err(type_error()),
    }
}

/// Whether the left argument says how to read, so that a symbol on the right is a file.
fn pairs(x: &K) -> bool {
    x.as_list().is_some()
}

/// A line for each row, after one of names for a table.
fn prepared(cx: &mut Session, delimiter: &[u8], y: &K) -> Result {
    let delimiter = delimiter.first().copied().unwrap_or(b',');
    let flat = if matches!(y, K::Dict(_)) { super::unkeyed(y)? } else { y.clone() };
    let (names, columns) = match &flat {
        K::Table(t) => (Some(t.names.to_vec()), t.columns.clone()),
        K::Vec(Vector { data: Data::List(columns), .. }) => (None, columns.to_vec()),
        _ => return Err(type_error()),
    };
    let rows = columns.first().map_or(0, K::len);
    if columns.iter().any(|c| c.len() != rows) {
        return Err(length_error());
    }
    cx.room(rows.saturating_mul(columns.len()))?;
    let mut lines = Vec::with_capacity(rows + 1);
    let joined = |cells: Vec<Vec<u8>>| {
        budget::ask(cells.iter().map(|cell| cell.len() + 1).sum());
        K::str(cells.join(&delimiter))
    };
    if let Some(names) = names {
        lines.push(joined(names.iter().map(|n| embraced(n.as_bytes(), delimiter)).collect()));
    }
    for row in 0..rows {
        let cells = columns.iter().map(|c| cell(&c.at(row), delimiter));
        lines.push(joined(cells.collect::<Result<_>>()?));
    }
    Ok(K::list(lines))
}

/// A value as a field: dates as ISO 8601 has them, nulls empty.
fn cell(k: &K, delimiter: u8) -> Result<Vec<u8>> {
    budget::check();
    if let Some(text) = k.as_text() {
        return Ok(embraced(text, delimiter));
    }
    match k {
        K::Atom(ty, scalar) if *scalar == ty.null() && *ty != Type::Bool && *ty != Type::Byte => {
            Ok(Vec::new())
        }
        K::Atom(ty, _) => {
            let mut text = display::plain(k, 17).into_bytes();
            if matches!(ty, Type::Date | Type::Timestamp | Type::Datetime | Type::Month) {
                let dots = if *ty == Type::Month { 1 } else { 2 };
                text.iter_mut().filter(|b| **b == b'.').take(dots).for_each(|b| *b = b'-');
            }
            Ok(embraced(&text, delimiter))
        }
        _ => Err(type_error()),
    }
}

/// A field in quotes where it must be.
fn embraced(text: &[u8], delimiter: u8) -> Vec<u8> {
    if !text.iter().any(|b| *b == delimiter || *b == b'\n') {
        return text.to_vec();
    }
    let mut out = vec![b'"'];
    for byte in text {
        out.extend(std::iter::repeat_n(*byte, 1 + usize::from(*byte == b'"')));
    }
    out.push(b'"');
    out
}

/// The lines of a text or of a list of texts.
fn lines(y: &K) -> Result<Vec<Vec<u8>>> {
    if let Some(text) = y.as_text() {
        let mut lines: Vec<Vec<u8>> = text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        if lines.len() > 1 && lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        return Ok(lines);
    }
    let line = |k: K| {
        budget::check();
        k.as_text().map(<[u8]>::to_vec).ok_or_else(type_error)
    };
    match y {
        K::Vec(Vector { ty: Type::List, .. }) => y.items().map(line).collect(),
        _ => Err(type_error()),
    }
}

/// `(types;delimiter)`, `(types;delimiter;embedded)` or `(types;widths)`.
fn loaded(cx: &mut Session, how: &[K], y: &K) -> Result {
    let (types, by, embedded) = match how {
        [types, by] => (types, by, false),
        [types, by, flag] => (types, by, flag.as_long() == Some(1)),
        _ => return Err(length_error()),
    };
    let types = types.as_text().ok_or_else(type_error)?;
    cx.room(y.len().saturating_mul(types.len()))?;
    let rows = lines(y)?;
    let one = y.as_text().is_some() && rows.len() == 1;
    let Some(delimiter) = by.as_text() else {
        let widths = by.items().map(|w| w.as_long().and_then(|w| usize::try_from(w).ok()));
        let widths: Vec<usize> = widths.collect::<Option<_>>().ok_or_else(type_error)?;
        if widths.len() != types.len() {
            return Err(length_error());
        }
        let cut = rows.iter().map(|row| fixed(row, &widths));
        return columns(types, &cut.collect::<Vec<_>>(), false);
    };
    let header = matches!(by, K::Vec(_));
    let delimiter = delimiter.first().copied().unwrap_or(b',');
    let rows = if embedded { joined(rows) } else { rows };
    let mut fields: Vec<Vec<Vec<u8>>> =
        rows.iter().map(|row| self::fields(row, delimiter)).collect();
    if !header {
        return columns(types, &fields, one);
    }
    if fields.is_empty() {
        return Err(length_error());
    }
    let names = fields.remove(0);
    let kept = names.iter().zip(types).filter(|(_, ty)| **ty != b' ');
    let names = kept.map(|(name, _)| super::text::symbol(name)).collect::<Result<Vec<_>>>()?;
    let names = K::collapse(names);
    let values = columns(types, &fields, false)?;
    let names = names.as_syms().ok_or_else(type_error)?;
    let values: Vec<K> = values.items().take(names.len()).collect();
    Ok(K::table(names.to_vec(), values)?)
}

/// Lines put together again where a quote was left open.
fn joined(rows: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::with_capacity(rows.len());
    let mut open = false;
    for row in rows {
        let quotes = row.iter().filter(|b| **b == b'"').count();
        match out.last_mut().filter(|_| open) {
            Some(last) => {
                last.push(b'\n');
                last.extend(row);
            }
            None => out.push(row),
        }
        open ^= quotes % 2 == 1;
    }
    out
}

/// The fields of a line; quotes may hold delimiters and doubled quotes.
pub(crate) fn fields(line: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    budget::check();
    let mut out = vec![Vec::new()];
    let mut quoted = false;
    let mut rest = line.iter().peekable();
    while let Some(byte) = rest.next() {
        let Some(field) = out.last_mut() else { break };
        match *byte {
            b'"' if quoted && rest.peek() == Some(&&b'"') => {
                rest.next();
                field.push(b'"');
            }
            b'"' if quoted || field.is_empty() => quoted = !quoted,
            b'\r' if rest.peek().is_none() => {}
            b if b == delimiter && !quoted => out.push(Vec::new()),
            b => field.push(b),
        }
    }
    out
}

fn fixed(line: &[u8], widths: &[usize]) -> Vec<Vec<u8>> {
    let mut start = 0_usize;
    let mut field = |width: &usize| {
        let end = start.saturating_add(*width).min(line.len());
        let field = line.get(start.min(end)..end).unwrap_or_default().to_vec();
        start = end;
        field
    };
    widths.iter().map(&mut field).collect()
}

/// A column for each type that is no blank; atoms when there is only one line to read.
fn columns(types: &[u8], rows: &[Vec<Vec<u8>>], one: bool) -> Result {
    let mut out = Vec::new();
    for (at, letter) in types.iter().enumerate().filter(|(_, ty)| **ty != b' ') {
        let field = |row: &Vec<Vec<u8>>| row.get(at).cloned().unwrap_or_default();
        let fields: Vec<K> = rows.iter().map(|row| K::str(field(row))).collect();
        let column = match letter {
            b'*' => K::list(fields),
            b'C' => {
                let first = |k: &K| k.as_text().and_then(|t| t.first()).copied().unwrap_or(b' ');
                K::vec(Type::Char, fields.iter().map(first).collect::<Vec<u8>>())
            }
            letter => {
                let ty = Type::from_letter(*letter).filter(|_| letter.is_ascii_uppercase());
                parse(ty.ok_or_else(domain_error)?, &K::list(fields))?
            }
        };
        out.push(if one { column.at(0) } else { column });
    }
    Ok(if one { K::collapse(out) } else { K::list(out) })
}

/// `"S=;"0:text`: keys and values of a text.
fn key_values(how: &[u8], y: &K) -> Result {
    let (kind, between, quotes, end) = match how {
        [kind, between, end] => (*kind, *between, false, *end),
        [kind, between, b'*', end] => (*kind, *between, true, *end),
        _ => return Err(length_error()),
    };
    let ty = match kind {
        b'S' => Type::Symbol,
        b'I' => Type::Int,
        b'J' => Type::Long,
        _ => return Err(domain_error()),
    };
    let text = y.as_text().ok_or_else(type_error)?;
    let mut quoted = false;
    let records = text.split(|b| {
        quoted ^= quotes && *b == b'"';
        *b == end && !quoted
    });
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for record in records.filter(|r| !r.is_empty()) {
        let at = record.iter().position(|b| *b == between).unwrap_or(record.len());
        let (key, value) = record.split_at_checked(at).unwrap_or((record, &[]));
        let value = value.get(1..).unwrap_or_default();
        let bare = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\""));
        keys.push(K::str(key));
        values.push(K::str(bare.filter(|_| quotes).unwrap_or(value)));
    }
    Ok(K::list(vec![parse(ty, &K::list(keys))?, K::list(values)]))
}

pub(super) const VERBS: &[Verb] = &[Verb::operator(
    "0:",
    2,
    text,
    "Makes delimited lines of a table, or columns of lines.",
    "q)csv 0: ([]a:1 2;b:`x`y)\n\"a,b\"\n\"1,x\"\n\"2,y\"\n\
     q)(\"JS\";enlist \",\") 0: (\"a,b\";\"1,x\";\"2,y\")\na b\n---\n1 x\n2 y",
)];

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    #[test]
    fn fields_that_need_quotes_have_them() {
        check(
            "q)t:([]x:(\"foo\";\"bar,baz\";\"qu\\\"ux\";\"fred\\\",barney\"))\nq)-1@\",\"0:t;\nx\n\
             foo\n\"bar,baz\"\nqu\"ux\n\"fred\"\",barney\"\n\
             q)csv 0:([]d:2022.03.14 0Nd)\n,\"d\"\n\"2022-03-14\"\n\"\"\n\
             q)csv 0:([]a:(1 2;3))\n'type\nq)\"|\" 0: (`a`b;1 2)\n\"a|1\"\n\"b|2\"",
        )
        .unwrap();
    }

    #[test]
    fn lines_become_columns() {
        check(
            "q)(\"DT\";\",\")0:\"20130315,185540686\"\n2013.03.15\n18:55:40.686\n\
             q)(\"I*\";\",\";1)0:(\"0,\\\"ab\\nc\\\"\";\"1,\\\"def\\\"\")\n0       1\n\
             \"ab\\nc\" \"def\"\nq)(\"J J\";\",\")0:(\"1,2,3\";\"4,5,6\")\n1 4\n3 6\n\
             q)(\"DT\";8 9)0:enlist\"20130315185540686\"\n2013.03.15\n18:55:40.686\n\
             q)(\"J\";\",\")0:`:f\n'nyi: 0: of a file\nq)`:f 0: enlist \"a\"\n'nyi: 0: of a file",
        )
        .unwrap();
    }

    #[test]
    fn texts_of_keys_and_values() {
        check(
            "q)\"S=;\"0:\"one=1;two=2\"\none  two\n,\"1\" ,\"2\"\n\
             q)(!/)\"I=|\"0:\"8=FIX|9=33\"\n8| \"FIX\"\n9| \"33\"\n\
             q)\"J=*,\"0:\"5=\\\"a,b\\\",6=1\"\n5     6\n\"a,b\" ,\"1\"",
        )
        .unwrap();
    }
}
