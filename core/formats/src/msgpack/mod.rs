//! MessagePack: a compact binary form of documents. The words for what is wrong are those that
//! users know from Go's decoder.

mod read;
mod write;

pub use read::{DEPTH_MAX, parse};
pub use write::write;

#[cfg(test)]
mod tests;

/// Why bytes are no MessagePack document, or a document has no such form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MsgpackError {
    /// The bytes end where a value should begin.
    #[error("EOF")]
    Eof,
    /// The bytes end within a value.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// The name of a member is no text.
    #[error("msgpack: invalid code={0:x} decoding string/bytes length")]
    Name(u8),
    /// A value of no known kind begins with this byte.
    #[error("msgpack: unknown code {0:x} decoding interface{{}}")]
    Kind(u8),
    /// A value of a kind that somebody made up.
    #[error("msgpack: unknown ext id={0}")]
    Extension(i8),
    /// A time has as many bytes as no time has.
    #[error("msgpack: invalid ext len={0} decoding time")]
    Time(usize),
    /// Containers are nested deeper than [`DEPTH_MAX`].
    #[error("exceeded max depth")]
    TooDeep,
    /// A number that is neither an integer of 64 bits nor a double.
    #[error("unable to parse {0} neither as int nor as float")]
    Number(String),
    /// A text or container of 2^32 bytes or items and more.
    #[error("msgpack: a value is too long")]
    TooLong,
}

/// The kind of extension that is a point in time.
const TIME: i8 = -1;
