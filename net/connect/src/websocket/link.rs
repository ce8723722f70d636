//! What carries the bytes of a websocket: a socket, one with TLS, or channels to whoever has the
//! connection.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use flume::{Receiver, Sender};
use plan::LocalBoxFuture;
use rt::net::{ReadHalf, Stream, WriteHalf};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::reader::Bytestream;

/// Bytes that one read asks for.
pub(super) const READ_BYTES: usize = 64 << 10;

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
pub(super) fn plain(stream: Stream) -> Link {
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

/// The state of TLS, which both directions change.
type Shared = Rc<RefCell<ClientConnection>>;

/// Agrees on TLS with a server of this name.
///
/// # Errors
/// The server is not who it should be, or gone.
pub(super) async fn tls(
    mut stream: Stream,
    host: &str,
    config: Arc<ClientConfig>,
) -> io::Result<Link> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let mut early = Vec::new();
    while connection.is_handshaking() {
        flush(&mut connection, &mut stream).await?;
        if !connection.is_handshaking() {
            break;
        }
        let (count, bytes) = stream.read(Vec::with_capacity(READ_BYTES)).await;
        if count? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Err(error) = open(&mut connection, &bytes, &mut early) {
            // Tells the server what is wrong with it.
            let _ = flush(&mut connection, &mut stream).await;
            return Err(error);
        }
    }
    flush(&mut connection, &mut stream).await?;
    let (read, write) = stream.into_split();
    let shared = Rc::new(RefCell::new(connection));
    let read = TlsRead { read, shared: Rc::clone(&shared), early, sealed: Vec::new() };
    Ok((Box::new(read), Box::new(TlsWrite { write, shared })))
}

async fn flush(connection: &mut ClientConnection, stream: &mut Stream) -> io::Result<()> {
    let bytes = sealed(connection)?;
    match bytes.is_empty() {
        true => Ok(()),
        false => stream.write_all(bytes).await.0,
    }
}

/// What TLS has to send.
fn sealed(connection: &mut ClientConnection) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut out)?;
    }
    Ok(out)
}

/// Appends what received bytes hold; whether more may come.
fn open(connection: &mut ClientConnection, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<bool> {
    let mut rest = bytes;
    loop {
        let taken = connection.read_tls(&mut rest)?;
        let state = connection.process_new_packets().map_err(io::Error::other)?;
        let room = state.plaintext_bytes_to_read();
        if room > 0 {
            let start = out.len();
            out.resize(start + room, 0);
            connection.reader().read_exact(out.get_mut(start..).unwrap_or_default())?;
        }
        if state.peer_has_closed() {
            return Ok(false);
        }
        if rest.is_empty() || taken == 0 {
            return Ok(true);
        }
    }
}

struct TlsRead {
    read: ReadHalf,
    shared: Shared,
    /// What came with the end of the handshake.
    early: Vec<u8>,
    /// Room for what is received.
    sealed: Vec<u8>,
}

impl TlsRead {
    async fn next(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        let start = out.len();
        out.append(&mut self.early);
        let mut open_still = true;
        while open_still && out.len() == start {
            let mut room = std::mem::take(&mut self.sealed);
            room.clear();
            room.reserve(READ_BYTES);
            let (count, filled) = self.read.read(room).await;
            self.sealed = filled;
            if count? == 0 {
                break;
            }
            open_still = open(&mut self.shared.borrow_mut(), &self.sealed, out)?;
        }
        Ok(out.len() - start)
    }
}

impl Bytestream for TlsRead {
    fn read(&mut self, mut buffer: Vec<u8>) -> LocalBoxFuture<'_, (io::Result<usize>, Vec<u8>)> {
        Box::pin(async move {
            let count = self.next(&mut buffer).await;
            (count, buffer)
        })
    }
}

struct TlsWrite {
    write: WriteHalf,
    shared: Shared,
}

impl TlsWrite {
    /// Takes bytes in as long as the library has room for them, and sends what it makes of them.
    async fn seal(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        loop {
            let out = {
                let mut connection = self.shared.borrow_mut();
                let taken = connection.writer().write(rest)?;
                rest = rest.get(taken..).unwrap_or_default();
                sealed(&mut connection)?
            };
            if !out.is_empty() {
                self.write.write_all(out).await.0?;
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
    }
}

impl Sending for TlsWrite {
    fn send(&mut self, bytes: Vec<u8>) -> LocalBoxFuture<'_, io::Result<()>> {
        Box::pin(async move { self.seal(&bytes).await })
    }

    fn end(&mut self) -> LocalBoxFuture<'_, ()> {
        Box::pin(async move {
            self.shared.borrow_mut().send_close_notify();
            // The peer may be gone already.
            let _ = self.seal(&[]).await;
            let _ = self.write.shutdown().await;
        })
    }
}
