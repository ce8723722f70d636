//! Days, months and times of day: arithmetic of the calendar from 2000-01-01.

/// Nanoseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000_000;
/// Nanoseconds of an hour.
pub(crate) const HOUR: i64 = 3_600_000_000_000;
/// Nanoseconds of a minute.
pub(crate) const MINUTE: i64 = 60_000_000_000;
/// Nanoseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// Nanoseconds of a millisecond.
pub(crate) const MILLI: i64 = 1_000_000;
/// Days from 1970-01-01 to 2000-01-01.
pub(crate) const EPOCH_DAYS: i64 = 10_957;

/// Days since 2000-01-01 of a date of the proleptic Gregorian calendar.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 730_425
}

/// Year, month and day of a number of days since 2000-01-01.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 730_425;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// Months since 2000-01 of a number of days.
pub(crate) fn month_of(days: i64) -> i64 {
    let (year, month, _) = civil(days);
    (year - 2000) * 12 + month - 1
}

/// The first day of a month.
pub(crate) fn first_of(month: i64) -> i64 {
    days(2000 + month.div_euclid(12), month.rem_euclid(12) + 1, 1)
}

/// Days in a month of a year; 0 for a month that there is not.
pub(crate) fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        assert_eq!(days(2000, 1, 1), 0);
        assert_eq!(days(1970, 1, 1), -EPOCH_DAYS);
        assert_eq!(days(2024, 2, 29), 8825);
        assert_eq!(civil(8825), (2024, 2, 29));
        assert_eq!(month_of(days(2024, 1, 31)), 288);
        assert_eq!(first_of(-1), days(1999, 12, 1));
    }

    #[test]
    fn every_day_of_a_cycle_comes_back() {
        for d in -150_000..150_000 {
            let (y, m, day) = civil(d);
            assert_eq!(days(y, m, day), d);
            assert!((1..=month_length(y, m)).contains(&day));
        }
    }
}
