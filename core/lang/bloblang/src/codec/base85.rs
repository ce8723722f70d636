//! Base 85 in two alphabets.

use crate::error::Error;

/// The alphabet of Z85.
const Z85: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// The five digits of a number, the most significant first.
fn digits(number: u32) -> [u8; 5] {
    [52_200_625, 614_125, 7_225, 85, 1].map(|unit| (number / unit % 85) as u8)
}

/// Ascii85: five digits from `!` for four bytes, `z` for four zero bytes; an incomplete end of n
/// bytes has n + 1 digits.
pub(super) fn encode_ascii85(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 5 + 5);
    let (whole, rest) = bytes.as_chunks::<4>();
    for chunk in whole {
        match u32::from_be_bytes(*chunk) {
            0 => out.push(b'z'),
            number => out.extend(digits(number).map(|digit| digit + b'!')),
        }
    }
    if !rest.is_empty() {
        let mut chunk = [0; 4];
        chunk[..rest.len()].copy_from_slice(rest);
        let digits = digits(u32::from_be_bytes(chunk));
        out.extend(digits.iter().take(rest.len() + 1).map(|digit| digit + b'!'));
    }
    out
}

pub(super) fn decode_ascii85(text: &[u8]) -> Result<Vec<u8>, Error> {
    let illegal = |at: usize| Error::new(format!("illegal ascii85 data at input byte {at}"));
    let mut out = Vec::with_capacity(text.len() / 5 * 4 + 4);
    let (mut number, mut count) = (0u32, 0usize);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            ..=b' ' => continue,
            b'z' if count == 0 => {
                out.extend([0; 4]);
                continue;
            }
            b'!'..=b'u' => {}
            _ => return Err(illegal(at)),
        }
        number = number.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
        count += 1;
        if count == 5 {
            out.extend(number.to_be_bytes());
            (number, count) = (0, 0);
        }
    }
    match count {
        0 => {}
        // What stands before a lone digit is done with; its end is the position that counts.
        1 => return Err(illegal(1)),
        _ => {
            // Missing digits count as the highest, so that cutting them off rounds up.
            for _ in count..5 {
                number = number.wrapping_mul(85).wrapping_add(84);
            }
            out.extend(number.to_be_bytes().iter().take(count - 1));
        }
    }
    Ok(out)
}

pub(super) fn encode_z85(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let (whole, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(Error::new("z85: wrongly aligned input data"));
    }
    let encode =
        |chunk: &[u8; 4]| digits(u32::from_be_bytes(*chunk)).map(|digit| Z85[usize::from(digit)]);
    Ok(whole.iter().flat_map(encode).collect())
}

pub(super) fn decode_z85(text: &[u8]) -> Result<Vec<u8>, Error> {
    let (whole, rest) = text.as_chunks::<5>();
    if !rest.is_empty() {
        return Err(Error::new("z85: wrongly aligned input data"));
    }
    let mut out = Vec::with_capacity(whole.len() * 4);
    for chunk in whole {
        let mut number = 0u64;
        for &byte in chunk {
            let digit = Z85.iter().position(|known| *known == byte);
            let digit =
                digit.ok_or_else(|| super::invalid_byte("z85: invalid input byte", byte))?;
            number = number * 85 + digit as u64;
        }
        let number = u32::try_from(number).map_err(|_| Error::new("z85: decoding overflow"))?;
        out.extend(number.to_be_bytes());
    }
    Ok(out)
}
