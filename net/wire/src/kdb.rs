//! kdb+ IPC as a server speaks it: bytes in, events out (spec/kdb-ipc.md §1, §2, §4).
//!
//! It is: the handshake with optional user and password, framing with limits, decompression,
//! the messages that answer, and the recognition of the probe a stock client sends (§6).
//! It is not: I/O, nor the meaning of the objects inside, which `formats::k::ipc` decodes.

mod client;
mod compress;
mod probe;

pub use client::Client;
pub use compress::{CompressError, decompress};
pub use probe::{Probe, probe};

use std::borrow::Cow;

use formats::k::K;
use formats::k::ipc::{self, Endian, IpcError};

/// The highest capability that is answered: compression, timestamps, guids.
pub const CAPABILITY_MAX: u8 = 3;
/// Bytes that credentials may have.
pub const CREDENTIALS_MAX: usize = 1024;
/// Bytes of a header.
pub const HEADER_BYTES: usize = 8;
/// Bytes that a message may have, and unpack to, unless the owner says otherwise.
pub const MESSAGE_MAX: usize = 256 << 20;
/// Bytes of a whole buffer that are kept for the next message once it has been read.
const KEEP_MAX: usize = 1 << 20;

/// How a message is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Nothing is sent back.
    Async = 0,
    /// A response is awaited.
    Sync = 1,
    /// This is the response.
    Response = 2,
}

/// What the bytes of a peer mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer introduced itself; answer with [`Server::accept`] or close.
    Login {
        /// The name before the colon.
        user: Vec<u8>,
        /// The text after it, when there is a colon.
        password: Option<Vec<u8>>,
        /// What the peer can do.
        capability: u8,
    },
    /// A whole message, unpacked.
    Message {
        /// How it is to be answered.
        kind: Kind,
        /// The order of the bytes in its numbers.
        endian: Endian,
        /// The object, for `formats::k::ipc::decode_body`.
        body: Vec<u8>,
    },
}

/// A whole message where it arrived, unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// How it is to be answered.
    pub kind: Kind,
    /// The order of the bytes in its numbers.
    pub endian: Endian,
    /// The object, for `formats::k::ipc::decode_body`.
    pub body: Cow<'a, [u8]>,
}

/// Why a connection must be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The credentials do not end within [`CREDENTIALS_MAX`] bytes.
    LongCredentials,
    /// The peer speaks HTTP.
    Http,
    /// A header with an unknown byte order, message type or compression mark.
    BadHeader([u8; 4]),
    /// The message, or what it unpacks to, is longer than the limit.
    TooLong {
        /// The bytes it claims.
        bytes: u64,
        /// The bytes it may have.
        limit: usize,
    },
    /// A length below that of the header.
    TooShort(u64),
    /// The packed body is damaged.
    Compression(CompressError),
}

impl std::fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LongCredentials => f.write_str("the credentials are too long"),
            Self::Http => f.write_str("this is HTTP"),
            Self::BadHeader(bytes) => write!(f, "no message begins with {bytes:02x?}"),
            Self::TooLong { bytes, limit } => {
                write!(f, "a message of {bytes} bytes exceeds the limit of {limit}")
            }
            Self::TooShort(bytes) => write!(f, "a message cannot have {bytes} bytes"),
            Self::Compression(e) => write!(f, "damaged compression: {e}"),
        }
    }
}

impl std::error::Error for ProtocolError {}

/// The server's end of one connection.
#[derive(Debug)]
pub struct Server {
    buffer: Vec<u8>,
    start: usize,
    greeted: bool,
    limit: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self::new(MESSAGE_MAX)
    }
}

