//! Text to numbers, accepting what Go's `strconv` accepts.

use super::hex;
use crate::field::eight_digits;

/// Why a text is no number, with Go's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// The text has another form.
    #[error("invalid syntax")]
    Syntax,
    /// The value does not fit the type.
    #[error("value out of range")]
    Range,
}

/// Whether `text` is a number by the grammar of JSON.
#[inline]
#[must_use]
pub fn is_json_number(text: &[u8]) -> bool {
    let at = usize::from(text.first() == Some(&b'-'));
    let mut end = skip_digits(text, at);
    if end == at || (end > at + 1 && text.get(at) == Some(&b'0')) {
        return false;
    }
    if text.get(end) == Some(&b'.') {
        let fraction = end + 1;
        end = skip_digits(text, fraction);
        if end == fraction {
            return false;
        }
    }
    end == text.len() || is_exponent(text.get(end..).unwrap_or(&[]))
}

#[inline]
fn skip_digits(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

#[cold]
fn is_exponent(text: &[u8]) -> bool {
    match text {
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => {
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

fn decimal(digits: &[u8]) -> Result<u64, NumberError> {
    radix(digits, 10)
}

fn radix(digits: &[u8], base: u32) -> Result<u64, NumberError> {
    if digits.is_empty() {
        return Err(NumberError::Syntax);
    }
    let mut n = Some(0u64);
    for &c in digits {
        let digit = char::from(c).to_digit(base).ok_or(NumberError::Syntax)?;
        n = n.and_then(|n| n.checked_mul(u64::from(base))?.checked_add(u64::from(digit)));
    }
    n.ok_or(NumberError::Range)
}

fn signed(text: &[u8]) -> (bool, &[u8]) {
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    }
}

fn with_sign(negative: bool, magnitude: u64) -> Result<i64, NumberError> {
    let value = if negative { -i128::from(magnitude) } else { i128::from(magnitude) };
    i64::try_from(value).map_err(|_| NumberError::Range)
}

/// A decimal integer with an optional sign, as `ParseInt(text, 10, 64)`.
///
/// # Errors
/// When the text has another form or the value does not fit.
pub fn parse_int(text: &[u8]) -> Result<i64, NumberError> {
    let (negative, digits) = signed(text);
    with_sign(negative, decimal(digits)?)
}

/// A decimal integer without a sign, as `ParseUint(text, 10, 64)`.
///
/// # Errors
/// When the text has another form or the value does not fit.
pub fn parse_uint(text: &[u8]) -> Result<u64, NumberError> {
    decimal(text)
}

/// An integer with an optional sign and a prefix `0x`, `0o`, `0b` or `0`, whose digits may be set
/// apart by `_`, as `ParseInt(text, 0, 64)`.
///
/// # Errors
/// When the text has another form or the value does not fit.
pub fn parse_int_any_base(text: &[u8]) -> Result<i64, NumberError> {
    let (negative, rest) = signed(text);
    with_sign(negative, parse_uint_any_base(rest)?)
}

/// As [`parse_int_any_base`] without a sign, as `ParseUint(text, 0, 64)`.
///
/// # Errors
/// When the text has another form or the value does not fit.
pub fn parse_uint_any_base(text: &[u8]) -> Result<u64, NumberError> {
    let (base, digits) = match text {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', b'o' | b'O', rest @ ..] => (8, rest),
        [b'0', b'b' | b'B', rest @ ..] => (2, rest),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
        _ => (10, text),
    };
    if !digits.contains(&b'_') {
        return radix(digits, base);
    }
    let plain = without_underscores(text).ok_or(NumberError::Syntax)?;
    let skip = text.len() - digits.len();
    radix(plain.get(skip..).unwrap_or(&[]), base)
}

/// The text without its underscores, when each stands between two digits or between a base
/// prefix and a digit. The prefix `0` of an octal number counts as a digit.
pub(super) fn without_underscores(text: &[u8]) -> Option<Vec<u8>> {
    let (_, unsigned) = signed(text);
    let (prefix, hex) = match unsigned {
        [b'0', b'x' | b'X', ..] => (2, true),
        [b'0', b'b' | b'B' | b'o' | b'O', ..] => (2, false),
        _ => (0, false),
    };
    let is_digit = |c: u8| if hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
    let mut before_is_digit = prefix > 0;
    let mut after_underscore = false;
    for &c in unsigned.get(prefix..)? {
        let digit = is_digit(c);
        if (c == b'_' && !before_is_digit) || (after_underscore && !digit) {
            return None;
        }
        after_underscore = c == b'_';
        before_is_digit = digit;
    }
    (!after_underscore).then(|| text.iter().copied().filter(|&c| c != b'_').collect())
}

/// A float as `ParseFloat(text, 64)`: decimal or hexadecimal, `inf`, `infinity` and `nan` in any
/// case, digits set apart by `_`.
///
/// # Errors
/// When the text has another form, or the value is too large for a double.
pub fn parse_float(text: &[u8]) -> Result<f64, NumberError> {
    if let Some(x) = short_decimal(text) {
        return Ok(x);
    }
    let cleaned;
    let mut text = text;
    if text.contains(&b'_') {
        cleaned = without_underscores(text).ok_or(NumberError::Syntax)?;
        text = &cleaned;
    }
    let (negative, rest) = signed(text);
    if let [b'0', b'x' | b'X', digits @ ..] = rest {
        let x = hex::parse(digits)?;
        return Ok(if negative { -x } else { x });
    }
    let first = rest.first().copied().unwrap_or(0);
    let special = !(first.is_ascii_digit() || first == b'.');
    if special && rest.len() < text.len() && first.eq_ignore_ascii_case(&b'n') {
        return Err(NumberError::Syntax); // Go knows no signed NaN
    }
    let text = std::str::from_utf8(text).map_err(|_| NumberError::Syntax)?;
    let x: f64 = text.parse().map_err(|_| NumberError::Syntax)?;
    if x.is_infinite() && !special { Err(NumberError::Range) } else { Ok(x) }
}

/// A JSON number that is an integer and fits: `12`, not `12.0` nor `1e3`.
#[must_use]
pub fn json_number_i64(text: &[u8]) -> Option<i64> {
    // Up to 18 digits cannot overflow, which is the usual case.
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return parse_int(text).ok();
    }
    let mut n = 0i64;
    for &c in digits {
        let digit = c.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        n = n * 10 + i64::from(digit);
    }
    Some(if negative { -n } else { n })
}

/// The powers of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// A decimal number of at most 15 digits without exponent, such as `-45.678`, which one exact
/// division turns into the nearest double. `None` for any other text.
#[inline]
#[must_use]
pub(crate) fn short_decimal(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, text),
    };
    let (mantissa, fraction) = match digits.len() {
        0..4 => by_digits(digits)?,
        4..=8 => by_eight(digits)?,
        9..=16 => by_sixteen(digits)?,
        _ => return None,
    };
    if mantissa >= 1 << 53 {
        return None;
    }
    let x = mantissa as f64 / EXACT_POWERS.get(fraction)?;
    Some(if negative { -x } else { x })
}

