//! Text to atoms: what literals and `"X"$text` share (spec/kdb-q.md §1.4).

mod date;

use super::calendar::{DAY, SECOND, days, month_length};
use formats::k::{Guid, Scalar, Sym, Type};

/// Reads a text as an atom's storage; `None` when it is none, which a cast makes a null.
pub(crate) fn tok(ty: Type, text: &str) -> Option<Scalar> {
    let text = text.trim_matches(' ');
    if let Some(special) = special(ty, text) {
        return Some(special);
    }
    match ty {
        Type::Bool => Some(Scalar::U8(u8::from(
            text.len() == 1 && text.starts_with(['1', 't', 'T', 'y', 'Y', 'x', 'X']),
        ))),
        Type::Guid => guid(text).or_else(|| address(text)).map(Scalar::Guid),
        Type::Byte => u8::from_str_radix(text.trim_start_matches("0x"), 16).ok().map(Scalar::U8),
        Type::Short => text.parse().ok().map(Scalar::I16),
        Type::Int => text.parse().ok().or_else(|| ipv4(text)).map(Scalar::I32),
        Type::Long => text.parse().ok().map(Scalar::I64),
        Type::Real => number(text).map(|x| Scalar::F32(x as f32)),
        Type::Float => number(text).map(Scalar::F64),
        Type::Char => text.as_bytes().first().filter(|_| text.len() == 1).copied().map(Scalar::U8),
        Type::Symbol => Sym::intern(text.as_bytes()).map(Scalar::Sym),
        Type::Timestamp => timestamp(text).or_else(|| unix(text)).map(Scalar::I64),
        Type::Month => month(text).map(Scalar::I32),
        Type::Date => date::any(text).and_then(|d| i32::try_from(d).ok()).map(Scalar::I32),
        Type::Datetime => timestamp(text).map(|n| Scalar::F64(n as f64 / DAY as f64)),
        Type::Timespan => timespan(text).map(Scalar::I64),
        Type::Minute => clock(text, 4).map(|n| Scalar::I32(small(n / (60 * SECOND)))),
        Type::Second => clock(text, 6).map(|n| Scalar::I32(small(n / SECOND))),
        Type::Time => clock(text, 15).map(|n| Scalar::I32(small(n / 1_000_000))),
        Type::List => None,
    }
}

fn small(x: i64) -> i32 {
    i32::try_from(x).unwrap_or(i32::MIN)
}

/// Nulls and infinities as text: `0N`, `0W`, `-0w`, with or without the letter of the type.
fn special(ty: Type, text: &str) -> Option<Scalar> {
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let rest = rest.strip_prefix('0')?;
    let mut chars = rest.chars();
    let head = chars.next()?;
    let tail = chars.as_str();
    let letter = char::from(ty.letter());
    if !(tail.is_empty() || tail.starts_with(letter) && tail.len() == 1) {
        return None;
    }
    let infinite = match head {
        'N' | 'n' if sign == 1 => return Some(ty.null()),
        'W' | 'w' => true,
        _ => false,
    };
    if !infinite {
        return None;
    }
    Some(match ty.null() {
        Scalar::I16(_) => Scalar::I16(sign as i16 * i16::MAX),
        Scalar::I32(_) => Scalar::I32(sign * i32::MAX),
        Scalar::I64(_) => Scalar::I64(i64::from(sign) * i64::MAX),
        Scalar::F32(_) => Scalar::F32(sign as f32 * f32::INFINITY),
        Scalar::F64(_) => Scalar::F64(f64::from(sign) * f64::INFINITY),
        _ => return None,
    })
}

/// A decimal number; unlike Rust's, without `inf`, `nan` and the like.
pub(crate) fn number(text: &str) -> Option<f64> {
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let plain = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    if digits && plain { text.parse().ok() } else { None }
}

