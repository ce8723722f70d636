//! CSV to columns, a window of rows at a time, column by column.

use super::borders;
use crate::columns::{Column, ColumnData, ColumnType, RowCause, RowError, TEXT_BYTES_MAX};
use crate::field::Field;
use crate::number::NumberError;

/// Bytes looked at together, so that their borders stay in the nearest cache.
const WINDOW_BYTES: usize = 32 << 10;

/// Reads CSV into typed columns. Columns that are not wanted are not parsed.
pub struct CsvReader {
    schema: Vec<Column>,
    /// Places in the schema of the columns wanted, in the order of the output.
    wanted: Vec<usize>,
    /// Places in the schema of the columns that may be empty.
    nullable: Vec<usize>,
    delimiter: u8,
    skip_header: bool,
    /// Lines read so far.
    lines: u64,
    /// Positions of delimiters and line ends in the window.
    borders: Vec<u32>,
}

impl CsvReader {
    /// A reader of all columns of a schema.
    #[must_use]
    pub fn new(schema: Vec<Column>, delimiter: u8, skip_header: bool) -> Self {
        let wanted = (0..schema.len()).collect();
        let (nullable, borders) = (Vec::new(), Vec::new());
        CsvReader { schema, wanted, nullable, delimiter, skip_header, lines: 0, borders }
    }

    /// Reads only the columns at these places of the schema; others are only counted. Places
    /// beyond the schema are left out.
    #[must_use]
    pub fn with_projection(mut self, wanted: &[usize]) -> Self {
        self.wanted = wanted.iter().copied().filter(|&at| at < self.schema.len()).collect();
        self
    }

    /// Passes over the first line.
    #[must_use]
    pub fn skip_header(mut self) -> Self {
        self.skip_header = true;
        self
    }

    /// The columns at these places of the schema may be empty. For each of them, the output has a
    /// column of booleans behind all others that says where it was; its own value is zero there.
    #[must_use]
    pub fn with_nullable(mut self, nullable: &[usize]) -> Self {
        self.nullable = nullable.iter().copied().filter(|&at| at < self.schema.len()).collect();
        self
    }

    /// Columns for the output, without rows.
    #[must_use]
    pub fn empty_columns(&self) -> Vec<ColumnData> {
        let kinds = self.wanted.iter().filter_map(|&at| self.schema.get(at));
        let nulls = self.nullable.iter().map(|_| ColumnData::new(ColumnType::Bool));
        kinds.map(|column| ColumnData::new(column.kind)).chain(nulls).collect()
    }

    /// Sets the number of lines that were read before, for error texts.
    pub fn set_lines_before(&mut self, lines: u64) {
        self.lines = lines;
        self.skip_header &= lines == 0;
    }

    /// Appends the complete rows of `bytes` to `columns`, which are those of
    /// [`CsvReader::empty_columns`]; `at_end` makes the last one complete without a line end.
    /// Returns how many bytes were consumed.
    ///
    /// # Errors
    /// With the first row that does not fit the schema. The rows before it were appended, and
    /// reading may go on from [`RowError::next`].
    pub fn read(
        &mut self,
        bytes: &[u8],
        at_end: bool,
        columns: &mut [ColumnData],
    ) -> Result<usize, RowError> {
        let mut start = 0;
        if self.skip_header && !bytes.is_empty() {
            match memchr::memchr(b'\n', bytes) {
                Some(end) => start = end + 1,
                None if at_end => start = bytes.len(),
                None => return Ok(0),
            }
            self.skip_header = false;
            self.lines += 1;
        }
        let mut size = WINDOW_BYTES;
        while start < bytes.len() {
            let end = bytes.len().min(start + size);
            let window = bytes.get(start..end).unwrap_or(&[]);
            let is_last = end == bytes.len();
            let consumed = self
                .window(window, is_last && at_end, columns)
                .map_err(|error| RowError { next: error.next + start, ..error })?;
            start += consumed;
            match (consumed, is_last) {
                (0, true) => break,
                (0, false) => size *= 2, // a row longer than the window
                _ => size = WINDOW_BYTES,
            }
        }
        Ok(start)
    }

