//! Points in time: from values, by Go's layouts, in zones.

mod chunk;
mod format;
mod parse;
mod strftime;
mod strptime;
mod zone;

use std::sync::{Arc, LazyLock};

use formats::value::{Timestamp, Value};

pub use format::{Layout, format};
pub(crate) use parse::quote;
pub use parse::{Reader, parse};
pub use strftime::strftime;
pub use strptime::strptime;
pub use zone::{at_local, checked_zone, in_zone, offset_at, rezoned, zone_name};

use crate::error::Error;
use crate::val::Val;

/// Nanoseconds of a second.
pub const NS_PER_S: i128 = 1_000_000_000;
/// Layout of texts that stand for timestamps.
pub const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

static UTC: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("UTC"));
static UNNAMED: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(""));

/// The name of UTC, shared.
#[must_use]
pub fn utc_name() -> Arc<str> {
    Arc::clone(&UTC)
}

/// The name of a zone that is only known by its offset: UTC, or none.
#[must_use]
pub fn plain_zone(offset_s: i32) -> Arc<str> {
    Arc::clone(if offset_s == 0 { &UTC } else { &UNNAMED })
}

/// A point in time in UTC.
#[must_use]
pub fn utc(unix_ns: i128) -> Timestamp {
    Timestamp { unix_ns, offset_s: 0, zone: utc_name() }
}

/// The usual forms of RFC 3339, `2006-01-02T15:04:05.999Z` and `...+01:00`: nanoseconds since the
/// epoch and the offset in seconds. `None` leaves the text to [`parse`].
#[must_use]
pub fn quick_rfc3339(text: &[u8]) -> Option<(i64, i32)> {
    let (clock, rest) = text.split_first_chunk::<19>()?;
    let mut digits = true;
    let mut two = |at: usize| {
        let [a, b] = [clock[at].wrapping_sub(b'0'), clock[at + 1].wrapping_sub(b'0')];
        digits &= (a <= 9) & (b <= 9);
        u32::from(a) * 10 + u32::from(b)
    };
    let year = i64::from(two(0) * 100 + two(2));
    let (month, day) = (two(5), two(8));
    let (hour, minute, second) = (two(11), two(14), two(17));
    let dashes = (clock[4] == b'-') & (clock[7] == b'-') & (clock[10] == b'T');
    if !digits || !dashes || clock[13] != b':' || clock[16] != b':' {
        return None;
    }
    // Years that fit nanoseconds; days that every month has, or a long one. The rest is for the
    // full parser.
    let days = if matches!(month, 1 | 3 | 5 | 7 | 8 | 10 | 12) { 31 } else { 28 };
    let date = (1700..2250).contains(&year) && (1..=12).contains(&month);
    if !date || !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, zone) = match rest {
        [b'.', fraction @ ..] => quick_fraction(fraction)?,
        zone => (0, zone),
    };
    let offset_s = match zone {
        b"Z" => 0,
        zone => quick_offset(zone)?,
    };
    let days = formats::rfc3339::days_of_civil(year, month, day);
    let of_day = i64::from(hour * 3_600 + minute * 60 + second);
    Some(((days * 86_400 + of_day - i64::from(offset_s)) * 1_000_000_000 + nanos, offset_s))
}

/// Nanoseconds of one to nine digits, and the text behind them.
#[inline]
fn quick_fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let mut nanos = 0;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        nanos = (nanos * 10 + i64::from(digit - b'0')).min(i64::from(u32::MAX));
        rest = after;
    }
    let power = match text.len() - rest.len() {
        3 => 1_000_000,
        digits @ 1..=9 => 10_i64.pow(9 - digits as u32),
        _ => return None,
    };
    Some((nanos * power, rest))
}

/// Seconds of an offset such as `+01:00`.
fn quick_offset(text: &[u8]) -> Option<i32> {
    let [sign @ (b'+' | b'-'), a, b, b':', c, d] = text else { return None };
    let two = |a: &u8, b: &u8| {
        let both = a.is_ascii_digit() && b.is_ascii_digit();
        both.then(|| i32::from(a - b'0') * 10 + i32::from(b - b'0'))
    };
    let (hours, minutes) = (two(a, b)?, two(c, d)?);
    let seconds = hours * 3_600 + minutes * 60;
    let valid = hours <= 23 && minutes <= 59;
    valid.then_some(if *sign == b'-' { -seconds } else { seconds })
}

/// A timestamp as a result.
#[must_use]
pub fn val(time: Timestamp) -> Val {
    Val::Data(Value::Timestamp(Arc::new(time)))
}

