//! The keys of groups: rows of key columns become dense numbers, and numbers become columns again.

use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use plan::DataType;
use serde::{Deserialize, Serialize};

use super::table::{Key, Table};
use crate::aggregates::partials::Number;
use crate::columns::select::binary;
use crate::columns::types::{FromNumber, array_from, bools, texts, values, with_primitive};
use crate::kept::packed;

/// The values that the keys of one column have, by number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Store {
    /// Numbers, booleans and characters as 64 bits.
    Bits(#[serde(with = "packed")] Vec<u64>),
    /// Text: bytes, and where each value ends.
    Text(#[serde(with = "packed")] Vec<u8>, #[serde(with = "packed")] Vec<usize>),
}

/// Keys and their numbers.
pub struct Keys {
    types: Vec<DataType>,
    stores: Vec<Store>,
    table: Table,
    seed: u64,
    /// Scratch: the key of a row whose columns do not fit 16 bytes.
    row: Vec<u8>,
    /// Scratch: keys of fixed width.
    packed: Vec<u128>,
}

/// Keys as a snapshot holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeysState {
    types: Vec<DataType>,
    stores: Vec<Store>,
}

fn width(ty: DataType) -> Option<usize> {
    use DataType::{Bool, Char, F32, F64, I8, I16, I32, I64, Text, U8, U16, U32, U64};
    match ty {
        Bool | Char | I8 | U8 => Some(1),
        I16 | U16 => Some(2),
        I32 | U32 | F32 => Some(4),
        I64 | U64 | F64 => Some(8),
        Text => None,
    }
}

/// The value of a row as 64 bits; a float as the bits of a double.
fn bits_of(array: &ArrayRef, ty: DataType, row: usize) -> u64 {
    fn one<T: ArrowPrimitiveType>(array: &ArrayRef, row: usize, float: bool) -> u64
    where
        T::Native: Number,
    {
        let value = values::<T>(array).get(row).copied();
        value.map_or(0, |v| if float { v.float().to_bits() } else { v.bits() })
    }
    let float = matches!(ty, DataType::F32 | DataType::F64);
    with_primitive!(ty, T => one::<T>(array, row, float), _ => {
        bools(array).is_some_and(|b| row < b.len() && b.value(row)).into()
    })
}

/// To which of `parts` (256 at most) the key of each row belongs. Equal keys belong to the same
/// one, on every shard and in every process.
#[must_use]
pub fn owners(columns: &[ArrayRef], types: &[DataType], rows: usize, parts: usize) -> Vec<u8> {
    fn each<T: ArrowPrimitiveType>(array: &ArrayRef, hashes: &mut [u64])
    where
        T::Native: Packed,
    {
        for (hash, value) in hashes.iter_mut().zip(values::<T>(array)) {
            *hash = mix(*hash, value.packed());
        }
    }
    let mut hashes = vec![0; rows];
    for (array, ty) in columns.iter().zip(types) {
        with_primitive!(*ty, T => each::<T>(array, &mut hashes), _ => {
            if let Some(texts) = texts(array) {
                for (hash, row) in hashes.iter_mut().zip(0..texts.len()) {
                    *hash = mix_text(*hash, texts.value(row));
                }
            } else if let Some(flags) = bools(array) {
                for (hash, flag) in hashes.iter_mut().zip(flags.values()) {
                    *hash = mix(*hash, u64::from(flag));
                }
            }
        });
    }
    let parts = parts.clamp(1, 256) as u64;
    // The upper bits are the better ones.
    hashes.iter().map(|hash| (((mix(*hash, 1) >> 32) * parts) >> 32) as u8).collect()
}

/// The places of the rows whose owner is `own`, ascending.
#[must_use]
pub fn owned_by(own: u8, owners: &[u8]) -> Vec<u32> {
    (0..).zip(owners).filter(|(_, owner)| **owner == own).map(|(row, _)| row).collect()
}

