//! Single values of rows: text of a field to a typed value, as fast as it goes.

use crate::number::{NumberError, short_decimal};

/// Eight ASCII digits as their number. The first digit is the lowest byte.
#[inline]
pub(crate) fn eight_digits(bytes: [u8; 8]) -> Option<u64> {
    let v = u64::from_le_bytes(bytes);
    // A digit is 0x30 to 0x39: its high nibble is 3, and stays so when 6 is added.
    let high = 0xf0f0_f0f0_f0f0_f0f0;
    let carried = v.wrapping_add(0x0606_0606_0606_0606);
    if (v & high) != 0x3030_3030_3030_3030 || (carried & high) != 0x3030_3030_3030_3030 {
        return None;
    }
    // Pairs of digits, then of pairs, then of fours are joined by one multiplication each.
    let v = v & 0x0f0f_0f0f_0f0f_0f0f;
    let v = (v.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let v = (v.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    Some(v.wrapping_mul(10_000 << 32 | 1) >> 32)
}

/// Up to 19 digits, which cannot overflow.
#[inline]
fn short_digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let (eights, rest) = text.as_chunks::<8>();
    let mut n = 0;
    for eight in eights {
        n = n * 100_000_000 + eight_digits(*eight)?;
    }
    for &c in rest {
        let digit = c.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        n = n * 10 + u64::from(digit);
    }
    Some(n)
}

/// The whole number of a decimal text with the sign apart: `-12.7` is 12 and negative. Decimals
/// are cut off (spec/nes-query-language.md §6).
#[cold]
fn any_integer(text: &[u8]) -> Result<(bool, u64), NumberError> {
    let text = text.trim_ascii();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let point = digits.iter().position(|&c| c == b'.').unwrap_or(digits.len());
    let (whole, fraction) = digits.split_at(point);
    let decimals = fraction.get(1..).unwrap_or(&[]);
    let is_number = decimals.iter().all(u8::is_ascii_digit) && whole.len() + decimals.len() > 0;
    if !is_number {
        return Err(NumberError::Syntax);
    }
    let magnitude = if whole.is_empty() { Ok(0) } else { crate::number::parse_uint(whole) };
    Ok((negative, magnitude?))
}

/// A value that a field can be read as.
pub(crate) trait Field: Sized {
    fn read(text: &[u8]) -> Result<Self, NumberError>;
}

macro_rules! integers {
    ($($int:ty)*) => {$(
        impl Field for $int {
            #[inline]
            fn read(text: &[u8]) -> Result<Self, NumberError> {
                if let Some(n) = short_digits(text) {
                    return <$int>::try_from(n).map_err(|_| NumberError::Range);
                }
                let (negative, magnitude) = any_integer(text)?;
                let n = i128::from(magnitude);
                <$int>::try_from(if negative { -n } else { n }).map_err(|_| NumberError::Range)
            }
        }
    )*};
}
integers!(i8 i16 i32 i64 u8 u16 u32 u64);

impl Field for f64 {
    #[inline]
    fn read(text: &[u8]) -> Result<Self, NumberError> {
        match short_decimal(text) {
            Some(x) => Ok(x),
            None => {
                let text = std::str::from_utf8(text).map_err(|_| NumberError::Syntax)?;
                text.trim_ascii().parse().map_err(|_| NumberError::Syntax)
            }
        }
    }
}

impl Field for f32 {
    fn read(text: &[u8]) -> Result<Self, NumberError> {
        // Not by way of a double, which would round twice.
        let text = std::str::from_utf8(text.trim_ascii()).map_err(|_| NumberError::Syntax)?;
        text.parse().map_err(|_| NumberError::Syntax)
    }
}

impl Field for bool {
    fn read(text: &[u8]) -> Result<Self, NumberError> {
        match text.trim_ascii() {
            b"true" | b"1" => Ok(true),
            b"false" | b"0" => Ok(false),
            _ => Err(NumberError::Syntax),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_cut_off() {
        assert_eq!(i64::read(b"12.7"), Ok(12));
        assert_eq!(i32::read(b"-12.7"), Ok(-12));
        assert_eq!(u8::read(b".9"), Ok(0));
        assert_eq!(i64::read(b" +5"), Ok(5));
        assert_eq!(i64::read(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(u64::read(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(u8::read(b"256"), Err(NumberError::Range));
        assert_eq!(u64::read(b"-1"), Err(NumberError::Range));
        for bad in [&b""[..], b".", b"-", b"1e3", b"12a", b"1.2.3", b"0x1"] {
            assert_eq!(i64::read(bad), Err(NumberError::Syntax), "{bad:?}");
        }
        assert_eq!(bool::read(b"1"), Ok(true));
        assert_eq!(bool::read(b"yes"), Err(NumberError::Syntax));
        assert_eq!(f32::read(b"0.1"), Ok(0.1));
    }

    proptest! {
        #[test]
        fn integers_are_read_back(n: i64, m: u64) {
            prop_assert_eq!(i64::read(n.to_string().as_bytes()), Ok(n));
            prop_assert_eq!(u64::read(m.to_string().as_bytes()), Ok(m));
        }

        #[test]
        fn only_digits_are_digits(bytes: [u8; 8]) {
            let text = std::str::from_utf8(&bytes).ok();
            let plain = text.filter(|t| t.bytes().all(|c| c.is_ascii_digit()));
            prop_assert_eq!(eight_digits(bytes), plain.and_then(|t| t.parse().ok()));
        }

        #[test]
        fn floats_are_the_nearest(x: f64) {
            prop_assume!(x.is_finite());
            prop_assert_eq!(f64::read(x.to_string().as_bytes()), Ok(x));
        }
    }
}
