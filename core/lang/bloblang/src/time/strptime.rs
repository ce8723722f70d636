//! Text to timestamps by formats such as `%Y-%m-%d`, in the dialect of `timefmt-go`.

use std::sync::Arc;

use formats::rfc3339::days_of_civil;
use formats::value::Timestamp;

use super::{DAYS, MONTHS, NS_PER_S};
use crate::error::Error;
use crate::go_format::quote;

/// What was read so far.
struct Fields {
    year: i64,
    century: Option<i64>,
    month: i64,
    day: i64,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nano: i64,
    pm: Option<bool>,
    offset_s: i32,
    zone: Option<String>,
    unix: Option<i64>,
}

/// Reads a text by a format. What the format leaves out is 1900-01-01 00:00:00 UTC.
///
/// # Errors
/// `failed to parse "x" with "%Y": cannot parse "%Y"` and the like.
pub fn strptime(format: &str, text: &str) -> Result<Timestamp, Error> {
    let mut fields = Fields {
        year: 1900,
        century: None,
        month: 1,
        day: 1,
        year_day: None,
        hour: 0,
        minute: 0,
        second: 0,
        nano: 0,
        pm: None,
        offset_s: 0,
        zone: None,
        unix: None,
    };
    let read = fields.read_all(format, text).and_then(|rest| match rest {
        "" => Ok(()),
        rest => Err(format!("unparsed string {}", quote(rest.as_bytes()))),
    });
    match read {
        Ok(()) => Ok(fields.finish()),
        Err(why) => {
            let (text, format) = (quote(text.as_bytes()), quote(format.as_bytes()));
            Err(Error::new(format!("failed to parse {text} with {format}: {why}")))
        }
    }
}

fn cannot(letter: char) -> String {
    format!("cannot parse \"%{letter}\"")
}

/// A number of one to `most` digits.
fn number(text: &str, most: usize, letter: char) -> Result<(i64, &str), String> {
    let len = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(len);
    digits.parse().map(|n| (n, rest)).map_err(|_| cannot(letter))
}

/// The position of a name, whatever the case; of each name only `len` letters count.
fn lookup<'t>(
    text: &'t str,
    names: &[&str],
    len: usize,
    letter: char,
) -> Result<(usize, &'t str), String> {
    for (at, name) in names.iter().enumerate() {
        let name = name.get(..len).unwrap_or(name);
        if text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            return Ok((at, &text[name.len()..]));
        }
    }
    Err(cannot(letter))
}

fn expect(text: &str, c: char) -> Result<&str, String> {
    text.strip_prefix(c).ok_or_else(|| {
        let shown = quote(c.encode_utf8(&mut [0; 4]).as_bytes());
        format!("expected '{}'", shown.trim_matches('"'))
    })
}

