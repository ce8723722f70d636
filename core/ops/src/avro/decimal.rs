//! Numbers with a fixed count of decimals.

use num_bigint::{BigInt, Sign};

/// Digits that a number may have, zeros of its exponent included.
pub(super) const DIGITS_MAX: usize = 10_000;

/// The text of a number from its bytes, the most significant first, without its decimals.
pub(super) fn text_of(bytes: &[u8], scale: usize) -> String {
    let number = BigInt::from_signed_bytes_be(bytes);
    let digits = number.magnitude().to_string();
    let sign = if number.sign() == Sign::Minus { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, decimals) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{decimals}")
}

/// The bytes of a number that is written as in JSON. Decimals beyond those there are do not count.
pub(super) fn bytes_of(text: &str, scale: usize) -> Option<Vec<u8>> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => (Sign::Minus, mantissa),
        None => (Sign::Plus, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{decimals}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let shift = i64::from(exponent) + i64::try_from(scale).ok()?;
    let shift = shift - i64::try_from(decimals.len()).ok()?;
    let len = i64::try_from(digits.len()).ok()? + shift;
    if usize::try_from(len).is_ok_and(|len| len > DIGITS_MAX) {
        return None;
    }
    match usize::try_from(shift) {
        Ok(more) => digits.extend(std::iter::repeat_n('0', more)),
        Err(_) => digits.truncate(usize::try_from(len).unwrap_or(0)),
    }
    if digits.is_empty() {
        digits.push('0');
    }
    let number = BigInt::parse_bytes(digits.as_bytes(), 10)?;
    let number = if sign == Sign::Minus { -number } else { number };
    Some(number.to_signed_bytes_be())
}

/// Bytes of a number with its sign repeated in front, so many as are wanted.
pub(super) fn padded(bytes: &[u8], size: usize) -> Option<Vec<u8>> {
    let more = size.checked_sub(bytes.len())?;
    let sign = if bytes.first().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
    let mut out = vec![sign; more];
    out.extend_from_slice(bytes);
    Some(out)
}
