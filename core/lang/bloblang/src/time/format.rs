//! Timestamps as text by Go's layouts.

use std::fmt::{self, Write};

use bumpalo::Bump;
use formats::value::Timestamp;

use super::chunk::{Chunk, next};
use super::{Civil, DAYS, MONTHS, civil, plain_zone, zone_name};

/// A layout such as `2006-01-02T15:04:05Z07:00`, taken apart once.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Each part with its own text and the text before it.
    parts: Vec<(String, Chunk, String)>,
    tail: String,
    /// Whether it shows the name of the zone.
    names_zone: bool,
    /// The same where every part has its place whatever the time is.
    fixed: Option<Fixed>,
}

/// A layout of years of four digits and other numbers of two.
#[derive(Clone, Debug)]
struct Fixed {
    text: Vec<u8>,
    /// Numbers with the place of their two digits.
    numbers: Vec<(usize, Chunk)>,
}

impl Fixed {
    fn new(layout: &str, parts: &[(String, Chunk, String)]) -> Option<Fixed> {
        let (mut numbers, mut at) = (Vec::with_capacity(parts.len()), 0);
        for (before, chunk, text) in parts {
            at += before.len();
            let plain = [Chunk::LongYear, Chunk::ZeroMonth, Chunk::ZeroDay, Chunk::Hour];
            let plain = plain.contains(chunk);
            if !plain && !matches!(chunk, Chunk::ZeroMinute | Chunk::ZeroSecond) {
                return None;
            }
            numbers.push((at, *chunk));
            at += text.len();
        }
        Some(Fixed { text: layout.into(), numbers })
    }
}

impl Layout {
    /// Takes a layout apart.
    #[must_use]
    pub fn new(layout: &str) -> Self {
        let (mut parts, mut rest) = (Vec::new(), layout);
        loop {
            let (before, chunk, after) = next(rest);
            let Some((chunk, text)) = chunk else {
                let names_zone = parts.iter().any(|(_, chunk, _)| *chunk == Chunk::Zone);
                let fixed = Fixed::new(layout, &parts);
                return Layout { parts, tail: before.to_owned(), names_zone, fixed };
            };
            parts.push((before.to_owned(), chunk, text.to_owned()));
            rest = after;
        }
    }

    /// Appends a timestamp as the layout shows it.
    pub fn push(&self, out: &mut impl Write, time: &Timestamp) {
        let zone = if self.names_zone { zone_name(time) } else { String::new() };
        self.show(out, &Shown { at: civil(time), offset_s: time.offset_s, zone: &zone });
    }

    /// The same for nanoseconds since the epoch on a clock without a name, in memory of a record.
    pub fn show_plain<'b>(&self, unix_ns: i64, offset_s: i32, bump: &'b Bump) -> &'b [u8] {
        let seconds = unix_ns.div_euclid(1_000_000_000) + i64::from(offset_s);
        let at = Civil::of_local(seconds, unix_ns.rem_euclid(1_000_000_000) as u32);
        // Nanoseconds of 64 bits make years of four digits.
        if let Some(fixed) = &self.fixed {
            let text = bump.alloc_slice_copy(&fixed.text);
            fixed.numbers.iter().for_each(|(place, chunk)| chunk.put(&at, text, *place));
            return text;
        }
        let mut text = bumpalo::collections::String::with_capacity_in(32, bump);
        if self.names_zone {
            let (unix_ns, zone) = (i128::from(unix_ns), plain_zone(offset_s));
            self.push(&mut text, &Timestamp { unix_ns, offset_s, zone });
        } else {
            self.show(&mut text, &Shown { at, offset_s, zone: "" });
        }
        text.into_bump_str().as_bytes()
    }

    fn show(&self, out: &mut impl Write, time: &Shown<'_>) {
        for (before, chunk, text) in &self.parts {
            // Nothing that is written to fails.
            let _ = out.write_str(before);
            let _ = show(out, *chunk, text, time);
        }
        let _ = out.write_str(&self.tail);
    }
}

/// What a layout shows parts of.
struct Shown<'z> {
    at: Civil,
    offset_s: i32,
    /// Name of the zone, where the layout shows it.
    zone: &'z str,
}

/// The timestamp as a layout such as `2006-01-02T15:04:05Z07:00` shows it.
#[must_use]
pub fn format(layout: &str, time: &Timestamp) -> String {
    let mut out = String::with_capacity(layout.len() + 10);
    Layout::new(layout).push(&mut out, time);
    out
}

impl Chunk {
    /// Writes the part of a layout that is [`Fixed`] to its place.
    fn put(self, at: &Civil, text: &mut [u8], place: usize) {
        let mut put = |place: usize, n: u32| {
            let from = 2 * (n % 100) as usize;
            let digits = TWO_DIGITS.as_bytes().get(from..from + 2).and_then(|d| d.first_chunk());
            let to = text.get_mut(place..).and_then(|rest| rest.first_chunk_mut::<2>());
            if let (Some(to), Some(digits)) = (to, digits) {
                *to = *digits;
            }
        };
        match self {
            Chunk::LongYear => {
                put(place, at.year as u32 / 100);
                put(place + 2, at.year as u32);
            }
            Chunk::ZeroMonth => put(place, at.month),
            Chunk::ZeroDay => put(place, at.day),
            Chunk::Hour => put(place, at.hour),
            Chunk::ZeroMinute => put(place, at.minute),
            _ => put(place, at.second),
        }
    }
}

/// Appends two digits.
fn two(out: &mut impl Write, n: u32) -> fmt::Result {
    let at = 2 * (n % 100) as usize;
    out.write_str(TWO_DIGITS.get(at..at + 2).unwrap_or(""))
}