/// The digits of a decimal number as a whole one, and how many of them are behind the point.
fn by_digits(text: &[u8]) -> Option<(u64, usize)> {
    let (mut mantissa, mut point) = (0u64, None);
    for (i, &c) in text.iter().enumerate() {
        let digit = c.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa * 10 + u64::from(digit);
        } else if c == b'.' && point.is_none() {
            point = Some(i);
        } else {
            return None;
        }
    }
    let fraction = point.map_or(0, |at| text.len() - 1 - at);
    (text.len() > usize::from(point.is_some())).then_some((mantissa, fraction))
}

/// The same for 4 to 8 bytes at once: without branches on where the point is.
#[inline]
fn by_eight(text: &[u8]) -> Option<(u64, usize)> {
    let count = text.len();
    let (first, last) = (text.first_chunk::<4>()?, text.last_chunk::<4>()?);
    // Both halves overlap where there are fewer than eight bytes. The first byte is the lowest.
    let low = u64::from(u32::from_le_bytes(*first));
    let all = low | u64::from(u32::from_le_bytes(*last)) << (8 * (count - 4));
    let differs = all ^ 0x2e2e_2e2e_2e2e_2e2e;
    // The lowest high bit that is set is that of the first byte that is a point.
    let points = differs.wrapping_sub(0x0101_0101_0101_0101) & !differs & 0x8080_8080_8080_8080;
    let at = (points.trailing_zeros() as usize / 8).min(count);
    let before = all & !u64::MAX.checked_shl(8 * at as u32).unwrap_or(0);
    let behind = all.checked_shr(8 * (at as u32 + 1)).unwrap_or(0);
    let digits = before | behind.checked_shl(8 * at as u32).unwrap_or(0);
    let digit_count = count - usize::from(at < count);
    // Zeros in front make them eight.
    let zeros = 0x3030_3030_3030_3030u64.checked_shr(8 * digit_count as u32).unwrap_or(0);
    let digits = digits << (8 * (8 - digit_count)) | zeros;
    Some((eight_digits(digits.to_le_bytes())?, digit_count.saturating_sub(at)))
}

