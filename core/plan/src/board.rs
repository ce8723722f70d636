//! A board: keys with values on which the processes of an installation write what the others are to
//! know. It is only a pair of channels here; a connector keeps it on a server that all can reach.

use bytes::Bytes;

/// What is to happen on a board, or to edges between parts of pipelines. The order is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key has this value, or none.
    Set(String, Option<Bytes>),
    /// Nothing more comes over an edge.
    End(String),
    /// An edge and all that waits there goes away.
    Drop(String),
}

/// What happened on a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The board is there; what is on it and was not told yet follows.
    Up,
    /// It is away, and why.
    Down(String),
    /// A key has this value, or none any more.
    Value(String, Option<Bytes>),
}

/// The ends of a board: what is to change goes in, what has changed comes out.
#[derive(Clone, Debug)]
pub struct Board {
    /// What is to change.
    pub changes: flume::Sender<Change>,
    /// What has changed.
    pub events: flume::Receiver<Event>,
}

/// Bytes of a value. The usual limit of servers for a message is 1 MiB.
pub const VALUE_BYTES_MAX: usize = 1_000_000;
