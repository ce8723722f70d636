//! Time zones by name.

use std::sync::Arc;

use formats::value::Timestamp;
use jiff::tz::TimeZone;

use super::NS_PER_S;
use crate::error::Error;

/// The same point in time in another zone, such as `Europe/Berlin` or `UTC`.
///
/// # Errors
/// There is no such zone.
pub fn in_zone(time: &Timestamp, name: &str) -> Result<Timestamp, Error> {
    if matches!(name, "UTC" | "") {
        return Ok(Timestamp { offset_s: 0, zone: Arc::from("UTC"), ..time.clone() });
    }
    let name = if name == "Local" { "UTC" } else { name };
    let (offset_s, _) = offset_at(time, name)?;
    Ok(Timestamp { offset_s, zone: Arc::from(name), ..time.clone() })
}

/// The name of a zone, when there is one of that name.
///
/// # Errors
/// There is no such zone.
pub fn checked_zone(name: &str) -> Result<String, Error> {
    in_zone(&super::utc(0), name)
        .map(|_| name.to_owned())
        .map_err(|e| Error::new(format!("failed to parse timezone location name: {e}")))
}

/// A timestamp that was moved, with the offset that its zone has at the new time.
#[must_use]
pub fn rezoned(time: &Timestamp) -> Timestamp {
    match offset_at(time, &time.zone) {
        Ok((offset_s, _)) if time.zone.contains('/') => Timestamp { offset_s, ..time.clone() },
        _ => time.clone(),
    }
}

/// The point in time of a date and time of day in the zone of another timestamp.
///
/// `local_ns` is what the nanoseconds since the Unix epoch would be in UTC.
#[must_use]
pub fn at_local(local_ns: i128, like: &Timestamp) -> Timestamp {
    let at = |offset_s: i32| {
        let unix_ns = local_ns - i128::from(offset_s) * NS_PER_S;
        rezoned(&Timestamp { unix_ns, ..like.clone() })
    };
    // Near a change of the offset the first guess lands on its other side.
    let guess = at(like.offset_s);
    if guess.offset_s == like.offset_s { guess } else { at(guess.offset_s) }
}

/// The offset of a zone in seconds, and its name at that time, such as `CEST`.
///
/// # Errors
/// There is no such zone.
pub fn offset_at(time: &Timestamp, name: &str) -> Result<(i32, String), Error> {
    let zone = TimeZone::get(name).map_err(|_| Error::new(format!("unknown time zone {name}")))?;
    let seconds = i64::try_from(time.unix_ns.div_euclid(NS_PER_S)).unwrap_or(0);
    let at = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let info = zone.to_offset_info(at);
    Ok((info.offset().seconds(), info.abbreviation().to_owned()))
}

/// The name that a layout's `MST` shows: `UTC`, `CEST`, or an offset where no name is known.
#[must_use]
pub fn zone_name(time: &Timestamp) -> String {
    if time.zone.contains('/')
        && let Ok((_, name)) = offset_at(time, &time.zone)
    {
        return name;
    }
    if !time.zone.is_empty() {
        return time.zone.to_string();
    }
    let seconds = time.offset_s.unsigned_abs();
    let sign = if time.offset_s < 0 { '-' } else { '+' };
    format!("{sign}{:02}{:02}", seconds / 3_600, seconds / 60 % 60)
}
