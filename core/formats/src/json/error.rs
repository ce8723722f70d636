//! Why a text is no JSON, in the words of Go's `encoding/json`, which users see
//! (spec/bloblang.md §7).

use std::fmt::Write;

/// A text that is no JSON document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// There is nothing but white space.
    #[error("EOF")]
    Eof,
    /// The text ends within a document.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// Containers are nested deeper than [`DEPTH_MAX`](super::DEPTH_MAX).
    #[error("exceeded max depth")]
    TooDeep,
    /// A byte stands where it must not.
    #[error("invalid character {} {context}", quoted(*.byte))]
    Syntax {
        /// The byte.
        byte: u8,
        /// What was looked for, or what the byte stands in.
        context: &'static str,
        /// Position of the byte in the text.
        at: usize,
    },
    /// Another document follows the first.
    #[error("message contains multiple valid documents")]
    MultipleDocuments,
}

/// A byte as Go quotes a character; a byte above ASCII is taken for the character of its number.
fn quoted(byte: u8) -> String {
    let mut text = String::from("'");
    match byte {
        b'\'' => text.push_str("\\'"),
        b'\\' => text.push_str("\\\\"),
        0x07 => text.push_str("\\a"),
        0x08 => text.push_str("\\b"),
        0x0c => text.push_str("\\f"),
        b'\n' => text.push_str("\\n"),
        b'\r' => text.push_str("\\r"),
        b'\t' => text.push_str("\\t"),
        0x0b => text.push_str("\\v"),
        0x00..=0x1f | 0x7f => {
            let _ = write!(text, "\\x{byte:02x}");
        }
        // What Go's IsPrint refuses: C1 controls, the no-break space and the soft hyphen.
        0x80..=0xa0 | 0xad => {
            let _ = write!(text, "\\u{byte:04x}");
        }
        _ => text.push(char::from(byte)),
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn characters_are_quoted_as_go_does() {
        for (byte, text) in [
            (b'a', "'a'"),
            (b'"', "'\"'"),
            (b'\'', "'\\''"),
            (b'\\', "'\\\\'"),
            (b'\t', "'\\t'"),
            (0, "'\\x00'"),
            (0x7f, "'\\x7f'"),
            (0x85, "'\\u0085'"),
            (0xa0, "'\\u00a0'"),
            (0xff, "'ÿ'"),
        ] {
            assert_eq!(quoted(byte), text);
        }
    }
}
