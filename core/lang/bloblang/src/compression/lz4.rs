//! LZ4 frames. Blocks are compressed with the search of the original's library, so that sizes are
//! the same: three positions at a time, by a hash of six bytes, with longer strides the longer
//! nothing was found.

use xxhash_rust::xxh32::xxh32;

const MAGIC: u32 = 0x184d_2204;
/// Version 1, independent blocks, a checksum of the content; blocks of up to 4 MiB.
const DESCRIPTOR: [u8; 2] = [0x64, 0x70];
const BLOCK_BYTES_MAX: usize = 4 << 20;
/// Marks the length of a block that is stored as it is.
const STORED: u32 = 1 << 31;

const MATCH_MIN: usize = 4;
/// Bytes at the end of a block in which no match begins.
const TAIL: usize = 14;
const WINDOW: usize = 1 << 16;
const HASH_FACTOR: u64 = 227_718_039_650_203;
/// After so many bits' worth of bytes without a match the stride grows by one.
const STRIDE_BITS: usize = 7;

/// The bytes as one frame.
pub(super) fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_le_bytes().to_vec();
    out.extend(DESCRIPTOR);
    out.push(xxh32(&DESCRIPTOR, 0).to_be_bytes()[2]);
    for chunk in bytes.chunks(BLOCK_BYTES_MAX) {
        let packed = block(chunk);
        let (mark, data) = match &packed {
            Some(packed) => (0, packed.as_slice()),
            None => (STORED, chunk),
        };
        let length = u32::try_from(data.len()).unwrap_or(0);
        out.extend((length | mark).to_le_bytes());
        out.extend_from_slice(data);
    }
    out.extend([0; 4]);
    out.extend(xxh32(bytes, 0).to_le_bytes());
    out
}

/// Where a hash was seen last: the low bits of the position and one, or 0.
struct Seen(Vec<u32>);

impl Seen {
    fn hash(six: u64) -> usize {
        ((six << 16).wrapping_mul(HASH_FACTOR) >> 48) as usize
    }

    fn put(&mut self, hash: usize, at: usize) {
        if let Some(place) = self.0.get_mut(hash) {
            *place = (at % WINDOW) as u32 + 1;
        }
    }

    /// The last position before `at` that fits what is known; a hash that was not seen stands for
    /// the start of the window's block.
    fn get(&self, hash: usize, at: usize) -> Option<usize> {
        let low = self.0.get(hash).map_or(0, |place| place.saturating_sub(1) as usize);
        let position = at / WINDOW * WINDOW + low;
        if position < at { Some(position) } else { position.checked_sub(WINDOW) }
    }
}

/// Eight bytes from a place on.
fn eight(bytes: &[u8], at: usize) -> u64 {
    let chunk = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    chunk.map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

/// Whether the four bytes at an earlier place are these.
fn repeats(bytes: &[u8], at: usize, before: Option<usize>, four: u64) -> Option<(usize, usize)> {
    let before = before.filter(|before| at - before < WINDOW)?;
    let there = bytes.get(before..).and_then(|rest| rest.first_chunk::<4>())?;
    (u32::from_le_bytes(*there) == four as u32).then_some((at, at - before))
}

/// The place of a match at one of three positions, and how far back its bytes stand.
fn find(bytes: &[u8], at: usize, seen: &mut Seen) -> Option<(usize, usize)> {
    let window = eight(bytes, at);
    let hashes = [0, 8, 16].map(|shift| Seen::hash(window >> shift));
    let first = seen.get(hashes[0], at);
    let second = seen.get(hashes[1], at + 1);
    seen.put(hashes[0], at);
    seen.put(hashes[1], at + 1);
    if let Some(found) = repeats(bytes, at, first, window) {
        return Some(found);
    }
    let third = seen.get(hashes[2], at + 2);
    if let Some(found) = repeats(bytes, at + 1, second, window >> 8) {
        return Some(found);
    }
    seen.put(hashes[2], at + 2);
    repeats(bytes, at + 2, third, window >> 16)
}

/// A compressed block; `None` when it would be no shorter.
fn block(bytes: &[u8]) -> Option<Vec<u8>> {
    let last = bytes.len().checked_sub(TAIL)?;
    let mut out = Vec::new();
    let mut seen = Seen(vec![0; WINDOW]);
    let (mut at, mut anchor) = (0, 0);
    while at < last {
        let Some((mut start, back)) = find(bytes, at, &mut seen) else {
            at += 4 + ((at + 2 - anchor) >> STRIDE_BITS);
            continue;
        };
        let mut end = start + MATCH_MIN;
        while start > anchor && start > back && bytes[start - 1] == bytes[start - 1 - back] {
            start -= 1;
        }
        while end + 8 <= last {
            let differ = eight(bytes, end) ^ eight(bytes, end - back);
            end += differ.trailing_zeros() as usize / 8;
            if differ != 0 {
                break;
            }
        }
        push(&mut out, &bytes[anchor..start], Some((back, end - start)));
        anchor = end;
        at = end;
        if at < last {
            seen.put(Seen::hash(eight(bytes, at - 2)), at - 2);
        }
    }
    if out.len() >= anchor {
        return None;
    }
    push(&mut out, &bytes[anchor..], None);
    (out.len() < bytes.len()).then_some(out)
}

/// Appends literals and the match behind them, given by its distance and length.
fn push(out: &mut Vec<u8>, literals: &[u8], found: Option<(usize, usize)>) {
    let extra = found.map_or(0, |(_, length)| length - MATCH_MIN);
    out.push((literals.len().min(15) << 4 | extra.min(15)) as u8);
    push_length(out, literals.len());
    out.extend_from_slice(literals);
    if let Some((back, _)) = found {
        out.extend((back as u16).to_le_bytes());
        push_length(out, extra);
    }
}

/// What of a length does not fit its half of the token.
fn push_length(out: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(15) else { return };
    while rest >= 255 {
        out.push(255);
        rest -= 255;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::frame;

    fn hex(text: &str) -> String {
        frame(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn recorded_frames() {
        let twice = "The quick brown fox jumps over the lazy dog. ".repeat(2);
        let empty = "04224d186470b900000000055dcc02";
        assert_eq!(hex(""), empty);
        assert_eq!(hex("a"), "04224d186470b901000080610000000056740d55");
        assert_eq!(
            hex(twice.trim_end()),
            "04224d186470b942000000ff1e54686520717569636b2062726f776e20666f78206a756d7073206f7665722\
             0746865206c617a7920646f672e202d0009002d00c06865206c617a7920646f672e0000000087752026"
        );
        assert_eq!(
            hex(&"a".repeat(1000)),
            "04224d186470b91a0000001f610100ffffffc4000200000200b06161616161616161616161000000008\
             62be837"
        );
        assert_eq!(
            hex(&"abcabcabcabc".repeat(20)),
            "04224d186470b9170000003f6162630300ca00db00c06162636162636162636162630000000052139e17"
        );
    }
}
