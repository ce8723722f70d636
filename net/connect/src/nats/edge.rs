//! An edge: a stream with one writer and one reader, and how batches lie in it.
//!
//! A batch is cut into pieces, because servers limit the size of messages. A piece begins with a
//! byte: 1 the first of a batch, 2 the last of a batch, 4 the end of the edge.

use std::time::Duration as Time;

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, Stream};
use bytes::{Bytes, BytesMut};

/// Bytes of an edge that may wait at the server.
pub(super) const BYTES_MAX: i64 = 64 << 20;
/// Bytes of a piece. The usual limit of servers for a message is 1 MiB.
pub(super) const PIECE_BYTES_MAX: usize = 512 << 10;
/// Bytes of a batch.
pub(super) const BATCH_BYTES_MAX: usize = 256 << 20;
/// How long the server knows what was written: writing the same again within it changes nothing.
const KNOWN_FOR: Time = Time::from_secs(600);

pub(super) const FIRST: u8 = 1;
pub(super) const LAST: u8 = 2;
pub(super) const END: u8 = 4;

/// The stream of an edge, made when it is not there.
///
/// # Errors
/// What the server says.
pub(super) async fn stream(streams: &Context, edge: &super::Config) -> Result<Stream, String> {
    let config = Config {
        name: edge.edge.clone(),
        subjects: vec![edge.edge.clone()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_bytes: edge.max_bytes,
        max_consumers: 1,
        duplicate_window: KNOWN_FOR,
        ..Config::default()
    };
    let stream = streams.get_or_create_stream(config).await;
    stream.map_err(|error| super::text_of(&error))
}

/// Cuts a batch that was encoded.
pub(super) fn pieces(batch: &[u8]) -> Vec<Bytes> {
    let count = batch.len().div_ceil(PIECE_BYTES_MAX).max(1);
    let piece = |at: usize| {
        let from = at * PIECE_BYTES_MAX;
        let part = batch.get(from..batch.len().min(from + PIECE_BYTES_MAX)).unwrap_or_default();
        let mut bytes = BytesMut::with_capacity(part.len() + 1);
        let last = if at + 1 == count { LAST } else { 0 };
        bytes.extend_from_slice(&[if at == 0 { FIRST } else { 0 } | last]);
        bytes.extend_from_slice(part);
        bytes.freeze()
    };
    (0..count).map(piece).collect()
}

/// What arrives, put together again.
pub(super) enum Arrived {
    /// A batch is whole: its bytes, and the pieces it was in.
    Batch(Bytes, Vec<u64>),
    /// More must come.
    More,
    /// Remains of a batch of which the rest is gone, because it was delivered or will be written
    /// again.
    Remains(Vec<u64>),
    /// Nothing comes any more.
    End,
}

/// Puts pieces together.
#[derive(Default)]
pub(super) struct Assembly {
    bytes: BytesMut,
    pieces: Vec<u64>,
}

impl Assembly {
    /// Takes the piece of this number. Remains may come before what else becomes of it.
    pub(super) fn take(&mut self, number: u64, piece: &Bytes) -> (Option<Arrived>, Arrived) {
        let flags = piece.first().copied().unwrap_or_default();
        let part = piece.get(1..).unwrap_or_default();
        if flags & END != 0 {
            return (self.remains(), Arrived::End);
        }
        let remains = if flags & FIRST != 0 { self.remains() } else { None };
        if flags & FIRST == 0 && self.pieces.is_empty() {
            return (remains, Arrived::Remains(vec![number]));
        }
        self.pieces.push(number);
        if self.bytes.len() + part.len() > BATCH_BYTES_MAX {
            return (self.remains(), Arrived::More);
        }
        if flags & LAST == 0 {
            self.bytes.extend_from_slice(part);
            return (remains, Arrived::More);
        }
        let pieces = std::mem::take(&mut self.pieces);
        if self.bytes.is_empty() {
            return (remains, Arrived::Batch(piece.slice(1..), pieces));
        }
        self.bytes.extend_from_slice(part);
        (remains, Arrived::Batch(std::mem::take(&mut self.bytes).freeze(), pieces))
    }

    fn remains(&mut self) -> Option<Arrived> {
        self.bytes.clear();
        let pieces = std::mem::take(&mut self.pieces);
        (!pieces.is_empty()).then_some(Arrived::Remains(pieces))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn batches_come_back_from_their_pieces(
            sizes in prop::collection::vec(0..3 * PIECE_BYTES_MAX, 1..4),
        ) {
            let mut assembly = Assembly::default();
            let mut number = 0;
            for (at, size) in (0_u8..).zip(sizes) {
                let batch: Vec<u8> = (0..size).map(|n| n as u8 ^ at).collect();
                let pieces = pieces(&batch);
                for (left, piece) in (0..pieces.len()).rev().zip(&pieces) {
                    number += 1;
                    match assembly.take(number, piece) {
                        (None, Arrived::More) => prop_assert!(left > 0),
                        (None, Arrived::Batch(bytes, of)) => {
                            prop_assert_eq!((left, of.len()), (0, pieces.len()));
                            prop_assert_eq!(&bytes[..], &batch[..]);
                        }
                        _ => prop_assert!(false, "nothing remains"),
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_left_of_a_batch_is_told() {
        let batch = vec![7; 2 * PIECE_BYTES_MAX + 1];
        let pieces = pieces(&batch);
        let mut assembly = Assembly::default();
        // The end of a batch whose beginning was delivered.
        let (None, Arrived::Remains(of)) = assembly.take(1, &pieces[2]) else { panic!("remains") };
        assert_eq!(of, [1]);
        // The beginning of one that its writer did not end.
        assert!(matches!(assembly.take(2, &pieces[0]), (None, Arrived::More)));
        let (Some(Arrived::Remains(of)), Arrived::More) = assembly.take(3, &pieces[0]) else {
            panic!("remains")
        };
        assert_eq!(of, [2]);
        assert!(matches!(assembly.take(4, &pieces[1]), (None, Arrived::More)));
        let (None, Arrived::Batch(bytes, of)) = assembly.take(5, &pieces[2]) else {
            panic!("a batch")
        };
        assert_eq!((bytes.len(), of), (batch.len(), vec![3, 4, 5]));
        assert!(matches!(assembly.take(6, &Bytes::from(vec![END])), (None, Arrived::End)));
    }

    #[test]
    fn a_batch_is_limited() {
        let mut assembly = Assembly::default();
        let piece = |flags: u8| Bytes::from([&[flags][..], &vec![0; PIECE_BYTES_MAX][..]].concat());
        let count = (BATCH_BYTES_MAX / PIECE_BYTES_MAX) as u64;
        for number in 0..count {
            let flags = if number == 0 { FIRST } else { 0 };
            assert!(matches!(assembly.take(number, &piece(flags)), (None, Arrived::More)));
        }
        let (Some(Arrived::Remains(of)), Arrived::More) = assembly.take(count, &piece(0)) else {
            panic!("too large")
        };
        assert_eq!(of.len() as u64, count + 1);
    }
}
