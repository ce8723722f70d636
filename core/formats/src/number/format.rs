//! Floats as the shortest text that reads back as the same value, in the layouts of Go.

/// For which precision the digits of a float are shortest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatSize {
    /// 32-bit digits: `0.1f32` is `0.1` and not `0.10000000149011612`.
    F32,
    /// 64-bit digits.
    F64,
}

/// Most digits of a shortest float, with room for the zeros that `ryu` writes around them.
const DIGITS_MAX: usize = 24;

/// A finite float: `0.d1d2d3... * 10^point`, without leading or trailing zero digits; zero itself
/// is the digit 0 with point 1.
struct Decimal {
    negative: bool,
    digits: [u8; DIGITS_MAX],
    len: usize,
    point: i32,
}

impl Decimal {
    fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or(&[])
    }

    fn new(x: f64, size: FloatSize) -> Self {
        let mut buffer = ryu::Buffer::new();
        let text = match size {
            FloatSize::F64 => buffer.format_finite(x),
            FloatSize::F32 => buffer.format_finite(x as f32),
        };
        let mut decimal =
            Decimal { negative: x.is_sign_negative(), digits: [0; DIGITS_MAX], len: 0, point: 0 };
        let mut seen_point = false;
        let mut exponent = 0;
        for (i, &c) in text.as_bytes().iter().enumerate() {
            match c {
                b'0'..=b'9' => decimal.push(c, seen_point),
                b'.' => seen_point = true,
                b'e' => {
                    exponent = text.get(i + 1..).and_then(|e| e.parse().ok()).unwrap_or(0);
                    break;
                }
                _ => {}
            }
        }
        decimal.point += exponent;
        while decimal.len > 0 && decimal.digits[decimal.len - 1] == b'0' {
            decimal.len -= 1;
        }
        if decimal.len == 0 {
            (decimal.digits[0], decimal.len, decimal.point) = (b'0', 1, 1);
        }
        decimal
    }

    fn push(&mut self, digit: u8, behind_point: bool) {
        if self.len == 0 && digit == b'0' {
            self.point -= i32::from(behind_point);
            return;
        }
        if let Some(slot) = self.digits.get_mut(self.len) {
            *slot = digit;
            self.len += 1;
        }
        self.point += i32::from(!behind_point);
    }

    fn write_plain(&self, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        let digits = self.digits();
        let point = usize::try_from(self.point).unwrap_or(0);
        if self.point <= 0 {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', self.point.unsigned_abs() as usize));
            out.extend_from_slice(digits);
        } else if digits.len() <= point {
            out.extend_from_slice(digits);
            out.extend(std::iter::repeat_n(b'0', point - digits.len()));
        } else {
            let (whole, fraction) = digits.split_at(point);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    }

    /// `d.ddde+XX` with at least `exponent_digits` digits in a negative exponent and two in a
    /// positive one.
    fn write_exponent(&self, out: &mut Vec<u8>, exponent_digits: usize) {
        if self.negative {
            out.push(b'-');
        }
        if let Some((first, rest)) = self.digits().split_first() {
            out.push(*first);
            if !rest.is_empty() {
                out.push(b'.');
                out.extend_from_slice(rest);
            }
        }
        let exponent = self.exponent();
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        let digits = if exponent < 0 { exponent_digits } else { 2 };
        if digits > 1 && exponent.unsigned_abs() < 10 {
            out.push(b'0');
        }
        write_uint(out, u64::from(exponent.unsigned_abs()));
    }

    /// Exponent of the first digit.
    fn exponent(&self) -> i32 {
        self.point - 1
    }
}

