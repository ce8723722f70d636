//! Strings of JSON: from their escaped form to bytes and back in canonical form
//! (spec/bloblang.md §8).

use super::scan::{Stops, plain_len};
use crate::short;
use crate::utf8;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `text` as a JSON string with its quotes: `"`, `\` and control characters escaped,
/// U+2028 and U+2029 too, each byte that is no UTF-8 as `\ufffd`, and with `html` also `<>&`.
#[inline]
pub fn write_string(out: &mut Vec<u8>, text: &[u8], html: bool) {
    out.reserve(text.len().max(short::SHORT_MAX) + 2);
    out.push(b'"');
    let plain = plain_len(text, Stops { non_ascii: true, html });
    let (plain, rest) = text.split_at(plain);
    short::push(out, plain);
    if !rest.is_empty() {
        write_rest(out, rest, html);
    }
    out.push(b'"');
}

/// The part of a string from its first character that is not plain ASCII.
#[cold]
fn write_rest(out: &mut Vec<u8>, text: &[u8], html: bool) {
    utf8::runs(
        text,
        out,
        |out, run| write_utf8(out, run.as_bytes(), html),
        |out| out.extend_from_slice(b"\\ufffd"),
    );
}

fn write_utf8(out: &mut Vec<u8>, mut text: &[u8], html: bool) {
    // Without the first byte of U+2028 and U+2029 nothing above ASCII needs an escape.
    let non_ascii = memchr::memchr(0xe2, text).is_some();
    loop {
        let (plain, rest) = text.split_at(plain_len(text, Stops { non_ascii, html }));
        out.extend_from_slice(plain);
        let Some((&c, after)) = rest.split_first() else { return };
        text = after;
        match (c, after) {
            (0xe2, [0x80, last @ (0xa8 | 0xa9), ..]) => {
                out.extend_from_slice(b"\\u202");
                out.push(HEX[usize::from(last & 15)]);
                text = after.get(2..).unwrap_or(&[]);
            }
            (0x80.., _) => out.push(c),
            _ => write_ascii_escape(out, c),
        }
    }
}

fn write_ascii_escape(out: &mut Vec<u8>, c: u8) {
    let short = match c {
        b'"' | b'\\' => c,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(c >> 4)], HEX[usize::from(c & 15)]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends the bytes that the inside of a valid JSON string stands for: escapes resolved, lone
/// surrogates and bytes that are no UTF-8 replaced by U+FFFD.
pub fn unescape(out: &mut Vec<u8>, inside: &[u8]) {
    let mut rest = inside;
    loop {
        let (plain, escape) = rest.split_at(memchr::memchr(b'\\', rest).unwrap_or(rest.len()));
        utf8::push_replaced(out, plain);
        let [_, c, after @ ..] = escape else { return };
        rest = after;
        match c {
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => rest = unescape_unicode(out, after),
            _ => out.push(*c),
        }
    }
}

/// Resolves one `\u` escape, of which `text` begins with the digits, and the second one of a
/// surrogate pair. Returns what follows.
fn unescape_unicode<'a>(out: &mut Vec<u8>, text: &'a [u8]) -> &'a [u8] {
    let (Some(unit), Some(mut rest)) = (hex4(text), text.get(4..)) else { return &[] };
    let mut code = unit;
    if (0xd800..0xdc00).contains(&unit)
        && let Some(second) = rest.strip_prefix(b"\\u")
        && let Some(low @ 0xdc00..0xe000) = hex4(second)
    {
        code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        rest = second.get(4..).unwrap_or(&[]);
    }
    let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn hex4(text: &[u8]) -> Option<u32> {
    let digits = text.first_chunk::<4>()?;
    digits.iter().try_fold(0, |n, &c| Some(n << 4 | char::from(c).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &[u8], html: bool) -> String {
        let mut out = Vec::new();
        write_string(&mut out, text, html);
        String::from_utf8(out).unwrap()
    }

    fn unescaped(inside: &str) -> String {
        let mut out = Vec::new();
        unescape(&mut out, inside.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn canonical_strings() {
        assert_eq!(
            written(b"a\"\\\x08\x0c\n\r\t\x00\x1f\x7f", false),
            "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\""
        );
        assert_eq!(written("<é>&\u{2028}\u{2029}€".as_bytes(), false), "\"<é>&\\u2028\\u2029€\"");
        assert_eq!(written("<é>&".as_bytes(), true), "\"\\u003cé\\u003e\\u0026\"");
        assert_eq!(written(b"a\xffb\xe2\x80", false), "\"a\\ufffdb\\ufffd\\ufffd\"");
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(unescaped(r#"\"\\\/\b\f\n\r\té"#), "\"\\/\u{8}\u{c}\n\r\té");
        assert_eq!(unescaped(r"\ud83d\ude00"), "😀");
        assert_eq!(unescaped(r"\ud83d\u0041\ude00x"), "\u{fffd}A\u{fffd}x");
        assert_eq!(unescaped(r"\ud83dx"), "\u{fffd}x");
    }

    proptest! {
        #[test]
        fn unescape_inverts_write(text: String, html: bool) {
            let written = written(text.as_bytes(), html);
            prop_assert_eq!(unescaped(&written[1..written.len() - 1]), text);
        }

        #[test]
        fn no_bytes_panic(text: Vec<u8>) {
            unescape(&mut Vec::new(), &text);
            write_string(&mut Vec::new(), &text, true);
        }
    }
}