impl Fields {
    fn read_all<'t>(&mut self, format: &str, text: &'t str) -> Result<&'t str, String> {
        let mut rest = text;
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                rest = expect(rest, c)?;
                continue;
            }
            // Flags change nothing in reading.
            let letter = chars.by_ref().find(|c| !matches!(c, '-' | '_' | '0' | '^' | '#' | ':'));
            let Some(letter) = letter else { return Err("stray \"%\"".into()) };
            rest = self.read(letter, rest)?;
        }
        Ok(rest)
    }

    fn read<'t>(&mut self, letter: char, text: &'t str) -> Result<&'t str, String> {
        let spaced = text.strip_prefix(' ').unwrap_or(text);
        let (place, most, text) = match letter {
            'Y' => (&mut self.year, 4, text),
            'm' => (&mut self.month, 2, text),
            'd' => (&mut self.day, 2, text),
            'e' => (&mut self.day, 2, spaced),
            'H' | 'I' => (&mut self.hour, 2, text),
            'k' | 'l' => (&mut self.hour, 2, spaced),
            'M' => (&mut self.minute, 2, text),
            'S' => (&mut self.second, 2, text),
            _ => return self.read_other(letter, text),
        };
        let (n, rest) = number(text, most, letter)?;
        *place = n;
        Ok(rest)
    }

    fn read_other<'t>(&mut self, letter: char, text: &'t str) -> Result<&'t str, String> {
        let rest;
        match letter {
            'y' => {
                let (n, r) = number(text, 2, letter)?;
                (self.year, rest) = (n + if n < 69 { 2000 } else { 1900 }, r);
            }
            'C' => {
                let (n, r) = number(text, 2, letter)?;
                (self.century, rest) = (Some(n), r);
            }
            'j' => {
                let (n, r) = number(text, 3, letter)?;
                (self.year_day, rest) = (Some(n), r);
            }
            'B' | 'b' | 'h' => {
                let len = if letter == 'B' { usize::MAX } else { 3 };
                let (at, r) = lookup(text, &MONTHS, len, letter)?;
                (self.month, rest) = (at as i64 + 1, r);
            }
            'A' => rest = lookup(text, &DAYS, usize::MAX, letter)?.1,
            'a' => rest = lookup(text, &DAYS, 3, letter)?.1,
            'p' | 'P' => {
                let (at, r) = lookup(text, &["AM", "PM"], 2, letter)?;
                (self.pm, rest) = (Some(at == 1), r);
            }
            'f' => {
                let (n, r) = number(text, 9, letter)?;
                let places = (text.len() - r.len()).min(9);
                (self.nano, rest) = (n * 10i64.pow(9 - places as u32), r);
            }
            's' => {
                let (n, r) = number(text, 18, letter)?;
                (self.unix, rest) = (Some(n), r);
            }
            'w' | 'u' => rest = number(text, 1, letter)?.1,
            'U' | 'W' | 'V' | 'g' => rest = number(text, 2, letter)?.1,
            'G' => rest = number(text, 4, letter)?.1,
            'Z' => {
                let len = text.bytes().take_while(u8::is_ascii_uppercase).count();
                if len == 0 {
                    return Err(cannot(letter));
                }
                let (name, r) = text.split_at(len);
                (self.zone, rest) = (Some(name.to_owned()), r);
            }
            'z' => rest = self.offset(text).ok_or_else(|| cannot(letter))?,
            't' => rest = expect(text, '\t')?,
            'n' => rest = expect(text, '\n')?,
            '%' => rest = expect(text, '%')?,
            _ => match composed(letter) {
                Some(format) => rest = self.read_all(format, text)?,
                None => return Err(format!("unexpected format \"%{letter}\"")),
            },
        }
        Ok(rest)
    }

    fn offset<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        if let Some(rest) = text.strip_prefix('Z') {
            self.offset_s = 0;
            return Some(rest);
        }
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let two = |text: &'t str| {
            let (digits, rest) = text.split_at_checked(2)?;
            let all = digits.bytes().all(|b| b.is_ascii_digit());
            all.then_some(()).and_then(|()| Some((digits.parse::<i32>().ok()?, rest)))
        };
        let (hours, rest) = two(&text[1..])?;
        let (minutes, rest) = two(rest.strip_prefix(':').unwrap_or(rest))?;
        self.offset_s = sign * (hours * 3_600 + minutes * 60);
        Some(rest)
    }

    /// The point in time. Values beyond their range run into the next larger unit, as in Go.
    fn finish(self) -> Timestamp {
        let hour = match self.pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let year = match self.century {
            Some(century) => century * 100 + self.year.rem_euclid(100),
            None => self.year,
        };
        let months = self.month - 1;
        let days = match self.year_day {
            Some(day) => days_of_civil(year, 1, 1) + day - 1,
            None => {
                let (year, month) = (year + months.div_euclid(12), months.rem_euclid(12) + 1);
                days_of_civil(year, month as u32, 1) + self.day - 1
            }
        };
        let of_day = hour * 3_600 + self.minute * 60 + self.second;
        let local = days * 86_400 + of_day - i64::from(self.offset_s);
        let seconds = self.unix.unwrap_or(local);
        let zone = match (self.zone, self.offset_s) {
            (Some(zone), _) => Arc::from(zone),
            (None, 0) => Arc::from("UTC"),
            (None, _) => Arc::from(""),
        };
        let unix_ns = i128::from(seconds) * NS_PER_S + i128::from(self.nano);
        Timestamp { unix_ns, offset_s: self.offset_s, zone }
    }
}

/// Letters that stand for several others.
fn composed(letter: char) -> Option<&'static str> {
    Some(match letter {
        '+' => "%a %b %e %H:%M:%S %Z %Y",
        'c' => "%a %b %e %H:%M:%S %Y",
        'D' | 'x' => "%m/%d/%y",
        'F' => "%Y-%m-%d",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        'T' | 'X' => "%H:%M:%S",
        'v' => "%e-%b-%Y",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{RFC3339_NANO, format};
    use super::*;

    #[test]
    fn letters() {
        for (layout, text, expected) in [
            ("%Y-%b-%d %H:%M:%S.%f", "2020-Aug-14 11:50:26.371", "2020-08-14T11:50:26.371Z"),
            ("%d/%m/%y %I:%M %p", "14/08/20 03:04 PM", "2020-08-14T15:04:00Z"),
            ("%j %Y", "200 2020", "2020-07-18T00:00:00Z"),
            ("%F %T %z", "2020-01-02 03:04:05 -0130", "2020-01-02T03:04:05-01:30"),
            ("%A %e %B %Y", "monday  3 AUGUST 2020", "2020-08-03T00:00:00Z"),
            ("%Y-%m-%d", "2021-02-31", "2021-03-03T00:00:00Z"),
            ("", "", "1900-01-01T00:00:00Z"),
        ] {
            assert_eq!(format(RFC3339_NANO, &strptime(layout, text).unwrap()), expected);
        }
    }

    #[test]
    fn errors() {
        for (layout, text, why) in [
            ("%Y", "bad", "cannot parse \"%Y\""),
            ("INVALID", "x", "expected 'I'"),
            ("%Y", "2020 x", "unparsed string \" x\""),
            ("%Q", "x", "unexpected format \"%Q\""),
            ("%", "x", "stray \"%\""),
        ] {
            let error = strptime(layout, text).unwrap_err().to_string();
            assert_eq!(error, format!("failed to parse \"{text}\" with \"{layout}\": {why}"));
        }
    }
}
