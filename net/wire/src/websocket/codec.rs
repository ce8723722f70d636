//! Frames of one connection.

use std::io::{self, Read, Write};

use bytes::Bytes;
use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::MESSAGE_BYTES_MAX;
use super::ending::{BAD_TEXT, Ending};

/// Bytes that the library takes over at once.
const READ_BYTES: usize = 4 << 10;

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Its frames are masked.
    Client,
    /// Its frames are not.
    Server,
}

/// What a message says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes.
    Binary,
    /// Text; what is not valid UTF-8 is sent as bytes.
    Text,
}

/// Bytes of both directions that nobody has taken yet.
#[derive(Debug, Default)]
struct Memory {
    incoming: Vec<u8>,
    /// How much of it was used up.
    start: usize,
    ended: bool,
    outgoing: Vec<u8>,
}

impl Read for Memory {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.incoming.get(self.start..).unwrap_or_default();
        let count = rest.len().min(into.len());
        match (into.get_mut(..count), rest.get(..count)) {
            (Some(into), Some(from)) if count > 0 => into.copy_from_slice(from),
            _ if self.ended => return Ok(0),
            _ => return Err(io::ErrorKind::WouldBlock.into()),
        }
        self.start += count;
        Ok(count)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Turns the bytes of one connection into messages, after the handshake.
///
/// ```
/// use wire::websocket::{Codec, Kind, Side};
/// let (mut client, mut server) = (Codec::new(Side::Client), Codec::new(Side::Server));
/// client.send(Kind::Text, b"hi").unwrap();
/// server.feed(&client.take_output());
/// assert_eq!(server.next_message(), Ok(Some("hi".into())));
/// assert_eq!(server.next_message(), Ok(None));
/// ```
#[derive(Debug)]
pub struct Codec {
    socket: WebSocket<Memory>,
    ending: Option<Ending>,
}

impl Codec {
    /// For a connection that has just agreed to be a websocket.
    #[must_use]
    pub fn new(side: Side) -> Self {
        let role = match side {
            Side::Client => Role::Client,
            Side::Server => Role::Server,
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let socket = WebSocket::from_raw_socket(Memory::default(), role, Some(config));
        Codec { socket, ending: None }
    }

    /// Adds bytes of the connection. After each call take messages until there are none.
    pub fn feed(&mut self, bytes: &[u8]) {
        let memory = self.socket.get_mut();
        memory.incoming.drain(..memory.start);
        memory.start = 0;
        if self.ending.is_none() {
            memory.incoming.extend_from_slice(bytes);
        }
    }

    /// Says that no more bytes come.
    pub fn finish(&mut self) {
        self.socket.get_mut().ended = true;
    }

    /// The next whole message; `None` when more bytes are needed. What has to be sent because of
    /// it, such as the answer to a ping, is in [`Codec::take_output`].
    ///
    /// # Errors
    /// How the connection ended, every time again.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, Ending> {
        if let Some(ending) = &self.ending {
            return Err(ending.clone());
        }
        loop {
            let ending = match self.socket.read() {
                Ok(Message::Binary(bytes)) => return Ok(Some(bytes)),
                Ok(Message::Text(text)) => return Ok(Some(text.into())),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
                Ok(Message::Close(frame)) => {
                    // Writes the answer; that nothing may follow it is no news.
                    let _ = self.socket.flush();
                    frame.map_or(Ending::Closed(1005, String::new()), |frame| {
                        Ending::Closed(frame.code.into(), frame.reason.as_str().to_owned())
                    })
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(None);
                }
                Err(error) => ending(error),
            };
            if let Some(code) = ending.code() {
                self.close(code);
            }
            self.ending = Some(ending.clone());
            return Err(ending);
        }
    }

    /// Queues a message.
    ///
    /// # Errors
    /// The connection was closed, from either side.
    pub fn send(&mut self, kind: Kind, content: &[u8]) -> Result<(), Ending> {
        if let Some(ending) = &self.ending {
            return Err(ending.clone());
        }
        let message = match (kind, std::str::from_utf8(content)) {
            (Kind::Text, Ok(text)) => Message::text(text),
            _ => Message::binary(content.to_vec()),
        };
        self.socket.send(message).map_err(ending)
    }

    /// Says that this side sends nothing more; the peer's answer ends the connection.
    pub fn close(&mut self, code: u16) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
        // A connection that is closed already needs no second word.
        let _ = self.socket.close(Some(frame));
    }

    /// What is to be sent. The connection is over when this is sent and there is an ending.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.socket.get_mut().outgoing)
    }
}

/// What the library says about an end.
fn ending(error: Error) -> Ending {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Ending::Closed(1000, String::new()),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_) => Ending::Cut,
        Error::Protocol(ProtocolError::SendAfterClosing) => Ending::Broken("close sent".to_owned()),
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Ending::TooLarge,
        Error::Utf8(_) => Ending::Broken(BAD_TEXT.to_owned()),
        Error::Protocol(error) => Ending::Broken(broken(&error)),
        other => Ending::Broken(other.to_string()),
    }
}

/// A broken rule in the words that users know.
fn broken(error: &ProtocolError) -> String {
    let text = match error {
        ProtocolError::MaskedFrameFromServer | ProtocolError::UnmaskedFrameFromClient => "bad MASK",
        ProtocolError::ControlFrameTooBig => "len > 125 for control",
        ProtocolError::FragmentedControlFrame => "FIN not set on control",
        ProtocolError::UnexpectedContinueFrame => "continuation after FIN",
        ProtocolError::ExpectedFragment(_) => "data before FIN",
        ProtocolError::NonZeroReservedBits => "reserved bits set",
        ProtocolError::UnknownControlFrameType(code)
        | ProtocolError::UnknownDataFrameType(code)
        | ProtocolError::InvalidOpcode(code) => return format!("bad opcode {code}"),
        other => return other.to_string(),
    };
    text.to_owned()
}
