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

/// Texts of fewer bytes are short.
const SHORT: usize = 8;

/// The bytes of a text of at most 15, and zeros.
type Words = [u64; 2];

/// See the head of the file. A slot without a symbol has the empty one, which has no bytes.
#[derive(Default)]
pub(super) struct Recent {
    /// Short ones: the bytes, and in the highest byte how many these are.
    short: Vec<(u64, Sym)>,
    long: Vec<(Words, Sym)>,
}

/// Names of columns, and how they were written; as long as there are no bytes there are none.
#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    endian: Endian,
    names: Arc<Vec<Sym>>,
}

thread_local! {
    static RECENT: RefCell<Recent> = RefCell::default();
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

/// The length of the text with which bytes begin and that a zero ends. `None` for one of more than
/// 15 bytes, and where there are not enough bytes to look at.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let of = |bytes: &[u8]| {
        let word = u64::from_le_bytes(*bytes.first_chunk()?);
        // The lowest bit that is left is the highest of the first byte that is zero.
        let zeros = word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080;
        Some(zeros.trailing_zeros() as usize / 8)
    };
    match of(bytes)? {
        8 => of(bytes.get(8..)?).filter(|len| *len < 8).map(|len| len + 8),
        len => Some(len),
    }
}

/// The bits of so many bytes.
const MASKS: [u128; 16] = {
    let (mut masks, mut count) = ([0; 16], 1);
    while count < masks.len() {
        masks[count] = (1 << (8 * count)) - 1;
        count += 1;
    }
    masks
};

/// The text that is the first `len` bytes, of which there are as many; `None` for more than 15.
fn text(bytes: &[u8], len: usize) -> Option<Words> {
    let mask = MASKS.get(len)?;
    let all = match bytes.first_chunk() {
        Some(all) => u128::from_le_bytes(*all),
        None => bytes.iter().rev().fold(0, |all, byte| all << 8 | u128::from(*byte)),
    };
    let text = all & mask;
    Some([text as u64, (text >> 64) as u64])
}

/// How a short text is remembered, which is the first `len` bytes of a word.
fn short(word: u64, len: usize) -> u64 {
    word & ((1 << (8 * len)) - 1) | (len as u64) << 56
}

fn slot([first, second]: Words) -> usize {
    let mixed = (first ^ second.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - SLOTS.trailing_zeros())) as usize
}

impl Recent {
    /// The symbol whose text is the first `len` bytes, among which is no zero.
    pub(super) fn read(&self, bytes: &[u8], len: usize) -> Option<Sym> {
        let words @ [word, _] = text(bytes, len)?;
        if len < SHORT {
            return self.known(short(word, len));
        }
        let (known, symbol) = self.long.get(slot(words))?;
        (*known == words).then_some(*symbol)
    }

    fn known(&self, short: u64) -> Option<Sym> {
        let (known, symbol) = self.short.get(slot([short, 0]))?;
        (*known == short).then_some(*symbol)
    }

    /// Reads symbols whose texts all have `len` bytes, fewer than 7, with a zero behind each: as
    /// many as are remembered and follow each other. Where the next one begins is known before one
    /// is looked at, which is most of the time that it takes otherwise.
    pub(super) fn read_alike(&self, bytes: &[u8], len: usize, out: &mut [Sym]) -> usize {
        // The zero behind a text is compared with it, which must not be where its length is.
        let known = self.short.first_chunk::<SLOTS>().filter(|_| len + 1 < SHORT);
        let Some(known) = known else { return 0 };
        let (text, length) = (u64::MAX >> (8 * (SHORT - 1 - len)), (len as u64) << 56);
        let (mut rest, mut count) = (bytes, 0);
        for to in out {
            let Some(word) = rest.first_chunk() else { break };
            let short = u64::from_le_bytes(*word) & text | length;
            match known.get(slot([short, 0])) {
                Some((known, symbol)) if *known == short => *to = *symbol,
                _ => break,
            }
            count += 1;
            rest = rest.get(len + 1..).unwrap_or_default();
        }
        count
    }

