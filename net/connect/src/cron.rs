//! Times that a cron expression names, as Benthos reads them: seconds may be left out, names of
//! months and weekdays and `@daily` and its like are known, and a time zone may stand in front.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use plan::fields::Duration;

/// Years in which a time is looked for.
const YEARS_MAX: i16 = 5;

/// What numbers and names a field may have.
struct Bounds {
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const BELOW_60: Bounds = Bounds { least: 0, most: 59, names: &[] };
const HOURS: Bounds = Bounds { least: 0, most: 23, names: &[] };
const DAYS: Bounds = Bounds { least: 1, most: 31, names: &[] };
const MONTHS: Bounds = Bounds {
    least: 1,
    most: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Bounds =
    Bounds { least: 0, most: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// The values that a field allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Values {
    bits: u64,
    /// Whether every value was meant, not only every second one or the like.
    star: bool,
}

impl Values {
    fn has(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| self.bits >> value & 1 == 1)
    }
}

/// When something is to be done.
#[derive(Clone, Debug)]
pub struct Schedule(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// Again and again after a pause; nanoseconds.
    Every(u64),
    At(Box<Times>),
}

#[derive(Clone, Debug)]
struct Times {
    second: Values,
    minute: Values,
    hour: Values,
    day: Values,
    month: Values,
    weekday: Values,
    zone: TimeZone,
}

impl Schedule {
    /// Reads a cron expression: `[second] minute hour day month weekday`, or `@every` and a
    /// duration, or one of `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`,
    /// `@hourly`. `TZ=` and the name of a time zone may come before it; otherwise it is UTC.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (zone, text) = match text.strip_prefix("TZ=") {
            None => (TimeZone::UTC, text),
            Some(rest) => {
                let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let bad = format!("provided bad location {name}: unknown time zone {name}");
                (TimeZone::get(name).map_err(|_| bad)?, rest)
            }
        };
        let text = text.trim();
        if let Some(every) = text.strip_prefix("@every ") {
            let pause = Duration::parse(every);
            let pause = pause.map_err(|e| format!("failed to parse duration {text}: {e}"))?;
            // Whole seconds, and one at least.
            let seconds = (pause.ns / 1_000_000_000).max(1);
            return Ok(Schedule(Kind::Every(u64::try_from(seconds).unwrap_or(1) * 1_000_000_000)));
        }
        let fields = match text {
            "@yearly" | "@annually" => "0 0 0 1 1 *",
            "@monthly" => "0 0 0 1 * *",
            "@weekly" => "0 0 0 * * 0",
            "@daily" | "@midnight" => "0 0 0 * * *",
            "@hourly" => "0 0 * * * *",
            other if other.starts_with('@') => {
                return Err(format!("unrecognized descriptor: {other}"));
            }
            other => other,
        };
        Ok(Schedule(Kind::At(Box::new(Times::parse(fields, zone)?))))
    }

    /// The first time after one; nanoseconds since the epoch. `None` when none comes within
    /// [`YEARS_MAX`] years.
    #[must_use]
    pub fn next(&self, after_ns: i128) -> Option<i128> {
        const SECOND: i128 = 1_000_000_000;
        match &self.0 {
            Kind::Every(pause) => Some(after_ns.div_euclid(SECOND) * SECOND + i128::from(*pause)),
            Kind::At(times) => {
                let first = (after_ns.div_euclid(SECOND) + 1) * SECOND;
                times.from(Timestamp::from_nanosecond(first).ok()?)
            }
        }
    }
}

impl Times {
    fn parse(text: &str, zone: TimeZone) -> Result<Self, String> {
        let mut fields: Vec<&str> = text.split_whitespace().collect();
        if !(5..=6).contains(&fields.len()) {
            let count = fields.len();
            let shown = fields.join(" ");
            return Err(format!("expected 5 to 6 fields, found {count}: [{shown}]"));
        }
        if fields.len() == 5 {
            fields.insert(0, "0");
        }
        let read = |at: usize, bounds: &Bounds| {
            values(fields.get(at).copied().unwrap_or_default(), bounds)
        };
        Ok(Times {
            second: read(0, &BELOW_60)?,
            minute: read(1, &BELOW_60)?,
            hour: read(2, &HOURS)?,
            day: read(3, &DAYS)?,
            month: read(4, &MONTHS)?,
            weekday: read(5, &WEEKDAYS)?,
            zone,
        })
    }

