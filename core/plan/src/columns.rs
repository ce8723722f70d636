//! Typed columns: the shape of batches where a schema is known.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};

/// The type of a column. Arrow stores it; this names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// `BooleanArray`.
    Bool,
    /// `Int8Array`.
    I8,
    /// `Int16Array`.
    I16,
    /// `Int32Array`.
    I32,
    /// `Int64Array`.
    I64,
    /// `UInt8Array`.
    U8,
    /// `UInt16Array`.
    U16,
    /// `UInt32Array`.
    U32,
    /// `UInt64Array`.
    U64,
    /// `Float32Array`.
    F32,
    /// `Float64Array`.
    F64,
    /// One character; `UInt8Array`.
    Char,
    /// `BinaryArray` with 32-bit offsets: text that is not promised to be UTF-8.
    Text,
}

/// One column's name and type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Name, qualified where the language qualifies (`stream$field`).
    pub name: Arc<str>,
    /// Type.
    #[serde(rename = "type")]
    pub ty: DataType,
}

/// The columns of a batch, in order.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// Fields in order.
    pub fields: Vec<Field>,
}

impl Schema {
    /// Position of the field called exactly `name`.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| &*f.name == name)
    }
}

/// Columns of equal length, without validity bitmaps.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Names and types.
    pub schema: Arc<Schema>,
    /// One array per field, each of `len` items.
    pub arrays: Vec<ArrayRef>,
    /// Number of rows; kept apart because a batch may carry only a watermark.
    pub rows: usize,
    /// Rows with an event time before this (milliseconds) will not come any more from this
    /// partition. `None` while unknown.
    pub watermark_ms: Option<u64>,
    /// Which physical source the rows came from: watermarks advance per partition.
    pub partition: u32,
    /// The partition ends with this batch.
    pub last: bool,
    /// Rows of the source this batch stands for, before filters: logical buffers are counted in
    /// them, so that what a filter drops does not move a watermark.
    pub source_rows: usize,
    /// The position of each row among those; `None` while no row was filtered out.
    pub places: Option<Arc<Vec<u32>>>,
}

impl Columns {
    /// Columns of one partition without a watermark.
    #[must_use]
    pub fn new(schema: Arc<Schema>, arrays: Vec<ArrayRef>) -> Self {
        let rows = arrays.first().map_or(0, |a| a.len());
        debug_assert!(arrays.iter().all(|a| a.len() == rows), "columns of different lengths");
        Columns {
            schema,
            arrays,
            rows,
            watermark_ms: None,
            partition: 0,
            last: false,
            source_rows: rows,
            places: None,
        }
    }

    /// What is left behind the first `source_rows` rows of the source that the batch stands for.
    #[must_use]
    pub fn behind(self, source_rows: usize) -> Columns {
        let gone = source_rows.min(self.source_rows);
        let first = match &self.places {
            None => gone.min(self.rows),
            Some(places) => places.partition_point(|place| (*place as usize) < gone),
        };
        let rows = self.rows - first;
        let moved = |place: &u32| place - gone as u32;
        let places = self.places.as_ref().and_then(|places| places.get(first..));
        let places = places.map(|places| Arc::new(places.iter().map(moved).collect::<Vec<u32>>()));
        let arrays = self.arrays.iter().map(|array| array.slice(first, rows)).collect();
        Columns { arrays, rows, places, source_rows: self.source_rows - gone, ..self }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Bytes held by the arrays' buffers.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.arrays.iter().map(|a| a.get_buffer_memory_size()).sum()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::UInt64Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::UInt64Type;

    use super::*;

    fn columns(values: Vec<u64>) -> Columns {
        let schema = Schema { fields: vec![Field { name: "v".into(), ty: DataType::U64 }] };
        Columns::new(Arc::new(schema), vec![Arc::new(UInt64Array::from(values))])
    }

    fn values(columns: &Columns) -> Vec<u64> {
        columns.arrays[0].as_primitive::<UInt64Type>().values().to_vec()
    }

    #[test]
    fn what_is_behind_some_rows_of_the_source_is_counted_in_those() {
        let whole = columns(vec![5, 6, 7]).behind(1);
        assert_eq!((values(&whole), whole.rows, whole.source_rows), (vec![6, 7], 2, 2));
        assert!(whole.places.is_none());
        let some = Columns {
            places: Some(Arc::new(vec![1, 1, 4, 8])),
            source_rows: 10,
            ..columns(vec![1, 2, 3, 4])
        };
        let left = some.clone().behind(2);
        assert_eq!((values(&left), left.source_rows), (vec![3, 4], 8));
        assert_eq!(left.places.as_deref(), Some(&vec![2, 6]));
        let none = some.behind(10);
        assert_eq!((none.rows, none.source_rows), (0, 0));
    }
}
