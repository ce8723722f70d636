//! How messages to and from a program are told apart.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How messages are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// Each is a line.
    #[default]
    Lines,
    /// Four bytes with the length go before each, the highest first.
    LengthPrefixedUint32Be,
    /// The length in digits and a colon go before each, a comma behind it.
    Netstring,
}

/// A message at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Where its content is.
    pub(super) content: Range<usize>,
    /// How many bytes it takes with all that belongs to it.
    pub(super) len: usize,
}

impl Framing {
    /// A message as it is sent.
    pub(super) fn frame(self, message: &[u8]) -> Vec<u8> {
        match self {
            Framing::Lines => [message, b"\n"].concat(),
            Framing::LengthPrefixedUint32Be => {
                let len = u32::try_from(message.len()).unwrap_or(u32::MAX);
                [&len.to_be_bytes(), message].concat()
            }
            Framing::Netstring => {
                [format!("{}:", message.len()).as_bytes(), message, b","].concat()
            }
        }
    }

    /// The first message of what was received; none when it is not whole yet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn first(self, bytes: &[u8], at_end: bool) -> Result<Option<Frame>, String> {
        match self {
            Framing::Lines => Ok(line(bytes, at_end)),
            Framing::LengthPrefixedUint32Be => prefixed(bytes),
            Framing::Netstring => netstring(bytes),
        }
    }
}

fn line(bytes: &[u8], at_end: bool) -> Option<Frame> {
    let (end, len) = match memchr::memchr(b'\n', bytes) {
        Some(end) => (end, end + 1),
        None if at_end && !bytes.is_empty() => (bytes.len(), bytes.len()),
        None => return None,
    };
    let line = bytes.get(..end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some(Frame { content: 0..line.len(), len })
}

fn prefixed(bytes: &[u8]) -> Result<Option<Frame>, String> {
    const PREFIX: usize = 4;
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else { return Ok(None) };
    let len = u32::from_be_bytes(*prefix);
    if len > u32::MAX - PREFIX as u32 {
        let text = "number of bytes to read exceeds representable range of go int datatype";
        return Err(text.to_owned());
    }
    let end = PREFIX + len as usize;
    Ok((rest.len() >= len as usize).then_some(Frame { content: PREFIX..end, len: end }))
}

fn netstring(bytes: &[u8]) -> Result<Option<Frame>, String> {
    let invalid = |what: &str| Err(format!("encountered invalid netstring: {what}"));
    let Some(colon) = memchr::memchr(b':', bytes) else { return Ok(None) };
    if colon == 0 {
        return invalid("netstring starts with colon (':')");
    }
    let digits = String::from_utf8_lossy(bytes.get(..colon).unwrap_or_default());
    let number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let len = digits.parse::<usize>().ok().filter(|len| number && *len <= isize::MAX as usize);
    let Some(len) = len else {
        return invalid(&format!("unable to decode length '{digits}'"));
    };
    let end = len.saturating_add(colon + 1);
    match bytes.get(end) {
        None => Ok(None),
        Some(b',') => Ok(Some(Frame { content: colon + 1..end, len: end + 1 })),
        Some(_) => invalid("trailing comma-character is missing"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Framing; 3] = [Framing::Lines, Framing::LengthPrefixedUint32Be, Framing::Netstring];

    #[test]
    fn lines_end_with_their_program() {
        let first = |bytes: &[u8], at_end| Framing::Lines.first(bytes, at_end);
        assert_eq!(first(b"a\r\nb", false), Ok(Some(Frame { content: 0..1, len: 3 })));
        assert_eq!(first(b"b", false), Ok(None));
        assert_eq!(first(b"b", true), Ok(Some(Frame { content: 0..1, len: 1 })));
        assert_eq!(first(b"", true), Ok(None));
    }

    #[test]
    fn what_is_no_message_is_said() {
        let wrong = |framing: Framing, bytes: &[u8]| framing.first(bytes, false).unwrap_err();
        let invalid = "encountered invalid netstring: ";
        let net = |bytes| wrong(Framing::Netstring, bytes).replace(invalid, "");
        assert_eq!(net(b":a"), "netstring starts with colon (':')");
        assert_eq!(net(b"3:a:b\n"), "trailing comma-character is missing");
        assert_eq!(net(b"+1:a,"), "unable to decode length '+1'");
        let many = "99999999999999999999";
        let text = format!("unable to decode length '{many}'");
        assert_eq!(net(format!("{many}:").as_bytes()), text);
        let far = wrong(Framing::LengthPrefixedUint32Be, &[0xff; 4]);
        assert!(far.starts_with("number of bytes to read exceeds"), "{far}");
        // What may still become one is waited for.
        let more = Framing::Netstring.first(b"9223372036854775807:abc", false);
        assert_eq!(more, Ok(None));
    }

    proptest! {
        /// What was framed is found again, whole and not before it is whole.
        #[test]
        fn what_was_framed_is_found(
            message in prop::collection::vec(any::<u8>().prop_filter("", |b| !b"\r\n".contains(b)), 0..50),
            more: Vec<u8>,
        ) {
            for framing in ALL {
                let framed = framing.frame(&message);
                for end in 0..framed.len() {
                    prop_assert_eq!(framing.first(&framed[..end], false), Ok(None));
                }
                let all = [&framed[..], &more].concat();
                let frame = framing.first(&all, false).unwrap().unwrap();
                prop_assert_eq!(&all[frame.content], &message[..]);
                prop_assert_eq!(frame.len, framed.len());
            }
        }

        /// Whatever is received is a message, none, or an error.
        #[test]
        fn nothing_breaks_it(bytes: Vec<u8>, at_end: bool) {
            for framing in ALL {
                if let Ok(Some(frame)) = framing.first(&bytes, at_end) {
                    prop_assert!(frame.len <= bytes.len() && frame.content.end <= frame.len);
                    prop_assert!(frame.len > 0);
                }
            }
        }
    }
}
