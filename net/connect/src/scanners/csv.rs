//! Scanner `csv`: a structured message for each row (RFC 4180 as Go's encoding/csv reads it).

use std::sync::Arc;

use formats::value::{Object, Text, Value};
use plan::fields::Part;
use plan::{Body, BuildError, Data, Fault, Origin, Record, Records, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ScanError, Scanner, Stream, with_room};

/// Longest row in bytes.
pub const ROW_BYTES_MAX: usize = 16 << 20;
/// Most columns of a row.
pub const COLUMNS_MAX: usize = 1 << 16;

/// Options of `csv`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Separates fields in place of a comma.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_delimiter: Option<String>,
    /// Takes the first row as names: rows become objects. Without it they become arrays.
    pub parse_header_row: bool,
    /// Accepts quotes in unquoted fields and single quotes in quoted ones.
    pub lazy_quotes: bool,
    /// Flags a row that cannot be read as failed and goes on, instead of ending the stream.
    pub continue_on_error: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            custom_delimiter: None,
            parse_header_row: true,
            lazy_quotes: false,
            continue_on_error: false,
        }
    }
}

impl Config {
    pub(super) fn check(&self) -> Result<(), BuildError> {
        self.delimiter().map(drop)
    }

    fn delimiter(&self) -> Result<char, BuildError> {
        let Some(text) = self.custom_delimiter.as_deref().filter(|d| !d.is_empty()) else {
            return Ok(',');
        };
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) if !matches!(c, '"' | '\r' | '\n' | '\u{fffd}') => Ok(c),
            (Some(_), None) => Err(BuildError::new("field 'custom_delimiter': is not usable")),
            _ => Err(BuildError::new("field 'custom_delimiter': must be exactly one character")),
        }
    }
}

/// Why a row cannot be read, without its place.
#[derive(Clone, Copy)]
enum Wrong {
    BareQuote,
    Quote,
}

impl Wrong {
    fn text(self) -> &'static str {
        match self {
            Wrong::BareQuote => "bare \" in non-quoted field",
            Wrong::Quote => "extraneous or missing \" in quoted-field",
        }
    }
}

/// What stands at the start of some bytes.
enum Row {
    /// More bytes are needed.
    Open,
    /// A row of `fields` that takes `used` bytes and `lines` lines.
    Fields { used: usize, lines: usize },
    /// Something that takes `used` bytes and is no row; `line` (from 0) and `column` (from 1) say
    /// where.
    Bad { wrong: Wrong, used: usize, lines: usize, line: usize, column: usize },
}

/// Reads rows of one stream.
pub struct Csv {
    delimiter: Vec<u8>,
    config: Config,
    block_bytes: usize,
    row_max: usize,
    rest: Vec<u8>,
    header: Option<Vec<Text>>,
    width: Option<usize>,
    line: usize,
    fields: Vec<Vec<u8>>,
    last: Value,
}

impl Csv {
    pub(super) fn new(config: &Config, stream: Stream<'_>) -> Result<Self, BuildError> {
        let mut text = [0; 4];
        let delimiter = config.delimiter()?.encode_utf8(&mut text).as_bytes().to_vec();
        Ok(Csv {
            delimiter,
            config: config.clone(),
            block_bytes: stream.block_bytes,
            row_max: ROW_BYTES_MAX,
            rest: Vec::new(),
            header: None,
            width: None,
            line: 1,
            fields: Vec::new(),
            last: Value::Null,
        })
    }

    /// Reads one row into `fields`.
    fn row(&mut self, bytes: &[u8], at_end: bool) -> Row {
        self.fields.clear();
        let mut reader = RowReader {
            bytes,
            at_end,
            delimiter: &self.delimiter,
            lazy: self.config.lazy_quotes,
            at: 0,
            line: 0,
            line_start: 0,
        };
        reader.read(&mut self.fields)
    }

    /// What becomes of a row that was read: a message, nothing (the header), or an error.
    fn take_row(&mut self) -> Result<Option<Value>, String> {
        let width = *self.width.get_or_insert(self.fields.len());
        if width != self.fields.len() {
            return Err(format!("record on line {}: wrong number of fields", self.line));
        }
        let fields = self.fields.drain(..);
        let Some(names) = &self.header else {
            if self.config.parse_header_row {
                self.header = Some(fields.map(Text::from).collect());
                return Ok(None);
            }
            return Ok(Some(Value::array(fields.map(Value::text).collect())));
        };
        let members = names.iter().cloned().zip(fields.map(Value::text));
        Ok(Some(Value::object(members.collect::<Object>())))
    }
}

struct RowReader<'a> {
    bytes: &'a [u8],
    at_end: bool,
    delimiter: &'a [u8],
    lazy: bool,
    at: usize,
    line: usize,
    line_start: usize,
}