    /// The first of the times that is not before one.
    fn from(&self, first: Timestamp) -> Option<i128> {
        let mut at = first.to_zoned(self.zone.clone());
        let last_year = at.year() + YEARS_MAX;
        while at.year() <= last_year {
            let later = self.later(&at);
            match later {
                None => return Some(at.timestamp().as_nanosecond()),
                // What a change of clocks leaves out is passed by.
                Some(later) if later > at => at = later,
                Some(_) => at = at.checked_add(1.hour()).ok()?,
            }
        }
        None
    }

    /// A later time before which there is none; `None` when this is one.
    fn later(&self, at: &Zoned) -> Option<Zoned> {
        let begin = |date: jiff::civil::Date| {
            at.time_zone().to_zoned(DateTime::from(date)).unwrap_or_else(|_| at.clone())
        };
        let minutes = i64::from(at.minute()) * 60;
        let seconds = i64::from(at.second());
        let on = |seconds: i64| Some(at + SignedDuration::from_secs(seconds));
        if !self.month.has(at.month()) {
            let month = at.date().first_of_month().checked_add(1.month());
            return Some(begin(month.unwrap_or(at.date())));
        }
        if !self.on_day(at) {
            return Some(begin(at.date().tomorrow().unwrap_or(at.date())));
        }
        if !self.hour.has(at.hour()) {
            return on(3600 - minutes - seconds);
        }
        if !self.minute.has(at.minute()) {
            return on(60 - seconds);
        }
        if self.second.has(at.second()) { None } else { on(1) }
    }

    /// Days of the month and of the week both count where both are said.
    fn on_day(&self, at: &Zoned) -> bool {
        let day = self.day.has(at.day());
        let weekday = self.weekday.has(at.weekday().to_sunday_zero_offset());
        if self.day.star || self.weekday.star { day && weekday } else { day || weekday }
    }
}

/// A list of ranges.
fn values(text: &str, bounds: &Bounds) -> Result<Values, String> {
    let mut all = Values { bits: 0, star: false };
    for range in text.split(',').filter(|range| !range.is_empty()) {
        let Values { bits, star } = one_range(range, bounds)?;
        all.bits |= bits;
        all.star |= star;
    }
    Ok(all)
}

