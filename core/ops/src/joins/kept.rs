//! The rows of a join as they are kept.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use bytes::Bytes;
use plan::stored::{decode, encode};
use plan::{Columns, Data, DataType, Field, STATE_BYTES_MAX, Schema};
use serde::{Deserialize, Serialize};

use super::side::Part;
use crate::columns::select::concat;
use crate::kept::{Blob, too_large};
use crate::windows::watermark::Watermarks;

/// Version of the state of a join.
pub(super) const VERSION: u8 = 1;
/// Rows of several batches are kept together, up to about so many bytes.
const TOGETHER_BYTES: usize = 8 << 20;

/// Fields of the result, and types of the keys.
pub(super) type Fields = (Vec<Field>, Vec<DataType>);

/// The state of a join.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    pub(super) sides: [SideState; 2],
    pub(super) next: u64,
    pub(super) watermark: u64,
    pub(super) told: u64,
}

/// The state of one input.
#[derive(Serialize, Deserialize)]
pub(super) struct SideState {
    pub(super) watermarks: Watermarks,
    pub(super) fields: Option<Fields>,
    /// The rows of each slice, which are columns as batches are kept.
    pub(super) slices: Vec<(u64, Vec<Blob>)>,
}

/// Writes the rows of a slice; `total` is how many bytes were written so far.
pub(super) fn rows(
    parts: &[Part],
    (fields, keys): &Fields,
    total: &mut usize,
) -> Result<Vec<Blob>, String> {
    let key = |(at, ty): (usize, &DataType)| Field { name: at.to_string().into(), ty: *ty };
    let fields = fields.iter().cloned().chain(keys.iter().enumerate().map(key));
    let schema = Arc::new(Schema { fields: fields.collect() });
    let mut blobs = Vec::new();
    let mut rest = parts;
    while !rest.is_empty() {
        let mut bytes = 0;
        let count = rest.iter().take_while(|part| {
            let before = bytes;
            bytes += bytes_of(part);
            before == 0 || bytes <= TOGETHER_BYTES
        });
        let (together, behind) = rest.split_at(count.count());
        rest = behind;
        let mut out = Vec::new();
        let columns = Columns::new(Arc::clone(&schema), joined(together, schema.fields.len()));
        encode(&Data::Columns(columns), &mut out).map_err(|error| error.to_string())?;
        *total += out.len();
        if *total > STATE_BYTES_MAX {
            return Err(too_large(STATE_BYTES_MAX).0);
        }
        blobs.push(Blob(out));
    }
    Ok(blobs)
}

fn bytes_of((columns, keys): &Part) -> usize {
    let bytes = |array: &ArrayRef| array.to_data().get_slice_memory_size().unwrap_or_default();
    columns.iter().chain(keys).map(bytes).sum()
}

fn joined(parts: &[Part], width: usize) -> Vec<ArrayRef> {
    let column = |at: usize| {
        let pick = |(columns, keys): &Part| {
            let key = at.checked_sub(columns.len());
            key.map_or_else(|| columns.get(at), |key| keys.get(key)).cloned()
        };
        concat(&parts.iter().filter_map(pick).collect::<Vec<_>>())
    };
    (0..width).filter_map(column).collect()
}

/// Reads what [`rows`] has written; tells how many rows it is.
pub(super) fn parts(blobs: Vec<Blob>, (fields, _): &Fields) -> Result<(Vec<Part>, usize), String> {
    let (mut parts, mut rows) = (Vec::new(), 0);
    for Blob(bytes) in blobs {
        let Ok(Data::Columns(Columns { mut arrays, .. })) = decode(&Bytes::from(bytes)) else {
            return Err("the rows of a join cannot be read".to_owned());
        };
        let keys = arrays.split_off(fields.len().min(arrays.len()));
        rows += arrays.first().map_or(0, |array| array.len());
        parts.push((arrays, keys));
    }
    Ok((parts, rows))
}
