//! `decode_csv`: blocks of delimited lines to typed columns.

use std::sync::Arc;

use formats::columns::{Column, ColumnData, RowError};
use formats::csv::CsvReader;
use plan::env::read_config;
use plan::{
    Batch, BuildError, Class, End, Env, Example, Json, Operator, OperatorSpec, Schema, Step,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::arrays::column_type;
use super::decode::{Decoder, FieldConfig, Format, OnError};

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
    delimiter: u8,
    skip_header: bool,
    reader: CsvReader,
}

impl Csv {
    fn reader(fields: &[Column], wanted: &[usize], delimiter: u8, skip: bool) -> CsvReader {
        CsvReader::new(fields.to_vec(), delimiter, skip).with_projection(wanted)
    }
}

impl Format for Csv {
    fn read(
        &mut self,
        bytes: &[u8],
        first: bool,
        columns: &mut [ColumnData],
    ) -> Result<(), RowError> {
        if first && self.skip_header {
            let mut reader = Csv::reader(&self.fields, &self.wanted, self.delimiter, true);
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
    let position = |name: &String| config.fields.iter().position(|f| f.name == *name);
    let mut wanted: Vec<usize> = match &config.select {
        Some(names) => names.iter().filter_map(position).collect(),
        None => (0..config.fields.len()).collect(),
    };
    if wanted.is_empty() {
        // Rows are counted by a column.
        wanted.push(0);
    }
    let chosen = wanted.iter().filter_map(|i| config.fields.get(*i));
    let schema = Schema { fields: chosen.map(FieldConfig::result).collect() };
    let columns = config.fields.iter().map(|f| Column::new(f.name.as_str(), column_type(f.ty)));
    let fields: Vec<Column> = columns.collect();
    let reader = Csv::reader(&fields, &wanted, delimiter, false);
    let skip_header = config.skip_header;
    Ok(Box::new(DecodeCsv(Decoder {
        format: Csv { fields, wanted, delimiter, skip_header, reader },
        schema: Arc::new(schema),
        partition: config.partition,
        on_error: config.on_error,
        skipped: env.meters("").counter("rows_skipped", &[]),
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
    examples: &[Example {
        title: "two of three columns",
        config: r#"{"fields": [{"name": "ts", "type": "u64"}, {"name": "k", "type": "text"},
                               {"name": "v", "type": "f64", "to": "value"}],
                    "select": ["v", "ts"]}"#,
        input: &["1000,a,1.5", "2000,b,2"],
        output: &["value:f64,ts:u64", "1.5,1000", "2,2000"],
    }],
    build,
};
