//! The files of a spool, as bytes: segments with records, and the cursor. Nothing here does I/O.
//!
//! ```text
//! segment  offset 0   magic     8 bytes  "mstmspol"
//!                 8   version   4 bytes  1; all numbers are little endian
//!                12   check     4 bytes  CRC-32 (IEEE) of bytes 0..12 and 16..32
//!                16   first     8 bytes  number of its first record, >= 1, also in its name
//!                24   prior     8 bytes  number behind the last record of the segment before:
//!                                        less than `first` where a repair has cut records out
//!          offset 32, then records as in a log, whose payload begins with
//!                 0   settled   8 bytes  records below this number were on the device already
//!                                        when this one was written
//!          zeros to a whole block
//!
//! cursor   two slots of 4,096 bytes, written in turn; of the valid ones the newer counts
//!                 0   magic     8 bytes  "mstmscur"
//!                 8   version   4 bytes
//!                12   check     4 bytes  CRC-32 of all other bytes of the slot
//!                16   generation, low, settled   8 bytes each
//!                40   2,048 bytes: bit n says that record `low + n` is acknowledged
//! ```
//! Every record below `low` is acknowledged. A record that is not whole and right was torn by a
//! crash when nothing says that it had been settled: no cursor, no later record and no later
//! segment. Then nobody was told that it was taken, and it is cut. Otherwise it is damaged.

use std::collections::BTreeSet;

use crate::storage::frame::{FRAME_LEN, encode_parts, frame, u32_at, u64_at};

/// Length of a segment's head in bytes.
pub(super) const HEAD_LEN: usize = 32;

/// Bytes that a record takes besides its payload.
pub const RECORD_BYTES: usize = FRAME_LEN + SETTLED_LEN;

const SETTLED_LEN: usize = 8;

/// The longest payload of one record in bytes.
pub const PAYLOAD_MAX: usize = 256 << 20;

/// The version of the format.
pub(super) const VERSION: u32 = 1;

/// Length of a slot of the cursor in bytes.
pub(super) const SLOT_LEN: usize = 4096;

/// Records behind the first that is not acknowledged of which the cursor knows.
pub const WINDOW_MAX: u64 = 16_384;

const SEGMENT_MAGIC: &[u8; 8] = b"mstmspol";
const CURSOR_MAGIC: &[u8; 8] = b"mstmscur";
const BITS_AT: usize = 40;

/// What a segment's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) first: u64,
    pub(super) prior: u64,
}

/// Why a head or a slot cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is not what was written.
    Damaged,
    /// It is whole, and of another version.
    Version(u32),
}

fn check(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes.get(..12).unwrap_or_default());
    hasher.update(bytes.get(16..).unwrap_or_default());
    hasher.finalize()
}

/// Writes magic, version and check into the first 16 bytes.
fn seal(bytes: &mut [u8], magic: &[u8; 8]) {
    put(bytes, 0, magic);
    put(bytes, 8, &VERSION.to_le_bytes());
    let check = check(bytes);
    put(bytes, 12, &check.to_le_bytes());
}

fn put(bytes: &mut [u8], at: usize, part: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + part.len()) {
        place.copy_from_slice(part);
    }
}

fn unseal(bytes: &[u8], magic: &[u8; 8]) -> Result<(), Unread> {
    if bytes.get(..8) != Some(magic) || u32_at(bytes, 12) != Some(check(bytes)) {
        return Err(Unread::Damaged);
    }
    match u32_at(bytes, 8) {
        Some(VERSION) => Ok(()),
        version => Err(Unread::Version(version.unwrap_or(0))),
    }
}

impl Head {
    pub(super) fn encode(self) -> [u8; HEAD_LEN] {
        let mut out = [0; HEAD_LEN];
        put(&mut out, 16, &self.first.to_le_bytes());
        put(&mut out, 24, &self.prior.to_le_bytes());
        seal(&mut out, SEGMENT_MAGIC);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unread> {
        let head = bytes.get(..HEAD_LEN).ok_or(Unread::Damaged)?;
        unseal(head, SEGMENT_MAGIC)?;
        let number = |at| u64_at(head, at).ok_or(Unread::Damaged);
        let (first, prior) = (number(16)?, number(24)?);
        match prior >= 1 && prior <= first {
            true => Ok(Head { first, prior }),
            false => Err(Unread::Damaged),
        }
    }
}

/// Appends one record to `out`. The caller has checked [`PAYLOAD_MAX`].
pub(super) fn encode_record(sequence: u64, settled: u64, payload: &[u8], out: &mut Vec<u8>) {
    encode_parts(sequence, &[&settled.to_le_bytes(), payload], out);
}

/// A record in the bytes of a segment.
pub(super) struct Record<'a> {
    pub(super) settled: u64,
    pub(super) payload: &'a [u8],
    /// Where it ends in the bytes.
    pub(super) end: usize,
}

