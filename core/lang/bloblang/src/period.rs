//! ISO 8601 durations such as `P1Y2M3DT4H5M6.7S`: calendar parts and exact ones.

use formats::rfc3339::days_of_civil;
use formats::value::Timestamp;

use crate::error::Error;
use crate::time::{self, NS_PER_S};

/// Seconds of a mean year of the Gregorian calendar, and of a twelfth of it.
const YEAR_S: i128 = 31_556_952;
const MONTH_S: i128 = 2_629_746;
/// Digits that a number may have.
const DIGITS_MAX: usize = 19;
/// Designators in their order, and the seconds that each stands for.
const FIELDS: [(char, i128); 7] = [
    ('Y', YEAR_S),
    ('M', MONTH_S),
    ('W', 7 * 86_400),
    ('D', 86_400),
    ('H', 3_600),
    ('M', 60),
    ('S', 1),
];

/// A number with decimal places.
#[derive(Clone, Copy, Debug, Default)]
struct Decimal {
    digits: i128,
    places: u32,
}

impl Decimal {
    /// The number times nanoseconds, truncated.
    fn times(self, ns: i128) -> i128 {
        self.digits.saturating_mul(ns) / 10i128.pow(self.places)
    }

    fn whole(self) -> Option<i64> {
        (self.places == 0).then_some(self.digits)?.try_into().ok()
    }
}

/// A duration by its fields.
#[derive(Clone, Copy, Debug, Default)]
pub struct Period {
    fields: [Decimal; FIELDS.len()],
}

impl Period {
    /// Reads a duration; a sign may precede it, and only its last field may have a fraction.
    ///
    /// # Errors
    /// `P1: missing designator at the end` and the like.
    pub fn parse(text: &str) -> Result<Period, Error> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest.is_empty() {
            return Err(Error::new("cannot parse a blank string as a period"));
        }
        let fail = |why: String| Error::new(format!("{text}: {why}"));
        let Some(mut rest) = rest.strip_prefix('P') else {
            return Err(fail("expected 'P' period mark at the start".into()));
        };
        let mut fields = [None; FIELDS.len()];
        let mut clock = false;
        let mut with_fraction = None;
        while !rest.is_empty() {
            if let Some(behind) = rest.strip_prefix('T') {
                if clock {
                    return Err(fail("'T' designator cannot occur more than once".into()));
                }
                (clock, rest) = (true, behind);
                continue;
            }
            let (number, designator, behind) = field(rest).map_err(fail)?;
            rest = behind;
            if let Some(previous) = with_fraction.filter(|_| number.digits != 0) {
                let why = "only the last field can have a fraction";
                return Err(fail(format!("'{previous}' & '{designator}' {why}")));
            }
            let range = if clock { 4..7 } else { 0..4 };
            let at = range.into_iter().find(|&i| FIELDS[i].0 == designator);
            let place = at.and_then(|at| fields.get_mut(at));
            match place {
                None => return Err(fail(format!("'{designator}' designator cannot occur here"))),
                Some(Some(_)) => {
                    let why = "designator cannot occur more than once";
                    return Err(fail(format!("'{designator}' {why}")));
                }
                Some(place) => *place = Some(number),
            }
            if number.places > 0 {
                with_fraction = Some(designator);
            }
        }
        if fields.iter().all(Option::is_none) {
            return Err(fail("expected 'Y', 'M', 'W', 'D', 'H', 'M', or 'S' designator".into()));
        }
        let period = Period { fields: fields.map(Option::unwrap_or_default) };
        Ok(if negative { period.negated() } else { period })
    }

    /// The same duration backwards.
    #[must_use]
    pub fn negated(mut self) -> Period {
        for field in &mut self.fields {
            field.digits = -field.digits;
        }
        self
    }

    /// All of it in nanoseconds, years and months by their mean length.
    #[must_use]
    pub fn total_ns(&self) -> i64 {
        let ns = self.ns_of(0..FIELDS.len());
        ns.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    fn ns_of(&self, range: std::ops::Range<usize>) -> i128 {
        let fields = self.fields.iter().zip(FIELDS).skip(range.start).take(range.len());
        fields.map(|(n, (_, seconds))| n.times(seconds * NS_PER_S)).sum()
    }

    /// The timestamp moved by this duration: by the calendar where years, months, weeks and days
    /// are whole numbers, else by the length.
    #[must_use]
    pub fn add_to(&self, at: &Timestamp) -> Timestamp {
        let [years, months, weeks, days, ..] = self.fields.map(Decimal::whole);
        if let (Some(years), Some(months), Some(weeks), Some(days)) = (years, months, weeks, days) {
            let days = weeks.saturating_mul(7).saturating_add(days);
            let moved = add_date(at, years, months, days);
            let unix_ns = moved.unix_ns.saturating_add(self.ns_of(4..FIELDS.len()));
            return time::rezoned(&Timestamp { unix_ns, ..moved });
        }
        let unix_ns = at.unix_ns.saturating_add(i128::from(self.total_ns()));
        time::rezoned(&Timestamp { unix_ns, ..at.clone() })
    }
}

