//! `decode_ndjson`: blocks of JSON lines to typed columns.

use std::sync::Arc;

use formats::columns::{Column, ColumnData, RowError};
use formats::ndjson::NdjsonReader;
use plan::env::read_config;
use plan::{Batch, BuildError, Class, End, Env, Example, Json, Operator, OperatorSpec, Step};
use schemars::JsonSchema;
use serde::Deserialize;

use super::arrays::column_type;
use super::decode::{Decoder, FieldConfig, Format, OnError, Skipped, limits, schema_of};

/// Configuration of `decode_ndjson`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The members of an object that become columns.
    fields: Vec<FieldConfig>,
    /// Number of the partition that the rows are.
    #[serde(default)]
    partition: u32,
    /// What becomes of a line that cannot be read.
    #[serde(default)]
    on_error: OnError,
}

struct Ndjson(NdjsonReader);

impl Format for Ndjson {
    fn read(&mut self, bytes: &[u8], _: bool, columns: &mut [ColumnData]) -> Result<(), RowError> {
        self.0.read(bytes, true, columns).map(drop)
    }
}

struct DecodeNdjson(Decoder<Ndjson>);

impl Operator for DecodeNdjson {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(self.0.take(batch, out))
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.0.end(end, out);
        Step::Done(Ok(()))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let config: Config = read_config(config)?;
    if config.fields.is_empty() {
        return Err(BuildError::new("fields: there must be at least one"));
    }
    let columns = config.fields.iter().map(|f| Column::new(f.name.as_str(), column_type(f.ty)));
    let fields = config.fields.iter().enumerate();
    let nullable: Vec<usize> = fields.filter(|(_, f)| f.null.is_some()).map(|(at, _)| at).collect();
    let reader = NdjsonReader::new(columns.collect()).with_nullable(&nullable);
    let all: Vec<&FieldConfig> = config.fields.iter().collect();
    let (schema, limits) = (schema_of(&all), limits(&all));
    Ok(Box::new(DecodeNdjson(Decoder {
        format: Ndjson(reader),
        schema: Arc::new(schema),
        partition: config.partition,
        on_error: config.on_error,
        skipped: Skipped::new(env),
        limits,
        rows_guess: 0,
    })))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "decode_ndjson",
    since: "0.1.0",
    category: "codecs",
    summary: "Blocks of JSON lines to typed columns.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "two members",
        config: r#"{"fields": [{"name": "ts", "type": "u64"},
                               {"name": "k", "type": "text", "to": "key"}]}"#,
        input: &[r#"{"ts":1000,"k":"a","more":true}"#, r#"{"k":"b","ts":2000}"#],
        output: &["ts:u64,key:text", "1000,a", "2000,b"],
    }],
    build,
};
