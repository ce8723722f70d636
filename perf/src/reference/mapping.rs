//! The plain reference of W2: a copy of the document with three assignments and a filter.

use serde_json::value::RawValue;

use crate::canonical::{self, Members, Numbers};
use crate::error::{Error, Result};

/// The text of a string member.
pub(crate) fn string(members: &Members, key: &str) -> Result<String> {
    serde_json::from_str(raw(members, key)?).map_err(|e| Error(format!("{key}: {e}")))
}

/// The value of a numeric member.
pub(crate) fn number(members: &Members, key: &str) -> Result<f64> {
    raw(members, key)?.parse().map_err(|e| Error(format!("{key}: {e}")))
}

/// The source text of a member.
pub(crate) fn raw<'a>(members: &Members<'a>, key: &str) -> Result<&'a str> {
    members.get(key).map(|v| v.get()).ok_or_else(|| Error(format!("{key}: missing")))
}

/// A value of our own making as JSON text.
fn json(value: impl Into<serde_json::Value>) -> Result<Box<RawValue>> {
    RawValue::from_string(value.into().to_string()).map_err(|e| Error(e.to_string()))
}

/// Maps one event to its line, without the line end, or to nothing when it is filtered out.
/// Untouched numbers keep their text; a computed one has its shortest digits, and no fraction
/// when it is whole (spec/bloblang.md §9, number output).
///
/// # Errors
/// A line that is not an event.
pub(crate) fn map(line: &str, out: &mut String) -> Result<bool> {
    let mut members = canonical::members(line)?;
    if raw(&members, "ok")? != "true" {
        return Ok(false);
    }
    let level = json(string(&members, "level")?.to_lowercase())?;
    let total = (number(&members, "value")? * number(&members, "count")?).to_string();
    let total = RawValue::from_string(total).map_err(|e| Error(e.to_string()))?;
    let origin = json(format!("{}/{}", string(&members, "host")?, string(&members, "service")?))?;
    members.insert("level".into(), &level);
    members.insert("total".into(), &total);
    members.insert("origin".into(), &origin);
    canonical::write_members(out, &members, Numbers::Text)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    fn mapped(line: &str) -> Option<String> {
        let mut out = String::new();
        super::map(line, &mut out).unwrap().then_some(out)
    }

    #[test]
    fn computes_sorts_and_keeps_number_text() {
        let line =
            r#"{"value":12.500,"count":2,"ok":true,"host":"h","service":"s","level":"INFO"}"#;
        let want = concat!(
            r#"{"count":2,"host":"h","level":"info","ok":true,"origin":"h/s","#,
            r#""service":"s","total":25,"value":12.500}"#
        );
        assert_eq!(mapped(line).as_deref(), Some(want));
    }

    #[test]
    fn drops_what_is_not_ok() {
        assert_eq!(mapped(r#"{"ok":false}"#), None);
    }
}
