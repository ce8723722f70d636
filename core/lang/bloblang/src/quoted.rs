//! Go's quoted literals back into texts (`strconv.Unquote`).

/// The text that a literal stands for: one in double quotes with escapes, one in back quotes as it
/// is but without carriage returns, or a single character in single quotes. `None` where it is no
/// literal.
#[must_use]
pub fn unquote(literal: &[u8]) -> Option<Vec<u8>> {
    let (&quote, rest) = literal.split_first()?;
    let (&last, inside) = rest.split_last()?;
    if quote != last || (quote != b'`' && inside.contains(&b'\n')) {
        return None;
    }
    match quote {
        b'`' if inside.contains(&b'`') => None,
        b'`' => Some(inside.iter().copied().filter(|&b| b != b'\r').collect()),
        b'"' | b'\'' => {
            let mut out = Vec::with_capacity(inside.len());
            let mut left = inside;
            let mut count = 0usize;
            while !left.is_empty() {
                left = unescape(&mut out, left, quote)?;
                count += 1;
            }
            (quote == b'"' || count == 1).then_some(out)
        }
        _ => None,
    }
}

/// Appends the character at the begin of `text`, and gives what follows it.
fn unescape<'t>(out: &mut Vec<u8>, text: &'t [u8], quote: u8) -> Option<&'t [u8]> {
    let (&first, rest) = text.split_first()?;
    if first == quote {
        return None;
    }
    if first != b'\\' {
        let c = crate::cases::chars(text).next()?;
        if quote == b'\'' && std::str::from_utf8(c).is_err() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        } else {
            out.extend_from_slice(c);
        }
        return text.get(c.len()..);
    }
    let (&escape, rest) = rest.split_first()?;
    let byte = match escape {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' => b'\\',
        b'\'' | b'"' if escape == quote => quote,
        b'x' | b'u' | b'U' => {
            let len = match escape {
                b'x' => 2,
                b'u' => 4,
                _ => 8,
            };
            let (digits, rest) = rest.split_at_checked(len)?;
            push_code(out, number(digits, 16)?, escape == b'x' && quote == b'"')?;
            return Some(rest);
        }
        b'0'..=b'7' => {
            let (digits, rest) = text.get(1..)?.split_at_checked(3)?;
            let code = number(digits, 8).filter(|&code| code <= 255)?;
            push_code(out, code, quote == b'"')?;
            return Some(rest);
        }
        _ => return None,
    };
    out.push(byte);
    Some(rest)
}

/// Appends a byte, or a character in UTF-8.
fn push_code(out: &mut Vec<u8>, code: u32, byte: bool) -> Option<()> {
    if byte {
        out.push(u8::try_from(code).ok()?);
    } else {
        out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(())
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    digits.iter().try_fold(0u32, |n, &digit| {
        n.checked_mul(radix)?.checked_add(char::from(digit).to_digit(radix)?)
    })
}

#[cfg(test)]
mod tests {
    use super::unquote;

    #[test]
    fn literals_of_go() {
        for (literal, text) in [
            (&b"\"a\\nb\\u00e9\\x41\\101\\xff\""[..], Some(&b"a\nb\xc3\xa9AA\xff"[..])),
            (b"`raw \\n\r\n`", Some(b"raw \\n\n")),
            (b"'x'", Some(b"x")),
            (b"'\\''", Some(b"'")),
            (b"'\\xe9'", Some("é".as_bytes())),
            (b"\"\"", Some(b"")),
            (b"''", None),
            (b"'xy'", None),
            (b"\"a\"b\"", None),
            (b"\"\\'\"", None),
            (b"\"\\ud800\"", None),
            (b"\"\\400\"", None),
            (b"\"", None),
            (b"", None),
            (b"\"a\n\"", None),
        ] {
            assert_eq!(unquote(literal).as_deref(), text, "{literal:?}");
        }
    }
}