impl Server {
    /// A connection whose messages may have `limit` bytes, packed or not.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, greeted: false, limit }
    }

    /// Takes bytes that the peer sent; then call [`Server::event`] until it has nothing.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.compact();
        self.buffer.extend_from_slice(bytes);
    }

    /// What no event has taken yet, with room for `least` bytes or more behind it: so that a read
    /// puts them where they are needed. Until it is given back to [`Server::fed`] there is nothing
    /// here.
    #[must_use]
    pub fn spare(&mut self, least: usize) -> Vec<u8> {
        self.compact();
        let mut buffer = std::mem::take(&mut self.buffer);
        // A message that is half there has about as much to come; what it says of itself may be a
        // lie.
        buffer.reserve(least.max(buffer.len()));
        buffer
    }

    /// Takes back what [`Server::spare`] gave, with the bytes that the peer sent behind.
    pub fn fed(&mut self, buffer: Vec<u8>) {
        self.buffer = buffer;
    }

    fn compact(&mut self) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > KEEP_MAX {
            self.buffer = Vec::new();
        }
    }

    /// Lets go of the buffer, if nothing is in it: for a peer that may send nothing for long.
    pub fn let_go(&mut self) {
        if self.buffered() == 0 {
            (self.buffer, self.start) = (Vec::new(), 0);
        }
    }

    /// Bytes held that no event has taken yet.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// The next event, once all its bytes are there.
    ///
    /// # Errors
    /// The bytes break the protocol; the connection is of no further use.
    pub fn event(&mut self) -> Result<Option<Event>, ProtocolError> {
        if !self.greeted {
            return self.login();
        }
        Ok(self.message()?.map(|Message { kind, endian, body }| {
            let body = body.into_owned();
            Event::Message { kind, endian, body }
        }))
    }

    /// The next message of a peer that has introduced itself, once all its bytes are there.
    ///
    /// # Errors
    /// As [`Server::event`].
    pub fn message(&mut self) -> Result<Option<Message<'_>>, ProtocolError> {
        let Some(header) = Header::read(self.rest(), self.limit)? else { return Ok(None) };
        let Some(end) = self.start.checked_add(header.bytes).filter(|e| *e <= self.buffer.len())
        else {
            return Ok(None);
        };
        let start = std::mem::replace(&mut self.start, end) + HEADER_BYTES;
        let body = self.buffer.get(start..end).unwrap_or_default();
        let body = match header.packed {
            true => decompress(body, header.endian, self.limit)
                .map(Cow::Owned)
                .map_err(ProtocolError::Compression)?,
            false => Cow::Borrowed(body),
        };
        Ok(Some(Message { kind: header.kind, endian: header.endian, body }))
    }

    /// The one byte that answers a login (spec/kdb-ipc.md §1).
    #[must_use]
    pub fn accept(capability: u8) -> [u8; 1] {
        [capability.min(CAPABILITY_MAX)]
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn login(&mut self) -> Result<Option<Event>, ProtocolError> {
        let head = self.rest();
        let head = head.get(..CREDENTIALS_MAX).unwrap_or(head);
        let end = head.iter().position(|b| *b == 0);
        // What follows the login is no part of it.
        if is_http(head.get(..end.unwrap_or(head.len())).unwrap_or_default()) {
            return Err(ProtocolError::Http);
        }
        let Some(end) = end else {
            let full = head.len() >= CREDENTIALS_MAX;
            return if full { Err(ProtocolError::LongCredentials) } else { Ok(None) };
        };
        let text = head.get(..end).unwrap_or_default();
        let (text, capability) = match text.split_last() {
            // Printable bytes end the text of a client too old to have capabilities.
            Some((last, rest)) if *last < b' ' => (rest, *last),
            _ => (text, 0),
        };
        let mut parts = text.splitn(2, |b| *b == b':');
        let user = parts.next().unwrap_or_default().to_vec();
        let password = parts.next().map(<[u8]>::to_vec);
        self.start += end + 1;
        self.greeted = true;
        Ok(Some(Event::Login { user, password, capability }))
    }
}

/// Whether the first line is one of HTTP, whose end would be waited for in vain.
fn is_http(head: &[u8]) -> bool {
    const VERSION: &[u8] = b" HTTP/";
    let Some(end) = head.iter().position(|b| *b == b'\n') else { return false };
    let line = head.get(..end).unwrap_or_default();
    line.windows(VERSION.len()).any(|part| part == VERSION)
}