impl RowReader<'_> {
    /// Where the line that holds `at` ends: its content, and the start of the next line.
    fn line_end(&self) -> Option<(usize, usize)> {
        let rest = self.bytes.get(self.at..)?;
        match memchr::memchr(b'\n', rest) {
            Some(0) => Some((self.at, self.at + 1)),
            Some(n) => {
                let end = self.at + n;
                let cr = usize::from(self.bytes.get(end - 1) == Some(&b'\r'));
                Some((end - cr, end + 1))
            }
            None if self.at_end => {
                let end = self.bytes.len();
                // A carriage return at the very end is dropped, too.
                let cr = usize::from(rest.last() == Some(&b'\r'));
                Some((end - cr, end))
            }
            None => None,
        }
    }

    fn read(&mut self, fields: &mut Vec<Vec<u8>>) -> Row {
        loop {
            let Some((end, next)) = self.line_end() else { return Row::Open };
            if self.at == end && next > end {
                self.next_line(next); // an empty line is no row
                continue;
            }
            if self.at >= self.bytes.len() {
                return Row::Open;
            }
            return self.read_fields(end, next, fields);
        }
    }

    fn next_line(&mut self, next: usize) {
        self.at = next;
        self.line += 1;
        self.line_start = next;
    }

    fn read_fields(&mut self, mut end: usize, mut next: usize, fields: &mut Vec<Vec<u8>>) -> Row {
        let mut wrong = None;
        loop {
            let line = self.bytes.get(self.at..end).unwrap_or_default();
            if line.first() == Some(&b'"') {
                self.at += 1;
                let mut field = Vec::new();
                match self.quoted(&mut field, &mut end, &mut next) {
                    Quoted::Open => return Row::Open,
                    Quoted::Wrong => wrong = wrong.or(Some(self.bad(Wrong::Quote, self.at))),
                    Quoted::More => {
                        fields.push(field);
                        continue;
                    }
                    Quoted::Last => fields.push(field),
                }
                break;
            }
            let cut = memchr::memmem::find(line, self.delimiter);
            let field = line.get(..cut.unwrap_or(line.len())).unwrap_or_default();
            if !self.lazy
                && let Some(quote) = memchr::memchr(b'"', field)
            {
                wrong = Some(self.bad(Wrong::BareQuote, self.at + quote));
                break;
            }
            fields.push(field.to_vec());
            match cut {
                Some(cut) if fields.len() < COLUMNS_MAX => self.at += cut + self.delimiter.len(),
                _ => break,
            }
        }
        let (used, lines) = (next, self.line + 1);
        match wrong {
            Some((wrong, line, column)) => Row::Bad { wrong, used, lines, line, column },
            None => Row::Fields { used, lines },
        }
    }

    fn bad(&self, wrong: Wrong, at: usize) -> (Wrong, usize, usize) {
        (wrong, self.line, at - self.line_start + 1)
    }

    /// Reads a quoted field from behind its first quote; it may go on over several lines.
    fn quoted(&mut self, field: &mut Vec<u8>, end: &mut usize, next: &mut usize) -> Quoted {
        loop {
            let line = self.bytes.get(self.at..*end).unwrap_or_default();
            let Some(quote) = memchr::memchr(b'"', line) else {
                field.extend_from_slice(line);
                let has_break = *next > *end && self.bytes.get(*next - 1) == Some(&b'\n');
                if !has_break {
                    self.at = *end;
                    return if self.lazy { Quoted::Last } else { Quoted::Wrong };
                }
                field.push(b'\n');
                self.next_line(*next);
                if self.at >= self.bytes.len() && self.at_end {
                    return if self.lazy { Quoted::Last } else { Quoted::Wrong };
                }
                let Some(line) = self.line_end() else { return Quoted::Open };
                (*end, *next) = line;
                continue;
            };
            field.extend_from_slice(line.get(..quote).unwrap_or_default());
            self.at += quote + 1;
            let rest = line.get(quote + 1..).unwrap_or_default();
            if rest.first() == Some(&b'"') {
                field.push(b'"');
                self.at += 1;
            } else if rest.starts_with(self.delimiter) {
                self.at += self.delimiter.len();
                return Quoted::More;
            } else if rest.is_empty() {
                return Quoted::Last;
            } else if self.lazy {
                field.push(b'"');
            } else {
                self.at -= 1;
                return Quoted::Wrong;
            }
        }
    }
}

enum Quoted {
    /// More bytes are needed.
    Open,
    /// It is no quoted field.
    Wrong,
    /// Another field follows.
    More,
    /// It ends the row.
    Last,
}

impl Scanner for Csv {
    fn buffer(&mut self) -> Vec<u8> {
        with_room(std::mem::take(&mut self.rest), self.block_bytes)
    }

