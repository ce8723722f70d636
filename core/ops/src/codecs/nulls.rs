//! Columns that have no value where others are true.

use arrow_array::{ArrayRef, BooleanArray};
use plan::{Columns, DataType};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::columns::types::bools;

/// A column that has no value where another is true. The other is not written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NullConfig {
    /// The column.
    pub column: String,
    /// The column of booleans.
    pub flag: String,
}

/// A column to write.
pub(crate) struct Shown<'c> {
    pub(crate) name: &'c str,
    pub(crate) array: &'c ArrayRef,
    pub(crate) ty: DataType,
    null: Option<&'c BooleanArray>,
}

impl Shown<'_> {
    /// Whether there is no value in a row.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.null.is_some_and(|flags| row < flags.len() && flags.value(row))
    }

    /// Whether there may be rows without a value.
    pub(crate) fn may_be_null(&self) -> bool {
        self.null.is_some()
    }
}

/// The columns to write: all but those that say where others have no value.
pub(crate) fn shown<'c>(columns: &'c Columns, nulls: &[NullConfig]) -> Vec<Shown<'c>> {
    let flag = |name: &str| {
        let null = nulls.iter().find(|null| null.column == name)?;
        columns.arrays.get(columns.schema.index_of(&null.flag)?).and_then(bools)
    };
    let all = columns.schema.fields.iter().zip(&columns.arrays);
    all.filter(|(field, _)| !nulls.iter().any(|null| *null.flag == *field.name))
        .map(|(f, array)| Shown { name: &f.name, array, ty: f.ty, null: flag(&f.name) })
        .collect()
}
