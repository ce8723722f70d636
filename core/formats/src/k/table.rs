//! Dictionaries and tables.

use super::sym::Sym;
use super::value::{K, ShapeError};
use std::sync::Arc;

/// A mapping of keys to values by position. A keyed table is one of two tables.
#[derive(Clone, Debug)]
pub struct Dict {
    /// A list, vector or table of keys.
    pub keys: K,
    /// As many values.
    pub values: K,
    /// Whether the keys are promised to ascend, so that a key that is missing finds the one below
    /// it: a step dictionary, of type 127. A hint that writing removes.
    pub sorted: bool,
}

/// Named columns of one length.
#[derive(Clone, Debug)]
pub struct Table {
    /// The names of the columns.
    pub names: Arc<Vec<Sym>>,
    /// The columns: vectors or general lists of equal length.
    pub columns: Vec<K>,
}

impl Table {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, K::len)
    }

    /// The place of a column.
    #[must_use]
    pub fn position(&self, name: Sym) -> Option<usize> {
        self.names.iter().position(|n| *n == name)
    }

    /// A column by name.
    #[must_use]
    pub fn column(&self, name: Sym) -> Option<&K> {
        self.columns.get(self.position(name)?)
    }

    /// Names and columns in order.
    pub fn iter(&self) -> impl Iterator<Item = (Sym, &K)> {
        self.names.iter().copied().zip(&self.columns)
    }

    /// A table of the same columns at the given rows; rows outside are null.
    #[must_use]
    pub fn gather(&self, index: &[i64]) -> Self {
        let columns = self.columns.iter().map(|c| c.gather(index)).collect();
        Self { names: Arc::clone(&self.names), columns }
    }

    /// The rows at `start..end`.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let columns = self.columns.iter().map(|c| c.slice(start, end)).collect();
        Self { names: Arc::clone(&self.names), columns }
    }

    /// A row as a dictionary; one outside has nulls.
    #[must_use]
    pub fn row(&self, at: usize) -> K {
        let values = K::collapse(self.columns.iter().map(|c| c.at(at)).collect());
        K::dict(K::syms(self.names.to_vec()), values)
    }
}

impl K {
    /// A dictionary without checks: for makers that know that both have one length.
    #[must_use]
    pub fn dict(keys: K, values: K) -> K {
        K::Dict(Arc::new(Dict { keys, values, sorted: false }))
    }

    /// A dictionary, without checks, whose keys are promised to ascend.
    #[must_use]
    pub fn sorted_dict(keys: K, values: K) -> K {
        K::Dict(Arc::new(Dict { keys, values, sorted: true }))
    }

    /// A table of columns that are lists of one length.
    ///
    /// # Errors
    /// A column is no list, or the lengths or the number of names differ.
    pub fn table(names: Vec<Sym>, columns: Vec<K>) -> Result<K, ShapeError> {
        if names.len() != columns.len() {
            return Err(ShapeError::Length);
        }
        let rows = columns.first().map_or(0, K::len);
        for column in &columns {
            if !matches!(column, K::Vec(_)) {
                return Err(ShapeError::Type);
            }
            if column.len() != rows {
                return Err(ShapeError::Length);
            }
        }
        Ok(K::Table(Arc::new(Table { names: Arc::new(names), columns })))
    }

    /// The two tables of a keyed table.
    #[must_use]
    pub fn keyed(&self) -> Option<(&Table, &Table)> {
        let K::Dict(dict) = self else { return None };
        match (&dict.keys, &dict.values) {
            (K::Table(keys), K::Table(values)) => Some((keys, values)),
            _ => None,
        }
    }
}
