//! HTTP/1.0 and HTTP/1.1 without I/O: bytes in, events out, and heads and bodies to bytes.
//!
//! It is:
//! - a decoder for requests (server side) and responses (client side): heads by `httparse`, bodies
//!   by length, by chunks or to the end of the connection, any number of messages on a connection;
//! - strict where laxity lets a request hide in another one: two lengths that differ, a length
//!   beside a transfer encoding, broken chunks are refused (RFC 9112 §6.3, §7.1);
//! - bounded: every part of a message has a limit, and an input that is fed byte by byte costs no
//!   more than one that is fed whole.
//!
//! It is not a client or server: who reads and writes sockets, and when, is up to its user.

mod body;
mod decode;
mod error;
mod head;
mod write;

pub use decode::{Decoder, Event, RequestDecoder, ResponseDecoder};
pub use error::HttpError;
pub use head::{Headers, Message, RequestHead, ResponseHead};
pub use write::{
    BodyLength, CONTINUE, InvalidHeader, reason, write_chunk, write_error, write_last_chunk,
    write_request_head, write_response, write_response_head,
};

/// The longest head of a message in bytes, line ends included.
pub const HEAD_MAX: usize = 64 << 10;

/// The most header lines of a message.
pub const HEADERS_MAX: usize = 128;

/// The longest line with a chunk's size and extensions in bytes, line end included.
pub const CHUNK_LINE_MAX: usize = 4 << 10;

/// The longest trailer section in bytes, line ends included. Trailers are read and dropped.
pub const TRAILERS_MAX: usize = 16 << 10;

#[cfg(test)]
mod tests;