fn mix(hash: u64, word: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let product = u128::from(hash ^ word) * u128::from(ODD);
    product as u64 ^ (product >> 64) as u64
}

fn mix_text(hash: u64, text: &[u8]) -> u64 {
    text.chunks(8).fold(mix(hash, text.len() as u64), |hash, chunk| {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        mix(hash, u64::from_le_bytes(word))
    })
}

impl Keys {
    /// No keys yet, of columns of these types.
    #[must_use]
    pub fn new(types: &[DataType], seed: u64) -> Self {
        let store = |ty: &DataType| match ty {
            DataType::Text => Store::Text(Vec::new(), Vec::new()),
            _ => Store::Bits(Vec::new()),
        };
        Keys {
            types: types.to_vec(),
            stores: types.iter().map(store).collect(),
            table: Table::new(seed),
            seed,
            row: Vec::new(),
            packed: Vec::new(),
        }
    }

    /// Number of keys; without key columns there is one group.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.types.is_empty() { 1 } else { self.table.len() }
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let stores = self.stores.iter().map(|s| match s {
            Store::Bits(bits) => 8 * bits.capacity(),
            Store::Text(bytes, ends) => bytes.capacity() + 8 * ends.capacity(),
        });
        self.table.bytes() + stores.sum::<usize>()
    }

    /// Writes the number of each row's key to `ids`.
    ///
    /// # Errors
    /// There are too many keys.
    pub fn number(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        ids: &mut Vec<u32>,
    ) -> Result<(), String> {
        ids.clear();
        ids.reserve(rows);
        let widths: Option<Vec<usize>> = self.types.iter().map(|t| width(*t)).collect();
        match (self.types.as_slice(), widths) {
            ([], _) => Ok(()),
            ([DataType::Text], _) => self.number_text(columns, ids),
            (_, Some(widths)) if widths.iter().sum::<usize>() <= 16 => {
                self.number_fixed(columns, &widths, rows, ids)
            }
            _ => self.number_mixed(columns, rows, ids),
        }
    }

    fn number_text(&mut self, columns: &[ArrayRef], ids: &mut Vec<u32>) -> Result<(), String> {
        let text = columns.first().and_then(texts).ok_or("a key column is not text")?;
        let (offsets, data) = (text.value_offsets(), text.value_data());
        for (row, pair) in offsets.windows(2).enumerate() {
            let &[from, to] = pair else { continue };
            let (start, len) = (from as usize, (to - from) as usize);
            let (id, new) = match Key::inline(data, start, len) {
                Some(key) => self.table.number(key)?,
                None => self.table.number_of_bytes(data.get(start..start + len).unwrap_or(&[]))?,
            };
            if new {
                self.remember(columns, row);
            }
            ids.push(id);
        }
        Ok(())
    }

    fn number_fixed(
        &mut self,
        columns: &[ArrayRef],
        widths: &[usize],
        rows: usize,
        ids: &mut Vec<u32>,
    ) -> Result<(), String> {
        let mut packed = std::mem::take(&mut self.packed);
        packed.clear();
        packed.resize(rows, 0);
        let mut shift = 0;
        for ((array, ty), width) in columns.iter().zip(&self.types).zip(widths) {
            pack(array, *ty, *width, shift, &mut packed);
            shift += 8 * width;
        }
        for (row, key) in packed.iter().enumerate() {
            let key = Key::fixed(*key as u64, (*key >> 64) as u64);
            let (id, new) = self.table.number(key)?;
            if new {
                self.remember(columns, row);
            }
            ids.push(id);
        }
        self.packed = packed;
        Ok(())
    }

    fn number_mixed(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        ids: &mut Vec<u32>,
    ) -> Result<(), String> {
        let mut key = std::mem::take(&mut self.row);
        for row in 0..rows {
            key.clear();
            for (array, ty) in columns.iter().zip(&self.types) {
                match texts(array).filter(|t| row < t.len()) {
                    Some(text) => {
                        let bytes = text.value(row);
                        key.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                        key.extend_from_slice(bytes);
                    }
                    None => key.extend_from_slice(&bits_of(array, *ty, row).to_le_bytes()),
                }
            }
            let (id, new) = self.table.number_of_bytes(&key)?;
            if new {
                self.remember(columns, row);
            }
            ids.push(id);
        }
        self.row = key;
        Ok(())
    }

    #[cold]
    fn remember(&mut self, columns: &[ArrayRef], row: usize) {
        for ((store, array), ty) in self.stores.iter_mut().zip(columns).zip(&self.types) {
            match store {
                Store::Bits(all) => all.push(bits_of(array, *ty, row)),
                Store::Text(bytes, ends) => {
                    if let Some(text) = texts(array).filter(|t| row < t.len()) {
                        bytes.extend_from_slice(text.value(row));
                    }
                    ends.push(bytes.len());
                }
            }
        }
    }

    /// The key columns of these numbers.
    #[must_use]
    pub fn columns(&self, ids: &[u32]) -> Vec<ArrayRef> {
        self.stores.iter().zip(&self.types).map(|(store, ty)| store.column(*ty, ids)).collect()
    }

    /// The types of the key columns.
    #[must_use]
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// No keys, of columns of the same types.
    #[must_use]
    pub fn none(&self) -> Keys {
        Keys::new(&self.types, self.seed)
    }

    /// Which of so many parts a key belongs to; it depends on its values and not on its number.
    #[must_use]
    pub fn part(&self, id: u32, parts: usize) -> usize {
        let id = id as usize;
        let hash = self.stores.iter().fold(self.seed | 1, |hash, store| match store {
            Store::Bits(all) => mix(hash, all.get(id).copied().unwrap_or_default()),
            Store::Text(..) => mix_text(hash, store.text(id)),
        });
        (mix(hash, 1) >> 32) as usize % parts.max(1)
    }

    /// Only these keys, numbered 0, 1, 2, ... in this order.
    ///
    /// # Errors
    /// There are too many keys.
    pub fn only(&self, ids: &[u32]) -> Result<Keys, String> {
        let mut keys = Keys::new(&self.types, self.seed);
        keys.number(&self.columns(ids), ids.len(), &mut Vec::new())?;
        Ok(keys)
    }

    /// What a snapshot needs.
    #[must_use]
    pub fn state(&self) -> KeysState {
        KeysState { types: self.types.clone(), stores: self.stores.clone() }
    }

    /// The keys of a snapshot, with the same numbers.
    ///
    /// # Errors
    /// There are too many keys.
    pub fn restore(state: KeysState, seed: u64) -> Result<Keys, String> {
        let rows = match state.stores.first() {
            Some(Store::Bits(bits)) => bits.len(),
            Some(Store::Text(_, ends)) => ends.len(),
            None => 0,
        };
        let old = Keys { stores: state.stores, ..Keys::new(&state.types, seed) };
        let ids: Vec<u32> = (0..u32::try_from(rows).map_err(|e| e.to_string())?).collect();
        old.only(&ids)
    }
}

