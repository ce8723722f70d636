//! Typed columns: what rows of text become, ready to be taken over by columnar arrays.

use crate::number::NumberError;

/// Most bytes of text that one column holds: offsets are 32-bit and signed.
pub const TEXT_BYTES_MAX: usize = i32::MAX as usize;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// 8-bit signed integer.
    I8,
    /// 16-bit signed integer.
    I16,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// 8-bit unsigned integer.
    U8,
    /// 16-bit unsigned integer.
    U16,
    /// 32-bit unsigned integer.
    U32,
    /// 64-bit unsigned integer.
    U64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// Boolean.
    Bool,
    /// Text, or a single character.
    Text,
}

/// A column of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
}

impl Column {
    /// A column.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Self {
        Column { name: name.into(), kind }
    }
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnData {
    /// 8-bit signed integers.
    I8(Vec<i8>),
    /// 16-bit signed integers.
    I16(Vec<i16>),
    /// 32-bit signed integers.
    I32(Vec<i32>),
    /// 64-bit signed integers.
    I64(Vec<i64>),
    /// 8-bit unsigned integers.
    U8(Vec<u8>),
    /// 16-bit unsigned integers.
    U16(Vec<u16>),
    /// 32-bit unsigned integers.
    U32(Vec<u32>),
    /// 64-bit unsigned integers.
    U64(Vec<u64>),
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// Booleans.
    Bool(Vec<bool>),
    /// Texts: the bytes of text `i` are `offsets[i]..offsets[i + 1]`, so there is one offset more
    /// than there are texts. The bytes may be no UTF-8 when the source was none.
    Text {
        /// Borders in `bytes`, the first of them 0.
        offsets: Vec<i32>,
        /// All texts, one behind the other.
        bytes: Vec<u8>,
    },
}

/// Does the same with the vector of every variant but `Text`.
macro_rules! each_plain {
    ($data:expr, $values:ident => $plain:expr, $offsets:ident, $bytes:ident => $text:expr) => {
        match $data {
            ColumnData::I8($values) => $plain,
            ColumnData::I16($values) => $plain,
            ColumnData::I32($values) => $plain,
            ColumnData::I64($values) => $plain,
            ColumnData::U8($values) => $plain,
            ColumnData::U16($values) => $plain,
            ColumnData::U32($values) => $plain,
            ColumnData::U64($values) => $plain,
            ColumnData::F32($values) => $plain,
            ColumnData::F64($values) => $plain,
            ColumnData::Bool($values) => $plain,
            ColumnData::Text { offsets: $offsets, bytes: $bytes } => $text,
        }
    };
}

impl ColumnData {
    /// A column without rows.
    #[must_use]
    pub fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::I8 => ColumnData::I8(Vec::new()),
            ColumnType::I16 => ColumnData::I16(Vec::new()),
            ColumnType::I32 => ColumnData::I32(Vec::new()),
            ColumnType::I64 => ColumnData::I64(Vec::new()),
            ColumnType::U8 => ColumnData::U8(Vec::new()),
            ColumnType::U16 => ColumnData::U16(Vec::new()),
            ColumnType::U32 => ColumnData::U32(Vec::new()),
            ColumnType::U64 => ColumnData::U64(Vec::new()),
            ColumnType::F32 => ColumnData::F32(Vec::new()),
            ColumnType::F64 => ColumnData::F64(Vec::new()),
            ColumnType::Bool => ColumnData::Bool(Vec::new()),
            ColumnType::Text => ColumnData::Text { offsets: vec![0], bytes: Vec::new() },
        }
    }

    /// The type.
    #[must_use]
    pub fn kind(&self) -> ColumnType {
        match self {
            ColumnData::I8(_) => ColumnType::I8,
            ColumnData::I16(_) => ColumnType::I16,
            ColumnData::I32(_) => ColumnType::I32,
            ColumnData::I64(_) => ColumnType::I64,
            ColumnData::U8(_) => ColumnType::U8,
            ColumnData::U16(_) => ColumnType::U16,
            ColumnData::U32(_) => ColumnType::U32,
            ColumnData::U64(_) => ColumnType::U64,
            ColumnData::F32(_) => ColumnType::F32,
            ColumnData::F64(_) => ColumnType::F64,
            ColumnData::Bool(_) => ColumnType::Bool,
            ColumnData::Text { .. } => ColumnType::Text,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        each_plain!(self, v => v.len(), offsets, _bytes => offsets.len().saturating_sub(1))
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the first `rows` rows.
    pub fn truncate(&mut self, rows: usize) {
        each_plain!(self, v => v.truncate(rows), offsets, bytes => {
            offsets.truncate(rows + 1);
            bytes.truncate(offsets.last().map_or(0, |&end| end as usize));
        });
    }

    /// Adds a row of zero, false or no text.
    pub fn push_default(&mut self) {
        each_plain!(self, v => v.push(Default::default()), offsets, bytes => {
            offsets.push(bytes.len() as i32);
        });
    }

    /// Removes all rows and keeps the memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// The text of a row of a text column.
    #[must_use]
    pub fn text(&self, row: usize) -> Option<&[u8]> {
        let ColumnData::Text { offsets, bytes } = self else { return None };
        let (from, to) = (*offsets.get(row)?, *offsets.get(row + 1)?);
        bytes.get(from as usize..to as usize)
    }
}

/// Columns without rows for a schema.
#[must_use]
pub fn empty_columns(schema: &[Column]) -> Vec<ColumnData> {
    schema.iter().map(|column| ColumnData::new(column.kind)).collect()
}

/// A row that could not be read. The columns hold the rows before it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct RowError {
    /// Number of the line within the source, from 1.
    pub line: u64,
    /// What is wrong.
    pub cause: RowCause,
    /// Where the next row starts in the bytes given: reading may go on from there.
    pub next: usize,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RowCause {
    /// The number of fields is not that of the schema.
    #[error(
        "CSVParser: The input line does not contain the right number of delimited fields: \
         expected {expected}, got {got}"
    )]
    FieldCount {
        /// Columns of the schema.
        expected: usize,
        /// Fields of the row.
        got: usize,
    },
    /// A value is none of its column's type.
    #[error("field {name}: cannot read {text:?} as {kind:?}: {error}")]
    Value {
        /// Name of the column.
        name: String,
        /// Type of the column.
        kind: ColumnType,
        /// The text, cut when it is long.
        text: String,
        /// Why.
        error: NumberError,
    },
    /// The row is no JSON object.
    #[error("{0}")]
    Json(crate::json::JsonError),
    /// The row is JSON, but no object with a value of this name.
    #[error("field {name} is missing")]
    Missing {
        /// Name of the column.
        name: String,
    },
    /// A text column is full.
    #[error("the texts of column {name} exceed {TEXT_BYTES_MAX} bytes")]
    TextFull {
        /// Name of the column.
        name: String,
    },
}

/// Longest piece of a value that an error shows, in bytes.
const SHOWN_BYTES_MAX: usize = 64;

impl RowCause {
    pub(crate) fn value(column: &Column, text: &[u8], error: NumberError) -> Self {
        let shown = text.get(..SHOWN_BYTES_MAX).unwrap_or(text);
        RowCause::Value {
            name: column.name.clone(),
            kind: column.kind,
            text: String::from_utf8_lossy(shown).into_owned(),
            error,
        }
    }
}
