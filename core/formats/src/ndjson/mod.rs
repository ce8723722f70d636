//! Lines of JSON objects to typed columns with a known schema.
//!
//! Records of a stream differ in their values and hardly in anything else, so the reader keeps a
//! [`template`] of the record before: the text around its values. A line that fits it is read by
//! comparing that text and parsing what is between. Any other goes through the position index.

mod template;

use crate::columns::{Column, ColumnData, ColumnType, RowCause, RowError, TEXT_BYTES_MAX};
use crate::field::Field;
use crate::json::{PathId, Paths, RawKind, RawValue, Reader};
use crate::number::{NumberError, json_number_f64};
use template::Template;

/// Lines that may fail to fit the template before another is looked for. Each time that no better
/// one is found, the number doubles up to `MISFITS_MAX`.
const MISFITS_MIN: u32 = 4;
/// See [`MISFITS_MIN`].
const MISFITS_MAX: u32 = 4096;

/// Reads lines of JSON objects into typed columns. A column is the member of its name; other
/// members are only checked to be valid. Empty lines are passed over.
pub struct NdjsonReader {
    /// The columns wanted, in the order of the output.
    columns: Vec<Column>,
    paths: Vec<PathId>,
    /// Places of the columns that may be missing or null.
    nullable: Vec<usize>,
    reader: Reader,
    template: Option<Template>,
    /// Lines left that may fail to fit, and how many there were at first.
    misfits_left: u32,
    misfits: u32,
    /// Lines read so far.
    lines: u64,
}

impl NdjsonReader {
    /// A reader of these columns.
    #[must_use]
    pub fn new(schema: Vec<Column>) -> Self {
        let mut paths = Paths::new();
        let ids = schema.iter().map(|column| paths.intern(&[column.name.as_bytes()])).collect();
        NdjsonReader {
            columns: schema,
            paths: ids,
            nullable: Vec::new(),
            reader: Reader::new(paths),
            template: None,
            misfits_left: 0,
            misfits: MISFITS_MIN,
            lines: 0,
        }
    }

    /// The columns at these places may be missing or null. For each of them, the output has a
    /// column of booleans behind all others that says where it was; its own value is zero there.
    #[must_use]
    pub fn with_nullable(mut self, nullable: &[usize]) -> Self {
        self.nullable = nullable.iter().copied().filter(|&at| at < self.columns.len()).collect();
        self
    }

    /// Columns for the output, without rows.
    #[must_use]
    pub fn empty_columns(&self) -> Vec<ColumnData> {
        let mut columns = crate::columns::empty_columns(&self.columns);
        columns.extend(self.nullable.iter().map(|_| ColumnData::new(ColumnType::Bool)));
        columns
    }

    /// Sets the number of lines that were read before, for error texts.
    pub fn set_lines_before(&mut self, lines: u64) {
        self.lines = lines;
    }

    /// Appends the complete lines of `bytes` to `columns`, which are those of
    /// [`NdjsonReader::empty_columns`]; `at_end` makes the last one complete without a line end.
    /// Returns how many bytes were consumed.
    ///
    /// # Errors
    /// With the first line that is no object with the columns' values. The rows before it were
    /// appended, and reading may go on from [`RowError::next`].
    pub fn read(
        &mut self,
        bytes: &[u8],
        at_end: bool,
        columns: &mut [ColumnData],
    ) -> Result<usize, RowError> {
        let mut start = 0;
        let mut rows = columns.first().map_or(0, ColumnData::len);
        while let Some(rest) = bytes.get(start..).filter(|rest| !rest.is_empty()) {
            if let Some(len) = self.fitting_row(rest, columns) {
                start += len;
                rows += 1;
                self.lines += 1;
                continue;
            }
            columns.iter_mut().for_each(|column| column.truncate(rows));
            let (line, len) = match memchr::memchr(b'\n', rest) {
                Some(end) => (rest.get(..end).unwrap_or(&[]), end + 1),
                None if at_end => (rest, rest.len()),
                None => break,
            };
            self.lines += 1;
            start += len;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if let Err(cause) = self.any_row(line, columns) {
                columns.iter_mut().for_each(|column| column.truncate(rows));
                return Err(RowError { line: self.lines, cause, next: start });
            }
            rows += 1;
        }
        Ok(start)
    }

    /// Reads the first line of `rest` if it fits the template, and returns its length with the
    /// line end. Some columns may have got a value when it does not.
    #[inline]
    fn fitting_row(&mut self, rest: &[u8], columns: &mut [ColumnData]) -> Option<usize> {
        let (values, nulls) = columns.split_at_mut_checked(self.columns.len())?;
        let len = self.template.as_ref()?.read(rest, &self.columns, values)?;
        nulls.iter_mut().for_each(ColumnData::push_default);
        Some(len)
    }

