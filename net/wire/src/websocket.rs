//! Websockets (RFC 6455) without I/O: bytes in, messages out, and messages to bytes.
//!
//! It is:
//! - both sides of the handshake, over heads that `http1` reads and writes;
//! - frames in both roles by `tungstenite`, over a stream in memory: pings are answered, a close is
//!   answered, messages in pieces are put together, masks are wanted from clients and refused from
//!   servers;
//! - bounded: a message has a limit, and what breaks a rule ends the connection with the code that
//!   tells the peer why.
//!
//! It knows no extensions, so that nothing is ever compressed.

mod codec;
mod ending;
mod handshake;

pub use codec::{Codec, Kind, Side};
pub use ending::Ending;
pub use handshake::{Refusal, accept_key, accepts, asks, refusal, write_request};

/// The largest message in bytes, in one piece or in several.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests;
