//! Timestamps as text by Go's layouts.

use std::fmt::Write;

use formats::value::Timestamp;

use super::chunk::{Chunk, next};
use super::{Civil, DAYS, MONTHS, civil, zone_name};

/// A layout such as `2006-01-02T15:04:05Z07:00`, taken apart once.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Each part with its own text and the text before it.
    parts: Vec<(String, Chunk, String)>,
    tail: String,
}

impl Layout {
    /// Takes a layout apart.
    #[must_use]
    pub fn new(layout: &str) -> Self {
        let (mut parts, mut rest) = (Vec::new(), layout);
        loop {
            let (before, chunk, after) = next(rest);
            let Some((chunk, text)) = chunk else {
                return Layout { parts, tail: before.to_owned() };
            };
            parts.push((before.to_owned(), chunk, text.to_owned()));
            rest = after;
        }
    }

    /// Appends a timestamp as the layout shows it.
    pub fn push(&self, out: &mut String, time: &Timestamp) {
        let at = civil(time);
        for (before, chunk, text) in &self.parts {
            out.push_str(before);
            push(out, *chunk, text, &at, time);
        }
        out.push_str(&self.tail);
    }
}

/// The timestamp as a layout such as `2006-01-02T15:04:05Z07:00` shows it.
#[must_use]
pub fn format(layout: &str, time: &Timestamp) -> String {
    let mut out = String::with_capacity(layout.len() + 10);
    Layout::new(layout).push(&mut out, time);
    out
}

/// Appends two digits.
fn push_two(out: &mut String, n: u32) {
    out.push(char::from(b'0' + (n / 10 % 10) as u8));
    out.push(char::from(b'0' + (n % 10) as u8));
}

fn push(out: &mut String, chunk: Chunk, text: &str, at: &Civil, time: &Timestamp) {
    match chunk {
        Chunk::LongYear if (0..10_000).contains(&at.year) => {
            push_two(out, (at.year / 100) as u32);
            push_two(out, (at.year % 100) as u32);
        }
        Chunk::ZeroMonth => push_two(out, at.month),
        Chunk::ZeroDay => push_two(out, at.day),
        Chunk::Hour => push_two(out, at.hour),
        Chunk::ZeroMinute => push_two(out, at.minute),
        Chunk::ZeroSecond => push_two(out, at.second),
        _ => push_rare(out, chunk, text, at, time),
    }
}

fn push_rare(out: &mut String, chunk: Chunk, text: &str, at: &Civil, time: &Timestamp) {
    let month = MONTHS.get(at.month as usize - 1).copied().unwrap_or("");
    let day = DAYS.get(at.weekday as usize).copied().unwrap_or("");
    let hour12 = match at.hour % 12 {
        0 => 12,
        hour => hour,
    };
    let _ = match chunk {
        Chunk::LongMonth => write!(out, "{month}"),
        Chunk::Month => write!(out, "{}", &month[..3.min(month.len())]),
        Chunk::NumMonth => write!(out, "{}", at.month),
        Chunk::ZeroMonth => write!(out, "{:02}", at.month),
        Chunk::LongWeekday => write!(out, "{day}"),
        Chunk::Weekday => write!(out, "{}", &day[..3.min(day.len())]),
        Chunk::Day => write!(out, "{}", at.day),
        Chunk::UnderDay => write!(out, "{:2}", at.day),
        Chunk::ZeroDay => write!(out, "{:02}", at.day),
        Chunk::UnderYearDay => write!(out, "{:3}", at.day_of_year),
        Chunk::ZeroYearDay => write!(out, "{:03}", at.day_of_year),
        Chunk::Hour => write!(out, "{:02}", at.hour),
        Chunk::Hour12 => write!(out, "{hour12}"),
        Chunk::ZeroHour12 => write!(out, "{hour12:02}"),
        Chunk::Minute => write!(out, "{}", at.minute),
        Chunk::ZeroMinute => write!(out, "{:02}", at.minute),
        Chunk::Second => write!(out, "{}", at.second),
        Chunk::ZeroSecond => write!(out, "{:02}", at.second),
        Chunk::LongYear if at.year < 0 => write!(out, "-{:04}", -at.year),
        Chunk::LongYear => write!(out, "{:04}", at.year),
        Chunk::Year => write!(out, "{:02}", at.year.rem_euclid(100)),
        Chunk::UpperPm => write!(out, "{}", if at.hour >= 12 { "PM" } else { "AM" }),
        Chunk::LowerPm => write!(out, "{}", if at.hour >= 12 { "pm" } else { "am" }),
        Chunk::Zone => write!(out, "{}", zone_name(time)),
        Chunk::Offset { z, colon, parts } => {
            push_offset(out, time.offset_s, z, colon, parts);
            Ok(())
        }
        Chunk::Fraction0(digits) => {
            let nano = std::format!("{:09}", at.nano);
            write!(out, "{}{:0<digits$}", &text[..1], &nano[..digits.min(9)])
        }
        Chunk::Fraction9(digits) => {
            let nano = std::format!("{:09}", at.nano);
            let shown = nano[..digits.min(9)].trim_end_matches('0');
            if shown.is_empty() { Ok(()) } else { write!(out, "{}{shown}", &text[..1]) }
        }
    };
}

fn push_offset(out: &mut String, offset_s: i32, z: bool, colon: bool, parts: u8) {
    if z && offset_s == 0 {
        out.push('Z');
        return;
    }
    let seconds = offset_s.unsigned_abs();
    let colon = if colon { ":" } else { "" };
    let _ = write!(out, "{}{:02}", if offset_s < 0 { '-' } else { '+' }, seconds / 3_600);
    if parts >= 2 {
        let _ = write!(out, "{colon}{:02}", seconds / 60 % 60);
    }
    if parts >= 3 {
        let _ = write!(out, "{colon}{:02}", seconds % 60);
    }
}