impl Store {
    /// The text of a key.
    fn text(&self, id: usize) -> &[u8] {
        let Store::Text(bytes, ends) = self else { return &[] };
        let start = id.checked_sub(1).and_then(|i| ends.get(i)).copied().unwrap_or(0);
        bytes.get(start..ends.get(id).copied().unwrap_or(start)).unwrap_or_default()
    }

    fn column(&self, ty: DataType, ids: &[u32]) -> ArrayRef {
        fn numbers<T: ArrowPrimitiveType>(all: &[u64], ids: &[u32], ty: DataType) -> ArrayRef
        where
            T::Native: FromNumber,
        {
            let float = matches!(ty, DataType::F32 | DataType::F64);
            let one = |id: &u32| {
                let bits = all.get(*id as usize).copied().unwrap_or_default();
                if float {
                    T::Native::from_f64(f64::from_bits(bits))
                } else {
                    T::Native::from_u64(bits)
                }
            };
            array_from::<T>(ids.iter().map(one).collect())
        }
        match self {
            Store::Bits(all) => with_primitive!(ty, T => numbers::<T>(all, ids, ty), _ => {
                let one = |id: &u32| all.get(*id as usize) == Some(&1);
                let flags: Vec<bool> = ids.iter().map(one).collect();
                std::sync::Arc::new(arrow_array::BooleanArray::from(flags))
            }),
            Store::Text(..) => {
                let (mut offsets, mut data) = (vec![0i32], Vec::new());
                for id in ids {
                    data.extend_from_slice(self.text(*id as usize));
                    offsets.push(i32::try_from(data.len()).unwrap_or(i32::MAX));
                }
                binary(offsets, data)
            }
        }
    }
}