/// `*`, a value, or two with a hyphen between, each maybe with a slash and a step.
fn one_range(text: &str, bounds: &Bounds) -> Result<Values, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = parts.first().copied().unwrap_or_default().split('-').collect();
    let (mut star, step) = (false, parts.get(1).map(|step| number(step)).transpose()?);
    let (start, mut end) = match ends.as_slice() {
        ["*" | "?", ..] => {
            star = true;
            (bounds.least, bounds.most)
        }
        [one] => (value(one, bounds)?, value(one, bounds)?),
        [low, high] => (value(low, bounds)?, value(high, bounds)?),
        _ => return Err(format!("too many hyphens: {text}")),
    };
    if parts.len() > 2 {
        return Err(format!("too many slashes: {text}"));
    }
    if step.is_some() && ends.len() == 1 {
        end = bounds.most;
    }
    let (least, most) = (bounds.least, bounds.most);
    if start < least {
        return Err(format!("beginning of range ({start}) below minimum ({least}): {text}"));
    }
    if end > most {
        return Err(format!("end of range ({end}) above maximum ({most}): {text}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    let bits = (start..=end).step_by(step as usize).fold(0, |bits, value| bits | 1 << value);
    Ok(Values { bits, star: star && step == 1 })
}

fn value(text: &str, bounds: &Bounds) -> Result<u32, String> {
    let name = text.to_lowercase();
    match bounds.names.iter().position(|known| **known == name) {
        Some(at) => Ok(bounds.least + u32::try_from(at).unwrap_or(0)),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u32, String> {
    let wrong = |what: &str| {
        format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {what}")
    };
    match text.parse::<i64>() {
        Ok(number) if number < 0 => Err(format!("negative number ({number}) not allowed: {text}")),
        Ok(number) => u32::try_from(number).map_err(|_| wrong("value out of range")),
        Err(_) => Err(wrong("invalid syntax")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next times of an expression.
    fn times(text: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(text).unwrap();
        let mut at = after.parse::<Timestamp>().unwrap().as_nanosecond();
        let mut next = || {
            at = schedule.next(at)?;
            Some(Timestamp::from_nanosecond(at).ok()?.to_string())
        };
        (0..count).map_while(|_| next()).collect()
    }

    #[test]
    fn times_come_in_their_order() {
        let after = "2026-11-29T10:20:30.5Z";
        for (text, want) in [
            ("* * * * *", ["2026-11-29T10:21:00Z", "2026-11-29T10:22:00Z"]),
            ("* * * * * *", ["2026-11-29T10:20:31Z", "2026-11-29T10:20:32Z"]),
            ("0,30 */2 * * * *", ["2026-11-29T10:22:00Z", "2026-11-29T10:22:30Z"]),
            ("10-50/20 * * * * ?", ["2026-11-29T10:20:50Z", "2026-11-29T10:21:10Z"]),
            ("50/5 * * * * *", ["2026-11-29T10:20:50Z", "2026-11-29T10:20:55Z"]),
            ("0 9 * jan,FEB *", ["2027-01-01T09:00:00Z", "2027-01-02T09:00:00Z"]),
            ("0 0 * * mon-tue", ["2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"]),
            // Either day will do where both are said.
            ("0 0 1 * 3", ["2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"]),
            ("0 0 */1 * 3", ["2026-12-02T00:00:00Z", "2026-12-09T00:00:00Z"]),
            ("0 0 29 2 *", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
            ("@hourly", ["2026-11-29T11:00:00Z", "2026-11-29T12:00:00Z"]),
            ("@daily", ["2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"]),
            ("@weekly", ["2026-12-06T00:00:00Z", "2026-12-13T00:00:00Z"]),
            ("@monthly", ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
            ("@yearly", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
            ("@every 90s", ["2026-11-29T10:22:00Z", "2026-11-29T10:23:30Z"]),
            ("@every 1ms", ["2026-11-29T10:20:31Z", "2026-11-29T10:20:32Z"]),
        ] {
            assert_eq!(times(text, after, 2), want, "{text}");
        }
        assert_eq!(times("0 0 30 2 *", after, 1), [""; 0], "no such day comes");
    }

    #[test]
    fn clocks_of_a_zone_may_change() {
        let spring = "2026-03-28T12:00:00Z";
        let want = ["2026-03-29T01:30:00Z", "2026-03-30T01:30:00Z"];
        // Half past one is left out in London on the 29th.
        let london = times("TZ=Europe/London 30 1 * * *", spring, 1);
        assert_eq!(london, ["2026-03-30T00:30:00Z"]);
        assert_eq!(times("TZ=UTC 30 1 * * *", spring, 2), want);
        // Midnight is left out in Beirut on the 29th.
        let beirut = times("TZ=Asia/Beirut 5 * 29 3 *", spring, 2);
        assert_eq!(beirut, ["2026-03-28T22:05:00Z", "2026-03-28T23:05:00Z"]);
        // Half past one comes twice in London.
        let autumn = times("TZ=Europe/London 30 1 * * *", "2026-10-24T12:00:00Z", 3);
        let want = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"];
        assert_eq!(autumn, want);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for (text, said) in [
            ("nope", "expected 5 to 6 fields, found 1: [nope]"),
            ("61 * * * * *", "end of range (61) above maximum (59): 61"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-2 * * * *", "beginning of range (5) beyond end of range (2): 5-2"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            (
                "x * * * *",
                "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax",
            ),
            ("* * * * */-1", "negative number (-1) not allowed: -1"),
            ("@never", "unrecognized descriptor: @never"),
            (
                "@every soon",
                "failed to parse duration @every soon: time: invalid duration \"soon\"",
            ),
            (
                "TZ=Europe/Nope * * * * *",
                "provided bad location Europe/Nope: unknown time zone Europe/Nope",
            ),
        ] {
            assert_eq!(Schedule::parse(text).unwrap_err(), said, "{text}");
        }
        for text in ["", "TZ=", "TZ=UTC", "@", "* * * * 99999999999999999999", "é * * * *"] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }
}
