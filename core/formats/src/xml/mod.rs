//! XML as documents: an element is a member named after it.
//!
//! - Attributes are members whose names begin with `-`; the text of an element that has other
//!   members is its member `#text`.
//! - An element that is there more than once is a list.
//! - Comments, directives and processing instructions do not count. What a document type declares
//!   is never put in anywhere, so that nothing grows.
//!
//! The reader takes what browsers would take too, as the one that users know does: attributes
//! without quotes, `&` that is no reference, ends of elements that are not open.

mod element;
mod read;
mod words;
mod write;

pub use read::{DEPTH_MAX, parse};
pub use write::{Layout, write};

#[cfg(test)]
mod tests;

/// Why a text is no XML document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// There is no element.
    #[error("EOF")]
    Eof,
    /// Something stands where it must not.
    #[error("xml.Decoder.Token() - XML syntax error on line {line}: {what}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The text is in an encoding that nobody knows.
    #[error("xml.Decoder.Token() - xml: opening charset \"{0}\": unsupported charset: \"{0}\"")]
    Charset(String),
    /// An attribute is no single value: its name, and what it is.
    #[error("invalid attribute value for: -{0}:<{1}>")]
    Attribute(String, &'static str),
    /// The text of a document has more bytes than it may have.
    #[error("the result is too large")]
    TooLong,
    /// Elements are nested deeper than [`DEPTH_MAX`].
    #[error("exceeded max depth")]
    TooDeep,
}
