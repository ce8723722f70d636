//! The file format of a log, as bytes: encoding and replay, without any I/O.
//!
//! ```text
//! offset 0   magic        8 bytes  "mstmlog1"
//!        8   first        8 bytes  sequence number of the first record, little endian, >= 1
//!       16   check        4 bytes  CRC-32 (IEEE) of bytes 0..16, little endian
//!       20   zero        12 bytes
//! offset 32, then for each record:
//!        0   length       4 bytes  of the payload, little endian
//!        4   check        4 bytes  CRC-32 of sequence number and payload
//!        8   sequence     8 bytes  one more than the record before
//!       16   payload      `length` bytes
//! ```
//! Zero bytes pad the file to whole blocks of 4,096 bytes; as sequence numbers start at 1, zeros
//! are no record. Replay ends at the first frame that is not whole and right: a write that was
//! torn by a crash was never acknowledged, and nothing was acknowledged after it.

/// Length of the file's head in bytes.
pub(super) const HEAD_LEN: usize = 32;

/// Length of a record's frame before its payload in bytes.
pub(super) const FRAME_LEN: usize = 16;

/// The longest payload of one record in bytes.
pub const RECORD_MAX: usize = 4 << 20;

const MAGIC: &[u8; 8] = b"mstmlog1";

/// The head of a log whose first record is number `first`.
pub(super) fn head(first: u64) -> [u8; HEAD_LEN] {
    let mut out = [0; HEAD_LEN];
    out[..8].copy_from_slice(MAGIC);
    out[8..16].copy_from_slice(&first.to_le_bytes());
    let check = crc32fast::hash(&out[..16]);
    out[16..20].copy_from_slice(&check.to_le_bytes());
    out
}

fn check(sequence: u64, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sequence.to_le_bytes());
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

/// Appends one framed record to `out`. The caller has checked its length.
pub(super) fn encode(sequence: u64, payload: &[u8], out: &mut Vec<u8>) {
    encode_parts(sequence, &[payload], out);
}

/// The same with a payload of several parts.
pub(super) fn encode_parts(sequence: u64, parts: &[&[u8]], out: &mut Vec<u8>) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(FRAME_LEN + len);
    out.extend_from_slice(&(len as u32).to_le_bytes());
    out.extend_from_slice(&check(sequence, parts).to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// What a log's bytes say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replayed {
    pub(super) records: Vec<Vec<u8>>,
    /// Where the next record goes, in bytes from the start.
    pub(super) end: usize,
    /// The next record's number.
    pub(super) next: u64,
    /// Bytes behind `end` that are no padding: a torn tail.
    pub(super) torn: usize,
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let part = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(part.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let part = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(part.try_into().ok()?))
}

/// The payload of the frame at `at`, when it is whole, right, has this number and is no longer
/// than `len_max`.
pub(super) fn frame(bytes: &[u8], at: usize, sequence: u64, len_max: usize) -> Option<&[u8]> {
    let len = u32_at(bytes, at)? as usize;
    if len > len_max || u64_at(bytes, at + 8)? != sequence {
        return None;
    }
    let start = at + FRAME_LEN;
    let payload = bytes.get(start..start.checked_add(len)?)?;
    (u32_at(bytes, at + 4)? == check(sequence, &[payload])).then_some(payload)
}

/// Reads all valid records. `None` means that the head is not one of ours: such a file is not
/// touched, because heads are written whole before the file gets its name.
pub(super) fn replay(bytes: &[u8]) -> Option<Replayed> {
    let first = u64_at(bytes, 8)?;
    if first == 0 || bytes.get(..HEAD_LEN)? != head(first) {
        return None;
    }
    let (mut records, mut end, mut next) = (Vec::new(), HEAD_LEN, first);
    while let Some(payload) = frame(bytes, end, next, RECORD_MAX) {
        records.push(payload.to_vec());
        end += FRAME_LEN + payload.len();
        next += 1;
    }
    let rest = bytes.get(end..).unwrap_or_default();
    let torn = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Some(Replayed { records, end, next, torn })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(records: &[Vec<u8>], first: u64) -> Vec<u8> {
        let mut out = head(first).to_vec();
        for (n, record) in records.iter().enumerate() {
            encode(first + n as u64, record, &mut out);
        }
        out
    }

    #[test]
    fn a_write_torn_at_any_byte_loses_only_its_record() {
        let records = [b"one".to_vec(), Vec::new(), b"the last record".to_vec()];
        let whole = image(&records, 9);
        let kept = image(&records[..2], 9).len();
        for cut in kept..whole.len() {
            // The end of the file, old zeros, or what the disk held before may follow the cut.
            for fill in [None, Some(0_u8), Some(0xa5)] {
                let mut torn = whole[..cut].to_vec();
                if let Some(byte) = fill {
                    torn.resize(whole.len() + 64, byte);
                }
                let got = replay(&torn).expect("the head is whole");
                assert_eq!((got.records.as_slice(), got.end), (&records[..2], kept), "{cut}");
                assert_eq!((got.next, got.torn == 0), (11, cut == kept && fill != Some(0xa5)));
            }
        }
        assert_eq!(replay(&whole).expect("whole").records, records);
    }

    #[test]
    fn records_of_an_older_log_behind_the_end_are_not_taken() {
        let mut bytes = image(&[b"new".to_vec()], 5);
        let mut old = Vec::new();
        encode(3, b"old", &mut old);
        bytes.extend_from_slice(&old);
        let got = replay(&bytes).expect("the head is whole");
        assert_eq!((got.records.len(), got.torn), (1, old.len()));
    }

    #[test]
    fn a_foreign_head_is_not_a_log() {
        assert_eq!(replay(b""), None);
        assert_eq!(replay(&[0; 64]), None);
        let mut bytes = image(&[], 1);
        bytes[9] ^= 1;
        assert_eq!(replay(&bytes), None);
    }

    proptest! {
        #[test]
        fn replay_undoes_encode(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9),
            first in 1..1_000_000_u64,
            padding in 0..100_usize,
        ) {
            let mut bytes = image(&records, first);
            let end = bytes.len();
            bytes.resize(end + padding, 0);
            let got = replay(&bytes).expect("the head is whole");
            prop_assert_eq!(got.next, first + records.len() as u64);
            prop_assert_eq!((got.records, got.end, got.torn), (records, end, 0));
        }

        #[test]
        fn a_flipped_bit_never_invents_a_record(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..9),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let mut bytes = image(&records, 1);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Some(got) = replay(&bytes) {
                prop_assert!(records.starts_with(&got.records));
                prop_assert!(got.records.len() < records.len() || at < HEAD_LEN);
            }
        }

        #[test]
        fn any_bytes_are_replayed_without_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = replay(&bytes);
            let mut headed = head(1).to_vec();
            headed.extend_from_slice(&bytes);
            let _ = replay(&headed);
        }
    }
}
