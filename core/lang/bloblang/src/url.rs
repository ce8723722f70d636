//! URLs and their parts, read, escaped and unescaped as Go's `net/url` does.

mod split;

pub use split::Url;

/// A part of a URL; each leaves other characters as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A key or value of a query, where a space is `+`.
    Query,
    /// One segment of a path.
    Segment,
    /// A whole path.
    Path,
    /// User name and password.
    User,
    /// What follows `#`.
    Fragment,
    /// A host, without a zone.
    Host,
    /// The zone of a host that is an IPv6 address.
    Zone,
}

/// Whether a byte stands for itself in a part.
fn is_plain(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        return true;
    }
    match part {
        Part::Query => false,
        Part::Segment => b"$&+:=@".contains(&byte),
        Part::Path => b"$&+,/:;=@".contains(&byte),
        Part::User => b"$&+,;=".contains(&byte),
        Part::Fragment => b"$&+,/:;=?@!()*".contains(&byte),
        Part::Host | Part::Zone => b"!$&'()*+,;=:[]<>\"".contains(&byte),
    }
}

/// The text as a part of a URL.
#[must_use]
pub fn escape(text: &[u8], part: Part) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len() + 8);
    for &byte in text {
        if is_plain(byte, part) {
            out.push(byte);
        } else if byte == b' ' && part == Part::Query {
            out.push(b'+');
        } else {
            out.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    out
}

/// The text that a part of a URL stands for.
///
/// # Errors
/// `invalid URL escape "%zz"`, or for hosts `invalid character " " in host name`.
pub fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'%' => {
                let code = behind.first_chunk::<2>().and_then(|[a, b]| Some((hex(*a)?, hex(*b)?)));
                let shown = |len: usize| {
                    let bytes = [b"%", behind.get(..len).unwrap_or(behind)].concat();
                    crate::go_format::quote(&bytes)
                };
                let Some((high, low)) = code else {
                    return Err(format!("invalid URL escape {}", shown(2)));
                };
                let code = high << 4 | low;
                // Hosts may escape bytes beyond ASCII only; zones may escape more.
                let refused = match part {
                    Part::Host => high < 8 && behind.first_chunk() != Some(b"25"),
                    Part::Zone => code != b'%' && code != b' ' && !is_plain(code, Part::Host),
                    _ => false,
                };
                if refused {
                    return Err(format!("invalid URL escape {}", shown(2)));
                }
                out.push(code);
                rest = behind.get(2..).unwrap_or_default();
            }
            b'+' if part == Part::Query => out.push(b' '),
            _ if matches!(part, Part::Host | Part::Zone)
                && byte < 0x80
                && !is_plain(byte, part) =>
            {
                let shown = crate::go_format::quote(&[byte]);
                return Err(format!("invalid character {shown} in host name"));
            }
            _ => out.push(byte),
        }
    }
    Ok(out)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|n| n as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unescaping_undoes_escaping(text: Vec<u8>) {
            for part in [Part::Query, Part::Segment, Part::Path, Part::User, Part::Fragment] {
                prop_assert_eq!(unescape(&escape(&text, part), part), Ok(text.clone()));
            }
        }
    }

    #[test]
    fn errors_show_the_escape() {
        assert_eq!(unescape(b"a%g1x", Part::Query).unwrap_err(), "invalid URL escape \"%g1\"");
        assert_eq!(unescape(b"%", Part::Query).unwrap_err(), "invalid URL escape \"%\"");
    }
}
