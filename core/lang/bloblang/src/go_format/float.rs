//! Doubles by the verbs of Go's `fmt`.

use formats::number::{self, FloatSize};

use super::{Flags, pad, push_bad, sign};
use crate::val::Val;

const MANTISSA_BITS: u32 = 52;
/// Hexadecimal digits of a mantissa behind the point.
const HEX_DIGITS: usize = 13;
/// Digits of `%#g` where no precision is given.
const SHARP_DIGITS: usize = 6;

pub(super) fn push(out: &mut Vec<u8>, flags: Flags, verb: &[u8], val: &Val, x: f64) {
    let magnitude = x.abs();
    let mut digits = Vec::new();
    match verb {
        _ if x.is_nan() => digits.extend_from_slice(b"NaN"),
        _ if x.is_infinite() => digits.extend_from_slice(b"Inf"),
        b"f" | b"F" => {
            let precision = flags.precision.unwrap_or(6);
            digits = format!("{magnitude:.precision$}").into_bytes();
        }
        b"e" | b"E" => digits = exponent(magnitude, flags.precision.unwrap_or(6)),
        b"v" | b"g" | b"G" => match flags.precision {
            None => number::write_v(&mut digits, magnitude, FloatSize::F64),
            Some(precision) => digits = shortest(magnitude, precision.max(1)),
        },
        b"b" => digits = binary(magnitude),
        b"x" | b"X" => digits = hexadecimal(magnitude, flags.precision),
        _ => return push_bad(out, flags, verb, val),
    }
    if flags.sharp && x.is_finite() && verb != b"b" {
        let wanted = match verb {
            b"v" | b"g" | b"G" => flags.precision.unwrap_or(SHARP_DIGITS).max(1),
            _ => 0,
        };
        digits = sharp(&digits, wanted);
    }
    if matches!(verb, b"E" | b"G" | b"X") {
        digits.make_ascii_uppercase();
    }
    let plus = Flags { plus: flags.plus || (x.is_infinite() && !flags.space), ..flags };
    let mut text = sign(plus, x.is_sign_negative() && !x.is_nan()).as_bytes().to_vec();
    text.extend_from_slice(&digits);
    let flags = Flags { zero: flags.zero && x.is_finite(), ..flags };
    pad(out, flags, &text, true);
}

/// The mantissa of a double as an integer, and the power of 2 that it is multiplied with.
fn parts(x: f64) -> (u64, i32) {
    let bits = x.to_bits();
    let power = ((bits >> MANTISSA_BITS) & 0x7ff) as i32;
    let mantissa = bits & ((1 << MANTISSA_BITS) - 1);
    match power {
        0 => (mantissa, -1074),
        _ => (mantissa | 1 << MANTISSA_BITS, power - 1075),
    }
}

/// `4503599627370496p-52`
fn binary(x: f64) -> Vec<u8> {
    let (mantissa, power) = parts(x);
    format!("{mantissa}p{power:+}").into_bytes()
}

/// `0x1.8p+00`
fn hexadecimal(x: f64, precision: Option<usize>) -> Vec<u8> {
    let (mut mantissa, mut power) = parts(x);
    if mantissa == 0 {
        power = 0;
    } else {
        let shift = mantissa.leading_zeros() - (63 - MANTISSA_BITS);
        mantissa <<= shift;
        power += MANTISSA_BITS as i32 - shift as i32;
    }
    let mut kept = HEX_DIGITS;
    if let Some(wanted) = precision.filter(|wanted| *wanted < HEX_DIGITS) {
        kept = wanted;
        let cut = 4 * (HEX_DIGITS - wanted) as u32;
        let (rest, half) = (mantissa & ((1 << cut) - 1), 1u64 << (cut - 1));
        mantissa >>= cut;
        if rest > half || rest == half && mantissa & 1 == 1 {
            mantissa += 1;
        }
        if mantissa >> (4 * wanted) > 1 {
            mantissa >>= 1;
            power += 1;
        }
    }
    let whole = mantissa >> (4 * kept);
    let behind = mantissa & ((1u64 << (4 * kept)) - 1);
    let mut digits = if kept == 0 { String::new() } else { format!("{behind:0kept$x}") };
    match precision {
        Some(wanted) => digits.push_str(&"0".repeat(wanted.saturating_sub(kept))),
        None => digits.truncate(digits.trim_end_matches('0').len()),
    }
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if power < 0 { '-' } else { '+' };
    format!("0x{whole}{point}{digits}p{sign}{:02}", power.unsigned_abs()).into_bytes()
}

/// The digits with a point, and zeros up to so many digits that count.
fn sharp(text: &[u8], wanted: usize) -> Vec<u8> {
    let power = if text.starts_with(b"0x") { b'p' } else { b'e' };
    let end = text.iter().position(|b| *b == power).unwrap_or(text.len());
    let (digits, tail) = text.split_at(end);
    let counting = digits.iter().filter(|b| **b != b'.').skip_while(|b| **b == b'0').count();
    let mut out = digits.to_vec();
    let mut missing = wanted.saturating_sub(counting);
    if !digits.contains(&b'.') {
        missing -= usize::from(digits == b"0" && missing > 0);
        out.push(b'.');
    }
    out.extend(std::iter::repeat_n(b'0', missing));
    out.extend_from_slice(tail);
    out
}

/// `d.ddde+XX` with so many digits behind the point.
fn exponent(x: f64, precision: usize) -> Vec<u8> {
    let text = format!("{x:.precision$e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = match power.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', power),
    };
    format!("{digits}e{sign}{power:0>2}").into_bytes()
}

/// `%g` with so many digits in all, trailing zeros removed.
fn shortest(x: f64, digits: usize) -> Vec<u8> {
    let text = exponent(x, digits - 1);
    let text = String::from_utf8_lossy(&text).into_owned();
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "+00"));
    let power: i32 = power.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if power < -4 || power >= digits as i32 {
        let tail = text.split_once('e').map_or("+00", |(_, tail)| tail);
        return format!("{}e{tail}", trim(mantissa)).into_bytes();
    }
    let precision = usize::try_from(digits as i32 - 1 - power).unwrap_or(0);
    trim(&format!("{x:.precision$}")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::format;
    use crate::val::Val;

    #[test]
    fn recorded_forms() {
        for (text, x, expected) in [
            ("%b", 1.5, "6755399441055744p-52"),
            ("%b", 1e21, "7629394531250000p+17"),
            ("%x", 255.0, "0x1.fep+07"),
            ("%X", 1e21, "0X1.B1AE4D6E2EF5P+69"),
            ("%+.3x", 1.5, "+0x1.800p+00"),
            ("%.0x", 1.5, "0x1p+01"),
            ("%#X", 1.0, "0X1.P+00"),
            ("%x", 0.0, "0x0p+00"),
            ("%#g", 1.0, "1.00000"),
            ("%#G", 1e21, "1.00000E+21"),
            ("%#t", 1.5, "%!t(float64=1.50000)"),
            ("%.2q", 255.0, "%!q(float64=2.6e+02)"),
            ("%+v", 1.5, "1.5"),
            ("%08.3f", -1.5, "-001.500"),
        ] {
            let shown = format(text.as_bytes(), &[Val::float(x)]).unwrap();
            assert_eq!(String::from_utf8(shown).unwrap(), expected, "{text} {x}");
        }
    }
}
