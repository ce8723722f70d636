//! Which parts of a valid JSON text are in canonical form already, and how one token becomes so.

use super::escape::{unescape, write_string};
use crate::utf8;

/// What is known of the escapes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// One of them is no escape of JSON.
    Invalid,
    /// All are as the canonical writer would write them.
    Canonical,
    /// Some could be written otherwise.
    Other,
}

/// Looks at every escape of a text whose backslashes all stand within strings.
pub(crate) fn escapes(text: &[u8]) -> Escapes {
    let mut all = Escapes::Canonical;
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let escape = rest.get(at + 1..).unwrap_or(&[]);
        let len = match escape {
            [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 1,
            [b'/', ..] => {
                all = Escapes::Other;
                1
            }
            [b'u', digits @ ..] => match digits.first_chunk::<4>() {
                Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => {
                    if !is_canonical_unicode(digits) {
                        all = Escapes::Other;
                    }
                    5
                }
                _ => return Escapes::Invalid,
            },
            _ => return Escapes::Invalid,
        };
        rest = escape.get(len..).unwrap_or(&[]);
    }
    all
}

/// The characters that are written by number: control characters without a letter of their own,
/// and the two line separators.
fn is_canonical_unicode(digits: &[u8; 4]) -> bool {
    match digits {
        b"2028" | b"2029" => true,
        [b'0', b'0', b'0', c] => matches!(c, b'0'..=b'7' | b'b' | b'e' | b'f'),
        [b'0', b'0', b'1', c] => matches!(c, b'0'..=b'9' | b'a'..=b'f'),
        _ => false,
    }
}

/// Whether the bytes above ASCII are as the canonical writer would write them: valid UTF-8 without
/// U+2028 and U+2029.
pub(crate) fn is_canonical_utf8(text: &[u8]) -> bool {
    simdutf8::basic::from_utf8(text).is_ok()
        && memchr::memmem::find_iter(text, b"\xe2\x80")
            .all(|at| !matches!(text.get(at + 2), Some(0xa8 | 0xa9)))
}

/// Appends a string token (with its quotes) in canonical form.
pub(crate) fn write_string_token(out: &mut Vec<u8>, token: &[u8], scratch: &mut Vec<u8>) {
    let inside = token.get(1..token.len().saturating_sub(1)).unwrap_or(&[]);
    let canonical =
        escapes(inside) == Escapes::Canonical && (inside.is_ascii() || is_canonical_utf8(inside));
    if canonical {
        out.extend_from_slice(token);
        return;
    }
    scratch.clear();
    unescape(scratch, inside);
    write_string(out, scratch, false);
}

/// The bytes that the inside of a string stands for, borrowed when they stand there as they are.
#[must_use]
pub fn decoded(inside: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if memchr::memchr(b'\\', inside).is_some() {
        let mut bytes = Vec::with_capacity(inside.len());
        unescape(&mut bytes, inside);
        bytes.into()
    } else if inside.is_ascii() || simdutf8::basic::from_utf8(inside).is_ok() {
        inside.into()
    } else {
        let mut bytes = Vec::with_capacity(inside.len());
        utf8::push_replaced(&mut bytes, inside);
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_judged() {
        for canonical in [r#"\"\\\b\f\n\r\t"#, "\\u0000\\u001f\\u000b\\u2028\\u2029", ""] {
            assert_eq!(escapes(canonical.as_bytes()), Escapes::Canonical, "{canonical}");
        }
        for other in [r"\/", "\\u0041", "\\u001F", "\\u0008", "\\u000a", "\\ufffd"] {
            assert_eq!(escapes(other.as_bytes()), Escapes::Other, "{other}");
        }
        for invalid in [r"\x", r"\u12", r"\u12g4", r"\", r"\/\y"] {
            assert_eq!(escapes(invalid.as_bytes()), Escapes::Invalid, "{invalid}");
        }
    }
}
