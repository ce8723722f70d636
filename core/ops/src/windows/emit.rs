//! Results of windows as batches.

use std::sync::Arc;

use arrow_array::types::UInt64Type;
use arrow_array::{ArrayRef, ArrowPrimitiveType};
use plan::{Batch, Columns, Data, Field, Schema};

use super::keys::Keys;
use super::store::Fired;
use crate::aggregates::{Class, Layout, Output};
use crate::columns::types::{FromNumber, array_from, with_primitive};

/// Most rows of one batch of results.
pub const ROWS_MAX: usize = 1 << 16;

/// Rows of results that are not yet a batch.
pub struct Emission {
    schema: Arc<Schema>,
    /// Whether the first columns are the start and end of the window.
    borders: bool,
    partition: u32,
    starts: Vec<u64>,
    ends: Vec<u64>,
    ids: Vec<u32>,
    outputs: Vec<Vec<u64>>,
}

impl Emission {
    /// Nothing yet, of this schema: start and end where `borders`, keys, aggregates.
    #[must_use]
    pub fn new(schema: Schema, borders: bool, partition: u32, outputs: usize) -> Self {
        Emission {
            schema: Arc::new(schema),
            borders,
            partition,
            starts: Vec::new(),
            ends: Vec::new(),
            ids: Vec::new(),
            outputs: vec![Vec::new(); outputs],
        }
    }

    /// Adds the groups of a window; full batches go to `out`.
    pub fn window(&mut self, layout: &Layout, keys: &Keys, fired: Fired, out: &mut Vec<Batch>) {
        let Fired { start, end, groups } = fired;
        for at in 0..groups.touched().len() {
            let Some(id) = groups.touched().get(at).copied() else { break };
            self.starts.push(start);
            self.ends.push(end);
            self.ids.push(id);
            groups.finish(layout, id, &mut self.outputs);
            if self.ids.len() >= ROWS_MAX {
                out.push(Batch::new(Data::Columns(self.take(layout, keys))));
            }
        }
    }

    /// The rows so far, as columns.
    #[must_use]
    pub fn take(&mut self, layout: &Layout, keys: &Keys) -> Columns {
        let mut arrays = Vec::with_capacity(self.schema.fields.len());
        if self.borders {
            arrays.push(array_from::<UInt64Type>(std::mem::take(&mut self.starts)));
            arrays.push(array_from::<UInt64Type>(std::mem::take(&mut self.ends)));
        }
        self.starts.clear();
        self.ends.clear();
        arrays.extend(keys.columns(&self.ids));
        for (output, column) in layout.outputs.iter().zip(&mut self.outputs) {
            arrays.push(finished(output, &std::mem::take(column)));
        }
        let rows = self.ids.len();
        self.ids.clear();
        let mut columns = Columns::new(Arc::clone(&self.schema), arrays);
        columns.rows = rows;
        columns.source_rows = rows;
        columns.partition = self.partition;
        columns
    }

    /// Whether there are rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// The numbers of a result as its type.
fn finished(output: &Output, all: &[u64]) -> ArrayRef {
    fn each<T: ArrowPrimitiveType>(class: Class, all: &[u64]) -> ArrayRef
    where
        T::Native: FromNumber,
    {
        let one = |bits: &u64| match class {
            Class::Int => T::Native::from_i64(*bits as i64),
            Class::Uint => T::Native::from_u64(*bits),
            Class::Float => T::Native::from_f64(f64::from_bits(*bits)),
        };
        array_from::<T>(all.iter().map(one).collect())
    }
    let class = output.result_class();
    with_primitive!(output.request.ty, T => each::<T>(class, all), _ => {
        each::<UInt64Type>(class, all)
    })
}

/// Marks the end of a partition on the last of its batches.
pub fn mark_last(batches: &mut [Batch]) {
    if let Some(Data::Columns(columns)) = batches.last_mut().map(|batch| &mut batch.data) {
        columns.last = true;
    }
}

/// The schema of results.
///
/// # Errors
/// A key column that is not in `input`.
pub fn schema_of(
    borders: Option<(&str, &str)>,
    keys: &[(String, String)],
    layout: &Layout,
    input: &Schema,
) -> Result<Schema, String> {
    let mut fields = Vec::new();
    if let Some((start, end)) = borders {
        for name in [start, end] {
            fields.push(Field { name: name.into(), ty: plan::DataType::U64 });
        }
    }
    for (column, name) in keys {
        let index = input.index_of(column);
        let field = index.and_then(|i| input.fields.get(i));
        let field = field.ok_or_else(|| format!("there is no key column {column}"))?;
        fields.push(Field { name: name.as_str().into(), ty: field.ty });
    }
    for output in &layout.outputs {
        let name = output.request.name.as_str().into();
        fields.push(Field { name, ty: output.request.ty });
    }
    Ok(Schema { fields })
}
