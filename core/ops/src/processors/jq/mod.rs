//! `jq`: replaces each document by what a jq query gives (spec/benthos-components.md §C).
//!
//! Queries are read and run by the crates jaq-core and jaq-std; what values are, their arithmetic
//! and the texts of errors are here, so that they are those that users know.

mod access;
mod alternatives;
mod budget;
mod funs;
mod ops;
mod regex;
mod run;
mod text;
mod val;

use std::rc::Rc;
use std::sync::Arc;

use formats::json::{WriteOptions, write_value, write_value_with};
use formats::value::Value;
use plan::env::read_config;
use plan::{
    Batch, Body, BuildError, Class, Example, Operator, OperatorError, OperatorSpec, Record,
    Records, Services, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Faults, Frame, bytes_of, document_of, done, with_bytes};
use run::{Query, metadata};
use val::Val;

/// Configuration of `jq`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The query. Of several values that it gives an array is made; a message for which it gives
    /// none is dropped. The metadata of the message is the object `$metadata`.
    query: String,
    /// Whether the query sees the content as a text instead of as a document.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    raw: bool,
    /// Whether texts that the query gives become the content as they are, without quotes.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    output_raw: bool,
}

struct Jq {
    query: Query,
    raw: bool,
    output_raw: bool,
    services: Rc<dyn Services>,
    faults: Faults,
}

impl Jq {
    /// What becomes of a message: nothing where the query gives nothing.
    fn asked(&self, records: &Records, rec: &Record) -> Result<Option<Record>, String> {
        let document = match self.raw {
            true => {
                let mut scratch = Vec::new();
                let bytes = bytes_of(records, rec, &mut scratch);
                Arc::new(Value::text(String::from_utf8_lossy(bytes).into_owned()))
            }
            false => document_of(records, rec)?,
        };
        let input = || (Val::of(&document), metadata(rec.meta.as_deref()));
        let values = |given: Vec<Val>| given.iter().map(Val::to_value).collect::<Vec<_>>();
        let mut given = self.query.run(input, self.services.wall_ns(), values)?;
        Ok(match given.len() {
            0 => None,
            _ if self.output_raw => Some(with_bytes(rec, raw(&given)?)),
            1 => match given.pop().unwrap_or_default() {
                text @ Value::String(_) => {
                    let mut bytes = Vec::new();
                    write_value(&mut bytes, &text).map_err(|e| e.to_string())?;
                    Some(with_bytes(rec, bytes))
                }
                value => Some(with_document(rec, value)),
            },
            _ => Some(with_document(rec, Value::array(given))),
        })
    }

    fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let recs = records.recs.iter().filter_map(|rec| {
            self.asked(&records, rec).unwrap_or_else(|text| {
                Some(Record { fault: Some(self.faults.fault(text)), ..rec.clone() })
            })
        });
        let recs = recs.collect();
        frame.close(records.with(recs), out);
        Ok(())
    }
}

fn with_document(rec: &Record, value: Value) -> Record {
    Record { body: Body::Doc(Arc::new(value)), ..rec.clone() }
}

/// Values one after the other, texts as they are.
fn raw(given: &[Value]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let options = WriteOptions { escape_html: true, ..WriteOptions::default() };
    for (at, value) in given.iter().enumerate() {
        match value {
            Value::String(text) => out.extend_from_slice(text.as_bytes()),
            value => write_value_with(&mut out, value, options)
                .map_err(|e| format!("failed marshal JQ result at index {at}: {e}"))?,
        }
    }
    Ok(out)
}

impl Operator for Jq {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// The processor `jq`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "jq",
    since: "0.1.0",
    category: "mapping",
    summary: "Replaces each document by what a jq query gives.",
    schema: schema_of::<Config>,
    examples: &[
        Example {
            title: "names of one state",
            config: r#"{"query":"{Cities: .places | map(select(.state == \"WA\").name) | sort | join(\", \")}"}"#,
            input: &[concat!(
                r#"{"places":[{"name":"Seattle","state":"WA"},{"name":"New York","state":"NY"},"#,
                r#"{"name":"Bellevue","state":"WA"}]}"#
            )],
            output: &[r#"{"Cities":"Bellevue, Seattle"}"#],
        },
        Example {
            title: "several values, and none",
            config: r#"{"query":".l[]"}"#,
            input: &[r#"{"l":[1,"two",{"x":3}]}"#, r#"{"l":[]}"#],
            output: &[r#"[1,"two",{"x":3}]"#],
        },
    ],
    build: |config, env| {
        let Config { query, raw, output_raw } = read_config(config)?;
        Ok(Box::new(Jq {
            query: Query::compile(&query).map_err(BuildError::new)?,
            raw,
            output_raw,
            services: env.services(),
            faults: Faults::of(env.component()),
        }))
    },
};

#[cfg(test)]
mod tests;
