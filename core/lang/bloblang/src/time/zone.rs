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
    match seconds / 60 % 60 {
        0 => format!("{sign}{:02}", seconds / 3_600),
        minutes => format!("{sign}{:02}{minutes:02}", seconds / 3_600),
    }
}
