//! Bytes as texts of a smaller alphabet, with the tolerance and the errors of Go's packages.

mod base64;
mod base85;

use crate::error::Error;

/// A way to write bytes as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Base64 with padding.
    Base64,
    /// Base64 with the alphabet for URLs, with padding.
    Base64Url,
    /// Base64 with the alphabet for URLs, without padding.
    Base64RawUrl,
    /// Two hexadecimal digits a byte.
    Hex,
    /// Five characters from `!` to `u` for four bytes.
    Ascii85,
    /// Five characters of the alphabet of ZeroMQ for four bytes.
    Z85,
}

impl Scheme {
    /// The scheme of a name.
    ///
    /// # Errors
    /// There is none.
    pub fn find(name: &str) -> Result<Scheme, Error> {
        match name {
            "base64" => Ok(Scheme::Base64),
            "base64url" => Ok(Scheme::Base64Url),
            "base64rawurl" => Ok(Scheme::Base64RawUrl),
            "hex" => Ok(Scheme::Hex),
            "ascii85" => Ok(Scheme::Ascii85),
            "z85" => Ok(Scheme::Z85),
            _ => Err(Error::new(format!("unrecognized encoding type: {name}"))),
        }
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// Z85 wants a number of bytes that four divides.
    pub fn encode(self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(match self {
            Scheme::Base64 => base64::encode(bytes, base64::Kind::Standard),
            Scheme::Base64Url => base64::encode(bytes, base64::Kind::Url),
            Scheme::Base64RawUrl => base64::encode(bytes, base64::Kind::RawUrl),
            Scheme::Hex => encode_hex(bytes),
            Scheme::Ascii85 => base85::encode_ascii85(bytes),
            Scheme::Z85 => base85::encode_z85(bytes)?,
        })
    }

    /// The bytes that a text stands for.
    ///
    /// # Errors
    /// It is none of the scheme, in the words of Go.
    pub fn decode(self, text: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Scheme::Base64 => base64::decode(text, base64::Kind::Standard),
            Scheme::Base64Url => base64::decode(text, base64::Kind::Url),
            Scheme::Base64RawUrl => base64::decode(text, base64::Kind::RawUrl),
            Scheme::Hex => decode_hex(text),
            Scheme::Ascii85 => base85::decode_ascii85(text),
            Scheme::Z85 => base85::decode_z85(text),
        }
    }
}

fn encode_hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |&b: &u8| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]];
    bytes.iter().flat_map(digits).collect()
}

fn decode_hex(text: &[u8]) -> Result<Vec<u8>, Error> {
    let digit = |&byte: &u8| match char::from(byte).to_digit(16) {
        Some(digit) => Ok(digit as u8),
        None => Err(invalid_byte("encoding/hex: invalid byte", byte)),
    };
    let (pairs, rest) = text.as_chunks::<2>();
    let mut out = Vec::with_capacity(pairs.len());
    for [high, low] in pairs {
        out.push(digit(high)? << 4 | digit(low)?);
    }
    match rest {
        [] => Ok(out),
        [odd, ..] => digit(odd).and(Err(Error::new("unexpected EOF"))),
    }
}

/// An error that shows a byte as Go's `%#U` does: `U+007A 'z'`.
fn invalid_byte(what: &str, byte: u8) -> Error {
    let c = char::from(byte);
    let printable = matches!(byte, b' '..=b'~' | 0xa1..=0xac | 0xae..);
    let shown = if printable { format!(" '{c}'") } else { String::new() };
    Error::new(format!("{what}: U+{byte:04X}{shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_undoes_encoding(mut bytes: Vec<u8>) {
            for name in ["base64", "base64url", "base64rawurl", "hex", "ascii85", "z85"] {
                let scheme = Scheme::find(name).unwrap();
                if scheme == Scheme::Z85 {
                    bytes.truncate(bytes.len() / 4 * 4);
                }
                let text = scheme.encode(&bytes).unwrap();
                prop_assert_eq!(scheme.decode(&text).unwrap(), bytes.clone());
            }
        }

        #[test]
        fn any_text_decodes_or_fails(text: Vec<u8>, soup in "[!-zA-Za-z0-9+/=\n_-]{0,40}") {
            for name in ["base64", "base64url", "base64rawurl", "hex", "ascii85", "z85"] {
                let scheme = Scheme::find(name).unwrap();
                let _ = (scheme.decode(&text), scheme.decode(soup.as_bytes()));
            }
        }
    }

    /// Groups of zeros are abbreviated by ascii85, except for one that is not full.
    #[test]
    fn zeros_decode_to_as_many_zeros() {
        for zeros in (0..9).map(|n| vec![0u8; n]) {
            let text = Scheme::Ascii85.encode(&zeros).unwrap();
            assert_eq!(Scheme::Ascii85.decode(&text).unwrap(), zeros, "{text:?}");
        }
    }

    #[test]
    fn errors_are_those_of_go() {
        for (name, text, error) in [
            ("base64", "raw, x", "illegal base64 data at input byte 3"),
            ("base64", "aGVsbG8", "unexpected EOF"),
            ("base64", "aGk=aGk=", "illegal base64 data at input byte 4"),
            ("base64", "a===", "illegal base64 data at input byte 1"),
            ("base64", "aG=x", "illegal base64 data at input byte 3"),
            ("base64rawurl", "w7_Dvw==", "illegal base64 data at input byte 6"),
            ("base64rawurl", "abcde", "illegal base64 data at input byte 0"),
            ("hex", "6", "unexpected EOF"),
            ("hex", "zz", "encoding/hex: invalid byte: U+007A 'z'"),
            ("hex", "6\u{7}", "encoding/hex: invalid byte: U+0007"),
            ("ascii85", "~~", "illegal ascii85 data at input byte 0"),
            ("ascii85", "a", "illegal ascii85 data at input byte 1"),
            ("ascii85", "foo\nbar ", "illegal ascii85 data at input byte 1"),
            ("z85", "abc", "z85: wrongly aligned input data"),
        ] {
            let result = Scheme::find(name).unwrap().decode(text.as_bytes());
            assert_eq!(result.unwrap_err().to_string(), error, "{name} {text}");
        }
        let spaced = Scheme::Base64.decode(b"aGVs\nbG8=\r\n").unwrap();
        assert_eq!(spaced, b"hello");
    }
}
