//! The parts of a Go layout, which shows how a certain moment would be written.

/// A part of a layout that stands for a part of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    /// A name such as `CET`.
    Zone,
    /// An offset: whether UTC is `Z`, whether colons, parts (hours, minutes, seconds).
    Offset {
        z: bool,
        colon: bool,
        parts: u8,
    },
    /// A fraction with so many digits, always all of them.
    Fraction0(usize),
    /// A fraction with so many digits at most.
    Fraction9(usize),
}

use Chunk::{
    Day, Fraction0, Fraction9, Hour, Hour12, LongMonth, LongWeekday, LongYear, LowerPm, Minute,
    Month, NumMonth, Offset, Second, UnderDay, UnderYearDay, UpperPm, Weekday, Year, ZeroDay,
    ZeroHour12, ZeroMinute, ZeroMonth, ZeroSecond, ZeroYearDay, Zone,
};

/// Parts by their text, the longer of two with the same beginning first.
const TABLE: &[(&str, Chunk)] = &[
    ("January", LongMonth),
    ("Jan", Month),
    ("Monday", LongWeekday),
    ("Mon", Weekday),
    ("MST", Zone),
    ("002", ZeroYearDay),
    ("01", ZeroMonth),
    ("02", ZeroDay),
    ("03", ZeroHour12),
    ("04", ZeroMinute),
    ("05", ZeroSecond),
    ("06", Year),
    ("15", Hour),
    ("1", NumMonth),
    ("2006", LongYear),
    ("2", Day),
    ("__2", UnderYearDay),
    ("_2", UnderDay),
    ("3", Hour12),
    ("4", Minute),
    ("5", Second),
    ("PM", UpperPm),
    ("pm", LowerPm),
    ("-070000", Offset { z: false, colon: false, parts: 3 }),
    ("-07:00:00", Offset { z: false, colon: true, parts: 3 }),
    ("-0700", Offset { z: false, colon: false, parts: 2 }),
    ("-07:00", Offset { z: false, colon: true, parts: 2 }),
    ("-07", Offset { z: false, colon: false, parts: 1 }),
    ("Z070000", Offset { z: true, colon: false, parts: 3 }),
    ("Z07:00:00", Offset { z: true, colon: true, parts: 3 }),
    ("Z0700", Offset { z: true, colon: false, parts: 2 }),
    ("Z07:00", Offset { z: true, colon: true, parts: 2 }),
    ("Z07", Offset { z: true, colon: false, parts: 1 }),
];

/// The first part of a layout: the text before it, the part and its own text, the rest.
pub(super) fn next(layout: &str) -> (&str, Option<(Chunk, &str)>, &str) {
    for (at, c) in layout.char_indices() {
        if !matches!(c, 'J' | 'M' | '0'..='5' | '_' | 'P' | 'p' | '-' | 'Z' | '.' | ',') {
            continue;
        }
        let (before, here) = layout.split_at(at);
        if let Some((chunk, len)) = match_at(here) {
            let (text, rest) = here.split_at(len);
            return (before, Some((chunk, text)), rest);
        }
        // `_2006` is an underscore and a year.
        if let Some(rest) = here.strip_prefix("_2006") {
            return (&layout[..at + 1], Some((LongYear, "2006")), rest);
        }
    }
    (layout, None, "")
}

fn match_at(here: &str) -> Option<(Chunk, usize)> {
    if let Some(fraction) = fraction(here) {
        return Some(fraction);
    }
    if here.starts_with("_2006") {
        return None;
    }
    let (text, chunk) = TABLE.iter().find(|(text, _)| here.starts_with(text))?;
    // `Jan` and `Mon` are no parts within a word such as `Month`.
    let after = here.as_bytes().get(text.len());
    if matches!(chunk, Month | Weekday) && after.is_some_and(u8::is_ascii_lowercase) {
        return None;
    }
    Some((*chunk, text.len()))
}

/// `.000` or `,999`: not followed by a digit.
fn fraction(here: &str) -> Option<(Chunk, usize)> {
    let bytes = here.as_bytes();
    let digit = *bytes.get(1)?;
    if !matches!(bytes.first(), Some(b'.' | b',')) || !matches!(digit, b'0' | b'9') {
        return None;
    }
    let count = bytes.iter().skip(1).take_while(|b| **b == digit).count();
    if bytes.get(1 + count).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let chunk = if digit == b'0' { Fraction0(count) } else { Fraction9(count) };
    Some((chunk, 1 + count))
}
