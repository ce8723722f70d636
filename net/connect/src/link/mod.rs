//! What carries the bytes of a connection: a socket, one with TLS, or channels to whoever has the
//! connection.

pub(crate) mod tls;

use std::io;

use bytes::Bytes;
use flume::{Receiver, Sender};
use plan::LocalBoxFuture;
use rt::net::{ListenOptions, ReadHalf, Stream, WriteHalf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reader::Bytestream;

/// Bytes that one read asks for.
pub(crate) const READ_BYTES: usize = 64 << 10;

/// How a TCP port is opened.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Tcp {
    /// Takes an address of which connections are still ending. That is always so.
    pub reuse_addr: bool,
    /// Lets several listeners share the port; the system spreads connections over them.
    pub reuse_port: bool,
}

impl Tcp {
    /// What the port is opened with.
    pub(crate) fn options(self) -> ListenOptions {
        ListenOptions { reuse_port: self.reuse_port, ..ListenOptions::default() }
    }
}

/// Takes bytes that are to be sent.
pub(crate) trait Sending {
    /// Sends all of it. When this is dropped half-way nothing more can be sent.
    fn send(&mut self, bytes: Vec<u8>) -> LocalBoxFuture<'_, io::Result<()>>;
    /// Says that no more comes.
    fn end(&mut self) -> LocalBoxFuture<'_, ()>;
}

/// Both directions.
pub(crate) type Link = (Box<dyn Bytestream>, Box<dyn Sending>);

impl Bytestream for ReadHalf {
    fn read(&mut self, mut buffer: Vec<u8>) -> LocalBoxFuture<'_, (io::Result<usize>, Vec<u8>)> {
        buffer.reserve(READ_BYTES);
        Box::pin(ReadHalf::read(self, buffer))
    }
}

impl Sending for WriteHalf {
    fn send(&mut self, bytes: Vec<u8>) -> LocalBoxFuture<'_, io::Result<()>> {
        Box::pin(async move { self.write_all(bytes).await.0 })
    }

    fn end(&mut self) -> LocalBoxFuture<'_, ()> {
        // The peer may be gone already.
        Box::pin(async move { drop(self.shutdown().await) })
    }
}

/// A socket as it is.
pub(crate) fn plain(stream: Stream) -> Link {
    let (read, write) = stream.into_split();
    (Box::new(read), Box::new(write))
}

/// A connection that somebody else has.
pub(crate) struct Handed {
    /// What the peer sends.
    pub(crate) incoming: Receiver<Bytes>,
    /// What it is sent.
    pub(crate) outgoing: Sender<Bytes>,
}

/// A connection that somebody else has, in both directions.
pub(crate) fn handed(handed: Handed) -> Link {
    (Box::new(HandedRead(handed.incoming)), Box::new(HandedWrite(Some(handed.outgoing))))
}

struct HandedRead(Receiver<Bytes>);

impl Bytestream for HandedRead {
    fn read(&mut self, mut buffer: Vec<u8>) -> LocalBoxFuture<'_, (io::Result<usize>, Vec<u8>)> {
        Box::pin(async move {
            let bytes = self.0.recv_async().await.unwrap_or_default();
            buffer.extend_from_slice(&bytes);
            (Ok(bytes.len()), buffer)
        })
    }
}

struct HandedWrite(Option<Sender<Bytes>>);

impl Sending for HandedWrite {
    fn send(&mut self, bytes: Vec<u8>) -> LocalBoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
            let sender = self.0.as_ref().ok_or_else(gone)?;
            sender.send_async(bytes.into()).await.map_err(|_| gone())
        })
    }

    fn end(&mut self) -> LocalBoxFuture<'_, ()> {
        self.0 = None;
        Box::pin(std::future::ready(()))
    }
}
