//! kdb+ IPC objects: values to bytes and back (spec/kdb-ipc.md §3), in both byte orders.
//!
//! It is the body of a message only; headers, handshake and compression are a protocol's matter.
//! Bytes may come from anyone: lengths are checked before memory is taken, nesting has a limit,
//! and an object never costs more than a small multiple of its bytes.

mod read;
mod write;

pub use read::{Body, decode, decode_argument, decode_body, decode_own, head_bytes};
pub use write::{encode, encode_error};

/// Levels of lists, dictionaries and functions that an object may have.
pub const DEPTH_MAX: usize = 128;

/// Bytes that one object may take: as many as the length of a message can say.
pub const BYTES_MAX: usize = if cfg!(test) { 1 << 24 } else { i32::MAX as usize };

/// Values that one object may consist of, not counting the items of vectors.
pub const OBJECTS_MAX: usize = 1 << 22;

/// The order of the bytes in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endian {
    /// Least significant byte first: what today's machines send.
    #[default]
    Little,
    /// Most significant byte first.
    Big,
}

/// Why bytes are no object, or a value has no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpcError {
    /// The bytes end before the object does.
    Truncated,
    /// A count is negative or larger than the bytes that follow could hold.
    BadLength,
    /// No object has this type code.
    BadType(i8),
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// More values than [`OBJECTS_MAX`].
    TooManyObjects,
    /// Bytes follow the object.
    Trailing,
    /// A table whose columns differ in length, or a dictionary whose halves do.
    BadShape,
    /// The process holds as many symbols as it may.
    TooManySymbols,
    /// A list of more items than the wire can count.
    TooLong,
    /// More bytes than [`BYTES_MAX`].
    TooLarge,
    /// A function that exists only in this process.
    NotPortable,
}

impl std::fmt::Display for IpcError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Self::Truncated => "the object ends early",
            Self::BadLength => "a length does not fit the message",
            Self::BadType(code) => return write!(f, "no object has type {code}"),
            Self::TooDeep => "nested too deep",
            Self::TooManyObjects => return write!(f, "more than {OBJECTS_MAX} values"),
            Self::Trailing => "bytes follow the object",
            Self::BadShape => "lengths within a table or dictionary differ",
            Self::TooManySymbols => "too many symbols",
            Self::TooLong => "too many items",
            Self::TooLarge => return write!(f, "more than {BYTES_MAX} bytes"),
            Self::NotPortable => "a function that cannot leave this process",
        };
        f.write_str(text)
    }
}

impl std::error::Error for IpcError {}

#[cfg(test)]
mod tests;
