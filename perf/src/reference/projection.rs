//! The plain reference of W3: a projection of ten fields.

use std::fmt::Write;

use super::mapping::{number, raw, string};
use crate::canonical::members;
use crate::data::MS_PER_DAY;
use crate::data::calendar::days_of;
use crate::error::{Error, Result};

/// Projects one event to its line, without the line end. Members come sorted by key.
///
/// # Errors
/// A line that is not an event.
pub(crate) fn project(line: &str, out: &mut String) -> Result<()> {
    let event = members(line)?;
    let nested = members(raw(&event, "nested")?)?;
    let (ts, host, message) =
        (string(&event, "ts")?, string(&event, "host")?, string(&event, "msg")?);
    let part = |text: &str, by: char, index: usize| {
        text.split(by).nth(index).map(str::to_owned).ok_or_else(|| Error(format!("{text}: short")))
    };
    let host: u32 = part(&host, '-', 1)?.parse().map_err(|e| Error(format!("host: {e}")))?;
    let path = part(&message, ' ', 2)?;
    let field = |out: &mut String, key: &str, value: serde_json::Value| {
        let comma = if out.is_empty() { '{' } else { ',' };
        write!(out, "{comma}\"{key}\":{value}").map_err(|e| Error(e.to_string()))
    };
    let mut line = String::new();
    let region = string(&nested, "region")?;
    let service = string(&event, "service")?.replace("svc-", "service/");
    let fahrenheit = (number(&event, "value")? * 1.8 + 32.0).round() as i64;
    field(&mut line, "day", ts.get(..10).unwrap_or_default().into())?;
    field(&mut line, "fahrenheit", fahrenheit.into())?;
    field(&mut line, "host", host.into())?;
    field(&mut line, "id", string(&event, "id")?.to_uppercase().into())?;
    field(&mut line, "lat", (number(&nested, "lat_ms")?.floor() as i64).into())?;
    field(&mut line, "level", string(&event, "level")?.to_lowercase().into())?;
    field(&mut line, "path", path.strip_prefix("path=").unwrap_or(&path).into())?;
    field(&mut line, "region", region.get(..2).unwrap_or(&region).into())?;
    field(&mut line, "service", service.into())?;
    field(&mut line, "ts", unix_ms(&ts)?.into())?;
    out.push_str(&line);
    out.push('}');
    Ok(())
}

/// Milliseconds since 1970 of `2026-01-01T00:00:00.000Z`.
fn unix_ms(text: &str) -> Result<i64> {
    let field = |from: usize, to: usize| -> Result<i64> {
        let digits = text.get(from..to).and_then(|t| t.parse().ok());
        digits.ok_or_else(|| Error(format!("not a time: {text}")))
    };
    let days = days_of(field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let seconds = field(11, 13)? * 3600 + field(14, 16)? * 60 + field(17, 19)?;
    Ok(days * MS_PER_DAY + seconds * 1000 + field(20, 23)?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn projects_the_first_event() {
        let mut line = Vec::new();
        crate::data::events::write(&mut line, 1).unwrap();
        let mut out = String::new();
        super::project(std::str::from_utf8(&line).unwrap(), &mut out).unwrap();
        let want = concat!(
            r#"{"day":"2026-01-01","fahrenheit":82,"host":572,"id":"EVT-000000000","lat":221,"#,
            r#""level":"warn","path":"/api/v1/items/1865","region":"eu","service":"service/20","#,
            r#""ts":1767225600000}"#
        );
        assert_eq!(out, want);
    }
}
