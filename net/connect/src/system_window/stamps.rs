//! The times of messages, as a mapping gives them.

use std::cell::RefCell;
use std::sync::Arc;

use plan::{Batch, Expr, Fault, Json, Origin, Record, Records};

/// Why a message has no time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unstamped {
    /// What was being done.
    doing: &'static str,
    /// What is wrong.
    pub(super) text: String,
}

impl Unstamped {
    pub(super) fn fault(&self) -> String {
        format!("{}: {}", self.doing, self.text)
    }
}

/// The time of a message in nanoseconds since 1970; none when the mapping has deleted it.
pub(super) type Stamp = Result<Option<i128>, Unstamped>;

const MAPPING: &str = "timestamp mapping failed";
const VALUE: &str = "unable to parse result of timestamp mapping as structured value";
const TIME: &str = "unable to parse result of timestamp mapping as timestamp";

pub(super) struct Stamps {
    mapping: RefCell<Box<dyn Expr>>,
}

impl Stamps {
    pub(super) fn new(mapping: Box<dyn Expr>) -> Self {
        Stamps { mapping: RefCell::new(mapping) }
    }

    /// The times of some messages.
    pub(super) fn of<'a>(&self, records: impl Iterator<Item = &'a Record>) -> Vec<Stamp> {
        let recs = records.zip(0..).map(|(record, tag)| {
            let origin = Origin { ack: 0, tag };
            Record { origin, ..record.clone() }
        });
        let recs: Vec<Record> = recs.collect();
        let before: Vec<Option<Arc<Fault>>> = recs.iter().map(|rec| rec.fault.clone()).collect();
        let batch = Batch::records(Records { recs, ..Records::default() });
        let mut out = Vec::new();
        if let Err(error) = self.mapping.borrow_mut().map(batch, &mut out) {
            let wrong = Unstamped { doing: MAPPING, text: error.0 };
            return vec![Err(wrong); before.len()];
        }
        let mut stamps = vec![Ok(None); before.len()];
        let mut scratch = Vec::new();
        for records in out.iter().filter_map(Batch::as_records) {
            for (index, rec) in records.recs.iter().enumerate() {
                let at = rec.origin.tag as usize;
                let (Some(stamp), Some(before)) = (stamps.get_mut(at), before.get(at)) else {
                    continue;
                };
                let failed = rec.fault.as_ref().filter(|fault| {
                    !before.as_ref().is_some_and(|before| Arc::ptr_eq(before, fault))
                });
                *stamp = match failed {
                    Some(fault) => Err(Unstamped { doing: MAPPING, text: fault.text.clone() }),
                    None => read(records.bytes(index, &mut scratch)).map(Some),
                };
            }
        }
        stamps
    }
}

/// Reads a time: a number of seconds, or a text.
fn read(bytes: &[u8]) -> Result<i128, Unstamped> {
    let wrong = |text: String| Unstamped { doing: TIME, text };
    let json = match serde_json::from_slice::<Json>(bytes) {
        Ok(json) => json,
        // What is not JSON is the text of a time.
        Err(_) if !bytes.is_empty() => Json::String(String::from_utf8_lossy(bytes).into_owned()),
        Err(error) => return Err(Unstamped { doing: VALUE, text: error.to_string() }),
    };
    let kind = match &json {
        Json::Number(number) => {
            if let Some(seconds) = number.as_i64() {
                return Ok(i128::from(seconds) * 1_000_000_000);
            }
            let seconds = number.as_f64().unwrap_or_default();
            let fraction = (seconds.fract() * 1e9) as i128;
            return Ok(i128::from(seconds.trunc() as i64) * 1_000_000_000 + fraction);
        }
        Json::String(text) => {
            let time: Result<jiff::Timestamp, _> = text.parse();
            return time.map(|time| time.as_nanosecond()).map_err(|_| {
                wrong(format!(
                    "parsing time {text:?} as \"2006-01-02T15:04:05.999999999Z07:00\": cannot \
                     parse {text:?} as \"2006\""
                ))
            });
        }
        Json::Null => "null".to_owned(),
        Json::Bool(value) => format!("bool ({value})"),
        Json::Array(_) => "array".to_owned(),
        Json::Object(_) => "object".to_owned(),
    };
    Err(wrong(format!("expected number or string value, got {kind}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    #[test]
    fn numbers_and_texts_are_times() {
        for (text, ns) in [
            ("1000", 1000 * SECOND),
            ("-1", -SECOND),
            ("1.5", SECOND + SECOND / 2),
            ("-1.5", -SECOND - SECOND / 2),
            ("1970-01-01T00:00:01.000000001Z", SECOND + 1),
            (r#""1970-01-01T01:00:01+01:00""#, SECOND),
            ("12", 12 * SECOND),
        ] {
            assert_eq!(read(text.as_bytes()), Ok(ns), "{text}");
        }
        // Nothing is too far away to be read.
        assert!(read(b"1e300").is_ok() && read(b"-9223372036854775808").is_ok());
        assert!(read(b"18446744073709551615").is_ok());
    }

    #[test]
    fn everything_else_is_none() {
        for (text, fault) in [
            ("[1]", "expected number or string value, got array"),
            ("{}", "expected number or string value, got object"),
            ("null", "expected number or string value, got null"),
            ("true", "expected number or string value, got bool (true)"),
            (
                "garbage",
                "parsing time \"garbage\" as \"2006-01-02T15:04:05.999999999Z07:00\": cannot \
                 parse \"garbage\" as \"2006\"",
            ),
        ] {
            let wrong = read(text.as_bytes()).expect_err(text);
            assert_eq!(wrong.text, fault);
            assert_eq!(wrong.fault(), format!("{TIME}: {fault}"));
        }
        assert!(read(b"").expect_err("nothing").fault().starts_with(VALUE));
        assert!(read(b"\xff").is_err());
    }
}
