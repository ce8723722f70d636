//! Numbers among the plain words of YAML, as the reader that users know from Go takes them:
//! YAML 1.2's core schema, integers also as `0x`, `0o`, `0b` and with a leading zero, underscores
//! between digits.

/// An integer of 64 bits, with a sign or without.
#[must_use]
pub fn integer(word: &str) -> Option<i128> {
    let plain = word.replace('_', "");
    let (sign, digits) = match plain.as_bytes().first()? {
        sign @ (b'-' | b'+') => (Some(*sign), plain.get(1..)?),
        _ => (None, plain.as_str()),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (digits.get(2..)?, 16),
        [b'0', b'o' | b'O', ..] => (digits.get(2..)?, 8),
        [b'0', b'b' | b'B', ..] => (digits.get(2..)?, 2),
        [b'0', _, ..] => (digits.get(1..)?, 8),
        _ => (digits, 10),
    };
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let size = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let value = if sign == Some(b'-') { -size } else { size };
    // Only what has no sign may need the 64th bit.
    (sign.is_none() || i64::try_from(value).is_ok()).then_some(value)
}

/// A number with a point, an exponent or more digits than an integer has, or one that is none.
#[must_use]
pub fn float(word: &str) -> Option<f64> {
    match word {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    let plain = word.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let number = match unsigned.as_bytes() {
        [b'.', digit, ..] | [digit, ..] => digit.is_ascii_digit(),
        [] => false,
    };
    let letters = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    (number && unsigned.bytes().all(letters)).then(|| plain.parse().ok()).flatten()
}

/// The words of YAML 1.1 for true and false that are texts since.
#[must_use]
pub fn old_bool(word: &str) -> Option<bool> {
    match word {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_those_of_64_bits() {
        let of = |word| integer(word);
        assert_eq!(
            (of("0x10"), of("-0x10"), of("0o17"), of("017")),
            (Some(16), Some(-16), Some(15), Some(15))
        );
        assert_eq!(
            (of("0b101"), of("1_000"), of("+5"), of("019")),
            (Some(5), Some(1000), Some(5), None)
        );
        assert_eq!(of("18446744073709551615"), Some(i128::from(u64::MAX)));
        assert_eq!((of("+18446744073709551615"), of("18446744073709551616")), (None, None));
        assert_eq!(
            (of("-9223372036854775808"), of("-9223372036854775809")),
            (Some(i128::from(i64::MIN)), None)
        );
        assert_eq!(
            (of(""), of("-"), of("0x"), of("+-1"), of("1.0")),
            (None, None, None, None, None)
        );
    }

    #[test]
    fn floats_are_numbers_and_not_words() {
        assert_eq!(
            (float("-.5e-3"), float("1_0.5"), float("19")),
            (Some(-0.0005), Some(10.5), Some(19.0))
        );
        assert_eq!(
            (float("+.Inf"), float("-.INF")),
            (Some(f64::INFINITY), Some(f64::NEG_INFINITY))
        );
        assert!(float(".NaN").is_some_and(f64::is_nan));
        for word in ["", "+.", "-", "1.2.3", "inf", "+nan", "infinity", "1h", "+-1"] {
            assert_eq!(float(word), None, "{word}");
        }
    }

    #[test]
    fn old_words_are_told_apart() {
        assert_eq!(
            (old_bool("On"), old_bool("N"), old_bool("true")),
            (Some(true), Some(false), None)
        );
    }
}