/// The numbers up to 99 in a row.
const TWO_DIGITS: &str = "0001020304050607080910111213141516171819\
                          2021222324252627282930313233343536373839\
                          4041424344454647484950515253545556575859\
                          6061626364656667686970717273747576777879\
                          8081828384858687888990919293949596979899";

fn show(out: &mut impl Write, chunk: Chunk, text: &str, time: &Shown<'_>) -> fmt::Result {
    let at = &time.at;
    match chunk {
        Chunk::LongYear if (0..10_000).contains(&at.year) => {
            two(out, (at.year / 100) as u32)?;
            two(out, (at.year % 100) as u32)
        }
        Chunk::ZeroMonth => two(out, at.month),
        Chunk::ZeroDay => two(out, at.day),
        Chunk::Hour => two(out, at.hour),
        Chunk::ZeroMinute => two(out, at.minute),
        Chunk::ZeroSecond => two(out, at.second),
        Chunk::Fraction0(digits) => {
            out.write_str(text.get(..1).unwrap_or(""))?;
            fraction(out, at.nano, digits)?;
            (9..digits).try_for_each(|_| out.write_char('0'))
        }
        Chunk::Fraction9(digits) => {
            // Zeros at the end are not shown.
            let shown = at.nano / 10_u32.pow(9_u32.saturating_sub(digits as u32));
            let zeros = (0..9).find(|n| !shown.is_multiple_of(10_u32.pow(n + 1)));
            match zeros {
                Some(zeros) => {
                    out.write_str(text.get(..1).unwrap_or(""))?;
                    fraction(out, at.nano, digits.min(9) - zeros as usize)
                }
                None => Ok(()),
            }
        }
        _ => show_rare(out, chunk, time),
    }
}

/// Appends the first digits of nanoseconds, nine of them at most.
fn fraction(out: &mut impl Write, nano: u32, digits: usize) -> fmt::Result {
    let mut rest = nano;
    (0..digits.min(9)).try_for_each(|_| {
        let digit = rest / 100_000_000;
        rest = rest % 100_000_000 * 10;
        out.write_char(char::from(b'0' + (digit % 10) as u8))
    })
}

fn show_rare(out: &mut impl Write, chunk: Chunk, time: &Shown<'_>) -> fmt::Result {
    let at = &time.at;
    let month = MONTHS.get(at.month as usize - 1).copied().unwrap_or("");
    let day = DAYS.get(at.weekday() as usize).copied().unwrap_or("");
    let hour12 = match at.hour % 12 {
        0 => 12,
        hour => hour,
    };
    match chunk {
        Chunk::LongMonth => out.write_str(month),
        Chunk::Month => out.write_str(&month[..3.min(month.len())]),
        Chunk::NumMonth => write!(out, "{}", at.month),
        Chunk::ZeroMonth => two(out, at.month),
        Chunk::LongWeekday => out.write_str(day),
        Chunk::Weekday => out.write_str(&day[..3.min(day.len())]),
        Chunk::Day => write!(out, "{}", at.day),
        Chunk::UnderDay => write!(out, "{:2}", at.day),
        Chunk::ZeroDay => two(out, at.day),
        Chunk::UnderYearDay => write!(out, "{:3}", at.day_of_year()),
        Chunk::ZeroYearDay => write!(out, "{:03}", at.day_of_year()),
        Chunk::Hour => two(out, at.hour),
        Chunk::Hour12 => write!(out, "{hour12}"),
        Chunk::ZeroHour12 => two(out, hour12),
        Chunk::Minute => write!(out, "{}", at.minute),
        Chunk::ZeroMinute => two(out, at.minute),
        Chunk::Second => write!(out, "{}", at.second),
        Chunk::ZeroSecond => two(out, at.second),
        Chunk::LongYear if at.year < 0 => write!(out, "-{:04}", -at.year),
        Chunk::LongYear => write!(out, "{:04}", at.year),
        Chunk::Year => two(out, at.year.rem_euclid(100) as u32),
        Chunk::UpperPm => out.write_str(if at.hour >= 12 { "PM" } else { "AM" }),
        Chunk::LowerPm => out.write_str(if at.hour >= 12 { "pm" } else { "am" }),
        Chunk::Zone => out.write_str(time.zone),
        Chunk::Offset { z, colon, parts } => offset(out, time.offset_s, z, colon, parts),
        Chunk::Fraction0(_) | Chunk::Fraction9(_) => Ok(()), // see above
    }
}

fn offset(out: &mut impl Write, offset_s: i32, z: bool, colon: bool, parts: u8) -> fmt::Result {
    if z && offset_s == 0 {
        return out.write_str("Z");
    }
    let seconds = offset_s.unsigned_abs();
    let colon = if colon { ":" } else { "" };
    write!(out, "{}{:02}", if offset_s < 0 { '-' } else { '+' }, seconds / 3_600)?;
    if parts >= 2 {
        write!(out, "{colon}{:02}", seconds / 60 % 60)?;
    }
    if parts >= 3 {
        write!(out, "{colon}{:02}", seconds % 60)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_times_are_shown_as_all_others(
            unix_ns: i64,
            offset_s in -86_399..86_399,
            layout in prop::sample::select(vec![
                "2006-01-02", "02/01/2006 15h04:05", "2006-01-02T15:04:05.999999999Z07:00",
                "Mon Jan _2 3:04PM .000 MST", "06 002 -0700", "", "plain",
            ]),
        ) {
            let zone = plain_zone(offset_s);
            let time = Timestamp { unix_ns: unix_ns.into(), offset_s, zone };
            let bump = Bump::new();
            let shown = Layout::new(layout).show_plain(unix_ns, offset_s, &bump);
            prop_assert_eq!(std::str::from_utf8(shown).unwrap(), format(layout, &time));
        }
    }
}