fn pack(array: &ArrayRef, ty: DataType, width: usize, shift: usize, packed: &mut [u128]) {
    fn each<T: ArrowPrimitiveType>(array: &ArrayRef, mask: u64, shift: usize, packed: &mut [u128])
    where
        T::Native: Packed,
    {
        for (key, value) in packed.iter_mut().zip(values::<T>(array)) {
            *key |= u128::from(value.packed() & mask) << shift;
        }
    }
    let mask = if width == 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
    with_primitive!(ty, T => each::<T>(array, mask, shift, packed), _ => {
        if let Some(flags) = bools(array) {
            for (key, value) in packed.iter_mut().zip(flags.values().iter()) {
                *key |= u128::from(value) << shift;
            }
        }
    });
}

/// A number as the bits that make keys equal.
trait Packed: Copy {
    fn packed(self) -> u64;
}

macro_rules! packed {
    ($($t:ty),*) => {$(
        #[allow(clippy::cast_lossless)]
        impl Packed for $t { fn packed(self) -> u64 { self as u64 } }
    )*};
}
packed!(i8, i16, i32, i64, u8, u16, u32, u64);
impl Packed for f32 {
    fn packed(self) -> u64 {
        self.to_bits().into()
    }
}
impl Packed for f64 {
    fn packed(self) -> u64 {
        self.to_bits()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::{Float32Type, Int32Type};
    use arrow_array::{BinaryArray, BooleanArray};

    use super::*;

    fn all_kinds() -> (Vec<DataType>, Vec<ArrayRef>) {
        let text: ArrayRef =
            Arc::new(BinaryArray::from_vec(vec![b"a", b"", b"a", b"a key of more than 16 bytes"]));
        let ints = array_from::<Int32Type>(vec![-1, 2, -1, 4]);
        let floats = array_from::<Float32Type>(vec![0.1, 0.2, 0.1, 0.4]);
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true, false]));
        (
            vec![DataType::Text, DataType::I32, DataType::F32, DataType::Bool],
            vec![text, ints, floats, flags],
        )
    }

    #[test]
    fn keys_of_every_kind_come_back() {
        let (types, columns) = all_kinds();
        // Each kind alone, numbers together, and everything together.
        let sets: [&[usize]; 6] = [&[0], &[1], &[2], &[3], &[1, 2, 3], &[0, 1, 2, 3]];
        for set in sets {
            let types: Vec<_> = set.iter().map(|i| types[*i]).collect();
            let columns: Vec<_> = set.iter().map(|i| Arc::clone(&columns[*i])).collect();
            let mut keys = Keys::new(&types, 7);
            let mut ids = Vec::new();
            keys.number(&columns, 4, &mut ids).unwrap();
            assert_eq!(ids[0], ids[2], "{set:?}");
            let back = keys.columns(&ids);
            for (got, want) in back.iter().zip(&columns) {
                assert_eq!(got, want, "{set:?}");
            }
            let restored = Keys::restore(keys.state(), 9).unwrap();
            assert_eq!(restored.state(), keys.state());
        }
    }
}
