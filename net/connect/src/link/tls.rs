//! TLS over a socket, of a client and of a server.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

use plan::LocalBoxFuture;
use plan::env::Encryption;
use rt::net::{ReadHalf, Stream, WriteHalf};
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, Connection, ProtocolVersion, ServerConfig, ServerConnection,
};

use super::{Link, READ_BYTES, Sending};
use crate::reader::Bytestream;

/// What requests without TLS begin with, as far as a record of TLS has a head.
const PLAIN: [&[u8; 5]; 5] = [b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"];
/// What who asks without TLS is told.
const REFUSAL: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// The state of TLS, which both directions change.
type Shared = Rc<RefCell<Connection>>;

/// Agrees on TLS with a server of this name.
///
/// # Errors
/// The server is not who it should be, or gone.
pub(crate) async fn client(
    mut stream: Stream,
    host: &str,
    config: Arc<ClientConfig>,
) -> io::Result<Link> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let mut connection = Connection::Client(connection);
    let early = agree(&mut connection, &mut stream).await?;
    Ok(split(connection, stream, early))
}

/// Agrees on TLS with a client, and says on what. Who speaks HTTP without TLS is told so.
///
/// # Errors
/// The client wants something else, or is gone.
pub(crate) async fn server(
    mut stream: Stream,
    config: Arc<ServerConfig>,
) -> io::Result<(Link, Encryption)> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut connection = Connection::Server(connection);
    let early = agree(&mut connection, &mut stream).await?;
    let encryption = encryption(&connection);
    Ok((split(connection, stream, early), encryption))
}

/// What both sides agreed on.
fn encryption(connection: &Connection) -> Encryption {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "",
    };
    let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    // The library marks those of 1.3, which have the same names otherwise.
    let cipher_suite = suite.unwrap_or_default().replace("TLS13_", "TLS_");
    Encryption { version: version.to_owned(), cipher_suite }
}

/// Shakes hands; returns what came behind it.
async fn agree(connection: &mut Connection, stream: &mut Stream) -> io::Result<Vec<u8>> {
    let (mut early, mut first) = (Vec::new(), true);
    while connection.is_handshaking() {
        flush(connection, stream).await?;
        if !connection.is_handshaking() {
            break;
        }
        let (count, bytes) = stream.read(Vec::with_capacity(READ_BYTES)).await;
        if count? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Err(error) = open(connection, &bytes, &mut early) {
            if first && matches!(connection, Connection::Server(_)) && is_plain(&bytes) {
                let _ = stream.write_all(REFUSAL).await;
            } else {
                // Tells the peer what is wrong with it.
                let _ = flush(connection, stream).await;
            }
            let _ = stream.shutdown().await;
            return Err(error);
        }
        first = false;
    }
    flush(connection, stream).await?;
    Ok(early)
}

fn is_plain(bytes: &[u8]) -> bool {
    PLAIN.iter().any(|begin| bytes.starts_with(*begin))
}

fn split(connection: Connection, stream: Stream, early: Vec<u8>) -> Link {
    let (read, write) = stream.into_split();
    let shared = Rc::new(RefCell::new(connection));
    let read = TlsRead { read, shared: Rc::clone(&shared), early, sealed: Vec::new() };
    (Box::new(read), Box::new(TlsWrite { write, shared }))
}

async fn flush(connection: &mut Connection, stream: &mut Stream) -> io::Result<()> {
    let bytes = sealed(connection)?;
    match bytes.is_empty() {
        true => Ok(()),
        false => stream.write_all(bytes).await.0,
    }
}

/// What TLS has to send.
fn sealed(connection: &mut Connection) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut out)?;
    }
    Ok(out)
}

/// Appends what received bytes hold; whether more may come.
fn open(connection: &mut Connection, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<bool> {
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
