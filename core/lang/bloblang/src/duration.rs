//! Durations as Go writes them, such as `1h30m` (`time.ParseDuration`).

use crate::error::Error;
use crate::time::quote;

/// The bound of the absolute value in nanoseconds, which only a negative duration reaches.
const NS_MAX: u64 = 1 << 63;

/// Nanoseconds of a duration in the units ns, us, ms, s, m and h.
///
/// # Errors
/// In the words of Go.
pub fn parse(text: &[u8]) -> Result<i64, Error> {
    let shown = || quote(text);
    let invalid = || Error::new(format!("time: invalid duration {}", shown()));
    let (negative, mut rest) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, fraction, behind) = number(rest).ok_or_else(invalid)?;
        let len = behind.iter().take_while(|b| **b != b'.' && !b.is_ascii_digit()).count();
        let (unit, behind) = behind.split_at(len);
        if unit.is_empty() {
            return Err(Error::new(format!("time: missing unit in duration {}", shown())));
        }
        let scale = unit_ns(unit).ok_or_else(|| {
            let unit = quote(unit);
            Error::new(format!("time: unknown unit {unit} in duration {}", shown()))
        })?;
        let part = whole.checked_mul(scale).filter(|ns| *ns <= NS_MAX).ok_or_else(invalid)?;
        let part = part.saturating_add((fraction * scale as f64) as u64);
        total = total.checked_add(part).filter(|ns| *ns <= NS_MAX).ok_or_else(invalid)?;
        rest = behind;
    }
    match (negative, i64::try_from(total)) {
        (false, Ok(ns)) => Ok(ns),
        (true, Ok(ns)) => Ok(-ns),
        (true, Err(_)) => Ok(i64::MIN),
        (false, Err(_)) => Err(invalid()),
    }
}

/// Digits, with a fraction or without; `None` when there are none, or too many.
fn number(text: &[u8]) -> Option<(u64, f64, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (whole, mut rest) = text.split_at(digits);
    let whole_value = whole.iter().try_fold(0u64, |n, digit| {
        n.checked_mul(10)?.checked_add(u64::from(digit - b'0')).filter(|n| *n <= NS_MAX)
    })?;
    let mut fraction = 0.0;
    let mut places = 0;
    if let Some(behind) = rest.strip_prefix(b".") {
        places = behind.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, behind) = behind.split_at(places);
        let (mut n, mut scale) = (0u64, 1.0);
        for digit in digits.iter().take(18) {
            n = n * 10 + u64::from(digit - b'0');
            scale *= 10.0;
        }
        fraction = n as f64 / scale;
        rest = behind;
    }
    (digits > 0 || places > 0).then_some((whole_value, fraction, rest))
}

fn unit_ns(unit: &[u8]) -> Option<u64> {
    match std::str::from_utf8(unit).ok()? {
        "ns" => Some(1),
        "us" | "µs" | "μs" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" => Some(1_000_000_000),
        "m" => Some(60_000_000_000),
        "h" => Some(3_600_000_000_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn durations_of_go() {
        for (text, ns) in [
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            ("-2us", -2_000),
            (".5m", 30_000_000_000),
            ("+1.s", 1_000_000_000),
            ("0", 0),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), ns, "{text}");
        }
    }

    #[test]
    fn errors_of_go() {
        for (text, error) in [
            ("", "time: invalid duration \"\""),
            ("3", "time: missing unit in duration \"3\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            (".s", "time: invalid duration \".s\""),
            ("9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\""),
            ("é", "time: invalid duration \"\\xc3\\xa9\""),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().to_string(), error);
        }
    }
}
