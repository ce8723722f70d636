//! Timestamps as text by formats such as `%Y-%m-%d`, in the dialect of `timefmt-go`.

use std::fmt::Write;

use formats::value::Timestamp;

use super::{Civil, DAYS, MONTHS, NS_PER_S, civil, zone_name};

/// Widest field that a format may ask for.
const WIDTH_MAX: usize = 1_024;

/// What stands between `%` and the letter.
#[derive(Clone, Copy, Default)]
struct Flags {
    /// What to pad with; nothing means the letter's own choice.
    pad: Option<char>,
    /// Do not pad.
    bare: bool,
    upper: bool,
    swap: bool,
    colons: usize,
    width: usize,
}

/// The timestamp as a format shows it. What means nothing is left as it is, padded like a name.
#[must_use]
pub fn strftime(format: &str, time: &Timestamp) -> String {
    let at = civil(time);
    let mut out = String::with_capacity(format.len() + 16);
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (flags, behind) = flags(after);
        // Colons go with the offset only; any other letter is none of theirs.
        let fits = |letter: &char| flags.colons == 0 || *letter == 'z';
        let letter = behind.chars().next().filter(fits);
        rest = &behind[letter.map_or(0, char::len_utf8)..];
        let known = letter.is_some_and(|c| push(&mut out, c, flags, &at, time));
        if !known {
            let written = format!("%{}", &after[..after.len() - rest.len()]);
            name(&mut out, Flags { upper: false, swap: false, ..flags }, &written);
        }
    }
    out.push_str(rest);
    out
}

fn flags(text: &str) -> (Flags, &str) {
    let mut flags = Flags::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '-' => flags.bare = true,
            '_' => flags.pad = Some(' '),
            '0' => flags.pad = Some('0'),
            '^' => flags.upper = true,
            '#' => flags.swap = true,
            ':' => {
                let behind = rest.trim_start_matches(':');
                flags.colons = rest.len() - behind.len();
                return (flags, behind);
            }
            '1'..='9' => {
                let len = rest.bytes().take_while(u8::is_ascii_digit).count();
                flags.width = rest[..len].parse().unwrap_or(WIDTH_MAX).min(WIDTH_MAX);
                rest = &rest[len..];
                continue;
            }
            _ => break,
        }
        rest = &rest[1..];
    }
    (flags, rest)
}

/// A number padded to a width.
fn number(out: &mut String, flags: Flags, n: i64, width: usize, pad: char) {
    let width = if flags.bare { 0 } else { flags.width.max(width) };
    let pad = flags.pad.unwrap_or(pad);
    let digits = n.unsigned_abs().to_string();
    let sign = if n < 0 { "-" } else { "" };
    let missing = width.saturating_sub(digits.len() + sign.len());
    let padding = std::iter::repeat_n(pad, missing);
    if pad == ' ' {
        out.extend(padding);
        out.push_str(sign);
    } else {
        out.push_str(sign);
        out.extend(padding);
    }
    out.push_str(&digits);
}

/// A name, in capitals where asked for, padded to a width.
fn name(out: &mut String, flags: Flags, text: &str) {
    let missing = flags.width.saturating_sub(text.chars().count());
    out.extend(std::iter::repeat_n(flags.pad.unwrap_or(' '), missing));
    match flags.upper || flags.swap {
        true => out.push_str(&text.to_uppercase()),
        false => out.push_str(text),
    }
}

/// Appends what a letter stands for; false when it stands for nothing.
fn push(out: &mut String, letter: char, flags: Flags, at: &Civil, time: &Timestamp) -> bool {
    let month = MONTHS.get(at.month.wrapping_sub(1) as usize).copied().unwrap_or("");
    let day = DAYS.get(at.weekday() as usize).copied().unwrap_or("");
    let hour12 = (i64::from(at.hour) + 11) % 12 + 1;
    let (iso_year, iso_week) = iso_week(at);
    match letter {
        'A' => name(out, flags, day),
        'a' => name(out, flags, &day[..3.min(day.len())]),
        'B' => name(out, flags, month),
        'b' | 'h' => name(out, flags, &month[..3.min(month.len())]),
        'C' => number(out, flags, at.year.div_euclid(100), 2, '0'),
        'd' => number(out, flags, at.day.into(), 2, '0'),
        'e' => number(out, flags, at.day.into(), 2, ' '),
        'f' => {
            let width = if flags.width > 0 { flags.width.min(9) } else { 6 };
            let nano = format!("{:09}", at.nano);
            out.push_str(&nano[..width]);
        }
        'G' => number(out, flags, iso_year, 4, '0'),
        'g' => number(out, flags, iso_year.rem_euclid(100), 2, '0'),
        'H' => number(out, flags, at.hour.into(), 2, '0'),
        'I' => number(out, flags, hour12, 2, '0'),
        'j' => number(out, flags, at.day_of_year().into(), 3, '0'),
        'k' => number(out, flags, at.hour.into(), 2, ' '),
        'l' => number(out, flags, hour12, 2, ' '),
        'M' => number(out, flags, at.minute.into(), 2, '0'),
        'm' => number(out, flags, at.month.into(), 2, '0'),
        'n' => name(out, flags, "\n"),
        'P' => name(out, flags, if at.hour < 12 { "am" } else { "pm" }),
        'p' if flags.swap => out.push_str(if at.hour < 12 { "am" } else { "pm" }),
        'p' => name(out, flags, if at.hour < 12 { "AM" } else { "PM" }),
        'S' => number(out, flags, at.second.into(), 2, '0'),
        's' => number(out, flags, time.unix_ns.div_euclid(NS_PER_S) as i64, 1, '0'),
        't' => name(out, flags, "\t"),
        'U' => number(out, flags, ((at.day_of_year() + 6 - at.weekday()) / 7).into(), 2, '0'),
        'u' => number(out, flags, (i64::from(at.weekday()) + 6) % 7 + 1, 1, '0'),
        'V' => number(out, flags, iso_week, 2, '0'),
        'W' => {
            let monday = (at.weekday() + 6) % 7;
            number(out, flags, ((at.day_of_year() + 6 - monday) / 7).into(), 2, '0');
        }
        'w' => number(out, flags, at.weekday().into(), 1, '0'),
        'Y' => number(out, flags, at.year, 4, '0'),
        'y' => number(out, flags, at.year.rem_euclid(100), 2, '0'),
        'Z' => {
            let zone = zone_name(time);
            let zone = if flags.swap { zone.to_lowercase() } else { zone };
            let upper = flags.upper && !flags.swap;
            name(out, Flags { upper, swap: false, ..flags }, &zone);
        }
        'z' => offset(out, flags, time.offset_s),
        '%' => name(out, flags, "%"),
        _ => return composed(out, letter, flags, time),
    }
    true
}

