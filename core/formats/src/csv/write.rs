//! Columns to CSV.

use crate::columns::ColumnData;
use crate::number::{self, FloatSize};

/// How floats are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FloatText {
    /// With six decimals, as C's `%f`.
    #[default]
    Fixed6,
    /// With the shortest digits that read back as the same value.
    Shortest,
}

/// Writes rows of columns as delimited lines.
#[derive(Clone, Debug)]
pub struct CsvWriter {
    delimiter: u8,
    floats: FloatText,
    bool_digits: bool,
}

impl CsvWriter {
    /// A writer.
    #[must_use]
    pub fn new(delimiter: u8, floats: FloatText) -> Self {
        CsvWriter { delimiter, floats, bool_digits: false }
    }

    /// Writes booleans as `1` and `0` in place of `true` and `false`.
    #[must_use]
    pub fn bool_digits(mut self, digits: bool) -> Self {
        self.bool_digits = digits;
        self
    }

    /// Appends a header line of the texts given.
    pub fn write_header<S: AsRef<str>>(&self, names: &[S], out: &mut Vec<u8>) {
        for name in names {
            out.extend_from_slice(name.as_ref().as_bytes());
            out.push(self.delimiter);
        }
        self.end_line(!names.is_empty(), out);
    }

    /// Appends the rows `from..to`; rows that some column lacks are left out.
    pub fn write_rows(&self, columns: &[ColumnData], from: usize, to: usize, out: &mut Vec<u8>) {
        let rows = columns.iter().map(ColumnData::len).min().unwrap_or(0);
        for row in from..to.min(rows) {
            for column in columns {
                self.write_value(column, row, out);
                out.push(self.delimiter);
            }
            self.end_line(true, out);
        }
    }

    /// Puts the line end in place of the last delimiter.
    fn end_line(&self, has_fields: bool, out: &mut Vec<u8>) {
        match out.last_mut() {
            Some(last) if has_fields => *last = b'\n',
            _ => out.push(b'\n'),
        }
    }

    fn write_value(&self, column: &ColumnData, row: usize, out: &mut Vec<u8>) {
        let int = |n: Option<i64>, out: &mut Vec<u8>| number::write_int(out, n.unwrap_or(0));
        match column {
            ColumnData::I8(v) => int(v.get(row).map(|&n| n.into()), out),
            ColumnData::I16(v) => int(v.get(row).map(|&n| n.into()), out),
            ColumnData::I32(v) => int(v.get(row).map(|&n| n.into()), out),
            ColumnData::I64(v) => int(v.get(row).copied(), out),
            ColumnData::U8(v) => int(v.get(row).map(|&n| n.into()), out),
            ColumnData::U16(v) => int(v.get(row).map(|&n| n.into()), out),
            ColumnData::U32(v) => int(v.get(row).map(|&n| n.into()), out),
            ColumnData::U64(v) => number::write_uint(out, v.get(row).copied().unwrap_or(0)),
            ColumnData::F32(v) => {
                let x = v.get(row).copied().unwrap_or(0.0);
                self.write_float(f64::from(x), FloatSize::F32, out);
            }
            ColumnData::F64(v) => {
                self.write_float(v.get(row).copied().unwrap_or(0.0), FloatSize::F64, out);
            }
            ColumnData::Bool(v) => {
                let is_true = v.get(row).copied().unwrap_or(false);
                out.extend_from_slice(match (self.bool_digits, is_true) {
                    (false, true) => b"true",
                    (false, false) => b"false",
                    (true, true) => b"1",
                    (true, false) => b"0",
                });
            }
            ColumnData::Text { .. } => out.extend_from_slice(column.text(row).unwrap_or(&[])),
        }
    }

    fn write_float(&self, x: f64, size: FloatSize, out: &mut Vec<u8>) {
        match self.floats {
            FloatText::Fixed6 => number::write_fixed6(out, x),
            FloatText::Shortest => number::write_f(out, x, size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::CsvReader;
    use super::*;
    use crate::columns::{Column, ColumnType};
    use proptest::prelude::*;

    #[test]
    fn rows_are_written() {
        let text = ColumnData::Text { offsets: vec![0, 1, 1], bytes: b"a".to_vec() };
        let columns = [
            ColumnData::I8(vec![-1, 2]),
            ColumnData::F64(vec![1.5, 1e9]),
            text,
            ColumnData::Bool(vec![true, false]),
        ];
        let mut out = Vec::new();
        let writer = CsvWriter::new(b',', FloatText::Fixed6);
        writer.write_header(&["n", "x", "t", "b"], &mut out);
        writer.write_rows(&columns, 0, 9, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "n,x,t,b\n-1,1.500000,a,true\n2,1000000000.000000,,false\n");
    }

    proptest! {
        #[test]
        fn read_inverts_write(
            rows in prop::collection::vec((any::<i64>(), any::<f64>(), "[^,\r\n]{0,9}"), 0..40),
            cut in 0usize..500,
        ) {
            let kinds = [ColumnType::I64, ColumnType::F64, ColumnType::Text];
            let mut columns = kinds.map(ColumnData::new);
            for (n, x, t) in &rows {
                let [ColumnData::I64(ns), ColumnData::F64(xs), text] = &mut columns else {
                    continue;
                };
                let ColumnData::Text { offsets, bytes } = text else { continue };
                ns.push(*n);
                xs.push(if x.is_nan() { 0.0 } else { *x });
                bytes.extend_from_slice(t.as_bytes());
                offsets.push(bytes.len() as i32);
            }
            let mut out = Vec::new();
            CsvWriter::new(b',', FloatText::Shortest).write_rows(&columns, 0, rows.len(), &mut out);
            let schema = vec![Column::new("n", ColumnType::I64), Column::new("x", ColumnType::F64),
                Column::new("t", ColumnType::Text)];
            let mut reader = CsvReader::new(schema, b',', false);
            let mut read = reader.empty_columns();
            // In two parts, wherever the cut falls.
            let cut = cut.min(out.len());
            let first = reader.read(&out[..cut], false, &mut read).unwrap();
            let rest = reader.read(&out[first..], true, &mut read).unwrap();
            prop_assert_eq!(first + rest, out.len());
            prop_assert_eq!(&read[..], &columns[..]);
        }
    }
}
