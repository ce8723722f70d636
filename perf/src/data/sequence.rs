//! The fixed pseudo-random sequence behind all data.

/// Where the sequence starts: part of the definition of the data.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

/// A 64-bit xorshift generator (shifts 13, 7, 17) from a fixed seed.
pub(crate) struct Sequence(u64);

impl Sequence {
    /// The sequence from its beginning.
    pub(crate) fn new() -> Self {
        Self(SEED)
    }

    /// The next number in `0..limit`; `limit` must not be 0. The low eleven bits, the weakest of
    /// the generator, are not used.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}