    /// Reads the complete rows of a window and returns how many bytes they are.
    fn window(
        &mut self,
        bytes: &[u8],
        at_end: bool,
        columns: &mut [ColumnData],
    ) -> Result<usize, RowError> {
        self.borders.clear();
        borders::find(bytes, self.delimiter, b'\n', &mut self.borders);
        if at_end && bytes.last().is_some_and(|&c| c != b'\n') {
            self.borders.push(bytes.len() as u32); // as if the last line were complete
        }
        let fields = self.schema.len().max(1);
        let rows = self.regular_rows(bytes, fields);
        let before = columns.first().map_or(0, ColumnData::len);
        let mut failed: Option<(usize, RowCause)> = None;
        for (&at, data) in self.wanted.iter().zip(columns.iter_mut()) {
            let Some(column) = self.schema.get(at) else { continue };
            let limit = failed.as_ref().map_or(rows, |(row, _)| *row);
            let places = Places { bytes, borders: &self.borders, fields, at };
            let result = if self.nullable.contains(&at) {
                read_nullable(&places, limit, column, data)
            } else {
                read_column(&places, limit, column, data)
            };
            if let Err((row, cause)) = result {
                failed = Some((row, cause));
            }
        }
        let nulls = columns.iter_mut().skip(self.wanted.len());
        for (&at, data) in self.nullable.iter().zip(nulls) {
            let ColumnData::Bool(nulls) = data else { continue };
            let limit = failed.as_ref().map_or(rows, |(row, _)| *row);
            let places = Places { bytes, borders: &self.borders, fields, at };
            nulls.extend(places.iter(limit).map(<[u8]>::is_empty));
        }
        let good = failed.as_ref().map_or(rows, |(row, _)| *row);
        let after = |row: usize| match row.checked_mul(fields).and_then(|i| i.checked_sub(1)) {
            None => 0,
            Some(i) => self.borders.get(i).map_or(0, |&end| (end as usize + 1).min(bytes.len())),
        };
        if let Some((row, cause)) = failed {
            columns.iter_mut().for_each(|column| column.truncate(before + row));
            self.lines += row as u64 + 1;
            return Err(RowError { line: self.lines, cause, next: after(row + 1) });
        }
        self.lines += good as u64;
        let consumed = after(good);
        let rest = self.borders.get(good * fields..).unwrap_or(&[]);
        let is_line_end = |&&end: &&u32| bytes.get(end as usize).is_none_or(|&c| c == b'\n');
        let Some(line_end) = rest.iter().position(|end| is_line_end(&end)) else {
            return Ok(consumed); // an open line
        };
        if good > 0 && consumed > 0 {
            return Ok(consumed); // the irregular line is the first of the next window
        }
        self.lines += 1;
        let next = rest.get(line_end).map_or(0, |&end| (end as usize + 1).min(bytes.len()));
        let cause = RowCause::FieldCount { expected: self.schema.len(), got: line_end + 1 };
        Err(RowError { line: self.lines, cause, next })
    }

    /// How many rows from the first on have the right number of fields.
    fn regular_rows(&self, bytes: &[u8], fields: usize) -> usize {
        let is_line_end = |end: u32| bytes.get(end as usize).is_none_or(|&c| c == b'\n');
        let is_regular = |row: &&[u32]| {
            row.split_last().is_some_and(|(&last, inner)| {
                is_line_end(last) && !inner.iter().any(|&end| is_line_end(end))
            })
        };
        self.borders.chunks_exact(fields).take_while(is_regular).count()
    }
}

/// Where the fields of one column are.
struct Places<'w> {
    bytes: &'w [u8],
    borders: &'w [u32],
    fields: usize,
    /// Place of the column in the row.
    at: usize,
}

impl<'w> Places<'w> {
    /// The fields of the first `rows` rows.
    #[inline]
    fn iter(&self, rows: usize) -> impl Iterator<Item = &'w [u8]> {
        let (bytes, borders, fields, at) = (self.bytes, self.borders, self.fields, self.at);
        let is_last = at + 1 == fields;
        (0..rows).map(move |row| {
            let end = row * fields + at;
            let start = match end.checked_sub(1) {
                None => 0,
                Some(before) => borders.get(before).map_or(0, |&b| b as usize + 1),
            };
            let end = borders.get(end).map_or(start, |&b| b as usize);
            let field = bytes.get(start..end).unwrap_or(&[]);
            if is_last { field.strip_suffix(b"\r").unwrap_or(field) } else { field }
        })
    }
}

