//! Rows of comma separated values as objects.

use formats::value::{Object, Text, Value};

use crate::archives::Budget;

/// One object a row, with the names of the first row as keys and texts as values.
///
/// # Errors
/// The first row that does not fit the names, or a quote out of place.
pub(super) fn objects(bytes: &[u8], delimiter: u8) -> Result<Vec<Value>, String> {
    let mut reader = Reader { rest: bytes, delimiter, line: 1 };
    let Some(names) = reader.row()? else { return Ok(Vec::new()) };
    let names: Vec<Text> = names.into_iter().map(Text::from).collect();
    let mut budget = Budget::default();
    let mut rows = Vec::new();
    loop {
        let line = reader.line;
        let Some(fields) = reader.row()? else { return Ok(rows) };
        if fields.len() != names.len() {
            return Err(format!("record on line {line}: wrong number of fields"));
        }
        budget.take(fields.iter().map(Vec::len).sum())?;
        let members = names.iter().cloned().zip(fields.into_iter().map(Value::text));
        rows.push(Value::object(members.collect::<Object>()));
    }
}

struct Reader<'t> {
    rest: &'t [u8],
    delimiter: u8,
    line: usize,
}

impl Reader<'_> {
    /// The fields of the next row that is not empty.
    fn row(&mut self) -> Result<Option<Vec<Vec<u8>>>, String> {
        while let Some(b'\n' | b'\r') = self.rest.first() {
            self.line += usize::from(self.rest.first() == Some(&b'\n'));
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut fields = Vec::new();
        loop {
            let (field, more) = match self.rest.first() {
                Some(b'"') => self.quoted()?,
                _ => self.plain()?,
            };
            fields.push(field);
            if !more {
                return Ok(Some(fields));
            }
        }
    }

    /// Goes past what ends a field; whether the row has another one.
    fn border(&mut self, at: usize) -> bool {
        let tail = self.rest.get(at..).unwrap_or_default();
        let (skip, more) = match tail {
            [b, ..] if *b == self.delimiter => (1, true),
            [b'\r', b'\n', ..] => (2, false),
            [b'\n', ..] => (1, false),
            _ => (0, false),
        };
        self.line += usize::from(skip > 0 && !more);
        self.rest = tail.get(skip..).unwrap_or_default();
        more
    }

    fn plain(&mut self) -> Result<(Vec<u8>, bool), String> {
        let ends = |b: &u8| *b == self.delimiter || *b == b'\n';
        let mut at = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        let line_end = self.rest.get(at) == Some(&b'\n');
        if line_end && at > 0 && self.rest.get(at - 1) == Some(&b'\r') {
            at -= 1;
        }
        let field = self.rest.get(..at).unwrap_or_default().to_vec();
        if field.contains(&b'"') {
            return Err(format!("parse error on line {}: bare \" in non-quoted-field", self.line));
        }
        Ok((field, self.border(at)))
    }

    fn quoted(&mut self) -> Result<(Vec<u8>, bool), String> {
        let mut field = Vec::new();
        let mut at = 1;
        loop {
            match (self.rest.get(at), self.rest.get(at + 1)) {
                (Some(b'"'), Some(b'"')) => {
                    field.push(b'"');
                    at += 2;
                }
                (Some(b'"'), None | Some(b'\n' | b'\r')) => {
                    return Ok((field, self.border(at + 1)));
                }
                (Some(b'"'), Some(b)) if *b == self.delimiter => {
                    return Ok((field, self.border(at + 1)));
                }
                (Some(b'"'), _) | (None, _) => {
                    let line = self.line;
                    return Err(format!(
                        "parse error on line {line}: extraneous or missing \" in quoted-field"
                    ));
                }
                (Some(b), _) => {
                    self.line += usize::from(*b == b'\n');
                    field.push(*b);
                    at += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(text: &str) -> Result<Vec<String>, String> {
        let rows = objects(text.as_bytes(), b',')?;
        let print = |row: &Value| {
            let mut out = Vec::new();
            formats::json::write_value(&mut out, row).unwrap();
            String::from_utf8(out).unwrap()
        };
        Ok(rows.iter().map(print).collect())
    }

    #[test]
    fn quotes_breaks_and_empty_lines() {
        let text = "a,b\r\n\"x\"\"y\",\"l1\nl2\"\n\n,\n";
        let want = [r#"{"a":"x\"y","b":"l1\nl2"}"#, r#"{"a":"","b":""}"#];
        assert_eq!(printed(text).unwrap(), want);
        assert_eq!(printed("").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn rows_that_do_not_fit() {
        assert_eq!(printed("a,b\n1\n").unwrap_err(), "record on line 2: wrong number of fields");
        assert!(printed("a\n\"x\n").unwrap_err().contains("in quoted-field"));
        assert!(printed("a\nx\"y\n").unwrap_err().contains("bare \""));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a,\"\r\n]{0,40}") {
            let _ = printed(&text);
        }
    }
}
