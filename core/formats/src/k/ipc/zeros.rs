//! Where the texts of symbols end: the zeros of many bytes are found before any text is looked at,
//! so that none waits for the length of the one before it.

/// Bytes that are looked at at a time.
pub(super) const BLOCK: usize = 512;
/// Bytes whose zeros are the bits of one word.
const GROUP: usize = 64;

/// The places of zeros in the first bytes of a message.
pub(super) struct Zeros([u16; BLOCK]);

/// The bytes of a word that are zero, as the lowest bits of a word.
fn zeros(word: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // No byte carries into the next one, so that this is exact.
    let high = !(((word & LOW) + LOW) | word | LOW);
    // Each of the eight bits moves to a place of its own in the highest byte.
    (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

impl Zeros {
    pub(super) fn new() -> Self {
        Self([0; BLOCK])
    }

    /// The zeros of the first [`BLOCK`] bytes, or of all if there are fewer.
    pub(super) fn of(&mut self, bytes: &[u8]) -> &[u16] {
        let bytes = bytes.get(..BLOCK).unwrap_or(bytes);
        let (groups, rest) = bytes.as_chunks::<GROUP>();
        let (mut base, mut count) = (0, 0);
        let mut add = |mut bits: u64| {
            while bits != 0 {
                if let Some(slot) = self.0.get_mut(count) {
                    *slot = base + bits.trailing_zeros() as u16;
                }
                count += 1;
                bits &= bits - 1;
            }
            base += GROUP as u16;
        };
        for group in groups {
            let (words, _) = group.as_chunks::<8>();
            add(words.iter().rev().fold(0, |all, w| all << 8 | zeros(u64::from_le_bytes(*w))));
        }
        add(rest.iter().rev().fold(0, |all, byte| all << 1 | u64::from(*byte == 0)));
        self.0.get(..count).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn zeros_are_where_they_are(
            bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0x80), any::<u8>()],
                0..2 * BLOCK),
        ) {
            let want = bytes.iter().take(BLOCK).zip(0..).filter(|(byte, _)| **byte == 0);
            let want: Vec<u16> = want.map(|(_, place)| place).collect();
            let mut zeros = Zeros::new();
            prop_assert_eq!(zeros.of(&bytes), want);
        }
    }
}
