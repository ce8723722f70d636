//! Base64. Encoding is left to a crate; decoding is our own, for the positions in its errors.

use base64::Engine;
use base64::engine::general_purpose;

use crate::error::Error;

/// Which alphabet, and whether the end is padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Standard,
    Url,
    RawUrl,
}

pub(super) fn encode(bytes: &[u8], kind: Kind) -> Vec<u8> {
    let text = match kind {
        Kind::Standard => general_purpose::STANDARD.encode(bytes),
        Kind::Url => general_purpose::URL_SAFE.encode(bytes),
        Kind::RawUrl => general_purpose::URL_SAFE_NO_PAD.encode(bytes),
    };
    text.into_bytes()
}

/// Decodes as Go's streaming decoder does: line breaks are left out, and positions count without
/// them; the incomplete end of unpadded text is a piece of its own.
pub(super) fn decode(text: &[u8], kind: Kind) -> Result<Vec<u8>, Error> {
    let text: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let padded = kind != Kind::RawUrl;
    let url = kind != Kind::Standard;
    let (whole, rest) = text.split_at(text.len() / 4 * 4);
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for (i, quad) in whole.as_chunks::<4>().0.iter().enumerate() {
        let last = (i + 1) * 4 == whole.len();
        quantum(&mut out, quad, i * 4, padded, last, url)?;
    }
    match (rest, padded) {
        ([], _) => Ok(out),
        (_, true) => Err(Error::new("unexpected EOF")),
        (rest, false) => {
            quantum(&mut out, rest, 0, false, true, url)?;
            Ok(out)
        }
    }
}

/// Decodes up to four characters that stand at a position.
fn quantum(
    out: &mut Vec<u8>,
    text: &[u8],
    at: usize,
    padded: bool,
    last: bool,
    url: bool,
) -> Result<(), Error> {
    let illegal = |at: usize| Error::new(format!("illegal base64 data at input byte {at}"));
    let mut bits = 0u32;
    let mut count = 0;
    for (i, &byte) in text.iter().enumerate() {
        if let Some(six) = value(byte, url) {
            bits = bits << 6 | six;
            count += 1;
            continue;
        }
        if byte != b'=' || !padded || i < 2 {
            return Err(illegal(at + i));
        }
        if i == 2 && text.get(3) != Some(&b'=') {
            return Err(illegal(at + 3));
        }
        if !last {
            return Err(illegal(at + 4));
        }
        break;
    }
    if count == 1 {
        return Err(illegal(at));
    }
    let bytes = (bits << (6 * (4 - count))).to_be_bytes();
    out.extend(bytes.iter().skip(1).take(count * 6 / 8));
    Ok(())
}

fn value(byte: u8, url: bool) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' if url => 62,
        b'_' if url => 63,
        b'+' if !url => 62,
        b'/' if !url => 63,
        _ => return None,
    };
    Some(u32::from(value))
}
