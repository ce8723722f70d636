//! `archive`: packs the messages of a batch into one.

use formats::value::Value;
use plan::env::read_config;
use plan::fields::Interpolated;
use plan::{
    Batch, Body, Class, Example, Expr, Fault, Form, Operator, OperatorError, OperatorSpec, Origin,
    Record, Records, Step, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::archives::{Entry, pack_binary, pack_tar, pack_zip};
use crate::batches::{Faults, Frame, bytes_of, document_of, done};

/// How messages are packed.
#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// A tar archive of one file a message.
    Tar,
    /// A zip archive of one file a message.
    Zip,
    /// Lengths and contents.
    Binary,
    /// Contents with line breaks between them.
    Lines,
    /// A list of the documents.
    JsonArray,
    /// Contents one after the other.
    Concatenate,
}

/// Configuration of `archive`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How messages are packed.
    format: Format,
    /// Name of each message's file, where there are files.
    #[serde(default)]
    path: Interpolated,
}

struct Archive {
    format: Format,
    path: Box<dyn Expr>,
    faults: Faults,
}

impl Archive {
    fn pack(&mut self, batch: &Batch) -> Result<Body, Fault> {
        let none = Records::default();
        let records = batch.as_records().unwrap_or(&none);
        let mut scratch = Vec::new();
        let mut contents = Vec::with_capacity(records.recs.len());
        for rec in &records.recs {
            contents.push(bytes_of(records, rec, &mut scratch).to_vec());
        }
        let bytes = match self.format {
            Format::Concatenate => contents.concat(),
            Format::Lines => contents.join(&b'\n'),
            Format::Binary => pack_binary(&contents).map_err(Fault::new)?,
            Format::JsonArray => {
                let documents = records.recs.iter().map(|rec| {
                    let document = document_of(records, rec);
                    document.map(|value| Value::clone(&value)).map_err(|text| {
                        Fault::new(format!("failed to parse message as JSON: {text}"))
                    })
                });
                let list = Value::array(documents.collect::<Result<_, _>>()?);
                return Ok(Body::Doc(Arc::new(list)));
            }
            Format::Tar => pack_tar(&self.files(batch, contents)?).map_err(Fault::new)?,
            Format::Zip => pack_zip(&self.files(batch, contents)?).map_err(Fault::new)?,
        };
        Ok(Body::Own(Arc::new(bytes)))
    }

    fn files(&mut self, batch: &Batch, contents: Vec<Vec<u8>>) -> Result<Vec<Entry>, Fault> {
        let mut entries = Vec::with_capacity(contents.len());
        for (index, bytes) in contents.into_iter().enumerate() {
            let mut name = Vec::new();
            self.path.text(batch, index, &mut name)?;
            entries.push(Entry { name: String::from_utf8_lossy(&name).into_owned(), bytes });
        }
        Ok(entries)
    }

    fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        if batch.is_empty() {
            out.push(batch);
            return Ok(());
        }
        let packed = self.pack(&batch);
        let (frame, mut records) = Frame::open(batch)?;
        match packed {
            Ok(body) => {
                let single = records.recs.len() == 1;
                let first = records.recs.into_iter().next().unwrap_or_default();
                let origin = if single { first.origin } else { Origin::WHOLE };
                records.recs = vec![Record { body, origin, ..first }];
            }
            Err(mut fault) => {
                fault.text = format!("failed to create archive: {}", fault.text);
                let fault = self.faults.sign(fault);
                records.recs.iter_mut().for_each(|rec| rec.fault = Some(Arc::clone(&fault)));
            }
        }
        frame.close(records, out);
        Ok(())
    }
}

impl Operator for Archive {
    fn class(&self) -> Class {
        self.path.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `archive`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "archive",
    since: "0.1.0",
    category: "parsing",
    summary: "Packs the messages of a batch into one.",
    schema: schema_of::<Config>,
    examples: &[
        Example {
            title: "a list of documents",
            config: r#"{"format":"json_array"}"#,
            input: &[r#"{"b":1,"a":2}"#, "3"],
            output: &[r#"[{"a":2,"b":1},3]"#],
        },
        Example {
            title: "lines",
            config: r#"{"format":"lines"}"#,
            input: &["a", "b"],
            output: &["a\nb"],
        },
    ],
    build: |config, env| {
        let Config { format, path } = read_config(config)?;
        let path = env.expr(&path.0, Form::Text)?;
        Ok(Box::new(Archive { format, path, faults: Faults::of(env.component()) }))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Setup, faults, feed, feed_batch, texts};

    #[test]
    fn every_format_unpacks_again() {
        for format in ["tar", "zip", "binary", "lines", "json_array"] {
            let setup = Setup::default();
            let config = format!(r#"{{"format":"{format}","path":"f-${{! content() }}"}}"#);
            let mut archive = setup.build(&SPEC, &config);
            let packed = feed(&mut *archive, &["1", "2"]).pop().unwrap();
            let config = format!(r#"{{"format":"{format}"}}"#);
            let mut unarchive = setup.build(&super::super::unarchive::SPEC, &config);
            assert_eq!(texts(&feed_batch(&mut *unarchive, packed)), ["1", "2"], "{format}");
        }
    }

    #[test]
    fn what_is_no_document_flags_all() {
        let out = Setup::default().run(&SPEC, r#"{"format":"json_array"}"#, &["1", "x"]);
        assert_eq!(texts(&out), ["1", "x"]);
        assert!(faults(&out).iter().all(|text| text.contains("failed to parse message as JSON")));
    }
}
