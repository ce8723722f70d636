//! The partitions of what a callback is called with: which of the instances of its pipeline gets
//! what.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use formats::k::ipc::{Endian, encode};
use formats::k::{Dict, K, Scalar, Sym};
use plan::env::Payload;
use plan::{BuildError, Json, Split};

use super::callback::Config;

/// Most partitions that a callback may name.
pub const PARTITIONS_MAX: usize = 65_536;

/// How calls are told apart: by the value of a key, or one after the other where there is none.
pub(super) struct Partitions {
    key: Option<Sym>,
    /// The named partitions by the hashes of their names.
    named: HashMap<u64, usize>,
    /// How many were named.
    count: usize,
    /// Number of the next call, where there is no key.
    next: Cell<usize>,
}

impl Partitions {
    /// The partitions of a callback; nothing where it has none.
    ///
    /// # Errors
    /// What is wrong with its configuration.
    pub(super) fn of(config: &Config) -> Result<Option<Self>, BuildError> {
        let key = match &config.key {
            None => None,
            Some(Json::String(key)) => Some(Sym::new(key)),
            Some(_) => return Err(BuildError::new("field 'key': must be the name of a field")),
        };
        let names: &[Json] = match &config.partitions {
            None => &[],
            Some(Json::Array(names)) => names.as_slice(),
            Some(name) => std::slice::from_ref(name),
        };
        if names.len() > PARTITIONS_MAX {
            let text = format!("field 'partitions': may name {PARTITIONS_MAX} at most");
            return Err(BuildError::new(text));
        }
        if key.is_none() && names.is_empty() {
            return Ok(None);
        }
        let hash = |name: &Json| match (name.as_i64(), name.as_str()) {
            (Some(number), _) => hash_number(number),
            (_, Some(text)) => hash_text(text.as_bytes()),
            _ => hash_text(name.to_string().as_bytes()),
        };
        let named = names.iter().map(hash).zip(0..).collect();
        Ok(Some(Partitions { key, named, count: names.len(), next: Cell::default() }))
    }

    /// The instance that a partition belongs to, given its hash.
    fn owner(&self, hash: u64, instances: usize) -> usize {
        match self.named.get(&hash) {
            Some(position) => position % instances,
            None => usize::try_from(hash % instances as u64).unwrap_or_default(),
        }
    }

    /// The instance whose turn it is.
    fn turn(&self, instances: usize) -> usize {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        if self.count > 0 { number % self.count % instances } else { number % instances }
    }

    /// The owners of the rows of a column.
    fn owners(&self, column: &K, instances: usize) -> Vec<usize> {
        let owner = |hash| self.owner(hash, instances);
        match (column.as_syms(), column.as_longs()) {
            (Some(symbols), _) => symbols.iter().map(|s| owner(hash_text(s.as_bytes()))).collect(),
            (_, Some(numbers)) => {
                numbers.iter().map(|number| owner(hash_number(*number))).collect()
            }
            _ => column.items().map(|value| owner(hash(&value))).collect(),
        }
    }

    /// The pieces of a value by the values of the key in it.
    fn by_key(&self, key: Sym, value: K, instances: usize) -> Vec<(usize, K)> {
        match field(&value, key) {
            Some(Field::Rows(column)) => {
                let owners = self.owners(&column, instances);
                cut(value, &owners, instances)
            }
            Some(Field::One(field)) => vec![(self.owner(hash(&field), instances), value)],
            // What has no partition stays together, in order.
            None => vec![(0, value)],
        }
    }
}

impl Split for Partitions {
    fn split(&self, payload: Payload, instances: usize) -> Vec<(usize, Payload)> {
        match (payload, self.key) {
            (payload, _) if instances < 2 => vec![(0, payload)],
            (Payload::Value(value), Some(key)) => {
                let pieces = self.by_key(key, value, instances).into_iter();
                pieces.map(|(owner, piece)| (owner, Payload::Value(piece))).collect()
            }
            (payload, Some(_)) => vec![(0, payload)],
            (payload, None) => vec![(self.turn(instances), payload)],
        }
    }
}

/// The values of a key in what was sent.
enum Field {
    /// One for each row.
    Rows(K),
    /// One for all of it.
    One(K),
}

fn field(value: &K, key: Sym) -> Option<Field> {
    match value {
        K::Table(table) => table.column(key).cloned().map(Field::Rows),
        K::Dict(dict) => match value.keyed() {
            Some((keys, values)) => {
                let column = keys.column(key).or_else(|| values.column(key));
                column.cloned().map(Field::Rows)
            }
            None => {
                let at = dict.keys.as_syms()?.iter().position(|name| *name == key)?;
                let field = dict.values.at(at);
                Some(if is_columns(dict) { Field::Rows(field) } else { Field::One(field) })
            }
        },
        _ => None,
    }
}

/// Whether a dictionary is one of columns: vectors of one length.
fn is_columns(dict: &Dict) -> bool {
    let Some(columns) = dict.values.as_list() else { return false };
    let rows = columns.first().map(K::len);
    let text = |column: &K| column.as_text().is_some();
    // Texts are values of a row, not columns.
    columns
        .iter()
        .all(|column| matches!(column, K::Vec(_)) && !text(column) && Some(column.len()) == rows)
}

/// The rows of each instance, in order.
fn cut(value: K, owners: &[usize], instances: usize) -> Vec<(usize, K)> {
    let Some(first) = owners.first() else { return vec![(0, value)] };
    if owners.iter().all(|owner| owner == first) {
        return vec![(*first, value)];
    }
    let mut rows = vec![Vec::new(); instances];
    for (owner, row) in owners.iter().zip(0_i64..) {
        if let Some(rows) = rows.get_mut(*owner) {
            rows.push(row);
        }
    }
    let rows = rows.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty());
    rows.map(|(owner, rows)| (owner, at_rows(&value, &rows))).collect()
}

fn at_rows(value: &K, rows: &[i64]) -> K {
    match value {
        K::Dict(dict) if value.keyed().is_none() => {
            let columns = dict.values.items().map(|column| column.gather(rows)).collect();
            K::Dict(Arc::new(Dict {
                keys: dict.keys.clone(),
                values: K::list(columns),
                sorted: dict.sorted,
            }))
        }
        other => other.gather(rows),
    }
}

/// The hash of a value of a key: a symbol and a text of the same letters have the same.
fn hash(value: &K) -> u64 {
    // The null of longs is a number in a vector of them.
    let number = match value {
        K::Atom(_, Scalar::I64(number)) => Some(*number),
        other => other.as_long(),
    };
    match (value.as_sym(), value.as_text(), number) {
        (Some(symbol), _, _) => hash_text(symbol.as_bytes()),
        (_, Some(text), _) => hash_text(text),
        (_, _, Some(number)) => hash_number(number),
        _ => {
            let mut bytes = Vec::new();
            // What has no wire form has no partition of its own.
            let _ = encode(value, Endian::Little, &mut bytes);
            hash_text(&bytes)
        }
    }
}

fn hash_text(bytes: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    mixed(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv))
}

fn hash_number(number: i64) -> u64 {
    mixed(number.cast_unsigned() ^ 0x9e37_79b9_7f4a_7c15)
}

/// Every bit of the result depends on every bit of the hash: a few instances are told by its rest.
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests;