    /// Reads symbols with a zero behind each, whose places are the bits of `ends`: as many as are
    /// remembered and follow each other, and how many bytes these are.
    pub(super) fn read_ended(
        &self,
        bytes: &[u8],
        mut ends: u64,
        out: &mut [Sym],
    ) -> (usize, usize) {
        let (mut count, mut start) = (0, 0);
        for to in out {
            if ends == 0 {
                break;
            }
            let end = ends.trailing_zeros() as usize;
            let (text, len) = (bytes.get(start..).unwrap_or_default(), end - start);
            let found = match text.first_chunk() {
                Some(word) if len < SHORT => self.known(short(u64::from_le_bytes(*word), len)),
                _ => self.read(text, len),
            };
            let Some(symbol) = found else { break };
            *to = symbol;
            ends &= ends - 1;
            (count, start) = (count + 1, end + 1);
        }
        (count, start)
    }

    /// Remembers the symbol whose text is the first `len` bytes, among which is no zero.
    pub(super) fn keep(&mut self, bytes: &[u8], len: usize, symbol: Sym) {
        let Some(words @ [word, _]) = text(bytes, len) else { return };
        if len < SHORT {
            let short = short(word, len);
            remember(&mut self.short, slot([short, 0]), (short, symbol));
        } else {
            remember(&mut self.long, slot(words), (words, symbol));
        }
    }
}

/// Puts a text into its slot; there are none before the first one.
fn remember<T: Clone + Default>(slots: &mut Vec<(T, Sym)>, at: usize, text: (T, Sym)) {
    if slots.is_empty() {
        slots.resize(SLOTS, Default::default());
    }
    if let Some(slot) = slots.get_mut(at) {
        *slot = text;
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
                if let Some(found) = recent.read(&bytes, text.len()) {
                    prop_assert_eq!(found, symbol);
                }
                recent.keep(&bytes, text.len(), symbol);
                let found = recent.read(&bytes, text.len());
                prop_assert_eq!(found, (text.len() < 16).then_some(symbol));
                let short = bytes.len() >= 8 && text.len() < 8
                    || bytes.len() >= 16 && text.len() < 16;
                prop_assert_eq!(length(&bytes), short.then_some(text.len()));
            }
        }

        #[test]
        fn texts_of_one_length_are_read_until_one_is_not(
            texts in prop::collection::vec(prop::collection::vec(1u8..4, 0..4), 1..40),
            longer in 0usize..6,
            len in 0usize..10,
        ) {
            let mut recent = Recent::default();
            let longer = |text: Vec<u8>| [vec![1; longer], text].concat();
            let texts: Vec<Vec<u8>> = texts.into_iter().map(longer).collect();
            let mut bytes: Vec<u8> =
                texts.iter().flat_map(|text| [text, &[0u8][..]].concat()).collect();
            bytes.extend([0; 8]);
            let want: Vec<Sym> = texts.iter().map(|text| Sym::intern(text).unwrap()).collect();
            for (text, symbol) in texts.iter().zip(&want).skip(1) {
                recent.keep(&[text, &[0u8; 8][..]].concat(), text.len(), *symbol);
            }
            let mut out = vec![Sym::default(); texts.len()];
            let count = recent.read_alike(&bytes, len, &mut out);
            prop_assert_eq!(out.get(..count), want.get(..count));
            let found = |text: &Vec<u8>| recent.read(&[text, &[0; 8][..]].concat(), text.len());
            let alike = texts.iter().take_while(|text| text.len() == len && found(text).is_some());
            prop_assert_eq!(count, if len < 7 { alike.count() } else { 0 });
        }
    }

    #[test]
    fn a_byte_behind_a_text_is_no_length() {
        let mut recent = Recent::default();
        for text in ["abcdefg", "abcdef", "abc", ""] {
            let bytes = [text.as_bytes(), &[0; 16]].concat();
            recent.keep(&bytes, text.len(), Sym::new(text));
        }
        for bytes in
            [b"abcdefg\0abcdef\0\x01bc\0".as_slice(), b"abc\0\0\0\0\x04", &[0, 0, 0, 0, 0, 0, 0, 7]]
        {
            let bytes = [bytes, &[0; 64]].concat();
            let want: Vec<&[u8]> = bytes.split(|byte| *byte == 0).collect();
            for len in 0..10 {
                let mut out = [Sym::default(); 10];
                let count = recent.read_alike(&bytes, len, &mut out);
                let read: Vec<&[u8]> =
                    out.iter().take(count).map(|symbol| symbol.as_bytes()).collect();
                assert_eq!(read, want[..count], "{len}");
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
}
