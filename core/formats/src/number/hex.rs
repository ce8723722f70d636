//! Hexadecimal floats (`0x1.8p1`), rounded to nearest, ties to even.

use super::parse::NumberError;

/// Exponents beyond this are as good as infinite.
const EXPONENT_LIMIT: i64 = 100_000;

/// Parses what follows `0x`: hexadecimal digits with at most one point, then `p` and a decimal
/// exponent of two, which is mandatory.
pub(super) fn parse(text: &[u8]) -> Result<f64, NumberError> {
    let at = text.iter().position(|c| matches!(c, b'p' | b'P')).ok_or(NumberError::Syntax)?;
    let (mantissa, exponent) = text.split_at(at);
    let mut exponent = parse_exponent(exponent.get(1..).unwrap_or(&[]))?;
    // 60 bits hold the digits that matter; a last bit is set when any digit beyond is not zero.
    let (mut bits, mut digits, mut seen_point) = (0u64, 0usize, false);
    for &c in mantissa {
        if c == b'.' && !seen_point {
            seen_point = true;
            continue;
        }
        let digit = char::from(c).to_digit(16).ok_or(NumberError::Syntax)?;
        digits += 1;
        if bits >> 56 == 0 {
            bits = bits << 4 | u64::from(digit);
            exponent -= if seen_point { 4 } else { 0 };
        } else {
            bits |= u64::from(digit != 0);
            exponent += if seen_point { 0 } else { 4 };
        }
    }
    if digits == 0 {
        return Err(NumberError::Syntax);
    }
    let x = scale(bits, exponent);
    if x.is_infinite() { Err(NumberError::Range) } else { Ok(x) }
}

fn parse_exponent(text: &[u8]) -> Result<i64, NumberError> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return Err(NumberError::Syntax);
    }
    let mut n = 0i64;
    for &c in digits {
        if !c.is_ascii_digit() {
            return Err(NumberError::Syntax);
        }
        n = (n * 10 + i64::from(c - b'0')).min(EXPONENT_LIMIT);
    }
    Ok(if negative { -n } else { n })
}

/// `bits * 2^exponent`, rounded once.
fn scale(bits: u64, exponent: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let width = 64 - i64::from(bits.leading_zeros());
    let top = width + exponent; // the value is in [2^(top-1), 2^top)
    if top > 1024 {
        return f64::INFINITY;
    }
    // A double keeps 53 bits, a subnormal one those above 2^-1074.
    let kept = (top + 1074).min(53);
    if kept < 0 {
        return 0.0;
    }
    let drop = width - kept;
    let (mut mantissa, mut power) = (bits, exponent);
    if drop > 0 {
        let below = u128::from(bits) & ((1u128 << drop) - 1);
        let half = 1u128 << (drop - 1);
        mantissa = (u128::from(bits) >> drop) as u64;
        mantissa += u64::from(below > half || (below == half && mantissa & 1 == 1));
        power += drop;
    }
    // Both factors are exact: the mantissa has at most 53 bits, and the power is split so that
    // neither step leaves the range before the last.
    let half_power = power / 2;
    mantissa as f64 * 2f64.powi(half_power as i32) * 2f64.powi((power - half_power) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_and_limits() {
        assert_eq!(parse(b"1p-1074"), Ok(5e-324));
        assert_eq!(parse(b"1p-1076"), Ok(0.0));
        assert_eq!(parse(b"1.fffffffffffffp1023"), Ok(f64::MAX));
        assert_eq!(parse(b"1p1024"), Err(NumberError::Range));
        assert_eq!(parse(b"1.00000000000008p0"), Ok(1.0));
        assert_eq!(parse(b"1.000000000000080000001p0"), Ok(1.0 + f64::EPSILON));
        assert_eq!(parse(b"1.00000000000018p0"), Ok(1.0 + 2.0 * f64::EPSILON));
        assert_eq!(parse(b"1p99999999999999999999"), Err(NumberError::Range));
        assert_eq!(parse(b"0p99999999999999999999"), Ok(0.0));
    }
}
