//! Symbols that a thread has read lately. A column has the same few over and over: short ones are
//! known by their bytes as words, without a look at the table of all symbols. The names of the
//! columns of the last table are known by all of their bytes.

use super::ipc::Endian;
use super::sym::Sym;
use std::cell::RefCell;
use std::sync::Arc;

/// Symbols that are remembered; one that is read later takes the place of another.
const SLOTS: usize = 1 << 12;

/// Bytes of the names of columns that are remembered.
const NAMES_BYTES_MAX: usize = 1 << 10;

/// The bytes of a text of at most 15, and zeros.
type Words = [u64; 2];

/// See the head of the file. A slot without a symbol has the empty one, which has no bytes.
#[derive(Default)]
pub(super) struct Recent(Vec<(Words, Sym)>);

/// Names of columns, and how they were written; as long as there are no bytes there are none.
#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    endian: Endian,
    names: Arc<Vec<Sym>>,
}

thread_local! {
    static RECENT: RefCell<Recent> = const { RefCell::new(Recent(Vec::new())) };
    static NAMES: RefCell<Names> = RefCell::default();
}

/// The names with which bytes begin, if they are those of the last table, and how many bytes these
/// are.
pub(super) fn names(bytes: &[u8], endian: Endian) -> Option<(Arc<Vec<Sym>>, usize)> {
    NAMES.with_borrow(|last| {
        let same = !last.bytes.is_empty() && last.endian == endian;
        (same && bytes.starts_with(&last.bytes))
            .then(|| (Arc::clone(&last.names), last.bytes.len()))
    })
}

/// Remembers names that are written as these bytes.
pub(super) fn keep_names(bytes: &[u8], endian: Endian, names: &Arc<Vec<Sym>>) {
    if bytes.len() <= NAMES_BYTES_MAX {
        NAMES.with_borrow_mut(|last| {
            *last = Names { bytes: bytes.to_vec(), endian, names: Arc::clone(names) };
        });
    }
}

/// Calls a function with what this thread remembers.
pub(super) fn with<T>(f: impl FnOnce(&mut Recent) -> T) -> T {
    RECENT.with_borrow_mut(f)
}

/// Eight bytes as a word, the first one lowest, and how many of them come before a zero.
fn word(bytes: &[u8]) -> Option<(u64, u32)> {
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    // The lowest bit that is left is the highest of the first byte that is zero.
    let zeros = word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080;
    Some((word, zeros.trailing_zeros() / 8))
}

/// The lowest bytes of a word.
fn lowest(word: u64, bytes: u32) -> u64 {
    word & ((1 << (8 * bytes)) - 1)
}

/// The text with which bytes begin, and its length with the zero that ends it. `None` for one of
/// more than 15 bytes, and where there are not enough bytes to look at.
fn text(bytes: &[u8]) -> Option<(Words, usize)> {
    let (first, len) = word(bytes)?;
    if len < 8 {
        return Some(([lowest(first, len), 0], len as usize + 1));
    }
    let (second, len) = word(bytes.get(8..)?)?;
    (len < 8).then(|| ([first, lowest(second, len)], len as usize + 9))
}

fn slot([first, second]: Words) -> usize {
    let mixed = (first ^ second.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - SLOTS.trailing_zeros())) as usize
}

impl Recent {
    /// The symbol with whose text and a zero the bytes begin, and how many bytes these are.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<(Sym, usize)> {
        let (words, len) = text(bytes)?;
        let (known, symbol) = self.0.get(slot(words))?;
        (*known == words).then_some((*symbol, len))
    }

    /// Remembers the symbol with whose text and a zero the bytes begin.
    pub(super) fn keep(&mut self, bytes: &[u8], symbol: Sym) {
        let Some((words, _)) = text(bytes) else { return };
        if self.0.is_empty() {
            self.0.resize(SLOTS, Default::default());
        }
        if let Some(slot) = self.0.get_mut(slot(words)) {
            *slot = (words, symbol);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_remembered_is_what_would_be_looked_up(
            texts in prop::collection::vec(prop::collection::vec(1u8.., 0..20), 0..300),
            rest in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut recent = Recent::default();
            // Twice, so that all have a chance to be found.
            for text in texts.iter().chain(&texts) {
                let bytes = [text, &[0u8][..], &rest].concat();
                let symbol = Sym::intern(text).unwrap();
                if let Some(found) = recent.read(&bytes) {
                    prop_assert_eq!(found, (symbol, text.len() + 1));
                }
                recent.keep(&bytes, symbol);
                let found = recent.read(&bytes);
                let short = bytes.len() >= 8 && text.len() < 8
                    || bytes.len() >= 16 && text.len() < 16;
                prop_assert_eq!(found, short.then_some((symbol, text.len() + 1)));
            }
        }
    }

    #[test]
    fn names_are_known_by_all_of_their_bytes() {
        let (little, big) = (Endian::Little, Endian::Big);
        let one = Arc::new(vec![Sym::new("a")]);
        keep_names(b"abc", little, &one);
        assert_eq!(names(b"abcd", little), Some((Arc::clone(&one), 3)));
        assert_eq!(names(b"abcd", big), None);
        assert_eq!(names(b"ab", little), None);
        keep_names(&[b'a'; NAMES_BYTES_MAX + 1], little, &Arc::default());
        assert_eq!(names(b"abc", little), Some((one, 3)), "what is too long is not remembered");
    }

    #[test]
    fn texts_without_an_end_are_left_to_whoever_tells_the_error() {
        let mut recent = Recent::default();
        recent.keep(b"abcdefg\0", Sym::new("abcdefg"));
        assert_eq!(recent.read(b"abcdefg\0"), Some((Sym::new("abcdefg"), 8)));
        for bytes in [&b"abcdefg"[..], b"abcdefgh", b"abcdefghijklmnop", b""] {
            assert_eq!(recent.read(bytes), None);
        }
    }
}