/// Letters that stand for several others.
fn composed(out: &mut String, letter: char, flags: Flags, time: &Timestamp) -> bool {
    let format = match letter {
        '+' => "%a %b %e %H:%M:%S %Z %Y",
        'c' => "%a %b %e %H:%M:%S %Y",
        'D' | 'x' => "%m/%d/%y",
        'F' => "%Y-%m-%d",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        'T' | 'X' => "%H:%M:%S",
        'v' => "%e-%b-%Y",
        _ => return false,
    };
    let text = strftime(format, time);
    name(out, Flags { swap: false, ..flags }, &text);
    true
}

fn offset(out: &mut String, flags: Flags, offset_s: i32) {
    let seconds = offset_s.unsigned_abs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    out.push(if offset_s < 0 { '-' } else { '+' });
    let _ = match flags.colons {
        0 => write!(out, "{hours:02}{minutes:02}"),
        1 => write!(out, "{hours:02}:{minutes:02}"),
        2 => write!(out, "{hours:02}:{minutes:02}:{seconds:02}"),
        _ if minutes == 0 => write!(out, "{hours:02}"),
        _ => write!(out, "{hours:02}:{minutes:02}"),
    };
}

/// Year and number of the week by ISO 8601, where weeks begin on Monday and the first one has the
/// first Thursday.
fn iso_week(at: &Civil) -> (i64, i64) {
    let monday = i64::from((at.weekday() + 6) % 7);
    let day = i64::from(at.day_of_year()) - 1;
    let week = (day - monday + 10) / 7;
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    // A year has 53 weeks when it begins on a Thursday, or on a Wednesday of a leap year.
    let new_year = (monday - day).rem_euclid(7);
    let long = |new_year: i64, leap: bool| new_year == 3 || (new_year == 2 && leap);
    if week == 0 {
        let before = at.year - 1;
        let days = if leap(before) { 366 } else { 365 };
        let new_year = (new_year - days).rem_euclid(7);
        return (before, if long(new_year, leap(before)) { 53 } else { 52 });
    }
    if week == 53 && !long(new_year, leap(at.year)) {
        return (at.year + 1, 1);
    }
    (at.year, week)
}

#[cfg(test)]
mod tests {
    use super::super::utc;
    use super::*;

    #[test]
    fn letters() {
        let at = utc(1_600_000_000_987_654_321);
        for (format, expected) in [
            ("%a %A %B %j %p %I %y %e %u %w", "Sun Sunday September 257 PM 12 20 13 7 0"),
            ("%Q %!", "%Q %!"),
            (
                "%c|%x|%X|%r|%v|%+",
                "Sun Sep 13 12:26:40 2020|09/13/20|12:26:40|12:26:40 PM|\
                               13-Sep-2020|Sun Sep 13 12:26:40 UTC 2020",
            ),
            ("%-d %_m %V %G %U %C %h %n%t|", "13  9 37 2020 37 20 Sep \n\t|"),
            ("%s %f %z %:z %Z %% %", "1600000000 987654 +0000 +00:00 UTC % %"),
            ("%^a %#p %05d %^#Z %6Q|%:d%3%|%04", "SUN pm 00013 utc    %6Q|%:d  %|0%04"),
            ("%05:d%10:%d|%5z|%:5z|%::z", "0%05:d      %10:13|+0000|%:5z|+00:00:00"),
        ] {
            assert_eq!(strftime(format, &at), expected);
        }
        assert_eq!(strftime("%99999999999999999999Q", &at).len(), WIDTH_MAX);
        for (day, expected) in [(18_627, "2020 53"), (18_631, "2021 01"), (19_357, "2022 52")] {
            assert_eq!(strftime("%G %V", &utc(day * 86_400 * NS_PER_S)), expected, "{day}");
        }
    }
}
