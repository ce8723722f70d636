//! `encode_csv`: typed columns to delimited lines.

use std::rc::Rc;

use formats::columns::ColumnData;
use formats::csv::{CsvWriter, FloatText};
use plan::env::{Services, read_config};
use plan::{Batch, BuildError, Class, Columns, Data, Env, Example, Json, Operator};
use plan::{OperatorError, OperatorSpec, RawBlock, Step};
use schemars::JsonSchema;
use serde::Deserialize;

use super::arrays::to_column;
use super::nulls::{NullConfig, Shown, shown};
use crate::columns::not_columns;

/// Configuration of `encode_csv`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What stands between two fields: one byte.
    #[serde(default = "comma")]
    delimiter: String,
    /// Writes floats with six decimals; by default with the shortest digits that read back.
    #[serde(default)]
    six_decimals: bool,
    /// Writes booleans as `1` and `0`.
    #[serde(default)]
    bool_digits: bool,
    /// The columns that may have no value; it is written as `NULL`.
    #[serde(default)]
    nulls: Vec<NullConfig>,
    /// Begins and ends lines with what stands between two fields.
    #[serde(default)]
    edges: bool,
    /// Adds a last field: the milliseconds since 1970 at which a row is written.
    #[serde(default)]
    stamp: bool,
}

fn comma() -> String {
    ",".to_owned()
}

struct EncodeCsv {
    writer: CsvWriter,
    nulls: Vec<NullConfig>,
    edges: bool,
    /// The clock, where rows get the time of their writing.
    clock: Option<Rc<dyn Services>>,
    /// Bytes of a row in the batch before: room for the next.
    row_guess: usize,
}

impl EncodeCsv {
    fn encode(&mut self, columns: &Columns) -> Vec<u8> {
        let shown = shown(columns, &self.nulls);
        let mut data: Vec<ColumnData> = shown.iter().map(|column| self.data(column)).collect();
        if let Some(clock) = &self.clock {
            data.push(ColumnData::U64(vec![wall_ms(&**clock); columns.rows]));
        }
        if self.edges {
            let empty =
                || ColumnData::Text { offsets: vec![0; columns.rows + 1], bytes: Vec::new() };
            data.insert(0, empty());
            data.push(empty());
        }
        let mut bytes = Vec::with_capacity((self.row_guess + 4) * columns.rows);
        self.writer.write_rows(&data, 0, columns.rows, &mut bytes);
        self.row_guess = bytes.len() / columns.rows.max(1);
        bytes
    }

    /// A column as it is printed; one that may have no value as text.
    fn data(&self, column: &Shown) -> ColumnData {
        let data = to_column(column.array, column.ty);
        if !column.may_be_null() {
            return data;
        }
        let (mut offsets, mut bytes) = (vec![0], Vec::new());
        for row in 0..data.len() {
            if column.is_null(row) {
                bytes.extend_from_slice(b"NULL");
            } else {
                self.writer.write_rows(std::slice::from_ref(&data), row, row + 1, &mut bytes);
                bytes.pop(); // the end of the line
            }
            offsets.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        }
        ColumnData::Text { offsets, bytes }
    }
}

/// Milliseconds since 1970.
pub(crate) fn wall_ms(services: &dyn Services) -> u64 {
    u64::try_from(services.wall_ns() / 1_000_000).unwrap_or(0)
}

/// Replaces columns by the bytes that `encode` makes of them. A batch without rows ends here.
pub(crate) fn encoded(
    batch: Batch,
    out: &mut Vec<Batch>,
    encode: impl FnOnce(&Columns) -> Result<Vec<u8>, OperatorError>,
) -> Result<(), OperatorError> {
    let Data::Columns(columns) = &batch.data else { return Err(not_columns()) };
    if columns.is_empty() {
        batch.ok();
        return Ok(());
    }
    let bytes = encode(columns)?.into();
    let raw = RawBlock { bytes, meta: None, offset: 0, only: None };
    out.push(batch.with_data(Data::Raw(raw)));
    Ok(())
}

impl Operator for EncodeCsv {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(encoded(batch, out, |columns| Ok(self.encode(columns))))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let config: Config = read_config(config)?;
    let &[delimiter] = config.delimiter.as_bytes() else {
        return Err(BuildError::new("delimiter: must be one byte"));
    };
    let floats = if config.six_decimals { FloatText::Fixed6 } else { FloatText::Shortest };
    let writer = CsvWriter::new(delimiter, floats).bool_digits(config.bool_digits);
    let clock = config.stamp.then(|| env.services());
    let Config { nulls, edges, .. } = config;
    Ok(Box::new(EncodeCsv { writer, nulls, edges, clock, row_guess: 16 }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "encode_csv",
    since: "0.1.0",
    category: "codecs",
    summary: "Typed columns to delimited lines.",
    schema: plan::schema_of::<Config>,
    examples: &[
        Example {
            title: "floats and booleans in the old manner",
            config: r#"{"six_decimals": true, "bool_digits": true}"#,
            input: &["k:text,x:f64,b:bool", "a,1.5,true", "b,2,false"],
            output: &["a,1.500000,1", "b,2.000000,0"],
        },
        Example {
            title: "a column that may have no value",
            config: r#"{"nulls": [{"column": "x", "flag": "n"}]}"#,
            input: &["k:text,x:f64,n:bool", "a,1.5,false", "b,2,true"],
            output: &["a,1.5", "b,NULL"],
        },
        Example {
            title: "lines of a table",
            config: r#"{"delimiter": "|", "edges": true}"#,
            input: &["k:text,x:u8", "a,1", "b,2"],
            output: &["|a|1|", "|b|2|"],
        },
    ],
    build,
};
