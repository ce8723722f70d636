//! Conversions between the units of time, and the parts of times.

use crate::convert::calendar::{DAY, HOUR, MILLI, MINUTE, SECOND, civil, first_of, month_of};
use crate::convert::numeric::NULL;
use formats::k::Type;

/// A count of one unit as a count of another. From a point in time to a unit of the day it is
/// the time of day; lengths keep their whole length.
pub(crate) fn convert(x: i64, from: Type, to: Type) -> i64 {
    if x == NULL {
        return NULL;
    }
    // What lies before all timestamps is their negative infinity, not their null.
    let of_days = |days: i64| days.saturating_mul(DAY).max(-i64::MAX);
    let nanos = match from {
        Type::Timestamp | Type::Timespan => x,
        Type::Month => of_days(first_of(x)),
        Type::Date => of_days(x),
        Type::Minute => x.saturating_mul(MINUTE),
        Type::Second => x.saturating_mul(SECOND),
        Type::Time => x.saturating_mul(MILLI),
        _ => return x,
    };
    let point = matches!(from, Type::Timestamp | Type::Month | Type::Date);
    let of_day = if point { nanos.rem_euclid(DAY) } else { nanos };
    match to {
        Type::Timestamp => nanos,
        Type::Timespan => of_day,
        Type::Month => month_of(nanos.div_euclid(DAY)),
        Type::Date => nanos.div_euclid(DAY),
        Type::Minute => of_day.div_euclid(MINUTE),
        Type::Second => of_day.div_euclid(SECOND),
        Type::Time => of_day.div_euclid(MILLI),
        _ => x,
    }
}

/// A count of a unit as days and their fraction.
pub(crate) fn to_days(x: i64, from: Type) -> f64 {
    if x == NULL {
        return f64::NAN;
    }
    // Days reach further than nanoseconds do.
    let nanos = match from {
        Type::Date => return x as f64,
        Type::Month => return first_of(x) as f64,
        Type::Minute | Type::Second | Type::Time => convert(x, from, Type::Timespan),
        _ => x,
    };
    nanos as f64 / DAY as f64
}

/// Days and their fraction as a count of a unit.
pub(crate) fn from_days(x: f64, to: Type) -> i64 {
    if x.is_nan() {
        return NULL;
    }
    // A datetime is exact to the millisecond.
    let millis = (x * (DAY / MILLI) as f64).round() as i64;
    let day = millis.div_euclid(DAY / MILLI);
    match to {
        Type::Date => day,
        Type::Month => month_of(day),
        _ => convert(millis.saturating_mul(MILLI), Type::Timestamp, to),
    }
}

/// A part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Week,
}

impl Part {
    /// The part of a name; only names that are not those of types.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "year" => Self::Year,
            "mm" => Self::Month,
            "dd" => Self::Day,
            "hh" => Self::Hour,
            "uu" => Self::Minute,
            "ss" => Self::Second,
            "week" => Self::Week,
            _ => return None,
        })
    }

    /// Whether times of a type have this part.
    pub(crate) fn exists(self, ty: Type) -> bool {
        match self {
            Self::Year | Self::Month | Self::Day | Self::Week => {
                matches!(ty, Type::Timestamp | Type::Month | Type::Date)
            }
            Self::Hour | Self::Minute | Self::Second => !matches!(ty, Type::Month | Type::Date),
        }
    }

    /// The part of a count of a unit, which is not null; weeks count as their first day.
    pub(crate) fn of(self, x: i64, ty: Type) -> i64 {
        let days = || convert(x, ty, Type::Date);
        let span = || convert(x, ty, Type::Timespan);
        match self {
            Self::Year => civil(days()).0,
            Self::Month => civil(days()).1,
            Self::Day => civil(days()).2,
            Self::Week => days() - (days() - 2).rem_euclid(7),
            Self::Hour => span().div_euclid(HOUR),
            Self::Minute => span().div_euclid(MINUTE).rem_euclid(60),
            Self::Second => span().div_euclid(SECOND).rem_euclid(60),
        }
    }
}
