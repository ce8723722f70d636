//! Text to timestamps by Go's layouts, with the errors of Go's parser.

use std::ops::Range;
use std::sync::Arc;

use formats::rfc3339::days_of_civil;
use formats::value::Timestamp;

use super::chunk::{Chunk, next};
use super::{DAYS, MONTHS, NS_PER_S};
use crate::error::Error;

/// What was read so far.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nano: u32,
    pm: Option<bool>,
    offset_s: Option<i32>,
    zone: Option<String>,
}

/// Why a part could not be read.
enum Bad {
    /// It has another form.
    Form,
    /// It has the form, but no such value: the name of the part.
    Range(&'static str),
}

/// A layout such as `2006-01-02T15:04:05Z07:00` that texts are read by, taken apart once.
pub struct Reader {
    layout: String,
    steps: Vec<Step>,
}

/// A part of a layout and what surrounds it, as places in it.
struct Step {
    before: Range<usize>,
    /// The part and its own text; `None` at the end.
    part: Option<(Chunk, Range<usize>)>,
    /// Where what follows begins.
    after: usize,
}

impl Reader {
    /// Takes a layout apart.
    #[must_use]
    pub fn new(layout: &str) -> Self {
        let (mut steps, mut at) = (Vec::new(), 0);
        loop {
            let (before, chunk, rest) = next(layout.get(at..).unwrap_or_default());
            let (before, after) = (at..at + before.len(), layout.len() - rest.len());
            let part = chunk.map(|(chunk, text)| (chunk, before.end..before.end + text.len()));
            let last = part.is_none();
            steps.push(Step { before, part, after });
            if last {
                return Reader { layout: layout.to_owned(), steps };
            }
            at = after;
        }
    }

