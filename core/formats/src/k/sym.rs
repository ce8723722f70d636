//! Symbols: texts interned once for the process, compared and hashed as numbers.
//!
//! The table only grows, as in q itself, so the numbers of data symbols are limited
//! ([`SYMBOLS_MAX`]); names of programs may go beyond. Reading a text takes no lock.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock, PoisonError, RwLock};

/// Symbols that data may create, by wire or by cast, before it gets an error.
pub const SYMBOLS_MAX: usize = 1 << 24;
/// Bytes of symbol text that data may create.
const BYTES_MAX: usize = 1 << 30;
/// Symbols that the texts of programs may create besides: programs make texts of programs, too.
const NAMES_MAX: usize = 1 << 20;
/// Bytes of text that those may create besides.
const NAME_BYTES_MAX: usize = 1 << 26;
/// The first segment holds 2^10 texts, each following one twice as many as the one before.
const FIRST_BITS: u32 = 10;
const SEGMENTS: usize = 22;

/// An interned text. The default is the empty, which is also the null symbol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Sym(u32);

type Segment = Box<[OnceLock<&'static [u8]>]>;

#[derive(Default)]
struct Names {
    ids: HashMap<&'static [u8], u32, ahash::RandomState>,
    bytes: usize,
}

/// Symbols of texts that a thread has looked for, each at a place that its text gives.
const RECENT: usize = 256;

thread_local! {
    /// Looking a text up here takes no lock.
    static KNOWN: [Cell<(&'static [u8], Sym)>; RECENT] =
        const { [const { Cell::new((&[], Sym(0))) }; RECENT] };
}

/// The place of a text among the recent ones.
fn recent(text: &[u8]) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = text.len() as u64;
    for chunk in text.chunks(8) {
        let word = chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(MIX);
    }
    (hash >> 32) as usize % RECENT
}

static TEXTS: [OnceLock<Segment>; SEGMENTS] = [const { OnceLock::new() }; SEGMENTS];
static NAMES: LazyLock<RwLock<Names>> = LazyLock::new(|| {
    let mut names = Names::default();
    add(&mut names, b"");
    RwLock::new(names)
});

/// The segment of an id and the place in it.
fn place(id: u32) -> (usize, usize) {
    let shifted = u64::from(id) + (1 << FIRST_BITS);
    let top = shifted.ilog2();
    ((top - FIRST_BITS) as usize, (shifted - (1 << top)) as usize)
}

fn add(names: &mut Names, text: &[u8]) -> u32 {
    let id = u32::try_from(names.ids.len()).unwrap_or(0);
    let (segment, slot) = place(id);
    let Some(cell) = TEXTS.get(segment) else { return 0 };
    let texts = cell.get_or_init(|| {
        (0..1usize << (FIRST_BITS as usize + segment)).map(|_| OnceLock::new()).collect()
    });
    let text: &'static [u8] = Box::leak(Box::<[u8]>::from(text));
    if let Some(slot) = texts.get(slot) {
        slot.get_or_init(|| text);
    }
    names.ids.insert(text, id);
    names.bytes += text.len();
    id
}

/// Symbols, and bytes of their text, up to which a text may create one.
const OF_DATA: (usize, usize) = (SYMBOLS_MAX, BYTES_MAX);
const OF_NAMES: (usize, usize) = (SYMBOLS_MAX + NAMES_MAX, BYTES_MAX + NAME_BYTES_MAX);
const NO_LIMIT: (usize, usize) = (usize::MAX, usize::MAX);

impl Sym {
    /// The symbol of a text that this program knows of: names, operators, keys. Not for data.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::known(text.as_bytes())
            .unwrap_or_else(|| Self::insert(text.as_bytes(), NO_LIMIT).unwrap_or_default())
    }

    /// The symbol of a text in a user's program; `None` once there are more than data may create,
    /// and then as many again as programs may need.
    #[must_use]
    pub fn named(text: &[u8]) -> Option<Self> {
        Self::known(text).or_else(|| Self::insert(text, OF_NAMES))
    }

    /// The symbol of a text of the data; `None` once [`SYMBOLS_MAX`] or the space is used up.
    #[must_use]
    pub fn intern(text: &[u8]) -> Option<Self> {
        Self::known(text).or_else(|| Self::insert(text, OF_DATA))
    }

    /// Whether data may create no more symbols. Asked before a text is read whose names would go
    /// beyond the limit.
    #[must_use]
    pub fn full() -> bool {
        let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
        names.ids.len() >= SYMBOLS_MAX || names.bytes >= BYTES_MAX
    }

    fn known(text: &[u8]) -> Option<Self> {
        KNOWN.with(|known| {
            let slot = known.get(recent(text))?;
            let (of, sym) = slot.get();
            if of == text {
                return Some(sym);
            }
            let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
            let (of, id) = names.ids.get_key_value(text)?;
            slot.set((*of, Self(*id)));
            Some(Self(*id))
        })
    }

    fn insert(text: &[u8], (count, bytes): (usize, usize)) -> Option<Self> {
        let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = names.ids.get(text) {
            return Some(Self(*id));
        }
        if names.ids.len() >= count || names.bytes.saturating_add(text.len()) > bytes {
            return None;
        }
        Some(Self(add(&mut names, text)))
    }

    /// The bytes of the text.
    #[must_use]
    pub fn as_bytes(self) -> &'static [u8] {
        let (segment, slot) = place(self.0);
        TEXTS
            .get(segment)
            .and_then(OnceLock::get)
            .and_then(|texts| texts.get(slot))
            .and_then(OnceLock::get)
            .copied()
            .unwrap_or_default()
    }

    /// The text; empty when it is not UTF-8, which names never are.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Whether this is the null symbol.
    #[inline]
    #[must_use]
    pub fn is_null(self) -> bool {
        self == Self::default()
    }

    /// The order of the texts, by bytes.
    #[inline]
    #[must_use]
    pub fn order(self, other: Self) -> Ordering {
        if self == other { Ordering::Equal } else { self.as_bytes().cmp(other.as_bytes()) }
    }

    /// The number of the symbol: equal texts have equal numbers within the process.
    #[inline]
    #[must_use]
    pub fn id(self) -> u32 {
        self.0
    }
}

