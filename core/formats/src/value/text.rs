//! Texts of documents.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Bytes of a text that is kept in place: names, words and numbers nearly always are. The rest of a
/// [`Text`] are its length and what tells the two forms apart.
const SHORT_MAX: usize = 22;

/// Text that is not promised to be UTF-8, as Go's strings are not. A short one is copied with its
/// value, a long one is shared.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    /// The bytes, with zeros behind them.
    Short { len: u8, bytes: [u8; SHORT_MAX] },
    /// More than [`SHORT_MAX`] bytes.
    Long(Arc<[u8]>),
}

impl Text {
    /// The bytes of the text.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Repr::Long(bytes) => bytes,
        }
    }

    /// Whether others hold the same bytes.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match &self.0 {
            Repr::Short { .. } => false,
            Repr::Long(bytes) => Arc::strong_count(bytes) > 1,
        }
    }

    /// The text with invalid UTF-8 replaced by U+FFFD.
    #[must_use]
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// The first eight bytes as a number that is ordered as they are, zeros behind a shorter text.
    #[inline]
    fn head(&self) -> u64 {
        let head = match &self.0 {
            Repr::Short { bytes, .. } => bytes.first_chunk(),
            Repr::Long(bytes) => bytes.first_chunk(),
        };
        head.map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

/// Copies up to 22 bytes in pieces of fixed size, which are faster than a call that copies any
/// number.
#[inline]
fn short(from: &[u8]) -> [u8; SHORT_MAX] {
    let mut to = [0; SHORT_MAX];
    let len = from.len();
    match (from.first_chunk::<8>(), from.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            put(&mut to, 0, first);
            if let Some(middle) = from.get(8..).and_then(|rest| rest.first_chunk::<8>()) {
                put(&mut to, 8, middle);
            }
            put(&mut to, len - 8, last);
        }
        _ => match (from.first_chunk::<4>(), from.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                put(&mut to, 0, first);
                put(&mut to, len - 4, last);
            }
            _ => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
        },
    }
    to
}

#[inline]
fn put<const N: usize>(to: &mut [u8; SHORT_MAX], at: usize, from: &[u8; N]) {
    if let Some(room) = to.get_mut(at..at + N) {
        room.copy_from_slice(from);
    }
}

impl Default for Text {
    fn default() -> Self {
        Text(Repr::Short { len: 0, bytes: [0; SHORT_MAX] })
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Text) -> bool {
        match (&self.0, &other.0) {
            (Repr::Short { len: a, bytes: left }, Repr::Short { len: b, bytes: right }) => {
                a == b && left == right
            }
            (Repr::Long(left), Repr::Long(right)) => left == right,
            _ => false, // their lengths differ
        }
    }
}

impl Eq for Text {}

impl Ord for Text {
    #[inline]
    fn cmp(&self, other: &Text) -> Ordering {
        match self.head().cmp(&other.head()) {
            Ordering::Equal => self.as_bytes().cmp(other.as_bytes()),
            order => order,
        }
    }
}

impl PartialOrd for Text {
    #[inline]
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.to_str_lossy())
    }
}

impl From<&[u8]> for Text {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        match bytes.len() {
            len @ ..=SHORT_MAX => Text(Repr::Short { len: len as u8, bytes: short(bytes) }),
            _ => Text(Repr::Long(Arc::from(bytes))),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text::from(text.as_bytes())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text::from(text.as_bytes())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Text::from(bytes.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_length_keeps_its_bytes() {
        for len in 0..100_u8 {
            let bytes: Vec<u8> = (1..=len).collect();
            assert_eq!(Text::from(bytes.as_slice()).as_bytes(), bytes);
        }
    }

    proptest! {
        #[test]
        fn texts_compare_as_their_bytes(
            a in prop::collection::vec(0..3_u8, 0..30),
            b in prop::collection::vec(0..3_u8, 0..30),
        ) {
            let (left, right) = (Text::from(a.as_slice()), Text::from(b.as_slice()));
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            prop_assert_eq!(left == right, a == b);
            prop_assert!(left == Text::from(a));
        }
    }
}