/// The same for 9 to 16 bytes.
#[inline]
fn by_sixteen(text: &[u8]) -> Option<(u64, usize)> {
    let count = text.len();
    let (first, last) = (text.first_chunk::<8>()?, text.last_chunk::<8>()?);
    let low = u128::from(u64::from_le_bytes(*first));
    let all = low | u128::from(u64::from_le_bytes(*last)) << (8 * (count - 8));
    let at = text.iter().position(|&c| c == b'.').unwrap_or(count);
    let before = all & !u128::MAX.checked_shl(8 * at as u32).unwrap_or(0);
    let behind = all.checked_shr(8 * (at as u32 + 1)).unwrap_or(0);
    let digits = before | behind.checked_shl(8 * at as u32).unwrap_or(0);
    let digit_count = count - usize::from(at < count);
    let zeros = u128::from_le_bytes([b'0'; 16]).checked_shr(8 * digit_count as u32).unwrap_or(0);
    let digits = (digits << (8 * (16 - digit_count)) | zeros).to_le_bytes();
    let (first, last) = (digits.first_chunk::<8>()?, digits.last_chunk::<8>()?);
    let mantissa = eight_digits(*first)? * 100_000_000 + eight_digits(*last)?;
    Some((mantissa, digit_count.saturating_sub(at)))
}

/// The double nearest to a JSON number. `None` when it is too large, such as `1e400`.
#[must_use]
pub fn json_number_f64(text: &[u8]) -> Option<f64> {
    parse_float(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers() {
        assert_eq!(parse_int(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(parse_int(b"9223372036854775808"), Err(NumberError::Range));
        assert_eq!(parse_int(b"12.0"), Err(NumberError::Syntax));
        assert_eq!(parse_int(b""), Err(NumberError::Syntax));
        assert_eq!(parse_int(b"+7"), Ok(7));
        assert_eq!(parse_uint(b"18446744073709551615"), Ok(u64::MAX));
        for (text, n) in
            [("0x1F", 31), ("0b101", 5), ("0o17", 15), ("017", 15), ("1_000", 1000), ("-0x_f", -15)]
        {
            assert_eq!(parse_int_any_base(text.as_bytes()), Ok(n), "{text}");
        }
        for text in ["0x", "1__0", "_1", "1_", "08", "", "-"] {
            assert_eq!(parse_int_any_base(text.as_bytes()), Err(NumberError::Syntax), "{text}");
        }
        assert_eq!(parse_int_any_base(b"0_7"), Ok(7));
    }

    #[test]
    fn floats() {
        for (text, x) in [
            ("1_0", 10.0),
            ("0x1p4", 16.0),
            ("-0x1.8p1", -3.0),
            (".5", 0.5),
            ("1.", 1.0),
            ("+1e3", 1e3),
            ("Infinity", f64::INFINITY),
            ("-iNf", f64::NEG_INFINITY),
            ("1e-400", 0.0),
        ] {
            assert_eq!(parse_float(text.as_bytes()), Ok(x), "{text}");
        }
        assert!(parse_float(b"NaN").unwrap().is_nan());
        for text in ["0x10", "", "+nan", "1e", "e1", ".", "1_", "1e1_", "abc", "0x", "0xp1"] {
            assert_eq!(parse_float(text.as_bytes()), Err(NumberError::Syntax), "{text}");
        }
        assert_eq!(parse_float(b"1e400"), Err(NumberError::Range));
    }

    #[test]
    fn decimals_of_every_length_and_point() {
        let digits = b"9182736455463728";
        for count in 0..=16 {
            let digits = &digits[..count];
            for at in 0..=count {
                let text = [&digits[..at], b".", &digits[at..]].concat();
                for text in [text.as_slice(), digits] {
                    let shown = std::str::from_utf8(text).unwrap();
                    let found = short_decimal(text);
                    let long = text.len() > 16 || count == 16;
                    match shown.parse::<f64>() {
                        Ok(x) if !long => assert_eq!(found, Some(x), "{shown}"),
                        Ok(x) => assert!(found.is_none_or(|found| found == x), "{shown}"),
                        Err(_) => assert_eq!(found, None, "{shown}"),
                    }
                }
            }
        }
        for text in
            ["1.2.3", "12.34.56", "1234.5678.9", "..", "....", ".........", "12a4", "1234567/"]
        {
            assert_eq!(short_decimal(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn json_grammar() {
        for good in ["0", "-0", "1", "10.5", "1e5", "1E+5", "0.0e-0", "123456789012345678901"] {
            assert!(is_json_number(good.as_bytes()), "{good}");
        }
        for bad in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "0x1", "1 ", "--1", "1.5.2"] {
            assert!(!is_json_number(bad.as_bytes()), "{bad}");
        }
        assert_eq!(json_number_i64(b"12"), Some(12));
        assert_eq!(json_number_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(json_number_i64(b"9223372036854775808"), None);
        assert_eq!(json_number_i64(b"1.0"), None);
        assert_eq!(json_number_f64(b"1e400"), None);
    }

    proptest! {
        #[test]
        fn short_decimals_are_exact(text in "-?[0-9]{1,8}(\\.[0-9]{0,8})?") {
            if let Some(x) = short_decimal(text.as_bytes()) {
                prop_assert_eq!(x.to_bits(), text.parse::<f64>().unwrap().to_bits());
            }
        }

        #[test]
        fn no_text_panics(text: Vec<u8>) {
            let _ = (parse_float(&text), parse_int_any_base(&text), is_json_number(&text));
        }
    }
}