type Failure = (usize, RowCause);

fn read_column(
    places: &Places<'_>,
    rows: usize,
    column: &Column,
    data: &mut ColumnData,
) -> Result<(), Failure> {
    match data {
        ColumnData::I8(values) => read_values(places, rows, column, values),
        ColumnData::I16(values) => read_values(places, rows, column, values),
        ColumnData::I32(values) => read_values(places, rows, column, values),
        ColumnData::I64(values) => read_values(places, rows, column, values),
        ColumnData::U8(values) => read_values(places, rows, column, values),
        ColumnData::U16(values) => read_values(places, rows, column, values),
        ColumnData::U32(values) => read_values(places, rows, column, values),
        ColumnData::U64(values) => read_values(places, rows, column, values),
        ColumnData::F32(values) => read_values(places, rows, column, values),
        ColumnData::F64(values) => read_values(places, rows, column, values),
        ColumnData::Bool(values) => read_values(places, rows, column, values),
        ColumnData::Text { offsets, bytes } => {
            let texts = places.iter(rows);
            offsets.reserve(rows);
            for (row, text) in texts.enumerate() {
                if bytes.len() + text.len() > TEXT_BYTES_MAX {
                    return Err((row, RowCause::TextFull { name: column.name.clone() }));
                }
                bytes.extend_from_slice(text);
                offsets.push(bytes.len() as i32);
            }
            Ok(())
        }
    }
}

/// Reads a column some of whose fields may be empty.
fn read_nullable(
    places: &Places<'_>,
    rows: usize,
    column: &Column,
    data: &mut ColumnData,
) -> Result<(), Failure> {
    fn each<T: Field + Default>(
        places: &Places<'_>,
        rows: usize,
        column: &Column,
        values: &mut Vec<T>,
    ) -> Result<(), Failure> {
        for (row, text) in places.iter(rows).enumerate() {
            match if text.is_empty() { Ok(T::default()) } else { T::read(text) } {
                Ok(value) => values.push(value),
                Err(error) => return Err((row, failure(column, text, error))),
            }
        }
        Ok(())
    }
    match data {
        ColumnData::I8(values) => each(places, rows, column, values),
        ColumnData::I16(values) => each(places, rows, column, values),
        ColumnData::I32(values) => each(places, rows, column, values),
        ColumnData::I64(values) => each(places, rows, column, values),
        ColumnData::U8(values) => each(places, rows, column, values),
        ColumnData::U16(values) => each(places, rows, column, values),
        ColumnData::U32(values) => each(places, rows, column, values),
        ColumnData::U64(values) => each(places, rows, column, values),
        ColumnData::F32(values) => each(places, rows, column, values),
        ColumnData::F64(values) => each(places, rows, column, values),
        ColumnData::Bool(values) => each(places, rows, column, values),
        text @ ColumnData::Text { .. } => read_column(places, rows, column, text),
    }
}

#[inline(never)] // one tight loop for each type
fn read_values<T: Field>(
    places: &Places<'_>,
    rows: usize,
    column: &Column,
    values: &mut Vec<T>,
) -> Result<(), Failure> {
    values.reserve(rows);
    for (row, text) in places.iter(rows).enumerate() {
        match T::read(text) {
            Ok(value) => values.push(value),
            Err(error) => return Err((row, failure(column, text, error))),
        }
    }
    Ok(())
}