impl From<&str> for Sym {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Sym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for Sym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_symbol() {
        assert_eq!(Sym::new("abc"), Sym::new("abc"));
        assert_ne!(Sym::new("abc"), Sym::new("abd"));
        assert_eq!(Sym::intern(b"abc"), Some(Sym::new("abc")));
        assert_eq!(Sym::new("abc").as_str(), "abc");
        assert_eq!(Sym::default(), Sym::new(""));
        assert!(Sym::intern(&[0xff, 0xfe]).is_some_and(|s| s.as_bytes() == [0xff, 0xfe]));
    }

    #[test]
    fn many_texts_are_looked_up_again_and_again() {
        let texts: Vec<String> =
            (0..2 * RECENT).map(|n| format!("{}{n}", "t".repeat(n % 9))).collect();
        let syms: Vec<Sym> = texts.iter().map(|text| Sym::new(text)).collect();
        for _ in 0..2 {
            for (text, sym) in texts.iter().zip(&syms) {
                assert_eq!(Sym::new(text), *sym);
                assert_eq!(sym.as_str(), text);
            }
        }
        assert_eq!(Sym::new(""), Sym::default());
    }

    #[test]
    fn ids_cross_segments() {
        let made: Vec<Sym> = (0..5000).map(|i| Sym::new(&format!("sym-{i}"))).collect();
        for (i, sym) in made.iter().enumerate() {
            assert_eq!(sym.as_str(), format!("sym-{i}"));
        }
    }

    #[test]
    fn data_meets_the_limit_and_names_do_not() {
        assert_eq!(Sym::insert(b"never seen before", (1, usize::MAX)), None);
        assert_eq!(Sym::insert(b"never seen before", (usize::MAX, 1)), None);
        assert!(Sym::insert(b"never seen before", NO_LIMIT).is_some());
        assert_eq!(Sym::named(b"never seen before"), Some(Sym::new("never seen before")));
    }
}
