//! Texts of few bytes as words: no call, and no loop whose end the processor must guess.

/// Most bytes that are taken as one word.
pub const SHORT_MAX: usize = 16;

/// A text of at most [`SHORT_MAX`] bytes as two words, the first byte lowest, with zeros behind it;
/// `None` for a longer one. They stay apart: what is written by one word and read by a wider one
/// stalls the processor.
#[inline]
#[must_use]
pub fn words(text: &[u8]) -> Option<[u64; 2]> {
    let count = text.len() as u32;
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        // The last eight bytes without those of the first eight.
        let rest = last.checked_shr(8 * (16_u32.checked_sub(count)?)).unwrap_or(0);
        return Some([first, rest]);
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return Some([u64::from(first) | u64::from(last) << (8 * (count - 4)), 0]);
    }
    let fold = |word, byte: &u8| word << 8 | u64::from(*byte);
    Some([text.iter().rev().fold(0, fold), 0])
}

/// Appends a text.
#[inline]
pub fn push(out: &mut Vec<u8>, text: &[u8]) {
    match words(text) {
        Some([low, high]) => {
            out.reserve(SHORT_MAX);
            out.extend_from_slice(&low.to_le_bytes());
            out.extend_from_slice(&high.to_le_bytes());
            out.truncate(out.len() - (SHORT_MAX - text.len()));
        }
        None => out.extend_from_slice(text),
    }
}

/// Words of ASCII in upper or lower case; `None` for others.
#[inline]
#[must_use]
pub fn to_case(words: [u64; 2], upper: bool) -> Option<[u64; 2]> {
    let every = |byte: u8| u64::from_ne_bytes([byte; 8]);
    if (words[0] | words[1]) & every(0x80) != 0 {
        return None;
    }
    // The top bit of each byte says whether it is from one on.
    let first = if upper { b'a' } else { b'A' };
    Some(words.map(|word| {
        let reaches = |byte: u8| word.wrapping_add(every(0x80 - byte));
        let letters = reaches(first) ^ reaches(first + 26);
        word ^ (letters & every(0x80)) >> 2
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(words: [u64; 2]) -> Vec<u8> {
        words.map(u64::to_le_bytes).concat()
    }

    proptest! {
        #[test]
        fn words_are_texts(text in prop::collection::vec(any::<u8>(), 0..24)) {
            let mut plain = text.clone();
            plain.resize(SHORT_MAX, 0);
            let short = text.len() <= SHORT_MAX;
            prop_assert_eq!(words(&text).map(bytes), short.then_some(plain));
            let mut out = b"<".to_vec();
            push(&mut out, &text);
            prop_assert_eq!(&out[1..], &text[..]);
        }

        #[test]
        fn case_is_that_of_ascii(text: [u8; 16], ascii: bool, upper: bool) {
            let text = text.map(|byte| if ascii { byte & 0x7f } else { byte });
            let other = if upper { text.to_ascii_uppercase() } else { text.to_ascii_lowercase() };
            let expected = text.is_ascii().then_some(other.to_vec());
            prop_assert_eq!(words(&text).and_then(|w| to_case(w, upper)).map(bytes), expected);
        }
    }
}