/// Appends the decimal text of an integer.
pub fn write_int(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// Appends the decimal text of an unsigned integer.
pub fn write_uint(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

fn write_special(out: &mut Vec<u8>, x: f64) -> bool {
    if x.is_finite() {
        return false;
    }
    let text: &[u8] = if x.is_nan() {
        b"NaN"
    } else if x > 0.0 {
        b"+Inf"
    } else {
        b"-Inf"
    };
    out.extend_from_slice(text);
    true
}

/// Whole numbers below are all doubles, and those of 32 bits have no shorter digits.
const WHOLE_MAX: f64 = 16_777_216.0;

/// Appends a finite float as encoding/json prints it: plain for 1e-6 <= |x| < 1e21 and zero,
/// otherwise with an exponent (`1e+21`, `1e-7`). NaN and the infinities have no JSON form: nothing
/// is appended and the answer is false (spec/bloblang.md §8).
pub fn write_json(out: &mut Vec<u8>, x: f64, size: FloatSize) -> bool {
    if !x.is_finite() {
        return false;
    }
    let abs = x.abs();
    if (1.0..WHOLE_MAX).contains(&abs) && abs.trunc() == abs {
        write_int(out, x as i64);
        return true;
    }
    // The digits of 32 bits decide by the 32-bit limits: 1e21 is no f32, its neighbour is.
    let plain = match size {
        FloatSize::F64 => abs == 0.0 || (1e-6..1e21).contains(&abs),
        FloatSize::F32 => abs == 0.0 || (1e-6f32..1e21f32).contains(&(abs as f32)),
    };
    if plain {
        write_f(out, x, size)
    } else {
        Decimal::new(x, size).write_exponent(out, 1)
    }
    true
}

/// Appends a float in plain notation with the shortest digits, as Go's format `f` does.
pub fn write_f(out: &mut Vec<u8>, x: f64, size: FloatSize) {
    if write_special(out, x) {
        return;
    }
    let abs = x.abs();
    if size == FloatSize::F64 && (1e-5..1e16).contains(&abs) {
        // In this range ryu itself writes plain notation, only with `.0` after whole numbers.
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(x);
        out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    } else {
        Decimal::new(x, size).write_plain(out);
    }
}

/// Appends a float with an exponent of at least two digits, as Go's format `e` does.
pub fn write_e(out: &mut Vec<u8>, x: f64, size: FloatSize) {
    if !write_special(out, x) {
        Decimal::new(x, size).write_exponent(out, 2);
    }
}

fn write_general(out: &mut Vec<u8>, x: f64, size: FloatSize, exponent_limit: i32) {
    if write_special(out, x) {
        return;
    }
    let decimal = Decimal::new(x, size);
    if (-4..exponent_limit).contains(&decimal.exponent()) {
        decimal.write_plain(out);
    } else {
        decimal.write_exponent(out, 2);
    }
}

/// Appends a float as `.string()` shows it (spec/bloblang.md §8): plain while the exponent is -4
/// to 5, else `1.234567e+06`; `NaN`, `+Inf`, `-Inf`.
pub fn write_g(out: &mut Vec<u8>, x: f64, size: FloatSize) {
    write_general(out, x, size, 6);
}

/// Appends a float as Go's `%v` shows it: plain while the exponent is -4 to 20.
pub fn write_v(out: &mut Vec<u8>, x: f64, size: FloatSize) {
    write_general(out, x, size, 21);
}

/// Appends a float with six decimals, as C's `%f` does; `nan`, `inf`, `-inf`.
pub fn write_fixed6(out: &mut Vec<u8>, x: f64) {
    if !x.is_finite() {
        let text: &[u8] = if x.is_nan() {
            b"nan"
        } else if x > 0.0 {
            b"inf"
        } else {
            b"-inf"
        };
        out.extend_from_slice(text);
        return;
    }
    let scaled = x.abs() * 1e6;
    let fraction = scaled.fract();
    // Below 2^40 the product is wrong by at most 2^-13, so away from the middle between two
    // integers it rounds as the exact value does.
    if scaled < (1u64 << 40) as f64 && (fraction - 0.5).abs() > 1e-3 {
        let micros = (scaled + 0.5) as u64;
        if x.is_sign_negative() {
            out.push(b'-');
        }
        write_uint(out, micros / 1_000_000);
        let mut tail = *b".000000";
        let mut rest = micros % 1_000_000;
        for slot in tail[1..].iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.extend_from_slice(&tail);
    } else {
        out.extend_from_slice(format!("{x:.6}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_floats() {
        for (x, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (45.678, "45.678"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-9, "1.5e-9"),
            (1e-10, "1e-10"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.25e100, "1.25e+100"),
            (123_456_789.0, "123456789"),
            (0.1 + 0.2, "0.30000000000000004"),
            (-1e16, "-10000000000000000"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(text(|out| assert!(write_json(out, x, FloatSize::F64))), expected);
        }
        assert!(!write_json(&mut Vec::new(), f64::NAN, FloatSize::F64));
        let tenth = f64::from(0.1f32);
        assert_eq!(text(|out| assert!(write_json(out, tenth, FloatSize::F32))), "0.1");
    }

    #[test]
    fn string_floats() {
        for (x, expected) in [
            (123_456.0, "123456"),
            (1_234_567.0, "1.234567e+06"),
            (1e7, "1e+07"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e100, "1e+100"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(text(|out| write_g(out, x, FloatSize::F64)), expected);
        }
        assert_eq!(text(|out| write_v(out, 1e20, FloatSize::F64)), "100000000000000000000");
        assert_eq!(text(|out| write_e(out, 1234.5, FloatSize::F64)), "1.2345e+03");
    }

    proptest! {
        #[test]
        fn shortest_text_reads_back(bits: u64) {
            let x = f64::from_bits(bits);
            prop_assume!(x.is_finite());
            for write in [write_f, write_e, write_g, write_v] {
                let back: f64 = text(|out| write(out, x, FloatSize::F64)).parse().unwrap();
                prop_assert_eq!(back.to_bits(), bits);
            }
            let json = text(|out| assert!(write_json(out, x, FloatSize::F64)));
            prop_assert_eq!(json.parse::<f64>().unwrap().to_bits(), bits);
        }

        #[test]
        fn six_decimals(x in prop_oneof![any::<f64>(), -1e6f64..1e6, (-4_000_000i64..4_000_000)
            .prop_map(|n| n as f64 / 2e6)]) {
            prop_assume!(x.is_finite());
            prop_assert_eq!(text(|out| write_fixed6(out, x)), format!("{x:.6}"));
        }
    }
}