    fn scan(
        &mut self,
        mut filled: Vec<u8>,
        at_end: bool,
        out: &mut Vec<Data>,
    ) -> Result<(), ScanError> {
        let mut recs: Vec<Record> = Vec::new();
        let mut start = 0;
        let mut error = None;
        while start < filled.len() {
            let (used, lines, row) = match self.row(&filled[start..], at_end) {
                Row::Open if filled.len() - start > self.row_max => {
                    error = Some(ScanError::too_large(self.row_max));
                    break;
                }
                Row::Open if at_end => break, // only empty lines were left
                Row::Open => break,
                Row::Fields { used, lines } => (used, lines, self.take_row()),
                Row::Bad { wrong, used, lines, line, column } => {
                    let (first, at) = (self.line, self.line + line);
                    let place = format!("parse error on line {at}, column {column}: ");
                    let place =
                        if line == 0 { place } else { format!("record on line {first}; {place}") };
                    (used, lines, Err(place + wrong.text()))
                }
            };
            start += used;
            self.line += lines;
            let tag = recs.len() as u32;
            let origin = Origin { ack: 0, tag };
            match row {
                Ok(None) => {}
                Ok(Some(value)) => {
                    self.last = value.clone();
                    let body = Body::Doc(Arc::new(value));
                    recs.push(Record { body, origin, ..Record::default() });
                }
                Err(text) if self.config.continue_on_error => {
                    // The original hands the last good row on, flagged.
                    let body = Body::Doc(Arc::new(self.last.clone()));
                    let fault = Some(Arc::new(Fault::new(text)));
                    recs.push(Record { body, fault, origin, ..Record::default() });
                }
                Err(text) => {
                    error = Some(ScanError(text));
                    break;
                }
            }
        }
        if !recs.is_empty() {
            out.push(Data::Records(Records { recs, ..Records::default() }));
        }
        filled.drain(..start);
        self.rest = filled;
        error.map_or(Ok(()), Err)
    }
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "csv",
    summary: "Reads rows of comma-separated values as structured messages.",
    schema: schema_of::<Config>,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanners::testing::{refuses_beyond, scan_all_ways};

    fn rows(config: Config, bytes: &[u8]) -> (Vec<String>, Option<String>) {
        let config = crate::scanners::Config::Csv(config);
        let (texts, error) = scan_all_ways(&config, bytes);
        (texts, error.map(|e| e.0))
    }

    #[test]
    fn rows_become_objects() {
        let bytes = b"id,name\n1,ada\r\n\n2,\"b, \"\"b\"\"\nc\"\n3,\n";
        let (texts, error) = rows(Config::default(), bytes);
        let wanted = [
            r#"{"id":"1","name":"ada"}"#,
            r#"{"id":"2","name":"b, \"b\"\nc"}"#,
            r#"{"id":"3","name":""}"#,
        ];
        assert_eq!(texts, wanted);
        assert_eq!(error, None);
    }

    #[test]
    fn rows_become_arrays_without_a_header() {
        let config = Config {
            parse_header_row: false,
            custom_delimiter: Some(";".into()),
            ..Config::default()
        };
        assert_eq!(rows(config, b"a;1\nb;2").0, [r#"["a","1"]"#, r#"["b","2"]"#]);
    }

    #[test]
    fn bad_rows_end_the_stream() {
        let error = |bytes: &[u8]| rows(Config::default(), bytes).1.unwrap_or_default();
        assert_eq!(error(b"a,b\n1,2\n3\n"), "record on line 3: wrong number of fields");
        assert_eq!(
            error(b"a,b\n1,x\"y\n"),
            "parse error on line 2, column 4: bare \" in non-quoted field"
        );
        let quote = "extraneous or missing \" in quoted-field";
        assert_eq!(error(b"a\n\"x\"y\n"), format!("parse error on line 2, column 3: {quote}"));
        assert_eq!(
            error(b"a\n\"x\ny"),
            format!("record on line 2; parse error on line 3, column 2: {quote}")
        );
    }

    #[test]
    fn lazy_quotes_and_going_on() {
        let lazy = Config { lazy_quotes: true, ..Config::default() };
        assert_eq!(rows(lazy, b"a\nx\"y\n\"p\"q\"\n").0, [r#"{"a":"x\"y"}"#, r#"{"a":"p\"q"}"#]);
        let on = Config { continue_on_error: true, ..Config::default() };
        let (texts, error) = rows(on, b"a,b\n1,2\n3\n4,5\n");
        let good = r#"{"a":"1","b":"2"}"#;
        assert_eq!(texts, [good, good, r#"{"a":"4","b":"5"}"#]);
        assert_eq!(error, None);
    }

    #[test]
    fn bad_delimiters_are_refused() {
        let config = |d: &str| Config { custom_delimiter: Some(d.into()), ..Config::default() };
        assert!(config("ab").check().is_err());
        assert!(config("\"").check().is_err());
        assert!(config("\t").check().is_ok());
    }

    #[test]
    fn a_row_has_a_limit() {
        let stream = Stream { name: "", block_bytes: 64 };
        let mut scanner = Csv::new(&Config::default(), stream).unwrap();
        scanner.row_max = 100;
        let text = format!("a,b\n1,\"{}", "x".repeat(98));
        refuses_beyond(&mut scanner, 100, text.as_bytes());
    }
}