#[cold]
fn failure(column: &Column, text: &[u8], error: NumberError) -> RowCause {
    RowCause::value(column, text, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_may_be_empty_where_that_is_said() {
        let mut reader = CsvReader::new(schema(), b',', false).with_nullable(&[2, 1, 9]);
        let mut columns = reader.empty_columns();
        reader.read(b"1,a,\n2,,2.5\n,c,1\n4,,\n", true, &mut columns).unwrap_err();
        assert_eq!(columns[2], ColumnData::F64(vec![0.0, 2.5]));
        assert_eq!(columns[3], ColumnData::Bool(vec![true, false]), "of column 2");
        assert_eq!(columns[4], ColumnData::Bool(vec![false, true]), "of column 1");
        let mut columns = reader.empty_columns();
        reader.read(b"4,,\r\n", true, &mut columns).unwrap();
        assert_eq!(columns[3], ColumnData::Bool(vec![true]));
        reader.read(b"5,x,y\n", true, &mut columns).unwrap_err();
        assert!(columns.iter().all(|column| column.len() == 1), "a bad row leaves nothing");
    }

    fn schema() -> Vec<Column> {
        vec![
            Column::new("ts", ColumnType::U64),
            Column::new("key", ColumnType::Text),
            Column::new("v", ColumnType::F64),
        ]
    }

    fn texts(column: &ColumnData) -> Vec<String> {
        let text = |row| String::from_utf8_lossy(column.text(row).unwrap()).into_owned();
        (0..column.len()).map(text).collect()
    }

    #[test]
    fn rows_become_columns() {
        let mut reader = CsvReader::new(schema(), b',', true);
        let mut columns = reader.empty_columns();
        let bytes = b"ts,key,v\n1767225600000,k0123,45.678\r\n2.9,\"q\",-1e3\n3,,0";
        assert_eq!(reader.read(bytes, true, &mut columns), Ok(bytes.len()));
        assert_eq!(columns[0], ColumnData::U64(vec![1_767_225_600_000, 2, 3]));
        assert_eq!(texts(&columns[1]), ["k0123", "\"q\"", ""]);
        assert_eq!(columns[2], ColumnData::F64(vec![45.678, -1000.0, 0.0]));
    }

    #[test]
    fn open_rows_wait_for_their_end() {
        let mut reader = CsvReader::new(schema(), b'|', true);
        let mut columns = reader.empty_columns();
        assert_eq!(reader.read(b"ts|key", false, &mut columns), Ok(0));
        assert_eq!(reader.read(b"ts|key|v\n1|a|2\n3|b|", false, &mut columns), Ok(15));
        assert_eq!(reader.read(b"3|b|4", true, &mut columns), Ok(5));
        assert_eq!(columns[0], ColumnData::U64(vec![1, 3]));
    }

    #[test]
    fn bad_rows_are_named_and_can_be_skipped() {
        let mut reader = CsvReader::new(schema(), b',', true);
        let mut columns = reader.empty_columns();
        let bytes = b"h\n1,a,1\nx,b,2\n2,c\n3,d,4,5\n\n4,e,z\n5,f,6";
        let (mut at, mut errors) = (0, Vec::new());
        loop {
            match reader.read(&bytes[at..], true, &mut columns) {
                Ok(len) => {
                    assert_eq!(at + len, bytes.len());
                    break;
                }
                Err(error) => {
                    at += error.next;
                    errors.push((error.line, error.cause));
                }
            }
        }
        let lines: Vec<u64> = errors.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5, 6, 7]);
        assert_eq!(errors[1].1, RowCause::FieldCount { expected: 3, got: 2 });
        assert_eq!(errors[2].1, RowCause::FieldCount { expected: 3, got: 4 });
        assert_eq!(errors[0].1.to_string(), "field ts: cannot read \"x\" as U64: invalid syntax");
        assert_eq!(columns[0], ColumnData::U64(vec![1, 5]));
        assert_eq!(texts(&columns[1]), ["a", "f"]);
    }

    #[test]
    fn only_wanted_columns_are_parsed() {
        let mut reader = CsvReader::new(schema(), b',', false).with_projection(&[2, 0]);
        let mut columns = reader.empty_columns();
        assert!(reader.read(b"1,x,2\n3,y,4\n", true, &mut columns).is_ok());
        assert_eq!(columns, [ColumnData::F64(vec![2.0, 4.0]), ColumnData::U64(vec![1, 3])]);
        let mut reader = CsvReader::new(schema(), b',', false).with_projection(&[2]);
        let mut columns = reader.empty_columns();
        assert!(reader.read(b"not a number,x,2\n", true, &mut columns).is_ok());
    }

    #[test]
    fn rows_longer_than_the_window() {
        let mut reader = CsvReader::new(schema(), b',', false);
        let mut columns = reader.empty_columns();
        let long = "x".repeat(3 * WINDOW_BYTES);
        let bytes = format!("1,{long},2\n").repeat(5) + "9,y,9\n";
        assert_eq!(reader.read(bytes.as_bytes(), false, &mut columns), Ok(bytes.len()));
        assert_eq!(columns[0], ColumnData::U64(vec![1, 1, 1, 1, 1, 9]));
        assert_eq!(columns[1].text(4).unwrap().len(), long.len());
    }
}