    /// Reads a text. Without a zone the time is UTC.
    ///
    /// # Errors
    /// In the words of Go's `time.Parse`.
    pub fn read(&self, text: &str) -> Result<Timestamp, Error> {
        let mut fields = Fields::default();
        let of = |place: &Range<usize>| self.layout.get(place.clone()).unwrap_or_default();
        let cannot = |value: &str, element: &str| {
            let (text, layout) = (quote(text), quote(&self.layout));
            let (value, element) = (quote(value), quote(element));
            Error::new(format!(
                "parsing time {text} as {layout}: cannot parse {value} as {element}"
            ))
        };
        let refused = |why: &str| Error::new(format!("parsing time {}: {why}", quote(text)));
        let mut value = text;
        for Step { before, part, after } in &self.steps {
            let before = of(before);
            value = skip(value, before).map_err(|value| cannot(value, before))?;
            let Some((chunk, element)) = part else {
                if !value.is_empty() {
                    return Err(refused(&format!("extra text: {}", quote(value))));
                }
                break;
            };
            value = match fields.read(*chunk, value, of(&(*after..self.layout.len()))) {
                Ok(rest) => rest,
                Err(Bad::Form) => return Err(cannot(value, of(element))),
                Err(Bad::Range(part)) => return Err(refused(&format!("{part} out of range"))),
            };
        }
        fields.finish().map_err(|part| refused(&format!("{part} out of range")))
    }
}

/// Reads a text that is written as a layout shows, see [`Reader`].
///
/// # Errors
/// In the words of Go's `time.Parse`.
pub fn parse(layout: &str, text: &str) -> Result<Timestamp, Error> {
    Reader::new(layout).read(text)
}

/// A text as Go's time package quotes it.
pub(crate) fn quote(text: impl AsRef<[u8]>) -> String {
    let mut out = String::from("\"");
    for &byte in text.as_ref() {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// Skips fixed text; a run of spaces matches any run of spaces.
fn skip<'v>(mut value: &'v str, mut fixed: &str) -> Result<&'v str, &'v str> {
    while let Some(c) = fixed.chars().next() {
        if c == ' ' {
            if !value.is_empty() && !value.starts_with(' ') {
                return Err(value);
            }
            fixed = fixed.trim_start_matches(' ');
            value = value.trim_start_matches(' ');
            continue;
        }
        value = value.strip_prefix(c).ok_or(value)?;
        fixed = &fixed[c.len_utf8()..];
    }
    Ok(value)
}

/// A number of `min` to `max` digits.
fn digits(value: &str, min: usize, max: usize) -> Result<(u32, &str), Bad> {
    let count = value.bytes().take(max).take_while(u8::is_ascii_digit).count();
    if count < min {
        return Err(Bad::Form);
    }
    let (digits, rest) = value.split_at(count);
    Ok((digits.parse().map_err(|_| Bad::Form)?, rest))
}

/// The position of a name, whatever the case; `short` compares three letters.
fn lookup<'v>(names: &[&str], value: &'v str, short: bool) -> Result<(u32, &'v str), Bad> {
    for (at, name) in names.iter().enumerate() {
        let name = if short { &name[..3] } else { name };
        if let Some(head) = value.get(..name.len())
            && head.eq_ignore_ascii_case(name)
        {
            return Ok((at as u32, &value[name.len()..]));
        }
    }
    Err(Bad::Form)
}

impl Fields {
    fn read<'v>(&mut self, chunk: Chunk, value: &'v str, after: &str) -> Result<&'v str, Bad> {
        match self.read_date(chunk, value)? {
            Some(rest) => Ok(rest),
            None => self.read_clock(chunk, value, after),
        }
    }

    /// Reads a part of the date; `None` when it is a part of the time of day or the zone.
    fn read_date<'v>(&mut self, chunk: Chunk, value: &'v str) -> Result<Option<&'v str>, Bad> {
        let spaced = |value: &'v str| value.strip_prefix(' ').unwrap_or(value);
        let rest;
        match chunk {
            Chunk::Year => {
                let (n, r) = digits(value, 2, 2)?;
                (self.year, rest) = (i64::from(n) + if n >= 69 { 1900 } else { 2000 }, r);
            }
            Chunk::LongYear => {
                let (n, r) = digits(value, 4, 4)?;
                (self.year, rest) = (i64::from(n), r);
            }
            Chunk::LongMonth | Chunk::Month => {
                let (n, r) = lookup(&MONTHS, value, chunk == Chunk::Month)?;
                (self.month, rest) = (Some(n + 1), r);
            }
            Chunk::NumMonth | Chunk::ZeroMonth => {
                let (n, r) = digits(value, if chunk == Chunk::ZeroMonth { 2 } else { 1 }, 2)?;
                if n == 0 || n > 12 {
                    return Err(Bad::Range("month"));
                }
                (self.month, rest) = (Some(n), r);
            }
            Chunk::LongWeekday | Chunk::Weekday => {
                rest = lookup(&DAYS, value, chunk == Chunk::Weekday)?.1;
            }
            Chunk::Day | Chunk::UnderDay | Chunk::ZeroDay => {
                let value = if chunk == Chunk::UnderDay { spaced(value) } else { value };
                let (n, r) = digits(value, if chunk == Chunk::ZeroDay { 2 } else { 1 }, 2)?;
                (self.day, rest) = (Some(n), r);
            }
            Chunk::UnderYearDay | Chunk::ZeroYearDay => {
                let value = match chunk {
                    Chunk::UnderYearDay => value.trim_start_matches(' '),
                    _ => value,
                };
                let min = if chunk == Chunk::ZeroYearDay { 3 } else { 1 };
                let (n, r) = digits(value, min, 3)?;
                (self.year_day, rest) = (Some(n), r);
            }
            _ => return Ok(None),
        }
        Ok(Some(rest))
    }

    fn read_clock<'v>(
        &mut self,
        chunk: Chunk,
        value: &'v str,
        after: &str,
    ) -> Result<&'v str, Bad> {
        let in_range = |n: u32, max: u32, part| if n > max { Err(Bad::Range(part)) } else { Ok(n) };
        let rest;
        match chunk {
            Chunk::Hour => {
                let (n, r) = digits(value, 1, 2)?;
                (self.hour, rest) = (in_range(n, 23, "hour")?, r);
            }
            Chunk::Hour12 | Chunk::ZeroHour12 => {
                let (n, r) = digits(value, if chunk == Chunk::ZeroHour12 { 2 } else { 1 }, 2)?;
                (self.hour, rest) = (in_range(n, 12, "hour")?, r);
            }
            Chunk::Minute | Chunk::ZeroMinute => {
                let (n, r) = digits(value, if chunk == Chunk::ZeroMinute { 2 } else { 1 }, 2)?;
                (self.minute, rest) = (in_range(n, 59, "minute")?, r);
            }
            Chunk::Second | Chunk::ZeroSecond => {
                let (n, r) = digits(value, if chunk == Chunk::ZeroSecond { 2 } else { 1 }, 2)?;
                self.second = in_range(n, 59, "second")?;
                rest = self.loose_fraction(r, after);
            }
            Chunk::UpperPm | Chunk::LowerPm => {
                let (am, pm) = if chunk == Chunk::UpperPm { ("AM", "PM") } else { ("am", "pm") };
                (self.pm, rest) = match (value.strip_prefix(pm), value.strip_prefix(am)) {
                    (Some(r), _) => (Some(true), r),
                    (_, Some(r)) => (Some(false), r),
                    _ => return Err(Bad::Form),
                };
            }
            Chunk::Offset { z: true, .. } if value.starts_with('Z') => {
                self.offset_s = Some(0);
                rest = &value[1..];
            }
            Chunk::Offset { colon, parts, .. } => rest = self.offset(value, colon, parts)?,
            Chunk::Zone => rest = self.zone_name(value)?,
            Chunk::Fraction0(count) => {
                let (point, r) = value.split_at_checked(1).ok_or(Bad::Form)?;
                if !matches!(point, "." | ",") {
                    return Err(Bad::Form);
                }
                let (n, r) = digits(r, count.min(9), count.min(9))?;
                (self.nano, rest) = (n * 10u32.pow(9 - count.min(9) as u32), r);
            }
            Chunk::Fraction9(_) => rest = self.fraction(value).unwrap_or(value),
            _ => return Err(Bad::Form),
        }
        Ok(rest)
    }

    /// A fraction that the text has although the layout does not ask for one.
    fn loose_fraction<'v>(&mut self, value: &'v str, after: &str) -> &'v str {
        if let ("", Some((Chunk::Fraction0(_) | Chunk::Fraction9(_), _)), _) = next(after) {
            return value;
        }
        self.fraction(value).unwrap_or(value)
    }

    fn fraction<'v>(&mut self, value: &'v str) -> Option<&'v str> {
        let digits = value.strip_prefix(['.', ','])?;
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return None;
        }
        let shown = digits.get(..count.min(9))?;
        self.nano = shown.parse::<u32>().ok()? * 10u32.pow(9 - shown.len() as u32);
        digits.get(count..)
    }

    fn offset<'v>(&mut self, value: &'v str, colon: bool, parts: u8) -> Result<&'v str, Bad> {
        let sign = match value.bytes().next() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(Bad::Form),
        };
        let mut rest = &value[1..];
        let mut seconds = 0;
        for part in 0..parts {
            if part > 0 && colon {
                rest = rest.strip_prefix(':').ok_or(Bad::Form)?;
            }
            let (n, r) = digits(rest, 2, 2)?;
            let (max, unit, name) = match part {
                0 => (24, 3_600, "time zone offset hour"),
                1 => (60, 60, "time zone offset minute"),
                _ => (60, 1, "time zone offset second"),
            };
            if n > max {
                return Err(Bad::Range(name));
            }
            seconds += n as i32 * unit;
            rest = r;
        }
        self.offset_s = Some(sign * seconds);
        Ok(rest)
    }

    /// A zone's name: three to five capitals, as far as they can be one.
    fn zone_name<'v>(&mut self, value: &'v str) -> Result<&'v str, Bad> {
        if let Some(rest) = value.strip_prefix("UTC") {
            (self.zone, self.offset_s) = (None, Some(0));
            return Ok(rest);
        }
        let count = value.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
        let fits = match count {
            3 => true,
            4 => value[..4].ends_with('T') || value.starts_with("WITA"),
            5 => value[..5].ends_with('T'),
            _ => false,
        };
        if !fits {
            return Err(Bad::Form);
        }
        self.zone = Some(value[..count].to_owned());
        Ok(&value[count..])
    }

    fn finish(mut self) -> Result<Timestamp, &'static str> {
        match self.pm {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let mut days = days_of_civil(self.year, 1, 1);
        if let Some(year_day) = self.year_day {
            if year_day < 1 || year_day > if leap { 366 } else { 365 } {
                return Err("day-of-year");
            }
            days += i64::from(year_day) - 1;
        } else {
            let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
            let last = match month {
                2 => 28 + u32::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            if day < 1 || day > last {
                return Err("day");
            }
            days = days_of_civil(self.year, month, day);
        }
        let of_day = self.hour * 3_600 + self.minute * 60 + self.second;
        let offset_s = self.offset_s.unwrap_or(0);
        let seconds = days * 86_400 + i64::from(of_day) - i64::from(offset_s);
        let zone = match (self.zone, offset_s) {
            (Some(zone), _) => Arc::from(zone),
            (None, 0) => Arc::from("UTC"),
            (None, _) => Arc::from(""),
        };
        let unix_ns = i128::from(seconds) * NS_PER_S + i128::from(self.nano);
        Ok(Timestamp { unix_ns, offset_s, zone })
    }
}