/// The record at `at`, when it is whole, right and has this number.
pub(super) fn record(bytes: &[u8], at: usize, sequence: u64) -> Option<Record<'_>> {
    let content = frame(bytes, at, sequence, PAYLOAD_MAX + SETTLED_LEN)?;
    let settled = u64_at(content, 0)?;
    Some(Record {
        settled,
        payload: content.get(SETTLED_LEN..)?,
        end: at + FRAME_LEN + content.len(),
    })
}

/// Bytes from a record's start to its end, as its first bytes say.
pub(super) fn record_len(bytes: &[u8]) -> Option<usize> {
    let len = u32_at(bytes, 0)? as usize;
    (len <= PAYLOAD_MAX + SETTLED_LEN).then_some(FRAME_LEN + len)
}

/// Records that follow each other without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: u64,
    /// The number behind its last record.
    pub(super) next: u64,
    /// Its bytes in the segment.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Records below this number were on the device when the last of its records was written.
    pub(super) settled: u64,
}

/// Bytes in which there is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// The number of the record that should be there.
    pub(super) sequence: u64,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What the bytes of a segment behind its head hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// All that can be read; there is always a first one, which may be empty.
    pub(super) runs: Vec<Run>,
    /// What cannot be read, each behind the run of the same place.
    pub(super) bad: Vec<Bad>,
}

/// Goes through a segment whose first record is number `first`.
pub(super) fn walk(bytes: &[u8], first: u64) -> Walked {
    let mut walked = Walked::default();
    let (mut at, mut sequence) = (HEAD_LEN.min(bytes.len()), first);
    loop {
        let mut run = Run { first: sequence, next: sequence, start: at, end: at, settled: 0 };
        while let Some(record) = record(bytes, run.end, run.next) {
            run.end = record.end;
            run.next += 1;
            run.settled = run.settled.max(record.settled);
        }
        walked.runs.push(run);
        let rest = bytes.get(run.end..).unwrap_or_default();
        let Some(last) = rest.iter().rposition(|byte| *byte != 0) else { return walked };
        let found = find(bytes, run.end + 1, run.next);
        let end = found.map_or(run.end + last + 1, |(at, _)| at);
        walked.bad.push(Bad { sequence: run.next, start: run.end, end });
        match found {
            None => return walked,
            Some(resume) => (at, sequence) = resume,
        }
    }
}

/// The first record from `at` on, with its number, which is `least` or a little more.
fn find(bytes: &[u8], at: usize, least: u64) -> Option<(usize, u64)> {
    let last = bytes.len().checked_sub(RECORD_BYTES)?;
    let most = least.saturating_add((bytes.len() / RECORD_BYTES) as u64);
    (at..=last).find_map(|at| {
        let sequence = u64_at(bytes, at + 8)?;
        let plausible = (least..=most).contains(&sequence);
        (plausible && record(bytes, at, sequence).is_some()).then_some((at, sequence))
    })
}

/// What is acknowledged, and what is known to be on the device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) generation: u64,
    /// Every record below is acknowledged.
    pub(super) low: u64,
    /// Acknowledged records from `low` on.
    pub(super) above: BTreeSet<u64>,
    /// Records below were on the device.
    pub(super) settled: u64,
}

impl Cursor {
    /// The slot that says it; of records beyond [`WINDOW_MAX`] it says nothing, so that these are
    /// delivered twice after a crash.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; SLOT_LEN];
        put(&mut out, 16, &self.generation.to_le_bytes());
        put(&mut out, 24, &self.low.to_le_bytes());
        put(&mut out, 32, &self.settled.to_le_bytes());
        for sequence in self.above.range(self.low..self.low.saturating_add(WINDOW_MAX)) {
            let bit = (sequence - self.low) as usize;
            if let Some(byte) = out.get_mut(BITS_AT + bit / 8) {
                *byte |= 1 << (bit % 8);
            }
        }
        seal(&mut out, CURSOR_MAGIC);
        out
    }

    fn decode(slot: &[u8]) -> Result<Self, Unread> {
        unseal(slot, CURSOR_MAGIC)?;
        let number = |at| u64_at(slot, at).ok_or(Unread::Damaged);
        let (generation, low, settled) = (number(16)?, number(24)?, number(32)?);
        if low == 0 {
            return Err(Unread::Damaged);
        }
        let is_set = |bit: &u64| {
            let byte = slot.get(BITS_AT + *bit as usize / 8).copied().unwrap_or(0);
            byte & 1 << (bit % 8) != 0
        };
        let above = (0..WINDOW_MAX).filter(is_set).map(|bit| low.saturating_add(bit)).collect();
        Ok(Cursor { generation, low, above, settled })
    }

    /// What a file says that holds two slots.
    pub(super) fn of_file(bytes: &[u8]) -> Result<Self, Unread> {
        let slot = |n: usize| bytes.get(n * SLOT_LEN..(n + 1) * SLOT_LEN).unwrap_or_default();
        match (Cursor::decode(slot(0)), Cursor::decode(slot(1))) {
            (Ok(a), Ok(b)) => Ok(if a.generation > b.generation { a } else { b }),
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
            (Err(Unread::Version(version)), _) | (_, Err(Unread::Version(version))) => {
                Err(Unread::Version(version))
            }
            _ => Err(Unread::Damaged),
        }
    }
}

