//! `encode_json`: typed columns to one JSON object a line, members sorted by name.

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::types as arrow;
use arrow_array::{Array, ArrayRef};
use formats::json::write_string;
use formats::number::{FloatSize, write_int, write_json, write_uint};
use plan::env::{Services, read_config};
use plan::{Batch, BuildError, Class, Columns, DataType, Env, Example, Field, Json, Operator};
use plan::{OperatorSpec, Schema, Step};
use schemars::JsonSchema;
use serde::Deserialize;

use super::encode_csv::{encoded, wall_ms};
use super::nulls::{NullConfig, Shown, shown};
use crate::columns::types::{array_from, bools, texts, values};

/// Configuration of `encode_json`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The columns that may have no value; it is written as `null`.
    #[serde(default)]
    nulls: Vec<NullConfig>,
    /// Adds a member of this name: the milliseconds since 1970 at which a row is written.
    #[serde(default)]
    stamp: Option<String>,
}

struct EncodeJson {
    nulls: Vec<NullConfig>,
    /// The name of the time of writing, and the clock.
    stamp: Option<(String, Rc<dyn Services>)>,
}

/// The column with the time at which rows are written.
fn stamp(name: &str, clock: &dyn Services, rows: usize) -> (Field, ArrayRef) {
    let times = array_from::<arrow::UInt64Type>(vec![wall_ms(clock); rows]);
    (Field { name: name.into(), ty: DataType::U64 }, times)
}

/// The columns and one more.
fn with(columns: &Columns, (field, array): (Field, ArrayRef)) -> Columns {
    let fields = columns.schema.fields.iter().cloned().chain([field]).collect();
    let arrays = columns.arrays.iter().cloned().chain([array]).collect();
    Columns::new(Arc::new(Schema { fields }), arrays)
}

fn encode(columns: &Columns, nulls: &[NullConfig]) -> Vec<u8> {
    let mut members: Vec<(Vec<u8>, Shown)> = shown(columns, nulls)
        .into_iter()
        .map(|column| {
            let mut key = Vec::new();
            write_string(&mut key, column.name.as_bytes(), false);
            key.push(b':');
            (key, column)
        })
        .collect();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out = Vec::new();
    for row in 0..columns.rows {
        let mut before = b'{';
        for (key, column) in &members {
            out.push(before);
            before = b',';
            out.extend_from_slice(key);
            if column.is_null(row) {
                out.extend_from_slice(b"null");
            } else {
                write_value(&mut out, column.array, column.ty, row);
            }
        }
        out.extend_from_slice(b"}\n");
    }
    out
}

fn write_value(out: &mut Vec<u8>, array: &ArrayRef, ty: DataType, row: usize) {
    macro_rules! item {
        ($t:ident) => {
            values::<arrow::$t>(array).get(row).copied().unwrap_or_default()
        };
    }
    match ty {
        DataType::I8 => write_int(out, item!(Int8Type).into()),
        DataType::I16 => write_int(out, item!(Int16Type).into()),
        DataType::I32 => write_int(out, item!(Int32Type).into()),
        DataType::I64 => write_int(out, item!(Int64Type)),
        DataType::U8 => write_uint(out, item!(UInt8Type).into()),
        DataType::U16 => write_uint(out, item!(UInt16Type).into()),
        DataType::U32 => write_uint(out, item!(UInt32Type).into()),
        DataType::U64 => write_uint(out, item!(UInt64Type)),
        DataType::F32 => write_float(out, item!(Float32Type).into(), FloatSize::F32),
        DataType::F64 => write_float(out, item!(Float64Type), FloatSize::F64),
        DataType::Char => {
            let text = char::from(item!(UInt8Type));
            write_string(out, text.encode_utf8(&mut [0; 4]).as_bytes(), false);
        }
        DataType::Bool => {
            let on = bools(array).is_some_and(|b| row < b.len() && b.value(row));
            out.extend_from_slice(if on { b"true" } else { b"false" });
        }
        DataType::Text => {
            let text = texts(array).filter(|t| row < t.len()).map_or(&b""[..], |t| t.value(row));
            write_string(out, text, false);
        }
    }
}

/// A float; JSON has no text for one that is not finite.
fn write_float(out: &mut Vec<u8>, value: f64, size: FloatSize) {
    if !write_json(out, value, size) {
        out.extend_from_slice(b"null");
    }
}

impl Operator for EncodeJson {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(encoded(batch, out, |columns| {
            Ok(match &self.stamp {
                None => encode(columns, &self.nulls),
                Some((name, clock)) => {
                    let stamp = stamp(name, &**clock, columns.rows);
                    encode(&with(columns, stamp), &self.nulls)
                }
            })
        }))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config { nulls, stamp } = read_config(config)?;
    let stamp = stamp.map(|name| (name, env.services()));
    Ok(Box::new(EncodeJson { nulls, stamp }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "encode_json",
    since: "0.1.0",
    category: "codecs",
    summary: "Typed columns to one JSON object a line, members sorted by name.",
    schema: plan::schema_of::<Config>,
    examples: &[
        Example {
            title: "two rows",
            config: "{}",
            input: &["s$v:f64,s$k:text,s$b:bool", "1.5,a,true", "2,b,false"],
            output: &[r#"{"s$b":true,"s$k":"a","s$v":1.5}"#, r#"{"s$b":false,"s$k":"b","s$v":2}"#],
        },
        Example {
            title: "a column that may have no value",
            config: r#"{"nulls": [{"column": "x", "flag": "n"}]}"#,
            input: &["x:f64,n:bool", "1.5,false", "2,true"],
            output: &[r#"{"x":1.5}"#, r#"{"x":null}"#],
        },
        Example {
            title: "the time of writing, in the year 1970",
            config: r#"{"stamp": "time"}"#,
            input: &["x:u8", "1"],
            output: &[r#"{"time":0,"x":1}"#],
        },
    ],
    build,
};