    /// Reads a line by the position index.
    fn any_row(&mut self, line: &[u8], columns: &mut [ColumnData]) -> Result<(), RowCause> {
        let doc = self.reader.read(line).map_err(RowCause::Json)?;
        let mut nulls: Vec<usize> = Vec::new();
        let count = self.columns.len();
        let fields = self.columns.iter().zip(&self.paths).zip(columns.iter_mut()).enumerate();
        for (at, ((column, &path), data)) in fields {
            match doc.get(path) {
                None | Some(RawValue { kind: RawKind::Null, .. })
                    if self.nullable.contains(&at) =>
                {
                    data.push_default();
                    nulls.push(at);
                }
                None => return Err(RowCause::Missing { name: column.name.clone() }),
                Some(value) => push_value(column, data, &value)?,
            }
        }
        for (at, data) in self.nullable.iter().zip(columns.iter_mut().skip(count)) {
            if let ColumnData::Bool(flags) = data {
                flags.push(nulls.contains(at));
            }
        }
        if !nulls.is_empty() {
            return Ok(()); // no template for others
        }
        match self.misfits_left.checked_sub(1) {
            Some(left) => self.misfits_left = left,
            None => {
                self.template = Template::of(&doc, &self.columns);
                self.misfits = match self.template {
                    Some(_) => MISFITS_MIN,
                    None => (self.misfits * 2).min(MISFITS_MAX),
                };
                self.misfits_left = self.misfits;
            }
        }
        Ok(())
    }
}

fn push_value(
    column: &Column,
    data: &mut ColumnData,
    value: &RawValue<'_>,
) -> Result<(), RowCause> {
    match value.kind {
        RawKind::String => {
            let text = value.string().unwrap_or_default();
            push_text(column, data, &text)
        }
        RawKind::Number | RawKind::Bool => push_scalar(column, data, value.text),
        _ => Err(RowCause::value(column, value.text, NumberError::Syntax)),
    }
}

/// Appends a string, escapes resolved.
#[inline]
fn push_text(column: &Column, data: &mut ColumnData, text: &[u8]) -> Result<(), RowCause> {
    let ColumnData::Text { offsets, bytes } = data else {
        return Err(RowCause::value(column, text, NumberError::Syntax));
    };
    if bytes.len() + text.len() > TEXT_BYTES_MAX {
        return Err(RowCause::TextFull { name: column.name.clone() });
    }
    bytes.extend_from_slice(text);
    offsets.push(bytes.len() as i32);
    Ok(())
}

/// Appends a number or a boolean.
#[inline]
fn push_scalar(column: &Column, data: &mut ColumnData, text: &[u8]) -> Result<(), RowCause> {
    match data {
        ColumnData::I8(values) => push_int(column, values, text),
        ColumnData::I16(values) => push_int(column, values, text),
        ColumnData::I32(values) => push_int(column, values, text),
        ColumnData::I64(values) => push_int(column, values, text),
        ColumnData::U8(values) => push_int(column, values, text),
        ColumnData::U16(values) => push_int(column, values, text),
        ColumnData::U32(values) => push_int(column, values, text),
        ColumnData::U64(values) => push_int(column, values, text),
        ColumnData::F32(values) => push_field(column, values, text),
        ColumnData::F64(values) => push_field(column, values, text),
        ColumnData::Bool(values) => push_field(column, values, text),
        ColumnData::Text { .. } => Err(RowCause::value(column, text, NumberError::Syntax)),
    }
}

#[inline]
fn push_field<T: Field>(column: &Column, values: &mut Vec<T>, text: &[u8]) -> Result<(), RowCause> {
    let value = T::read(text).map_err(|error| RowCause::value(column, text, error))?;
    values.push(value);
    Ok(())
}

#[inline]
fn push_int<T: Field>(column: &Column, values: &mut Vec<T>, text: &[u8]) -> Result<(), RowCause> {
    match T::read(text) {
        Ok(value) => {
            values.push(value);
            Ok(())
        }
        Err(error) => push_exponent(column, values, text, error),
    }
}

/// An integer written with an exponent, such as `1e3`.
#[cold]
fn push_exponent<T: Field>(
    column: &Column,
    values: &mut Vec<T>,
    text: &[u8],
    error: NumberError,
) -> Result<(), RowCause> {
    let whole =
        json_number_f64(text).filter(|x| x.abs() < 1e19).map(|x| format!("{:.0}", x.trunc()));
    let value = whole.map_or(Err(error), |whole| T::read(whole.as_bytes()));
    values.push(value.map_err(|error| RowCause::value(column, text, error))?);
    Ok(())
}

#[cfg(test)]
mod tests;
