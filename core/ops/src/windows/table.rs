//! An open-addressing table from keys to dense numbers. Keys of up to 16 bytes sit in the table
//! itself, so that a look-up of a known key touches one entry and nothing else.

/// Most keys: beyond it numbers would not fit and memory would be gone long before.
pub const KEYS_MAX: usize = if cfg!(test) { 1 << 13 } else { 1 << 28 };
/// Keys of at most this many bytes are compared within the table.
pub const INLINE_MAX: usize = 16;

const EMPTY: u32 = u32::MAX;
const CAPACITY_MIN: usize = 64;

#[derive(Clone, Copy)]
struct Entry {
    low: u64,
    high: u64,
    id: u32,
    len: u32,
}

const VACANT: Entry = Entry { low: 0, high: 0, id: EMPTY, len: 0 };

/// The table. Numbers are given in the order of insertion.
pub struct Table {
    entries: Vec<Entry>,
    len: usize,
    seed: u64,
    /// Bytes of the keys longer than [`INLINE_MAX`], and where those of each number lie.
    long: Vec<u8>,
    places: Vec<(usize, usize)>,
}

/// A key as 16 bytes, or the hash and first bytes of a longer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    low: u64,
    high: u64,
    len: u32,
}

impl Key {
    /// A key of fixed width.
    #[inline]
    #[must_use]
    pub fn fixed(low: u64, high: u64) -> Key {
        Key { low, high, len: INLINE_MAX as u32 }
    }

    /// A key of `len` bytes that starts at `start` in `data`; `None` when it is too long to be
    /// held inline or not within the data.
    #[inline]
    #[must_use]
    pub fn inline(data: &[u8], start: usize, len: usize) -> Option<Key> {
        if len > INLINE_MAX {
            return None;
        }
        let rest = data.get(start..)?;
        // Reading 16 bytes and masking is one load where the data goes on; at its end the bytes
        // are copied.
        let word = match rest.first_chunk::<16>() {
            Some(chunk) => {
                let all = u128::from_le_bytes(*chunk);
                if len == 16 { all } else { all & ((1 << (8 * len)) - 1) }
            }
            None => {
                let mut chunk = [0u8; 16];
                let bytes = rest.get(..len)?;
                chunk.get_mut(..len)?.copy_from_slice(bytes);
                u128::from_le_bytes(chunk)
            }
        };
        Some(Key { low: word as u64, high: (word >> 64) as u64, len: len as u32 })
    }
}

