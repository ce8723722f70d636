//! Atoms as text without the marks of their type.

use super::float::float;
use crate::convert::calendar::{DAY, SECOND, civil};
use formats::k::{K, Scalar, Type};

/// The text of an atom as `string` gives it; nulls are empty. Functions give their source.
pub(crate) fn plain(k: &K, digits: usize) -> String {
    match k {
        K::Atom(ty, scalar) => {
            let nameless = matches!(ty, Type::Bool | Type::Byte | Type::Char | Type::Guid);
            if !nameless && *scalar == ty.null() {
                return String::new();
            }
            bare(*ty, *scalar, digits)
        }
        K::Null => "::".to_owned(),
        other => super::text(other),
    }
}

/// The text of an atom that says nothing of its type; nulls are `0N` and the like.
pub(super) fn bare(ty: Type, scalar: Scalar, digits: usize) -> String {
    if let Some(special) = special(ty, scalar) {
        return special.to_owned();
    }
    match (ty, scalar) {
        (Type::Byte, Scalar::U8(x)) => format!("{x:02x}"),
        (Type::Char, Scalar::U8(x)) => char::from(x).to_string(),
        (_, Scalar::U8(x)) => x.to_string(),
        (_, Scalar::I16(x)) => x.to_string(),
        (Type::Month, Scalar::I32(x)) => month(i64::from(x)),
        (Type::Date, Scalar::I32(x)) => date(i64::from(x)),
        (Type::Minute, Scalar::I32(x)) => minute(i64::from(x)),
        (Type::Second, Scalar::I32(x)) => second(i64::from(x)),
        (Type::Time, Scalar::I32(x)) => time(i64::from(x)),
        (_, Scalar::I32(x)) => x.to_string(),
        (Type::Timestamp, Scalar::I64(x)) => {
            format!("{}D{}", date(x.div_euclid(DAY)), clock(x.rem_euclid(DAY)))
        }
        (Type::Timespan, Scalar::I64(x)) => {
            let sign = if x < 0 { "-" } else { "" };
            let x = x.unsigned_abs() as i64;
            format!("{sign}{}D{}", x / DAY, clock(x % DAY))
        }
        (_, Scalar::I64(x)) => x.to_string(),
        (_, Scalar::F32(x)) => float(f64::from(x), digits),
        (Type::Datetime, Scalar::F64(x)) => {
            let millis = (x * 86_400_000.0).round() as i64;
            let day = millis.div_euclid(86_400_000);
            format!("{}T{}", date(day), time(millis.rem_euclid(86_400_000)))
        }
        (_, Scalar::F64(x)) => float(x, digits),
        (_, Scalar::Sym(x)) => String::from_utf8_lossy(x.as_bytes()).into_owned(),
        (_, Scalar::Guid(x)) => guid(&x),
    }
}

/// Nulls and infinities.
fn special(ty: Type, scalar: Scalar) -> Option<&'static str> {
    match scalar {
        Scalar::I16(i16::MIN) | Scalar::I32(i32::MIN) | Scalar::I64(i64::MIN) => Some("0N"),
        Scalar::I16(i16::MAX) | Scalar::I32(i32::MAX) | Scalar::I64(i64::MAX) => Some("0W"),
        Scalar::I16(x) if x == -i16::MAX => Some("-0W"),
        Scalar::I32(x) if x == -i32::MAX => Some("-0W"),
        Scalar::I64(x) if x == -i64::MAX => Some("-0W"),
        Scalar::F64(x) if ty == Type::Datetime && x.is_nan() => Some("0N"),
        Scalar::F64(x) if ty == Type::Datetime && x.is_infinite() => {
            Some(if x > 0.0 { "0w" } else { "-0w" })
        }
        Scalar::F32(x) if x.is_nan() => Some("0N"),
        _ => None,
    }
}

fn month(x: i64) -> String {
    format!("{:04}.{:02}", 2000 + x.div_euclid(12), x.rem_euclid(12) + 1)
}

fn date(x: i64) -> String {
    let (year, month, day) = civil(x);
    if !(1..=9999).contains(&year) {
        // No day that has a name.
        return "0000.00.00".to_owned();
    }
    format!("{year:04}.{month:02}.{day:02}")
}

fn minute(x: i64) -> String {
    let sign = if x < 0 { "-" } else { "" };
    let x = x.abs();
    format!("{sign}{:02}:{:02}", x / 60, x % 60)
}

fn second(x: i64) -> String {
    let sign = if x < 0 { "-" } else { "" };
    let x = x.abs();
    format!("{sign}{:02}:{:02}:{:02}", x / 3600, x / 60 % 60, x % 60)
}

fn time(x: i64) -> String {
    let sign = if x < 0 { "-" } else { "" };
    let x = x.abs();
    format!("{sign}{}.{:03}", second(x / 1000), x % 1000)
}

/// A time of day with nanoseconds.
fn clock(nanos: i64) -> String {
    format!("{}.{:09}", second(nanos / SECOND), nanos % SECOND)
}

fn guid(x: &[u8; 16]) -> String {
    let mut out = String::with_capacity(36);
    for (i, byte) in x.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push_str(&format!("{byte:02x}"));
    }
    out
}
