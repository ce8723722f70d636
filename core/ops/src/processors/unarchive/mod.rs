//! `unarchive`: unpacks each message into several.

mod csv;
mod formats;

use plan::env::read_config;
use plan::{
    Batch, BuildError, Class, Example, Operator, OperatorError, OperatorSpec, Record, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

use self::formats::{Format, Unpacked};
use crate::batches::{Faults, Frame, done};

/// Configuration of `unarchive`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How messages are packed: `tar`, `zip`, `binary`, `lines`, `json_documents`, `json_array`,
    /// `json_map`, `csv`, or `csv:x` with another delimiter.
    format: String,
}

struct Unarchive {
    format: Format,
    faults: Faults,
}

impl Unarchive {
    fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let mut recs = Vec::with_capacity(records.recs.len());
        for rec in &records.recs {
            match self.format.unpack(&records, rec) {
                Ok(parts) => recs.extend(parts.into_iter().map(|part| placed(rec, part))),
                Err(text) => {
                    recs.push(Record { fault: Some(self.faults.fault(text)), ..rec.clone() });
                }
            }
        }
        frame.close(records.with(recs), out);
        Ok(())
    }
}

/// A part of a message, with everything else of it.
fn placed(rec: &Record, part: Unpacked) -> Record {
    let mut made = Record { body: part.body, ..rec.clone() };
    if let Some((key, value)) = part.name {
        made.meta_mut().set(Arc::from(key), value);
    }
    made
}

impl Operator for Unarchive {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `unarchive`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "unarchive",
    since: "0.1.0",
    category: "parsing",
    summary: "Unpacks each message into several.",
    schema: schema_of::<Config>,
    examples: &[
        Example {
            title: "a list of documents",
            config: r#"{"format":"json_array"}"#,
            input: &[r#"[{"a":1},"s",3]"#, "[]"],
            output: &[r#"{"a":1}"#, r#""s""#, "3"],
        },
        Example {
            title: "rows",
            config: r#"{"format":"csv"}"#,
            input: &["h1,h2\n1,2\n3,\"four, 4\""],
            output: &[r#"{"h1":"1","h2":"2"}"#, r#"{"h1":"3","h2":"four, 4"}"#],
        },
    ],
    build: |config, env| {
        let Config { format } = read_config(config)?;
        let format = Format::of(&format)
            .ok_or_else(|| BuildError::new(format!("archive format not recognised: {format}")))?;
        Ok(Box::new(Unarchive { format, faults: Faults::of(env.component()) }))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Setup, faults, texts};

    #[test]
    fn formats() {
        for (format, input, want) in [
            ("lines", "a\nb\n", vec!["a", "b", ""]),
            ("lines", "", vec![""]),
            ("json_documents", "{\"a\":1} 2\n\"x\"", vec!["{\"a\":1}", "2", "\"x\""]),
            ("json_map", "{\"b\":{\"x\":1},\"a\":2}", vec!["2", "{\"x\":1}"]),
            ("csv:|", "h1|h2\n1|2\n", vec!["{\"h1\":\"1\",\"h2\":\"2\"}"]),
        ] {
            let config = format!(r#"{{"format":"{format}"}}"#);
            assert_eq!(texts(&Setup::default().run(&SPEC, &config, &[input])), want, "{format}");
        }
    }

    #[test]
    fn what_does_not_unpack_is_flagged_and_kept() {
        for (format, error) in [
            ("json_array", "failed to parse message into JSON array: "),
            ("json_map", "failed to parse message into JSON map: "),
            ("zip", ""),
            ("binary", "message bytes too short"),
            ("csv", ""),
        ] {
            let config = format!(r#"{{"format":"{format}"}}"#);
            let input = if format == "csv" { "a,b\n1\n" } else { "no" };
            let out = Setup::default().run(&SPEC, &config, &[input]);
            assert_eq!(texts(&out), [input], "{format}");
            assert!(!faults(&out)[0].is_empty() && faults(&out)[0].contains(error), "{out:?}");
        }
        assert!(Setup::default().try_build(&SPEC, r#"{"format":"zzz"}"#).is_err());
    }
}