impl Table {
    /// An empty table. The seed keeps senders of keys from choosing ones that collide.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Table {
            entries: vec![VACANT; CAPACITY_MIN],
            len: 0,
            seed: seed | 1,
            long: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.long.capacity()
            + self.places.capacity() * size_of::<(usize, usize)>()
    }

    #[inline]
    fn hash(&self, low: u64, high: u64) -> usize {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(low ^ self.seed) * u128::from(high.rotate_left(32) ^ ODD);
        ((product as u64) ^ ((product >> 64) as u64)).wrapping_mul(ODD).rotate_left(26) as usize
    }

    /// The number of a key, and whether it is new.
    ///
    /// # Errors
    /// There are [`KEYS_MAX`] keys already.
    #[inline]
    pub fn number(&mut self, key: Key) -> Result<(u32, bool), String> {
        let mask = self.entries.len() - 1;
        let mut at = self.hash(key.low, key.high) & mask;
        loop {
            let entry = &self.entries[at];
            if entry.low == key.low && entry.high == key.high && entry.len == key.len {
                if entry.id != EMPTY {
                    return Ok((entry.id, false));
                }
                break;
            }
            if entry.id == EMPTY {
                break;
            }
            at = (at + 1) & mask;
        }
        self.insert(at, key).map(|id| (id, true))
    }

    /// The number of a key of any length, and whether it is new.
    ///
    /// # Errors
    /// There are [`KEYS_MAX`] keys already.
    pub fn number_of_bytes(&mut self, bytes: &[u8]) -> Result<(u32, bool), String> {
        if let Some(key) = Key::inline(bytes, 0, bytes.len()) {
            return self.number(key);
        }
        let key = self.long_key(bytes);
        let mask = self.entries.len() - 1;
        let mut at = self.hash(key.low, key.high) & mask;
        while let Some(entry) = self.entries.get(at) {
            if entry.id == EMPTY {
                break;
            }
            let same = entry.low == key.low && entry.high == key.high && entry.len == key.len;
            if same && self.long_of(entry.id) == bytes {
                return Ok((entry.id, false));
            }
            at = (at + 1) & mask;
        }
        let id = self.insert(at, key)?;
        self.places.resize(id as usize, (0, 0));
        self.places.push((self.long.len(), bytes.len()));
        self.long.extend_from_slice(bytes);
        Ok((id, true))
    }

    fn long_of(&self, id: u32) -> &[u8] {
        let place = self.places.get(id as usize);
        place.and_then(|(start, len)| self.long.get(*start..start + len)).unwrap_or_default()
    }

    fn long_key(&self, bytes: &[u8]) -> Key {
        let (mut low, mut high) = (self.seed, bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0u8; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            let product =
                u128::from(low ^ u64::from_le_bytes(word)) * u128::from(high | 0x9e37_79b1);
            (low, high) = (product as u64 ^ high, (product >> 64) as u64 ^ low);
        }
        Key { low, high, len: u32::try_from(bytes.len()).unwrap_or(u32::MAX) }
    }

    #[cold]
    fn insert(&mut self, at: usize, key: Key) -> Result<u32, String> {
        if self.len >= KEYS_MAX {
            return Err(format!("more than {KEYS_MAX} different keys"));
        }
        let id = self.len as u32;
        if let Some(entry) = self.entries.get_mut(at) {
            *entry = Entry { low: key.low, high: key.high, id, len: key.len };
        }
        self.len += 1;
        if self.len * 2 > self.entries.len() {
            self.grow();
        }
        Ok(id)
    }

    fn grow(&mut self) {
        let doubled = vec![VACANT; self.entries.len() * 2];
        let old = std::mem::replace(&mut self.entries, doubled);
        let mask = self.entries.len() - 1;
        for entry in old.into_iter().filter(|e| e.id != EMPTY) {
            let mut at = self.hash(entry.low, entry.high) & mask;
            while self.entries.get(at).is_some_and(|e| e.id != EMPTY) {
                at = (at + 1) & mask;
            }
            if let Some(place) = self.entries.get_mut(at) {
                *place = entry;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_those_of_a_map(
            keys in prop::collection::vec(prop::collection::vec(0u8..3, 0..40), 0..300),
            seed: u64,
        ) {
            let mut table = Table::new(seed);
            let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
            for key in keys {
                let next = known.len() as u32;
                let expected = *known.entry(key.clone()).or_insert(next);
                let (id, new) = table.number_of_bytes(&key).unwrap();
                prop_assert_eq!((id, new), (expected, expected == next));
            }
            prop_assert_eq!(table.len(), known.len());
        }

        #[test]
        fn a_key_is_read_the_same_anywhere(bytes in prop::collection::vec(any::<u8>(), 0..17)) {
            let mut long = bytes.clone();
            long.extend_from_slice(&[0xff; 32]);
            let len = bytes.len();
            prop_assert_eq!(Key::inline(&bytes, 0, len), Key::inline(&long, 0, len));
        }
    }

    #[test]
    fn the_number_of_keys_is_limited() {
        let mut table = Table::new(1);
        for key in 0..KEYS_MAX as u64 {
            assert_eq!(table.number(Key::fixed(key, 0)), Ok((key as u32, true)));
        }
        let refused = table.number(Key::fixed(u64::MAX, 0)).unwrap_err();
        assert_eq!(refused, format!("more than {KEYS_MAX} different keys"));
        assert_eq!(table.number(Key::fixed(7, 0)), Ok((7, false)));
    }
}