/// The name of the segment that begins with a record.
pub(super) fn segment_name(first: u64) -> String {
    format!("{first:020}.segment")
}

/// The number in a segment's name.
pub(super) fn segment_first(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".segment")?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|first| plain && *first > 0)
}

/// Goes through any bytes as a segment and as a cursor: for fuzzing.
pub fn read_any(bytes: &[u8]) {
    let first = Head::decode(bytes).map_or(1, |head| head.first);
    let walked = walk(bytes, first);
    debug_assert!(walked.runs.iter().all(|run| run.end <= bytes.len()));
    let _ = Cursor::of_file(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(first: u64, payloads: &[Vec<u8>], settled: u64) -> Vec<u8> {
        let mut out = Head { first, prior: first }.encode().to_vec();
        for (sequence, payload) in (first..).zip(payloads) {
            encode_record(sequence, settled.min(sequence), payload, &mut out);
        }
        out
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..9)
    }

    /// What runs hold.
    fn read(bytes: &[u8], walked: &Walked) -> Vec<(u64, Vec<u8>)> {
        let mut out = Vec::new();
        for run in &walked.runs {
            let mut at = run.start;
            for sequence in run.first..run.next {
                let found = record(bytes, at, sequence).expect("a record of a run");
                out.push((sequence, found.payload.to_vec()));
                at = found.end;
            }
        }
        out
    }

    proptest! {
        #[test]
        fn a_walk_undoes_encoding(
            payloads in payloads(),
            first in 1..1_000_000_u64,
            pad in 0..99_usize,
        ) {
            let mut bytes = segment(first, &payloads, 0);
            bytes.resize(bytes.len() + pad, 0);
            let walked = walk(&bytes, first);
            prop_assert!(walked.bad.is_empty() && walked.runs.len() == 1);
            let expected: Vec<_> = (first..).zip(payloads).collect();
            prop_assert_eq!(read(&bytes, &walked), expected);
        }

        #[test]
        fn every_flipped_bit_is_seen_and_costs_one_record_at_most(
            payloads in payloads(),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let mut bytes = segment(7, &payloads, 7);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let walked = walk(&bytes, 7);
            let got = read(&bytes, &walked);
            if at < HEAD_LEN {
                prop_assert!(Head::decode(&bytes).is_err());
                prop_assert_eq!(got.len(), payloads.len());
            } else {
                prop_assert_eq!(walked.bad.len(), 1);
                prop_assert_eq!(got.len(), payloads.len() - 1);
            }
            let all: Vec<_> = (7..).zip(payloads).collect();
            prop_assert!(got.iter().all(|one| all.contains(one)), "nothing is invented");
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            read_any(&bytes);
            let mut headed = segment(3, &[], 0);
            headed.extend_from_slice(&bytes);
            read_any(&headed);
        }

        #[test]
        fn a_cursor_says_what_was_written(
            low in 1..1_000_000_u64,
            above in prop::collection::btree_set(1..WINDOW_MAX, 0..50),
            generation: u64,
            flip in any::<prop::sample::Index>(),
        ) {
            let above = above.into_iter().map(|n| low + n).collect();
            let cursor = Cursor { generation, low, above, settled: low + WINDOW_MAX };
            let mut file = vec![0; 2 * SLOT_LEN];
            file[SLOT_LEN..].copy_from_slice(&cursor.encode());
            prop_assert_eq!(Cursor::of_file(&file), Ok(cursor));
            let at = SLOT_LEN + flip.index(SLOT_LEN);
            file[at] ^= 1;
            prop_assert_eq!(Cursor::of_file(&file), Err(Unread::Damaged));
        }
    }

    #[test]
    fn a_cursor_knows_a_window_and_no_more() {
        let above = [2, WINDOW_MAX, WINDOW_MAX + 1].into();
        let cursor = Cursor { generation: 1, low: 1, above, settled: 1 };
        let mut file = vec![0; SLOT_LEN];
        file.extend(cursor.encode());
        let read = Cursor::of_file(&file).expect("a cursor");
        assert_eq!(read.above, [2, WINDOW_MAX].into());
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let mut head = Head { first: 1, prior: 1 }.encode();
        head[8] = 9;
        assert_eq!(Head::decode(&head), Err(Unread::Damaged));
        let sum = check(&head);
        put(&mut head, 12, &sum.to_le_bytes());
        assert_eq!(Head::decode(&head), Err(Unread::Version(9)));
    }
}
