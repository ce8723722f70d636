//! Schemas and how names find their fields (spec/nes-query-language.md §3).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::Type;

/// What stands between qualifier and name.
pub const SEPARATOR: char = '$';

/// A field of a logical source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Name; qualified within queries, without qualifier in the catalog.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Whether it may be without a value, which the SQL dialect alone knows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
}

impl Field {
    /// A field that always has a value.
    #[must_use]
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Field { name: name.into(), ty, nullable: false }
    }
}

/// Fields in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// The fields.
    pub fields: Vec<Field>,
}

impl Schema {
    /// Bytes of a row: its fields in order, without gaps (spec/nes-system.md §9).
    #[must_use]
    pub fn row_bytes(&self) -> u64 {
        self.fields.iter().map(|f| f.ty.row_bytes()).sum()
    }

    /// Rows of a logical buffer of `bytes` bytes.
    #[must_use]
    pub fn rows_of_buffer(&self, bytes: u64) -> u64 {
        (bytes / self.row_bytes().max(1)).max(1)
    }
}

/// The name without its qualifier.
#[must_use]
pub fn bare(name: &str) -> &str {
    name.rsplit_once(SEPARATOR).map_or(name, |(_, bare)| bare)
}

/// The qualifier of a name.
#[must_use]
pub fn qualifier(name: &str) -> &str {
    name.split_once(SEPARATOR).map_or("", |(qualifier, _)| qualifier)
}

impl fmt::Display for Schema {
    /// As the catalog shows it: `id:INTEGER(32 bits) value:INTEGER(64 bits)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, field) in self.fields.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(f, "{gap}{}:{}", field.name, field.ty)?;
        }
        Ok(())
    }
}
