//! Timestamps as RFC 3339 text with as many digits of a second as there are, Go's `RFC3339Nano`.

use crate::value::Timestamp;

const NS_PER_S: i128 = 1_000_000_000;
const S_PER_DAY: i64 = 86_400;

/// Year, month (1 to 12) and day (1 to 31) of a number of days since 1970-01-01, in the proleptic
/// Gregorian calendar.
#[must_use]
#[inline]
pub fn civil_of_days(days: i64) -> (i64, u32, u32) {
    // Eras of 400 years have the same length. Within one, and up to some way beyond, years are
    // counted from 1 March, so that the leap day is the last of its year, and every division is by
    // a constant: a quarter of a day, and 5 months as 153 days, leave no fractions.
    let from_march_0000 = days + 719_468;
    let (era, day) = match u32::try_from(from_march_0000) {
        Ok(day) if day < DAYS_QUICK_MAX => (0, day),
        _ => {
            let day = from_march_0000.rem_euclid(DAYS_PER_ERA) as u32;
            (from_march_0000.div_euclid(DAYS_PER_ERA), day)
        }
    };
    let quarters = 4 * day + 3;
    let (century, quarters) = (quarters / 146_097, (quarters % 146_097) | 3);
    let (year, day_of_year) = (quarters / 1_461, quarters % 1_461 / 4);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = i64::from(100 * century + year + u32::from(month <= 2));
    (year + era * 400, month, day)
}

/// Days of 400 years.
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 1 March of the year 0, the first of which are gone through without eras: those of some
/// ten thousand years.
const DAYS_QUICK_MAX: u32 = 4_000_000;

/// Days since 1970-01-01 of a civil date; the inverse of [`civil_of_days`].
#[must_use]
#[inline]
pub fn days_of_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year) = match u32::try_from(year) {
        Ok(year) if year < 10_000 => (0, year),
        _ => (year.div_euclid(400), year.rem_euclid(400) as u32),
    };
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let months = (153 * month_from_march + 2) / 5;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + months;
    era * DAYS_PER_ERA + i64::from(days) + i64::from(day) - 719_469
}

fn push_padded(out: &mut Vec<u8>, number: i64, width: usize) {
    let mut digits = itoa::Buffer::new();
    let text = digits.format(number.unsigned_abs());
    if number < 0 {
        out.push(b'-');
    }
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(text.len())));
    out.extend_from_slice(text.as_bytes());
}

/// The first second of the year 0 and of the year 10000.
const YEARS_OF_FOUR_DIGITS: std::ops::Range<i128> = -62_167_219_200..253_402_300_800;

/// Whether the year of a point in time has the four digits that the form asks for.
#[must_use]
pub fn has_form(time: &Timestamp) -> bool {
    let local_s = time.unix_ns.div_euclid(NS_PER_S) + i128::from(time.offset_s);
    YEARS_OF_FOUR_DIGITS.contains(&local_s)
}

/// Appends `2026-01-31T12:00:00.25Z`, or an offset such as `+01:00` in place of `Z`.
pub fn write(out: &mut Vec<u8>, time: &Timestamp) {
    let local = time.unix_ns.saturating_add(i128::from(time.offset_s) * NS_PER_S);
    let seconds = i64::try_from(local.div_euclid(NS_PER_S)).unwrap_or(i64::MAX / 2);
    let nanos = local.rem_euclid(NS_PER_S) as i64;
    let (year, month, day) = civil_of_days(seconds.div_euclid(S_PER_DAY));
    let second_of_day = seconds.rem_euclid(S_PER_DAY);
    push_padded(out, year, 4);
    for (mark, part) in [
        (b'-', i64::from(month)),
        (b'-', i64::from(day)),
        (b'T', second_of_day / 3_600),
        (b':', second_of_day / 60 % 60),
        (b':', second_of_day % 60),
    ] {
        out.push(mark);
        push_padded(out, part, 2);
    }
    if nanos != 0 {
        out.push(b'.');
        push_padded(out, nanos, 9);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    if time.offset_s == 0 {
        out.push(b'Z');
        return;
    }
    out.push(if time.offset_s < 0 { b'-' } else { b'+' });
    let minutes = i64::from(time.offset_s).abs() / 60;
    push_padded(out, minutes / 60, 2);
    out.push(b':');
    push_padded(out, minutes % 60, 2);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(unix_ns: i128, offset_s: i32) -> String {
        let mut out = Vec::new();
        write(&mut out, &Timestamp { unix_ns, offset_s, zone: "".into() });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_instants() {
        assert_eq!(text(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(text(1_767_225_600_250_000_000, 0), "2026-01-01T00:00:00.25Z");
        assert_eq!(text(1_767_225_600_000_000_001, 3_600), "2026-01-01T01:00:00.000000001+01:00");
        assert_eq!(text(-1, -1_800), "1969-12-31T23:29:59.999999999-00:30");
        assert_eq!(text(951_782_400_000_000_000, 0), "2000-02-29T00:00:00Z");
    }

    #[test]
    fn only_years_of_four_digits_have_a_form() {
        let form = |seconds: i128, offset_s| {
            has_form(&Timestamp { unix_ns: seconds * NS_PER_S, offset_s, zone: "".into() })
        };
        let end = 253_402_300_800;
        assert_eq!(text((end - 1) * NS_PER_S, 0), "9999-12-31T23:59:59Z");
        assert!(form(end - 1, 0) && !form(end, 0) && form(end, -1) && !form(end - 1, 1));
        let start = -62_167_219_200;
        assert_eq!(text(start * NS_PER_S, 0), "0000-01-01T00:00:00Z");
        assert!(form(start, 0) && !form(start - 1, 0));
    }

    proptest! {
        #[test]
        fn dates_and_days_are_inverse(days in -5_000_000i64..5_000_000) {
            let (year, month, day) = civil_of_days(days);
            prop_assert!((1..=12).contains(&month) && (1..=31).contains(&day));
            let next = civil_of_days(days + 1);
            prop_assert!(next > (year, month, day));
            prop_assert!(next.2 == 1 && day >= 28 || next.2 == day + 1);
            prop_assert_eq!(days_of_civil(year, month, day), days);
        }
    }
}