/// A number of `1..=max` decimal digits.
fn digits(text: &str, max: usize) -> Option<i64> {
    if text.is_empty() || text.len() > max || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn ipv4(text: &str) -> Option<i32> {
    let address: std::net::Ipv4Addr = text.parse().ok()?;
    Some(i32::from_be_bytes(address.octets()))
}

/// An address of either internet protocol; those of the fourth version are mapped to the sixth.
fn address(text: &str) -> Option<Guid> {
    match text.parse().ok()? {
        std::net::IpAddr::V4(address) => Some(address.to_ipv6_mapped().octets()),
        std::net::IpAddr::V6(address) => Some(address.octets()),
    }
}

fn guid(text: &str) -> Option<Guid> {
    if text.len() != 36 {
        return None;
    }
    let hex: Vec<u8> = text.bytes().filter(|b| *b != b'-').collect();
    let hex = std::str::from_utf8(&hex).ok().filter(|h| h.len() == 32)?;
    let mut out = [0; 16];
    for (i, slot) in out.iter_mut().enumerate() {
        *slot = u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}

/// Days of `2024.01.15`, `2024-01-15`, `2024/01/15`, `01/15/2024` or `20240115`.
pub(crate) fn date(text: &str) -> Option<i64> {
    let (year, month, day) = if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        (text.get(..4)?, text.get(4..6)?, text.get(6..)?)
    } else {
        let mut parts = text.split(['.', '-', '/']);
        let three = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        three
    };
    // Americans begin with the month.
    let (year, month, day) =
        if year.len() < 4 && text.contains('/') { (day, year, month) } else { (year, month, day) };
    if year.len() != 4 {
        return None;
    }
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let fits = year >= 1 && (1..=12).contains(&month) && day >= 1;
    (fits && day <= month_length(year, month)).then(|| days(year, month, day))
}

/// Months of `2024.01`, `2024-01` or `202401`, with or without an `m`.
pub(crate) fn month(text: &str) -> Option<i32> {
    let text = text.strip_suffix('m').unwrap_or(text);
    let (year, month) = match text.split_once(['.', '-', '/']) {
        Some((year, rest)) => (year, rest.split(['.', '-', '/']).next()?),
        None if text.len() == 6 => (text.get(..4)?, text.get(4..)?),
        None => return None,
    };
    let (year, month) = (digits(year, 4).filter(|_| year.len() == 4)?, digits(month, 2)?);
    (1..=12).contains(&month).then(|| small((year - 2000) * 12 + month - 1))
}

/// Nanoseconds of a time of day such as `10:20`, `10:20:30.5` or, with at most `plain` digits
/// read in pairs, `102030`; what follows seconds is a fraction. A minus turns it.
pub(crate) fn clock(text: &str, plain: usize) -> Option<i64> {
    if let Some(rest) = text.strip_prefix('-') {
        return clock(rest, plain).map(|n| -n);
    }
    if !text.contains(':') {
        return packed_clock(text, plain);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut nanos = 0;
    let mut unit = 3600 * SECOND;
    let mut parts = 0;
    for (i, part) in whole.split(':').enumerate() {
        let value = digits(part, if i == 0 { 9 } else { 2 })?;
        if i > 0 && value > 59 || i > 2 {
            return None;
        }
        nanos += value.checked_mul(unit)?;
        unit /= 60;
        parts = i + 1;
    }
    if !fraction.is_empty() {
        if parts != 3 {
            return None;
        }
        nanos += fraction_nanos(fraction)?;
    }
    Some(nanos)
}

/// Digits without colons: `hhmm`, `hhmmss`, `hhmmssmmm`.
fn packed_clock(text: &str, plain: usize) -> Option<i64> {
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    digits(text, plain.max(6))?;
    let at = |from: usize, to: usize| text.get(from..to).and_then(|t| digits(t, 9)).unwrap_or(0);
    let (h, m, s) = (at(0, 2), at(2, 4.min(text.len())), at(4, 6.min(text.len())));
    if m > 59 || s > 59 {
        return None;
    }
    let fraction = if text.len() > 6 { text.get(6..)? } else { fraction };
    let fraction = if fraction.is_empty() { 0 } else { fraction_nanos(fraction)? };
    Some((h * 3600 + m * 60 + s) * SECOND + fraction)
}

fn fraction_nanos(text: &str) -> Option<i64> {
    let head = text.get(..text.len().min(9))?;
    digits(text, 30)?;
    Some(digits(head, 9)? * 10_i64.pow(9 - u32::try_from(head.len()).ok()?))
}

/// Nanoseconds of `1D`, `0D00:00:01.5`, `00:00:01` or a packed time.
pub(crate) fn timespan(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let Some((days, rest)) = text.split_once('D') else {
        return Some(sign * clock(text, 15)?);
    };
    let days = digits(days, 6)?.checked_mul(DAY)?;
    let rest = match rest {
        "" => 0,
        _ if !rest.contains(':') => digits(rest, 2)? * 3600 * SECOND,
        _ => clock(rest, 15)?,
    };
    days.checked_add(rest).map(|n| sign * n)
}

/// Nanoseconds since 2000-01-01 of ten or eleven digits of seconds since 1970.
fn unix(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(seconds.len(), 10 | 11) {
        return None;
    }
    let fraction = if fraction.is_empty() { 0 } else { fraction_nanos(fraction)? };
    let seconds = digits(seconds, 11)? - super::calendar::EPOCH_DAYS * (DAY / SECOND);
    seconds.checked_mul(SECOND)?.checked_add(fraction)
}

/// Nanoseconds since 2000-01-01 of a date with or without a time after `D`, `T` or a blank.
pub(crate) fn timestamp(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let packed = text.as_bytes().get(8) == Some(&b'-');
    let (day, time) = match text.find(['D', 'T', ' ']).or(packed.then_some(8)) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => (text, ""),
    };
    let time = match time {
        "" => 0,
        _ if !time.contains(':') => digits(time, 2)? * 3600 * SECOND,
        _ => clock(time, 15)?,
    };
    date(day)?.checked_mul(DAY)?.checked_add(time)
}
