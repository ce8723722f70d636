//! The compression of kdb+ messages (spec/kdb-ipc.md §4), receiving side.

use super::HEADER_BYTES;
use formats::k::ipc::Endian;

/// Why a packed body cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressError {
    /// The bytes end before the announced length is reached.
    Truncated,
    /// The announced length is below the header's or above the limit.
    BadLength(i64),
    /// A copy from a place that was never written.
    BadReference,
    /// A copy reaches beyond the announced length.
    Overrun,
}

impl std::fmt::Display for CompressError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end early"),
            Self::BadLength(n) => write!(f, "a length of {n}"),
            Self::BadReference => f.write_str("a reference to nothing"),
            Self::Overrun => f.write_str("more bytes than announced"),
        }
    }
}

impl std::error::Error for CompressError {}

/// Unpacks a body, the bytes after the header of a packed message, to at most `limit` bytes.
///
/// # Errors
/// The bytes are damaged, or unpack to more than the limit.
pub fn decompress(packed: &[u8], endian: Endian, limit: usize) -> Result<Vec<u8>, CompressError> {
    let (length, mut rest) = packed.split_first_chunk::<4>().ok_or(CompressError::Truncated)?;
    let length = match endian {
        Endian::Little => i32::from_le_bytes(*length),
        Endian::Big => i32::from_be_bytes(*length),
    };
    let bad = CompressError::BadLength(i64::from(length));
    // The announced length counts the header.
    let length = usize::try_from(length).map_err(|_| bad)?;
    if length > limit {
        return Err(bad);
    }
    let length = length.checked_sub(HEADER_BYTES).ok_or(bad)?;
    // A packed byte stands for at most a few hundred: no more memory than the input earns.
    let mut out = Unpacked {
        bytes: Vec::with_capacity(length.min(packed.len().saturating_mul(8))),
        places: [None; 256],
        hashed: 0,
    };
    let mut flags = 0u8;
    let mut bit = 0u8;
    while out.bytes.len() < length {
        if bit == 0 {
            flags = next(&mut rest)?;
            bit = 1;
        }
        let item = next(&mut rest)?;
        if flags & bit == 0 {
            out.bytes.push(item);
            out.hash_to(out.bytes.len());
        } else {
            let more = usize::from(next(&mut rest)?);
            out.copy(item, more)?;
        }
        if out.bytes.len() > length {
            return Err(CompressError::Overrun);
        }
        // After eight items this is zero.
        bit <<= 1;
    }
    Ok(out.bytes)
}

fn next(rest: &mut &[u8]) -> Result<u8, CompressError> {
    let (first, tail) = rest.split_first().ok_or(CompressError::Truncated)?;
    *rest = tail;
    Ok(*first)
}

struct Unpacked {
    bytes: Vec<u8>,
    /// Where the last pair of bytes with this hash begins.
    places: [Option<usize>; 256],
    /// Pairs that begin before this place are in the table.
    hashed: usize,
}

impl Unpacked {
    /// Enters the pairs that end before `end`.
    fn hash_to(&mut self, end: usize) {
        while self.hashed + 1 < end {
            if let Some([a, b]) = self.bytes.get(self.hashed..self.hashed + 2) {
                self.places[usize::from(a ^ b)] = Some(self.hashed);
            }
            self.hashed += 1;
        }
    }

    /// Appends the two bytes at the place of `hash` and `more` that follow them, which may be
    /// bytes that this very copy appends.
    fn copy(&mut self, hash: u8, more: usize) -> Result<(), CompressError> {
        let from = self.places[usize::from(hash)].ok_or(CompressError::BadReference)?;
        let start = self.bytes.len();
        for at in from..from + 2 + more {
            let byte = *self.bytes.get(at).ok_or(CompressError::BadReference)?;
            self.bytes.push(byte);
            if self.bytes.len() == start + 2 {
                // Of a copied run only what its first two bytes complete is entered.
                self.hash_to(start + 2);
            }
        }
        self.hashed = self.bytes.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packer in the manner of §4, to have something to unpack.
    fn compress(body: &[u8]) -> Vec<u8> {
        let mut out = i32::try_from(body.len() + HEADER_BYTES).unwrap().to_le_bytes().to_vec();
        let (mut at, mut flag_at, mut bit) = (0, 0, 0u32);
        let mut table = Unpacked { bytes: vec![], places: [None; 256], hashed: 0 };
        while at < body.len() {
            if bit.is_multiple_of(8) {
                flag_at = out.len();
                out.push(0);
            }
            let pair = body.get(at..at + 2).map(|p| p[0] ^ p[1]);
            let from = pair.and_then(|h| table.places[usize::from(h)]);
            let same = from.map_or(0, |f| {
                (0..257).take_while(|n| at + n < body.len() && body[f + n] == body[at + n]).count()
            });
            if same >= 2 {
                out[flag_at] |= 1 << (bit % 8);
                out.extend([pair.unwrap(), u8::try_from(same - 2).unwrap()]);
                table.copy(pair.unwrap(), same - 2).unwrap();
                at += same;
            } else {
                out.push(body[at]);
                table.bytes.push(body[at]);
                at += 1;
                table.hash_to(at);
            }
            bit += 1;
        }
        out
    }

    #[test]
    fn a_run_is_restored() {
        let body: Vec<u8> = b"abcabcabcabcaaaaaaaaaaaaaaaaaaabcabc".repeat(20);
        let packed = compress(&body);
        assert!(packed.len() < body.len() / 4);
        assert_eq!(decompress(&packed, Endian::Little, 1 << 20), Ok(body));
    }

    #[test]
    fn bombs_and_lies_are_refused() {
        let lie = i32::MAX.to_le_bytes();
        let bad = CompressError::BadLength(i64::from(i32::MAX));
        assert_eq!(decompress(&lie, Endian::Little, 1 << 20), Err(bad));
        let short = 100i32.to_le_bytes();
        assert_eq!(decompress(&short, Endian::Little, 1 << 20), Err(CompressError::Truncated));
        let mut nothing = 100i32.to_le_bytes().to_vec();
        nothing.extend([1, 7, 3]);
        assert_eq!(decompress(&nothing, Endian::Little, 1 << 20), Err(CompressError::BadReference));
        // Two bytes as they are, and a copy of two others.
        let mut unseen = 13i32.to_le_bytes().to_vec();
        unseen.extend([4, b'a', b'b', 99, 1]);
        assert_eq!(decompress(&unseen, Endian::Little, 1 << 20), Err(CompressError::BadReference));
        // Two bytes as they are, and a copy of 257 where there is room for one more.
        let mut more = 11i32.to_le_bytes().to_vec();
        more.extend([4, b'a', b'a', 0, 255]);
        assert_eq!(decompress(&more, Endian::Little, 1 << 20), Err(CompressError::Overrun));
    }

    proptest! {
        #[test]
        fn unpacking_undoes_packing(body in prop::collection::vec(0u8..4, 0..600)) {
            prop_assert_eq!(decompress(&compress(&body), Endian::Little, 1 << 20), Ok(body));
        }

        #[test]
        fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decompress(&bytes, Endian::Little, 1 << 12);
            let _ = decompress(&bytes, Endian::Big, 1 << 12);
        }
    }
}