/// The eight bytes before a body.
struct Header {
    endian: Endian,
    kind: Kind,
    packed: bool,
    bytes: usize,
}

impl Header {
    fn read(bytes: &[u8], limit: usize) -> Result<Option<Self>, ProtocolError> {
        let [order, kind, packed, high, rest @ ..] = bytes else { return Ok(None) };
        let bad = Err(ProtocolError::BadHeader([*order, *kind, *packed, *high]));
        let endian = match order {
            0 => Endian::Big,
            1 => Endian::Little,
            _ => return bad,
        };
        let kind = match kind {
            0 => Kind::Async,
            1 => Kind::Sync,
            2 => Kind::Response,
            _ => return bad,
        };
        if *packed > 1 {
            return bad;
        }
        let Some(low) = rest.first_chunk::<4>() else { return Ok(None) };
        let low = match endian {
            Endian::Little => u32::from_le_bytes(*low),
            Endian::Big => u32::from_be_bytes(*low),
        };
        let length = u64::from(*high) << 32 | u64::from(low);
        if length < HEADER_BYTES as u64 {
            return Err(ProtocolError::TooShort(length));
        }
        match usize::try_from(length) {
            Ok(bytes) if bytes <= limit => {
                Ok(Some(Self { endian, kind, packed: *packed == 1, bytes }))
            }
            _ => Err(ProtocolError::TooLong { bytes: length, limit }),
        }
    }
}

