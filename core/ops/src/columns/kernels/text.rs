//! Texts and times. A time as a number is milliseconds since the epoch, as a text
//! `2026-02-16T12:00:00.000Z`.

use arrow_array::types::UInt64Type;
use arrow_array::{Array, ArrayRef, BinaryArray};
use formats::rfc3339::{civil_of_days, days_of_civil};

use super::is_one;
use crate::columns::expr::{Op, Val};
use crate::columns::select::binary;
use crate::columns::types::{array_from, texts, values};

const MS_PER_DAY: u64 = 86_400_000;

fn as_texts(value: &Val) -> Result<&BinaryArray, String> {
    texts(value.items()).ok_or_else(|| "the operand is no text".to_owned())
}

/// As many as the operand.
fn same(of: &Val, array: ArrayRef) -> Val {
    if is_one(of) { Val::One(array) } else { Val::Array(array) }
}

/// One text behind the other.
///
/// # Errors
/// An operand that is no text, or more bytes than a column of texts can have.
pub fn concat(a: &Val, b: &Val, rows: usize) -> Result<Val, String> {
    let one = is_one(a) && is_one(b);
    let (left, right) = (as_texts(a)?, as_texts(b)?);
    let rows = if one { 1 } else { rows };
    let at = |value: &Val, row: usize| if is_one(value) { 0 } else { row };
    let mut ends = Vec::with_capacity(rows + 1);
    let mut bytes = Vec::new();
    ends.push(0i32);
    for row in 0..rows {
        for (value, text) in [(a, left), (b, right)] {
            let at = at(value, row);
            if at < text.len() {
                bytes.extend_from_slice(text.value(at));
            }
        }
        ends.push(i32::try_from(bytes.len()).map_err(|_| "the texts of a column are too long")?);
    }
    let array = binary(ends, bytes);
    Ok(if one { Val::One(array) } else { Val::Array(array) })
}

/// A number that follows from a text.
///
/// # Errors
/// An operand that is no text, or a text that is no time.
pub fn number(op: Op, a: &Val) -> Result<Val, String> {
    let numbers: Result<Vec<u64>, String> = as_texts(a)?
        .iter()
        .map(|text| {
            let text = text.unwrap_or_default();
            match op {
                Op::OctetLength => Ok(text.len() as u64),
                // Bytes that continue a character do not count.
                Op::CharLength => {
                    Ok(text.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64)
                }
                _ => time_of(text).ok_or_else(|| {
                    let shown = text.get(..64).unwrap_or(text);
                    format!("'{}' is no time", String::from_utf8_lossy(shown))
                }),
            }
        })
        .collect();
    Ok(same(a, array_from::<UInt64Type>(numbers?)))
}

/// Digits as a number.
fn digits(text: &[u8]) -> Option<u64> {
    let all = text.iter().all(u8::is_ascii_digit) && !text.is_empty();
    all.then(|| text.iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0')))
}

/// The milliseconds of `date T time [.fraction] [Z | +hh:mm]`; without a zone the time is UTC.
fn time_of(text: &[u8]) -> Option<u64> {
    let (head, rest) = text.split_at_checked(19)?;
    let field = |from: usize, to: usize| digits(head.get(from..to)?);
    let signs = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !signs.iter().all(|(at, sign)| head.get(*at) == Some(sign)) {
        return None;
    }
    let year = i64::try_from(field(0, 4)?).ok()?;
    let (month, day) = (u32::try_from(field(5, 7)?).ok()?, u32::try_from(field(8, 10)?).ok()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_of_civil(year, month, day);
    if civil_of_days(days) != (year, month, day) {
        return None;
    }
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, zone) = fraction(rest)?;
    let of_day = (hour * 3600 + minute * 60 + second) * 1000 + fraction;
    let local = days.checked_mul(MS_PER_DAY as i64)?.checked_add(i64::try_from(of_day).ok()?)?;
    u64::try_from(local - offset(zone)?).ok()
}

/// The milliseconds of `.fraction`, and what follows it.
fn fraction(text: &[u8]) -> Option<(u64, &[u8])> {
    let Some(rest) = text.strip_prefix(b".") else { return Some((0, text)) };
    let count = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if !(1..=9).contains(&count) {
        return None;
    }
    let (fraction, zone) = rest.split_at_checked(count)?;
    let thousandths = fraction.iter().chain(b"00").take(3);
    Some((thousandths.fold(0, |n, digit| n * 10 + u64::from(digit - b'0')), zone))
}

/// The milliseconds by which a zone is before UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone {
        b"" | b"Z" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [a, b, b':', c, d] => (digits(&[*a, *b])?, digits(&[*c, *d])?),
        _ => return None,
    };
    let minutes =
        i64::try_from(hours * 60 + minutes).ok().filter(|_| hours < 24 && minutes < 60)?;
    Some(sign * minutes * 60_000)
}

/// Times as texts.
#[must_use]
pub fn time_text(a: &Val) -> Val {
    let all = values::<UInt64Type>(a.items());
    let mut ends = Vec::with_capacity(all.len() + 1);
    let mut bytes = Vec::with_capacity(all.len() * 24);
    ends.push(0i32);
    for ms in all {
        let (year, month, day) = civil(*ms);
        let ms = ms % MS_PER_DAY;
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
        let text = format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
            ms % 1000
        );
        bytes.extend_from_slice(text.as_bytes());
        ends.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
    }
    same(a, binary(ends, bytes))
}

fn civil(ms: u64) -> (i64, u32, u32) {
    civil_of_days(i64::try_from(ms / MS_PER_DAY).unwrap_or(i64::MAX))
}

/// Year, month or day of times.
#[must_use]
pub fn part(op: Op, a: &Val) -> Val {
    let one = |ms: &u64| {
        let (year, month, day) = civil(*ms);
        match op {
            Op::Year => u64::try_from(year).unwrap_or(0),
            Op::Month => month.into(),
            _ => day.into(),
        }
    };
    same(a, array_from::<UInt64Type>(values::<UInt64Type>(a.items()).iter().map(one).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_strictly() {
        let cases: [(&str, Option<u64>); 17] = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:01.234Z", Some(1234)),
            ("1970-01-01T00:00:00.1234567Z", Some(123)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("1970-01-01T00:00:00-01:00", Some(3_600_000)),
            ("2021-12-14T15:05:03", Some(1_639_494_303_000)),
            ("9999-12-31T23:59:59.999Z", Some(253_402_300_799_999)),
            ("2024-02-29T12:00:00Z", Some(1_709_208_000_000)),
            ("2023-02-29T12:00:00Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("1970-01-01T00:00:00+0100", None),
            ("1970-01-01T00:00:00+01", None),
            ("1970-01-01T00:00:00+01:0", None),
            ("1970-01-01T00:00:00Zabc", None),
            ("1970-01-01T24:00:00Z", None),
            ("1970-01-01", None),
            (" ", None),
        ];
        for (text, expected) in cases {
            assert_eq!(time_of(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn times_are_written_so_that_they_read_back() {
        let all = vec![0, 1234, 1_709_208_000_000, 253_402_300_799_999];
        let written = time_text(&Val::Array(array_from::<UInt64Type>(all.clone())));
        let read = number(Op::TextTime, &written).unwrap();
        assert_eq!(values::<UInt64Type>(read.items()), all);
        assert_eq!(as_texts(&written).unwrap().value(1), b"1970-01-01T00:00:01.234Z");
        // The last moment there is, too.
        let last = time_text(&Val::One(array_from::<UInt64Type>(vec![u64::MAX])));
        assert!(as_texts(&last).unwrap().value(0).ends_with(b"Z"));
    }
}
