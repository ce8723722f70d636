//! Comma-separated values as Go's `encoding/csv` reads them, with its errors.

use crate::error::Error;

const BARE_QUOTE: &str = "bare \" in non-quoted-field";
const QUOTE: &str = "extraneous or missing \" in quoted-field";

/// All rows of a text. They must have as many fields as the first; empty lines do not count. With
/// `lazy` a quote may stand anywhere.
///
/// # Errors
/// `record on line 2: wrong number of fields` and the like; there are no rows.
pub fn read(text: &[u8], comma: char, lazy: bool) -> Result<Vec<Vec<Vec<u8>>>, Error> {
    if matches!(comma, '\0' | '"' | '\r' | '\n' | '\u{fffd}') {
        return Err(Error::new("csv: invalid field or comment delimiter"));
    }
    let mut reader = Reader { rest: text, line_number: 0, comma: comma.to_string(), lazy };
    let mut rows: Vec<Vec<Vec<u8>>> = Vec::new();
    while let Some(line) = reader.line() {
        // At the end of the text a carriage return is dropped alone, too.
        if line == b"\n" || line.is_empty() {
            continue;
        }
        let start = reader.line_number;
        let row = reader.row(line)?;
        if rows.first().is_some_and(|first| first.len() != row.len()) {
            return Err(Error::new(format!("record on line {start}: wrong number of fields")));
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(Error::new("zero records were parsed"));
    }
    Ok(rows)
}

struct Reader<'t> {
    rest: &'t [u8],
    line_number: usize,
    comma: String,
    lazy: bool,
}

/// Where a field stands: its line, and its column from 1.
#[derive(Clone, Copy)]
struct Place {
    line: usize,
    column: usize,
}

impl Reader<'_> {
    /// The next line with its line feed, and without the carriage return before that.
    fn line(&mut self) -> Option<Vec<u8>> {
        if self.rest.is_empty() {
            return None;
        }
        self.line_number += 1;
        let end = memchr::memchr(b'\n', self.rest).map_or(self.rest.len(), |at| at + 1);
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        let (line, feed) = match line.strip_suffix(b"\n") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let mut line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        if feed {
            line.push(b'\n');
        }
        Some(line)
    }

    fn row(&mut self, line: Vec<u8>) -> Result<Vec<Vec<u8>>, Error> {
        let start = self.line_number;
        let fail = |place: Place, why: &str| {
            let Place { line, column } = place;
            let at = format!("parse error on line {line}, column {column}: {why}");
            let record = format!("record on line {start}; ");
            Error::new(if line == start { at } else { record + &at })
        };
        let mut row = Vec::new();
        let mut line = line;
        let mut at = 0;
        loop {
            let rest = line.get(at..).unwrap_or_default();
            if rest.first() != Some(&b'"') {
                let comma = memchr::memmem::find(rest, self.comma.as_bytes());
                let end = comma.unwrap_or(rest.len() - usize::from(rest.ends_with(b"\n")));
                let field = rest.get(..end).unwrap_or_default();
                if let Some(quote) = memchr::memchr(b'"', field).filter(|_| !self.lazy) {
                    let place = Place { line: self.line_number, column: at + quote + 1 };
                    return Err(fail(place, BARE_QUOTE));
                }
                row.push(field.to_vec());
                match comma {
                    Some(comma) => at += comma + self.comma.len(),
                    None => return Ok(row),
                }
                continue;
            }
            at += 1;
            let mut field = Vec::new();
            let more = self.quoted(&mut field, &mut line, &mut at).map_err(|p| fail(p, QUOTE))?;
            row.push(field);
            if !more {
                return Ok(row);
            }
        }
    }

    /// Reads a field behind its opening quote; whether another field follows.
    fn quoted(
        &mut self,
        field: &mut Vec<u8>,
        line: &mut Vec<u8>,
        at: &mut usize,
    ) -> Result<bool, Place> {
        loop {
            let rest = line.get(*at..).unwrap_or_default();
            if let Some(quote) = memchr::memchr(b'"', rest) {
                field.extend_from_slice(&rest[..quote]);
                *at += quote + 1;
                let behind = line.get(*at..).unwrap_or_default();
                if behind.first() == Some(&b'"') {
                    field.push(b'"');
                    *at += 1;
                } else if behind.starts_with(self.comma.as_bytes()) {
                    *at += self.comma.len();
                    return Ok(true);
                } else if behind.is_empty() || behind == b"\n" {
                    return Ok(false);
                } else if self.lazy {
                    field.push(b'"');
                } else {
                    return Err(Place { line: self.line_number, column: *at });
                }
            } else {
                field.extend_from_slice(rest);
                let column = line.len() + 1;
                match self.line() {
                    Some(next) => (*line, *at) = (next, 0),
                    None if self.lazy => return Ok(false),
                    None => return Err(Place { line: self.line_number, column }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fails(text: &str) -> String {
        read(text.as_bytes(), ',', false).unwrap_err().to_string()
    }

    #[test]
    fn errors_are_those_of_go() {
        assert_eq!(fails("a,b\n1"), "record on line 2: wrong number of fields");
        assert_eq!(fails("a b\"c"), "parse error on line 1, column 4: bare \" in non-quoted-field");
        let quoted = "extraneous or missing \" in quoted-field";
        assert_eq!(fails("\"a\"b"), format!("parse error on line 1, column 3: {quoted}"));
        let start = "record on line 1; parse error on line 2, column 2";
        assert_eq!(fails("\"a\nb"), format!("{start}: {quoted}"));
        assert_eq!(fails(""), "zero records were parsed");
        let comma = read(b"a", '"', false).unwrap_err().to_string();
        assert_eq!(comma, "csv: invalid field or comment delimiter");
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(rows in proptest::collection::vec("[a-z\",\n é]{0,6}", 1..6)) {
            // A row of one empty field would be an empty line.
            let line = |field: &String| format!("x,\"{}\"\n", field.replace('"', "\"\""));
            let text: String = rows.iter().map(line).collect();
            let read = read(text.as_bytes(), ',', false).unwrap();
            let second: Vec<&[u8]> = read.iter().map(|row| &*row[1]).collect();
            prop_assert_eq!(second, rows.iter().map(|r| r.as_bytes()).collect::<Vec<_>>());
        }

        #[test]
        fn any_text_reads_or_fails(text in "[a\",\r\n]{0,20}", lazy: bool) {
            let _ = read(text.as_bytes(), ',', lazy);
        }
    }
}
