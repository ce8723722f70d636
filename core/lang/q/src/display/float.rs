//! Floats with a number of significant digits.

/// A float as C's `%g` writes it; nulls and infinities as q writes them.
pub(super) fn float(x: f64, digits: usize) -> String {
    if x.is_nan() {
        return "0n".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "0w" } else { "-0w" }.to_owned();
    }
    if x == 0.0 {
        return "0".to_owned();
    }
    let digits = digits.max(1);
    let scientific = format!("{x:.*e}", digits - 1);
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= i32::try_from(digits).unwrap_or(i32::MAX) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.unsigned_abs());
    }
    let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{x:.decimals$}")).to_owned()
}

/// Without zeros at the end of a fraction.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn as_the_console_has_it() {
        let cases = [
            (1.0 / 3.0, "0.3333333"),
            (1_234_567.0, "1234567"),
            (12_345_678.0, "1.234568e+07"),
            (0.00001, "1e-05"),
            (0.0001, "0.0001"),
            (150_000.0, "150000"),
            (-2.5, "-2.5"),
            (1e10, "1e+10"),
            (9_999_999.9, "1e+07"),
            (0.1 + 0.2, "0.3"),
        ];
        for (x, text) in cases {
            assert_eq!(float(x, 7), text);
        }
        assert_eq!(float(0.1, 17), "0.10000000000000001");
    }
}