/// Appends a message that holds a value.
///
/// # Errors
/// The value has no wire form or is longer than a message can be; `out` is as it was.
pub fn write_message(
    kind: Kind,
    endian: Endian,
    value: &K,
    out: &mut Vec<u8>,
) -> Result<(), IpcError> {
    let start = out.len();
    begin(kind, endian, out);
    let written = ipc::encode(value, endian, out).and_then(|()| finish(start, endian, out));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Appends the response that reports an error, without its quote mark.
pub fn write_error(text: &str, endian: Endian, out: &mut Vec<u8>) {
    let start = out.len();
    begin(Kind::Response, endian, out);
    ipc::encode_error(text, out);
    // The texts of errors are far below any limit.
    if finish(start, endian, out).is_err() {
        out.truncate(start);
    }
}

fn begin(kind: Kind, endian: Endian, out: &mut Vec<u8>) {
    out.extend_from_slice(&[u8::from(endian == Endian::Little), kind as u8, 0, 0, 0, 0, 0, 0]);
}

/// Writes the length into the header at `start`.
fn finish(start: usize, endian: Endian, out: &mut [u8]) -> Result<(), IpcError> {
    let length = i32::try_from(out.len() - start).map_err(|_| IpcError::TooLong)?;
    let bytes = match endian {
        Endian::Little => length.to_le_bytes(),
        Endian::Big => length.to_be_bytes(),
    };
    if let Some(slot) = out.get_mut(start + 4..start + 8) {
        slot.copy_from_slice(&bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events(server: &mut Server) -> Vec<Event> {
        std::iter::from_fn(|| server.event().expect("protocol")).collect()
    }

    #[test]
    fn logins() {
        let login = |bytes: &[u8]| {
            let mut server = Server::default();
            server.feed(bytes);
            match events(&mut server).pop() {
                Some(Event::Login { user, password, capability }) => {
                    Some((user, password, capability))
                }
                _ => None,
            }
        };
        assert_eq!(login(b"bob:pw\x03\0"), Some((b"bob".into(), Some(b"pw".into()), 3)));
        assert_eq!(login(b"bob\x03\0"), Some((b"bob".into(), None, 3)));
        assert_eq!(login(b":\x06\0"), Some((vec![], Some(vec![]), 6)));
        assert_eq!(login(b"old\0"), Some((b"old".into(), None, 0)));
        assert_eq!(login(b"bob:pw\x03"), None);
        assert_eq!(Server::accept(6), [3]);
        assert_eq!(Server::accept(1), [1]);
    }

    #[test]
    fn credentials_without_end() {
        let mut server = Server::default();
        server.feed(&[b'a'; CREDENTIALS_MAX]);
        assert_eq!(server.event(), Err(ProtocolError::LongCredentials));
    }

    #[test]
    fn http_is_known_by_its_first_line() {
        let text: &[u8] = b"POST /pipeline/create HTTP/1.1\r\nHost: a\r\n\r\n";
        let end = text.iter().position(|b| *b == b'\n').expect("a line");
        let mut server = Server::default();
        server.feed(&text[..end]);
        assert_eq!(server.event(), Ok(None), "it could still be a name");
        server.feed(&text[end..]);
        assert_eq!(server.event(), Err(ProtocolError::Http));
        let mut server = Server::default();
        server.feed(b"a\nb:HTTP/1.1\x03\0");
        assert!(matches!(server.event(), Ok(Some(Event::Login { .. }))), "an odd name");
        let mut server = Server::default();
        server.feed(b"me\x03\0GET / HTTP/1.1\n");
        assert!(matches!(server.event(), Ok(Some(Event::Login { .. }))), "it follows a login");
    }

    fn greeted(limit: usize) -> Server {
        let mut server = Server::new(limit);
        server.feed(b"u\x03\0");
        events(&mut server);
        server
    }

    #[test]
    fn lengths_that_lie() {
        let mut server = greeted(100);
        server.feed(&[1, 0, 0, 0, 101, 0, 0, 0]);
        assert_eq!(server.event(), Err(ProtocolError::TooLong { bytes: 101, limit: 100 }));
        let mut server = greeted(100);
        server.feed(&[1, 0, 0, 0, 7, 0, 0, 0]);
        assert_eq!(server.event(), Err(ProtocolError::TooShort(7)));
        let mut server = greeted(100);
        server.feed(b"GET / HT");
        assert_eq!(server.event(), Err(ProtocolError::BadHeader(*b"GET ")));
    }

    #[test]
    fn bytes_that_are_no_header() {
        // An order of bytes, a kind and a way of packing that there are not.
        for head in [[2, 0, 0, 0], [1, 3, 0, 0], [1, 0, 2, 0]] {
            let mut server = greeted(100);
            server.feed(&[&head[..], &[8, 0, 0, 0]].concat());
            assert_eq!(server.event(), Err(ProtocolError::BadHeader(head)));
        }
    }

    #[test]
    fn answers_read_back() {
        for endian in [Endian::Little, Endian::Big] {
            let mut out = Vec::new();
            write_message(Kind::Response, endian, &K::long(7), &mut out).unwrap();
            write_error("type", endian, &mut out);
            let mut server = greeted(MESSAGE_MAX);
            server.feed(&out);
            let seen = events(&mut server);
            let bodies: Vec<_> = seen
                .into_iter()
                .map(|e| match e {
                    Event::Message { kind: Kind::Response, endian, body } => {
                        ipc::decode_body(&body, endian).unwrap()
                    }
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(bodies, [ipc::Body::Value(K::long(7)), ipc::Body::Error("type".into())]);
        }
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(cuts in prop::collection::vec(1usize..20, 0..12)) {
            let mut bytes = b"me:pw\x03\0".to_vec();
            for i in 0..5 {
                write_message(Kind::Async, Endian::Little, &K::longs(vec![i; 3]), &mut bytes)
                    .expect("fits");
            }
            let mut whole = Server::default();
            whole.feed(&bytes);
            let want = events(&mut whole);
            let (mut server, mut got, mut rest) = (Server::default(), Vec::new(), &bytes[..]);
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                server.feed(head);
                got.extend(events(&mut server));
                rest = tail;
            }
            prop_assert_eq!(got, want);
        }

        #[test]
        fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut server = greeted(1 << 16);
            server.feed(&bytes);
            while let Ok(Some(_)) = server.event() {}
        }
    }
}