/// Years that a date may be away from the epoch, so that nothing overflows.
const YEARS_MAX: i64 = 1_000_000;

/// Adds to the fields of a date; a day that its month does not have runs into the next month.
fn add_date(at: &Timestamp, years: i64, months: i64, days: i64) -> Timestamp {
    let local = time::civil(at);
    let months = (i64::from(local.month) - 1).saturating_add(months);
    let year = local.year.saturating_add(years).saturating_add(months.div_euclid(12));
    let year = year.clamp(-YEARS_MAX, YEARS_MAX);
    let month = months.rem_euclid(12) as u32 + 1;
    let days = days.clamp(-YEARS_MAX * 366, YEARS_MAX * 366);
    let days = days_of_civil(year, month, 1) + i64::from(local.day) - 1 + days;
    let of_day = i64::from(local.hour * 3_600 + local.minute * 60 + local.second);
    let seconds = i128::from(days) * 86_400 + i128::from(of_day);
    time::at_local(seconds * NS_PER_S + i128::from(local.nano), at)
}

/// A number, its designator, and what follows.
fn field(text: &str) -> Result<(Decimal, char, &str), String> {
    let part_of_number = |(i, c): (usize, char)| {
        c.is_ascii_digit() || matches!(c, '.' | ',') || (i == 0 && c == '-')
    };
    let len = text.char_indices().take_while(|at| part_of_number(*at)).count();
    let (number, rest) = text.split_at(len);
    let Some(designator) = rest.chars().next() else {
        return Err("missing designator at the end".into());
    };
    if number.is_empty() {
        return Err(format!("expected a number but found '{designator}'"));
    }
    let number = decimal(number).ok_or("number invalid or out of range")?;
    if !FIELDS.iter().any(|(known, _)| *known == designator) {
        return Err(format!("expected a designator Y, M, W, D, H, or S not '{designator}'"));
    }
    Ok((number, designator, &rest[designator.len_utf8()..]))
}

fn decimal(text: &str) -> Option<Decimal> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let digits = digits.replace(',', ".");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let all = [whole, fraction].concat();
    if all.trim_start_matches('0').len() > DIGITS_MAX || fraction.len() > DIGITS_MAX {
        return None;
    }
    let n: i128 = all.parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    Some(Decimal { digits: if negative { -n } else { n }, places })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for (text, ns) in [
            ("P1DT2H", 93_600_000_000_000),
            ("-PT5S", -5_000_000_000),
            ("P1Y2M3DT4H5M6.7S", 37_090_350_700_000_000),
            ("PT0,25S", 250_000_000),
            ("P0D", 0),
        ] {
            assert_eq!(Period::parse(text).unwrap().total_ns(), ns, "{text}");
        }
    }

    #[test]
    fn errors() {
        for (text, why) in [
            ("P000", "missing designator at the end"),
            ("PxY", "expected a number but found 'x'"),
            ("PT1A", "expected a designator Y, M, W, D, H, or S not 'A'"),
            ("P1S", "'S' designator cannot occur here"),
            ("P1D2D", "'D' designator cannot occur more than once"),
            ("PT1HT1S", "'T' designator cannot occur more than once"),
            ("P0.1YT0.1S", "'Y' & 'S' only the last field can have a fraction"),
            ("P", "expected 'Y', 'M', 'W', 'D', 'H', 'M', or 'S' designator"),
            ("P92233720368547758071Y", "number invalid or out of range"),
            ("P1.2.3Y", "number invalid or out of range"),
        ] {
            let error = Period::parse(text).unwrap_err().to_string();
            assert_eq!(error, format!("{text}: {why}"));
        }
    }

    #[test]
    fn the_far_future_does_not_overflow() {
        let far = Period::parse("P9999999999999999999Y").unwrap();
        let _ = far.add_to(&time::utc(0));
        let _ = far.negated().add_to(&time::utc(i128::from(i64::MAX)));
        let _ = Period::parse("P9223372036854775807W").unwrap().add_to(&time::utc(0));
    }
}
