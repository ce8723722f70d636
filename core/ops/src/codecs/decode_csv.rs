//! `decode_csv`: blocks of delimited lines to typed columns.

use std::sync::Arc;

use formats::columns::{Column, ColumnData, RowError};
use formats::csv::CsvReader;
use plan::env::read_config;
use plan::{Batch, BuildError, Class, End, Env, Example, Json, Operator, OperatorSpec, Step};
use schemars::JsonSchema;
use serde::Deserialize;

use super::arrays::column_type;
use super::decode::{Decoder, FieldConfig, Format, OnError, Skipped, limits, schema_of, wanted};

/// Configuration of `decode_csv`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The columns of a row, in order.
    fields: Vec<FieldConfig>,
    /// Names of the columns that are wanted; the others are not parsed. All by default.
    #[serde(default)]
    select: Option<Vec<String>>,
    /// What stands between two fields: one byte.
    #[serde(default = "comma")]
    delimiter: String,
    /// Passes over the first line of a source.
    #[serde(default)]
    skip_header: bool,
    /// Number of the partition that the rows are.
    #[serde(default)]
    partition: u32,
    /// What becomes of a row that cannot be read.
    #[serde(default)]
    on_error: OnError,
}

fn comma() -> String {
    ",".to_owned()
}

struct Csv {
    fields: Vec<Column>,
    wanted: Vec<usize>,
    nullable: Vec<usize>,
    delimiter: u8,
    skip_header: bool,
    reader: CsvReader,
}

/// A reader of some columns, of which some may be empty.
fn reader(fields: &[Column], wanted: &[usize], nullable: &[usize], delimiter: u8) -> CsvReader {
    CsvReader::new(fields.to_vec(), delimiter, false)
        .with_projection(wanted)
        .with_nullable(nullable)
}

impl Format for Csv {
    fn read(
        &mut self,
        bytes: &[u8],
        first: bool,
        columns: &mut [ColumnData],
    ) -> Result<(), RowError> {
        if first && self.skip_header {
            let Csv { fields, wanted, nullable, delimiter, .. } = self;
            let mut reader = reader(fields, wanted, nullable, *delimiter).skip_header();
            return reader.read(bytes, true, columns).map(drop);
        }
        self.reader.read(bytes, true, columns).map(drop)
    }
}

struct DecodeCsv(Decoder<Csv>);

impl Operator for DecodeCsv {
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
    let &[delimiter] = config.delimiter.as_bytes() else {
        return Err(BuildError::new("delimiter: must be one byte"));
    };
    if config.fields.is_empty() {
        return Err(BuildError::new("fields: a row has at least one"));
    }
    let names: Vec<&str> = config.fields.iter().map(|f| f.name.as_str()).collect();
    let wanted = wanted(&names, config.select.as_deref());
    let chosen: Vec<&FieldConfig> = wanted.iter().filter_map(|i| config.fields.get(*i)).collect();
    let schema = schema_of(&chosen);
    let may_be_empty = |i: &usize| config.fields.get(*i).is_some_and(|f| f.null.is_some());
    let nullable: Vec<usize> = wanted.iter().copied().filter(may_be_empty).collect();
    let columns = config.fields.iter().map(|f| Column::new(f.name.as_str(), column_type(f.ty)));
    let fields: Vec<Column> = columns.collect();
    let reader = reader(&fields, &wanted, &nullable, delimiter);
    let skip_header = config.skip_header;
    Ok(Box::new(DecodeCsv(Decoder {
        format: Csv { fields, wanted, nullable, delimiter, skip_header, reader },
        schema: Arc::new(schema),
        partition: config.partition,
        on_error: config.on_error,
        skipped: Skipped::new(env),
        limits: limits(&chosen),
        rows_guess: 0,
    })))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "decode_csv",
    since: "0.1.0",
    category: "codecs",
    summary: "Blocks of delimited lines to typed columns.",
    schema: plan::schema_of::<Config>,
    examples: &[
        Example {
            title: "two of three columns",
            config: r#"{"fields": [{"name": "ts", "type": "u64"}, {"name": "k", "type": "text"},
                               {"name": "v", "type": "f64", "to": "value"}],
                    "select": ["v", "ts"]}"#,
            input: &["1000,a,1.5", "2000,b,2"],
            output: &["value:f64,ts:u64", "1.5,1000", "2,2000"],
        },
        Example {
            title: "a column that may be empty",
            config: r#"{"fields": [{"name": "k", "type": "text"},
                               {"name": "v", "type": "i64", "null": "v missing"}]}"#,
            input: &["a,1", "b,"],
            output: &["k:text,v:i64,v missing:bool", "a,1,false", "b,0,true"],
        },
    ],
    build,
};