/// A timestamp, a number of seconds since the epoch, or RFC 3339 text.
///
/// # Errors
/// `expected number or string value, got ...`, or what is wrong with the text.
pub fn of_val(val: &Val) -> Result<Timestamp, Error> {
    match val.value() {
        Some(Value::Timestamp(time)) => Ok(Timestamp::clone(time)),
        Some(Value::String(_) | Value::Bytes(_)) => {
            let text = val.as_text().unwrap_or_default();
            if let Some((ns, offset_s)) = quick_rfc3339(text) {
                let zone = plain_zone(offset_s);
                return Ok(Timestamp { unix_ns: i128::from(ns), offset_s, zone });
            }
            parse(RFC3339_NANO, &String::from_utf8_lossy(text))
        }
        Some(Value::Int(n)) => Ok(utc(i128::from(*n) * NS_PER_S)),
        Some(value) => match crate::number::Num::of(value) {
            Some(crate::number::Num::Float(x)) => {
                // As the original: the fraction of the double in nanoseconds, truncated.
                let whole = x.trunc();
                let whole_s = i128::from(crate::number::truncated(whole));
                Ok(utc(whole_s * NS_PER_S + ((x - whole) * 1e9) as i128))
            }
            Some(n) => Ok(utc(i128::from(n.int()) * NS_PER_S)),
            None => Err(val.unexpected(&["number", "string"])),
        },
        None => Err(val.unexpected(&["number", "string"])),
    }
}

/// A date and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: u32,
    /// Day of the month, from 1.
    pub day: u32,
    /// Days since 1970-01-01.
    pub days: i64,
    /// Hour, 0 to 23.
    pub hour: u32,
    /// Minute.
    pub minute: u32,
    /// Second.
    pub second: u32,
    /// Nanosecond.
    pub nano: u32,
}

/// The date and time of day of a timestamp in its zone.
#[must_use]
pub fn civil(time: &Timestamp) -> Civil {
    let local = time.unix_ns.saturating_add(i128::from(time.offset_s) * NS_PER_S);
    let seconds = i64::try_from(local.div_euclid(NS_PER_S)).unwrap_or(i64::MAX / 2);
    Civil::of_local(seconds, local.rem_euclid(NS_PER_S) as u32)
}

impl Civil {
    /// That of seconds since the epoch on a local clock, and nanoseconds of a second.
    #[must_use]
    pub fn of_local(seconds: i64, nano: u32) -> Civil {
        let days = seconds.div_euclid(86_400);
        let of_day = seconds.rem_euclid(86_400) as u32;
        let (year, month, day) = formats::rfc3339::civil_of_days(days);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        Civil { year, month, day, days, hour, minute, second, nano }
    }

    /// Day of the year, from 1.
    #[must_use]
    pub fn day_of_year(&self) -> u32 {
        (self.days - formats::rfc3339::days_of_civil(self.year, 1, 1)) as u32 + 1
    }

    /// Day of the week, 0 is Sunday.
    #[must_use]
    pub fn weekday(&self) -> u32 {
        (self.days + 4).rem_euclid(7) as u32
    }
}

/// Names of the months.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Names of the days of the week.
pub(crate) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(layout: &str, text: &str, out: &str) -> String {
        format(out, &parse(layout, text).unwrap())
    }

    #[test]
    fn layouts_of_go() {
        assert_eq!(
            shown("2006-01-02T15:04:05Z07:00", "2024-02-29T23:01:02.5+01:30", RFC3339_NANO),
            "2024-02-29T23:01:02.5+01:30"
        );
        let full = "Monday, January _2 2006 03:04:05.000 PM -0700 002";
        assert_eq!(
            shown("2006-01-02 15:04:05", "2024-02-29 23:01:02", full),
            "Thursday, February 29 2024 11:01:02.000 PM +0000 060"
        );
        assert_eq!(shown("Jan 2, 2006 at 3pm (MST)", "Feb 3, 2013 at 7pm (PST)", "MST"), "PST");
    }

    #[test]
    fn errors_of_go() {
        let fail = |layout, text| parse(layout, text).unwrap_err().to_string();
        assert_eq!(
            fail("2006-01-02", "2024-13-01"),
            "parsing time \"2024-13-01\": month out of range"
        );
        assert_eq!(
            fail("2006-01-02", "nope"),
            "parsing time \"nope\" as \"2006-01-02\": cannot parse \"nope\" as \"2006\""
        );
        assert_eq!(
            fail("2006-01-02", "2024-01-02x"),
            "parsing time \"2024-01-02x\": extra text: \"x\""
        );
        assert_eq!(
            fail("2006-01-02", "2023-02-29"),
            "parsing time \"2023-02-29\": day out of range"
        );
    }
}
